"""JSON Lines into bronze: one object a line, read strictly, every value as the text it was written as."""

from __future__ import annotations

import json
import os
from itertools import count, islice
from math import isfinite
from typing import TYPE_CHECKING, Any

import polars as pl

from jobs.preprocessing.landing_shape import BOM, MOST_COLUMNS, ROW_GROUP, judged
from jobs.preprocessing.landing_text import write_batches, written_out
from jobs.protocol.errors import ContractBroken

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import FileIO
    from pathlib import Path

    from jobs.preprocessing.landing_shape import Names, Shape

_LONGEST_LINE = 16 << 20
_MEND = "write one flat JSON object a line: texts, numbers, true, false or null under names that do not repeat"


class _Flaw(ValueError):
    """What is wrong with a line, in words that hold nothing of it."""


def write(file: FileIO, path: Path, known: Names, core: Names, write_to: Path) -> tuple[Shape, int]:
    """Write the bronze of a JSON Lines file; return its columns and how many rows it has."""
    if not os.fstat(file.fileno()).st_size:
        raise ContractBroken("the file is empty", where=path, mend="a day without rows has a CSV with a header only")
    names: dict[str, None] = {}  # any line may bring a new one, and bronze must know them all before its first row
    for row in _rows(file, path):
        names.update(dict.fromkeys(row))
        if len(names) > MOST_COLUMNS:
            break
    shape = judged(list(names), known, core, path)
    return shape, write_batches(_frames(_rows(file, path), shape), shape, path.name, write_to)


def _frames(rows: Iterator[dict[str, Any]], shape: Shape) -> Iterator[pl.DataFrame]:
    schema = dict.fromkeys(shape.names, pl.String)
    while batch := list(islice(rows, ROW_GROUP)):
        yield pl.DataFrame({name: [row.get(name) for row in batch] for name in schema}, schema=schema)


def _rows(file: FileIO, path: Path) -> Iterator[dict[str, Any]]:
    file.seek(0)
    file.seek(len(BOM) if file.read(len(BOM)) == BOM else 0)
    with open(os.dup(file.fileno()), "rb") as lines:  # noqa: PTH123 - a descriptor
        for number in count(1):
            if not (line := lines.readline(_LONGEST_LINE)):
                return
            try:
                yield _row(line)
            except _Flaw as flaw:
                raise ContractBroken(f"line {number} {flaw}", where=path, mend=_MEND) from None


def _row(line: bytes) -> dict[str, Any]:
    try:
        row = _DECODER.decode(line.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise _Flaw(f"is not UTF-8 at its byte {error.start}") from None
    except json.JSONDecodeError as error:
        raise _Flaw(f"is no whole JSON object: {error.msg.lower()} at column {error.colno}") from None
    except RecursionError:
        raise _Flaw("holds values within values") from None
    if not isinstance(row, dict):
        raise _Flaw("is no JSON object")
    return row


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    row = dict(pairs)
    if len(row) != len(pairs):
        raise _Flaw("has a name twice")
    for name, value in pairs:
        if isinstance(value, bool):
            row[name] = "true" if value else "false"
        elif isinstance(value, list | dict):
            raise _Flaw("holds values within values")
    texts = "".join(text for pair in row.items() for text in pair if text)
    try:
        texts.encode()
    except UnicodeEncodeError:
        raise _Flaw("holds half of a surrogate pair") from None
    return row


def _number(written: str) -> str:
    """A number as it was written, save that none keeps an exponent."""
    _, _, exponent = written.lower().partition("e")
    if not exponent:
        return written
    if len(exponent) > len("+999") or not isfinite(float(written)):
        raise _Flaw("has a number out of range")
    return written_out(written)


def _no_number(_: str) -> None:
    raise _Flaw("has NaN or Infinity, which JSON does not know")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_float=_number, parse_int=str, parse_constant=_no_number, strict=True
)
