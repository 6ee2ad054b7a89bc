"""What is wrong with a note that a person wrote: every breach at once, its place, what was found, what may stand."""

from __future__ import annotations

import json
from collections.abc import Iterator
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any

from jobs.protocol import strict_json
from jobs.protocol.errors import ConfigInvalid
from jobs.protocol.json_scan import pointer_to

NOTE_LIMIT = 64 << 10
_CONTRACTS = Path(__file__).parents[1] / "contracts"
_LONGEST = 60  # characters of a found value that a message repeats
_MEND = "correct these places and save; nothing was changed, and nothing is done on this note until then"


class NoteInvalid(ConfigInvalid):
    """A note whose wish cannot be told."""


def checked(data: bytes, contract: str, where: str) -> dict[str, Any]:
    """The fields of a note that keeps its contract; NoteInvalid or JsonInvalid with the places where it does not."""
    given = strict_json.parse(data, where=where, allow_bom=True, limit=NOTE_LIMIT)
    breaches = sorted((*strict_json.place_of(data, pointer), what) for pointer, what in _breaches(given, contract))
    if breaches:
        said = "; ".join(f"line {line}, column {column}: {what}" for line, column, what in breaches)
        raise NoteInvalid(said, where=where, mend=_MEND)
    fields: dict[str, Any] = given
    return fields


def refused(data: bytes, field: str, what: str, where: str, mend: str) -> NoteInvalid:
    """A note refused for what one of its fields means, with the field's place."""
    line, column = strict_json.place_of(data, pointer_to("", field))
    return NoteInvalid(f"line {line}, column {column}: {field} {what}", where=where, mend=mend)


def _breaches(given: Any, contract: str) -> Iterator[tuple[str, str]]:  # noqa: ANN401
    for error in _validator(contract).iter_errors(given):
        if error.validator == "additionalProperties":
            yield from _unknown(given, list(error.schema["properties"]))
        elif error.validator == "required":
            missing = [name for name in error.validator_value if name not in given]
            yield "", f"{', '.join(missing)} must be there"
        elif not error.absolute_path:
            yield "", "the note must be an object in { }"
        else:
            key = str(error.absolute_path[0])
            yield pointer_to("", key), f"{key} is {_short(error.instance)}, but may be {error.schema['x-allowed']}"


def _unknown(given: dict[str, Any], known: list[str]) -> Iterator[tuple[str, str]]:
    for key in sorted(given.keys() - set(known)):
        near = get_close_matches(key.lower(), known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"known here: {', '.join(known)}"
        yield pointer_to("", key), f"{_short(key)} is unknown; {hint}"


def _short(value: object) -> str:
    found = json.dumps(value)  # escapes whatever could steer a terminal
    return found if len(found) <= _LONGEST else found[:_LONGEST] + "..."


@cache
def _validator(contract: str) -> Any:  # noqa: ANN401
    from jsonschema import Draft202012Validator, FormatChecker  # a fifth of a second that a known note need not cost

    schema = json.loads((_CONTRACTS / f"{contract}.json").read_text("utf-8"))
    return Draft202012Validator(schema, format_checker=FormatChecker(["date"]))
