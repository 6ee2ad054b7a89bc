"""Strict JSON: everything written here can be read here, and means the same to every other reader."""

from __future__ import annotations

import json
import re
from itertools import accumulate
from typing import Any

from jobs.protocol.json_scan import DEPTH, JsonInvalid, finite, line_and_column, places, whole

Json = dict[str, Any]  # an object, read or to be written
LIMIT = 64 << 20  # bytes, of files that jobs wrote; readers of people's files pass less
EDITED_LIMIT = 64 << 10  # of those that people write
_BOM = b"\xef\xbb\xbf"
_NO_BRACKETS = re.compile(r'[^"\[\]{}]++|"(?:[^"\\]++|\\.?)*+"?', re.DOTALL)  # all but brackets outside strings
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


def parse(data: bytes, *, where: object, allow_bom: bool = False, limit: int = LIMIT) -> Any:  # noqa: ANN401
    """Parse a JSON text; JsonInvalid unless every reader would understand it in the same way."""
    text = _decoded(data, where=where, allow_bom=allow_bom, limit=limit)
    try:
        _refuse_depth(text)  # before parsing: a parser that recurses must never see it
        value = _DECODER.decode(text)
    except ValueError:
        places(text, where)  # raises, with the place: both readers refuse the same texts
        raise
    if _SURROGATE.search(text):
        places(text, where)
    return value


def canonical(value: object, *, was_read: bool = False) -> bytes:
    """The canonical text of a value, for hashes and immutable files: sorted keys, no blanks, a final newline.

    `was_read`: the value was parsed here, so there is no need to check that its text can be.
    """
    return _written(value, was_read=was_read, sort_keys=True, separators=(",", ":"))


def pretty(value: object, *, was_read: bool = False) -> bytes:
    """The text of a value for people: indented by two, keys in the order given, a final newline."""
    return _written(value, was_read=was_read, indent=2)


def place_of(data: bytes, pointer: str) -> tuple[int, int]:
    """Line and column, from 1, of a JSON pointer in a valid text; if nothing is there, of what encloses it."""
    text = data.removeprefix(_BOM).decode()
    found = places(text, "a text that was read")
    while pointer not in found:
        pointer = pointer.rpartition("/")[0]
    return line_and_column(text, found[pointer])


def _decoded(data: bytes, *, where: object, allow_bom: bool, limit: int) -> str:
    def refused(what: str, hint: str, before: str = "") -> JsonInvalid:
        return JsonInvalid(what, where=where, hint=hint, place=line_and_column(before, len(before)))

    if len(data) > limit:
        raise refused(f"the file has {len(data)} bytes", f"at most {limit} bytes are read here: shorten the file")
    if not data.strip():
        raise refused("the file is empty", "put back what it held: an editor or a full disk may have emptied it")
    if data.startswith(_BOM):
        if not allow_bom:
            raise refused("the file starts with a byte order mark", "save it as UTF-8 without a byte order mark")
        data = data[len(_BOM) :]
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise refused("the file is not UTF-8", "save it as UTF-8", data[: error.start].decode()) from None


def _refuse_depth(text: str) -> None:
    if text.count("[") + text.count("{") <= DEPTH:
        return
    if max(accumulate(1 if bracket in "[{" else -1 for bracket in _NO_BRACKETS.sub("", text))) > DEPTH:
        raise ValueError("nested too deeply")


def _written(value: object, *, was_read: bool, **form: Any) -> bytes:  # noqa: ANN401
    data = (json.dumps(value, ensure_ascii=False, allow_nan=False, **form) + "\n").encode()
    try:
        if not was_read:
            parse(data, where="a value about to be written")
    except JsonInvalid as error:  # a bug of the writer, not of anybody's file
        raise ValueError(f"what is written here could not be read again: {error.what}") from error
    return data


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise ValueError("a key appears twice")
    return members


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_int=whole, parse_float=finite, parse_constant=finite)
