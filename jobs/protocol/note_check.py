"""What is wrong with a note or policy that a person wrote: every breach at once, its place, what may stand there."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from jobs.protocol import contract, strict_json
from jobs.protocol.errors import ConfigInvalid
from jobs.protocol.json_scan import pointer_to, printable

NOTE_LIMIT = 64 << 10
_LONGEST = 60  # characters of a found value that a message repeats
_MEND = "correct these places and save; nothing was changed, and nothing is done on this note until then"
_KINDS = {"integer": "a whole number", "number": "a number", "boolean": "true or false", "object": "an object in { }"}

Breach = tuple[str, str]  # the JSON pointer, and what is wrong there


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
    from jobs.protocol import judge  # a fifth of a second that a file left as it was need not cost

    for error in judge.errors(contract.document(name), given):
        pointer = judge.pointer_of(error)
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
