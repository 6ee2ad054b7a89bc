"""`jsonschema` as the judge of a value and the explainer of its breaches: slow, asked about few rows, notes and files.

Of a row it tells what kind of thing was found; of a note or policy that a person wrote, the value itself and its place.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from functools import cache, partial, reduce
from typing import Any

from jobs.protocol import contract, strict_json
from jobs.protocol.errors import ConfigInvalid
from jobs.protocol.json_scan import pointer_to, printable
from jobs.protocol.keywords import FORMATS, suggestion

NOTE_LIMIT = 64 << 10
_LONGEST = 60  # characters of a found value that a message repeats
_MEND = "correct these places and save; nothing was changed, and nothing is done on this note until then"
_KINDS = {"integer": "a whole number", "number": "a number", "boolean": "true or false", "object": "an object in { }"}
_ALLOWED = {
    "minimum": "at least",
    "maximum": "at most",
    "exclusiveMinimum": "above",
    "exclusiveMaximum": "below",
    "minLength": "characters: at least",
    "maxLength": "characters: at most",
    "pattern": "text that matches",
    "const": "only",
    "enum": "one of",
    "type": "of type",
    "format": "text in the format",
}
Breach = tuple[str, str]  # the JSON pointer, and what is wrong there


@dataclass(frozen=True, slots=True)
class Complaint:
    """One breach: where, of which keyword, what kind of thing was found, what is allowed. It holds no values."""

    pointer: str
    keyword: str
    found: str
    allowed: str

    @property
    def sentence(self) -> str:
        return f"{printable(self.pointer) or '/'}: found {self.found}; allowed: {self.allowed}"


@cache
def _validator(*, is_strict: bool) -> Any:  # noqa: ANN401
    from jsonschema import Draft202012Validator, FormatChecker  # a fifth of a second that a known file need not cost
    from jsonschema.validators import extend

    def is_integer(_: object, value: object) -> bool:
        return isinstance(value, int) and not isinstance(value, bool)

    types = Draft202012Validator.TYPE_CHECKER.redefine("integer", is_integer)
    strict = extend(Draft202012Validator, type_checker=types)  # type: ignore[no-untyped-call]
    return partial(strict if is_strict else Draft202012Validator, format_checker=FormatChecker(FORMATS))


def keeps(schema: Mapping[str, Any] | bool, value: object) -> bool:  # noqa: FBT001
    """Whether a value keeps a schema, by the letter of the draft, formats asserted; what is not JSON keeps none."""
    plain = _plain(value)
    return not list(_not_json(plain, "")) and bool(_validator(is_strict=False)(schema).is_valid(plain))


def complaints(schema: Mapping[str, Any], value: object) -> list[Complaint]:
    """Everything that is wrong with a value. Stricter than the draft in one thing: 36.0 is no integer."""
    plain = _plain(value)
    if found := list(_not_json(plain, "")):
        return found
    ordered = sorted(_validator(is_strict=True)(schema).iter_errors(plain), key=lambda error: error.json_path)
    return list(dict.fromkeys(complaint for error in ordered for complaint in _complaints(error)))


def _pointer_of(error: Any) -> str:  # noqa: ANN401
    return reduce(pointer_to, error.absolute_path, "")


def _plain(value: Any) -> Any:  # noqa: ANN401
    """A row as JSON has it: dates are strings."""
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    return value.isoformat() if isinstance(value, date) else value


def _not_json(value: object, pointer: str) -> Iterator[Complaint]:
    """`jsonschema` finds NaN within every range, so this is asked first."""
    if isinstance(value, float) and not math.isfinite(value):
        yield Complaint(pointer, "type", "NaN or an infinity", "a finite number or null")
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in inside:
        yield from _not_json(each, pointer_to(pointer, key))


def _complaints(error: Any) -> Iterator[Complaint]:  # noqa: ANN401 - of `jsonschema`, which is not imported
    pointer, keyword = _pointer_of(error), str(error.validator)
    known = error.schema.get("properties", {}) if isinstance(error.schema, dict) else {}
    if keyword == "additionalProperties" and isinstance(error.instance, dict):
        for name in sorted(error.instance.keys() - known.keys()):
            near = suggestion(str(name), known)
            allowed = f"known names only, {near}" if near else f"only {', '.join(known) or 'no name at all'}"
            yield Complaint(pointer_to(pointer, name), keyword, "an unknown name", allowed)
    elif keyword == "required" and isinstance(error.instance, dict):
        for name in error.validator_value:
            if name not in error.instance:
                yield Complaint(pointer_to(pointer, name), keyword, "nothing", "any value that the contract names")
    else:
        argument = json.dumps(error.validator_value, ensure_ascii=False)
        allowed = f"{_ALLOWED[keyword]} {argument}" if keyword in _ALLOWED else f"what {keyword} says"
        kinds: list[tuple[type, str]] = [(bool, "a boolean"), (int, "an integer"), (float, "a number")]
        kinds += [(str, "a string"), (list, "a list"), (dict, "an object")]
        found = next((said for kind, said in kinds if isinstance(error.instance, kind)), "null")
        yield Complaint(pointer, keyword, found, allowed)


class NoteInvalid(ConfigInvalid):
    """A note whose wish cannot be told."""


def checked(data: bytes, name: str, where: str) -> dict[str, Any]:
    """The fields of a note that keeps its contract; NoteInvalid or JsonInvalid with the places where it does not."""
    given = strict_json.parse(data, where=where, allow_bom=True, limit=NOTE_LIMIT)
    if found := list(breaches(given, name)):
        raise NoteInvalid(told(data, found), where=where, mend=_MEND)
    fields: dict[str, Any] = given
    return fields


def refused(data: bytes, field: str, what: str, where: str, mend: str) -> NoteInvalid:
    """A note refused for what one of its fields means, with the field's place."""
    return NoteInvalid(told(data, [(pointer_to("", field), f"{field} {what}")]), where=where, mend=mend)


def told(data: bytes, found: Iterable[Breach]) -> str:
    placed = sorted((*strict_json.place_of(data, pointer), what) for pointer, what in set(found))
    return "; ".join(f"line {line}, column {column}: {what}" for line, column, what in placed)


def breaches(given: Any, name: str) -> Iterator[Breach]:  # noqa: ANN401
    """Every breach of the contract of a note or policy; unlike those of a row, they repeat what was found."""
    for error in _validator(is_strict=True)(contract.document(name)).iter_errors(given):
        pointer = _pointer_of(error)
        if error.validator == "additionalProperties":
            known = list(error.schema["properties"])
            for key in error.instance.keys() - set(known):
                near = get_close_matches(key.lower(), known, n=1)
                hint = f"did you mean {near[0]}?" if near else f"known here: {', '.join(known)}"
                place = pointer_to(pointer, key)
                yield place, f"{subject(place, name)} is unknown; {hint}"
        elif error.validator == "required":
            missing = [key for key in error.validator_value if key not in error.instance]
            yield pointer, f"{', '.join(missing)} must be there"
        else:
            found = json.dumps(error.instance)  # escapes whatever could steer a terminal
            short = found if len(found) <= _LONGEST else found[:_LONGEST] + "..."
            yield pointer, f"{subject(pointer, name)} is {short}, but may be {allowed(error.schema)}"


def subject(pointer: str, name: str) -> str:
    """How a message names a place; a mistyped key may hold anything, and nothing of it may steer a terminal."""
    is_nested = pointer.count("/") > 1
    return printable(pointer if is_nested else pointer[1:]) or f"the {name.replace('_', ' ')}"


def allowed(part: Mapping[str, Any]) -> str:
    """What a person may write where this part of a schema holds."""
    if "x-allowed" in part:
        return str(part["x-allowed"])
    if "anyOf" in part:
        return " or ".join(allowed(choice) for choice in part["anyOf"])
    if "const" in part:
        return json.dumps(part["const"])
    if "enum" in part:
        return "one of " + ", ".join(json.dumps(choice) for choice in part["enum"])
    if part["type"] == "array":
        items = [allowed(item) for item in part.get("prefixItems", [])] or [allowed(part["items"]) + ", each once"]
        return f"a list of {' and '.join(items)}"
    text = _KINDS.get(part["type"], "a text")
    text += f" from {part['minimum']} to {part['maximum']}" if "minimum" in part else ""
    return text + (f" that matches {part['pattern']}" if "pattern" in part else "")
