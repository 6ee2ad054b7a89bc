"""The policy's JSON Schema put to use: its defaults, its explanations, and every breach of it with place and mend."""

from __future__ import annotations

import json
from difflib import get_close_matches
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from jobs.protocol import strict_json
from jobs.protocol.errors import ConfigInvalid
from jobs.protocol.json_scan import pointer_to

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from jsonschema.exceptions import ValidationError

Json = dict[str, Any]
Breach = tuple[str, str]  # the JSON pointer, and what is wrong there

_FILE = Path(__file__).parents[1] / "contracts" / "policy.json"
_FOR_PEOPLE = ("$schema", "$comment")
_LONGEST = 60  # characters of a found value that a message repeats
_KINDS = {"integer": "a whole number", "number": "a number", "boolean": "true or false", "object": "an object in { }"}
_RISING = (  # bounds that a schema cannot compare
    ("drift/psi", ("low", "medium", "high", "critical")),
    ("calibration", ("low", "medium", "high", "critical")),
    ("gates/credit", ("auc_lower", "auc")),
    ("concept", ("min_bads", "min_rows")),
    ("leaks", ("min_bads", "min_rows")),
)


@cache
def schema() -> Json:
    """The one place of the policy's ranges, defaults and explanations."""
    read: Json = json.loads(_FILE.read_text("utf-8"))
    return read


def defaults(part: Json) -> Any:  # noqa: ANN401 - a setting is whatever its schema says
    """The value where nothing is given; an object tells in its `$comment` what its settings mean."""
    if "default" in part:
        return part["default"]
    settings = [
        f"{name}: {member['description']} ({allowed(member)})"
        for name, member in _members(part).items()
        if "default" in member
    ]
    pointer = part["properties"].get("$schema")
    return {
        **({"$schema": pointer["default"]} if pointer else {}),
        "$comment": [part["description"], *settings],
        **{name: defaults(member) for name, member in _members(part).items()},
    }


def filled(part: Json, given: Any) -> Any:  # noqa: ANN401
    """What was given, the defaults of what was not, and nothing that is for people only."""
    if "default" in part:
        return given
    return {name: filled(member, given.get(name, defaults(member))) for name, member in _members(part).items()}


def check(given: object, data: bytes, where: object) -> None:
    """Raise ConfigInvalid naming every breach of the schema, or of the order that its bounds must keep."""
    breaches = {breach for error in _errors(given) for breach in _explained(error)}
    if not breaches and isinstance(given, dict):
        breaches = {breach for path, keys in _RISING for breach in _out_of_order(given, path.split("/"), keys)}
    if not breaches:
        return
    found = sorted((*strict_json.place_of(data, pointer), pointer, what) for pointer, what in breaches)
    raise ConfigInvalid(
        "; ".join(f"line {line}, column {column}: {_printable(at)} {what}" for line, column, at, what in found),
        where=where,
        mend="correct these places; a key that is left out has its default",
    )


def allowed(part: Json) -> str:
    """What a person may write where this part of the schema holds."""
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


def _members(part: Json) -> Json:
    return {name: member for name, member in part["properties"].items() if name not in _FOR_PEOPLE}


def _errors(given: object) -> Iterator[ValidationError]:
    from jsonschema import Draft202012Validator  # a fifth of a second that a policy left as it was need not cost
    from jsonschema.validators import extend

    # 2.0 is a whole number to jsonschema; here it is one only as 2, so that a file has one reading.
    strict = Draft202012Validator.TYPE_CHECKER.redefine(
        "integer", lambda _, value: isinstance(value, int) and not isinstance(value, bool)
    )
    validator = extend(Draft202012Validator, type_checker=strict)  # type: ignore[no-untyped-call]
    yield from validator(schema()).iter_errors(given)


def _explained(error: ValidationError) -> Iterator[Breach]:
    pointer, part = _pointer(error.absolute_path), cast("Json", error.schema)
    if error.validator != "additionalProperties":
        found = json.dumps(error.instance)
        short = found if len(found) <= _LONGEST else found[:_LONGEST] + "..."
        yield pointer, f"is {short}, but may be {allowed(part)}"
        return
    known = list(part["properties"])
    for key in cast("Json", error.instance).keys() - set(known):
        near = get_close_matches(key, known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"known here: {', '.join(known)}"
        yield pointer_to(pointer, key), f"is unknown; {hint}"


def _out_of_order(given: Json, path: list[str], keys: tuple[str, ...]) -> Iterator[Breach]:
    part = schema()
    for name in path:
        given, part = given.get(name, {}), part["properties"][name]
    values = [given.get(key, part["properties"][key]["default"]) for key in keys]
    for (lower, smaller), (upper, larger) in pairwise(zip(keys, values, strict=True)):
        if smaller > larger:
            changed = lower if lower in given else upper
            yield _pointer((*path, changed)), f"puts {lower} ({smaller}) above {upper} ({larger})"


def _pointer(path: Iterable[str | int]) -> str:
    pointer = ""
    for key in path:
        pointer = pointer_to(pointer, key)
    return pointer


def _printable(pointer: str) -> str:
    """A pointer may hold a key that a person mistyped: nothing of it may steer a terminal."""
    return json.dumps(pointer)[1:-1] or "the policy"
