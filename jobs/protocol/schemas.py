"""Validate values with `jsonschema`, and explain breaches in words. Slow: for notes, files and a few rows."""

from __future__ import annotations

import difflib
import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, reduce
from pathlib import Path
from typing import Any

from jobs.protocol import strict_json
from jobs.protocol.errors import ConfigInvalid, StoreDamaged
from jobs.protocol.json_scan import escaped, pointer_to

HOME = Path(__file__).parent.parent / "contracts"
FORMATS = ("date",)
_LONGEST = 60  # characters of a found value that a message repeats
_TYPES = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}
_KINDS = {"integer": "a whole number", "boolean": "true or false", "string": "a text", "object": "an object in { }"}
_LIMITS = {
    "minimum": "from",
    "exclusiveMinimum": "above",
    "maximum": "to",
    "exclusiveMaximum": "below",
    "minLength": "with a length from",
    "maxLength": "with a length to",
    "pattern": "that matches",
    "format": "in the format",
}


@dataclass(frozen=True, slots=True)
class Complaint:
    """One breach: where, of which keyword, and a sentence with what was found and what is allowed."""

    pointer: str
    keyword: str
    what: str


@cache
def document(name: str) -> Mapping[str, Any]:
    """The schema of a file that is not a table, such as `manifest`."""
    return dict(strict_json.parse((HOME / f"{name}.json").read_bytes(), where=f"jobs/contracts/{name}.json"))


@cache
def _validator() -> Any:  # noqa: ANN401
    from jsonschema import Draft202012Validator, FormatChecker  # a fifth of a second that a known file need not cost
    from jsonschema.validators import extend

    def is_integer(_: object, value: object) -> bool:
        return isinstance(value, int) and not isinstance(value, bool)

    types = Draft202012Validator.TYPE_CHECKER.redefine("integer", is_integer)
    strict = extend(Draft202012Validator, type_checker=types)  # type: ignore[no-untyped-call]
    return lambda schema: strict(schema, format_checker=FormatChecker(FORMATS))


def complaints(schema: Mapping[str, Any], value: object, *, quoting: bool = False) -> list[Complaint]:
    """Everything that is wrong with a JSON value. Stricter than the standard in one point: 36.0 is not an integer.

    `quoting` shows the values found, for files that people write; otherwise only their types are told.
    """
    ordered = sorted(_validator()(schema).iter_errors(value), key=lambda error: error.json_path)
    return list(dict.fromkeys(one for error in ordered for one in _complaints(error, schema, quoting=quoting)))


def broken(name: str, value: object, where: str, mend: str) -> StoreDamaged | None:
    """Proof that no job wrote a file (given as bytes or parsed): it breaks its contract. None if it does not."""
    kind = f"the {name.rpartition('_')[2]}"
    try:
        given = strict_json.parse(value, where=where, allow_bom=True) if isinstance(value, bytes) else value
    except ConfigInvalid as error:
        return StoreDamaged(f"{kind} cannot be read: {error.what}", where=error.where, mend=mend)
    wrong = [f"{kind} does not keep its contract: {one.what}" for one in complaints(document(name), given)]
    return StoreDamaged(wrong[0], where=where, mend=mend) if wrong else None


def _complaints(error: Any, whole: Mapping[str, Any], *, quoting: bool) -> Iterator[Complaint]:  # noqa: ANN401
    pointer, keyword = reduce(pointer_to, error.absolute_path, ""), str(error.validator)
    if keyword == "additionalProperties":
        known = error.schema.get("properties", {})
        for key in sorted(error.instance.keys() - known.keys()):
            place = pointer_to(pointer, key)
            hint = suggestion(key.lower(), known) or f"known here: {', '.join(known)}"
            yield Complaint(place, keyword, f"{subject(place)} is unknown; {hint}")
    elif keyword == "required":
        missing = [key for key in error.validator_value if key not in error.instance]
        yield Complaint(pointer, keyword, f"{', '.join(missing)} must be there")
    else:
        kind = next((said for kind, said in _TYPES.items() if isinstance(error.instance, kind)), "null")
        found = json.dumps(error.instance) if quoting else f"of type {kind}"  # escapes what could steer a terminal
        short = found if len(found) <= _LONGEST else found[:_LONGEST] + "..."
        name = str(whole.get("title", "row")).replace("_", " ")
        yield Complaint(pointer, keyword, f"{subject(pointer, name)} is {short}, but may be {allowed(error.schema)}")


def subject(pointer: str, whole: str = "row") -> str:
    """How a message names a place, escaped: a mistyped key may hold anything."""
    is_nested = pointer.count("/") > 1
    return escaped(pointer if is_nested else pointer[1:]) or ('""' if pointer else f"the {whole}")


def allowed(part: Mapping[str, Any] | bool) -> str:  # noqa: FBT001 - a schema
    """What this part of a schema allows, in words."""
    if isinstance(part, bool) or "x-allowed" in part:
        return "nothing" if isinstance(part, bool) else str(part["x-allowed"])
    if "anyOf" in part:
        return " or ".join(allowed(choice) for choice in part["anyOf"])
    if "const" in part:
        return json.dumps(part["const"])
    if "enum" in part:
        return "one of " + ", ".join(json.dumps(choice) for choice in part["enum"])
    types = [part["type"]] if isinstance(part.get("type"), str) else part.get("type", [])
    if types == ["array"]:
        items = [allowed(item) for item in part.get("prefixItems", [])] or [allowed(part["items"]) + ", each once"]
        return f"a list of {' and '.join(items)}"
    text = " or ".join(_KINDS.get(name, f"a {name}") for name in types if name != "null") or "what its contract says"
    limits = [f" {said} {part[word]}" for word, said in _LIMITS.items() if word in part]
    return text + "".join(limits) + (" or null" if "null" in types else "")


def suggestion(word: str, known: Collection[str]) -> str:
    """A hint ("did you mean ...?") for an unknown word; empty if nothing is similar."""
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"did you mean {near[0]!r}?" if near else ""


def located(data: bytes, found: Iterable[Complaint]) -> str:
    """Complaints about a file, in the order of their places in it."""
    placed = sorted({(*strict_json.place_of(data, one.pointer), one.what) for one in found})
    return "; ".join(f"line {line}, column {column}: {what}" for line, column, what in placed)
