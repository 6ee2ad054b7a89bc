"""JSON Lines into bronze: one object per line, read strictly, every value kept as the text that was written."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from io import FileIO
from itertools import count, islice
from math import isfinite
from pathlib import Path
from typing import Any

import polars as pl

from jobs.preprocessing.landing import BOM, MOST_COLUMNS, Shaped, Unfit, Written, rows_at_once
from jobs.preprocessing.writing import write_texts, written_out
from jobs.protocol import files

Row = dict[str, str | None]

_LONGEST_LINE = 16 << 20
_MEND = "write one flat JSON object per line: strings, numbers, true, false or null, and each name once"
_FIRST_ROWS = 1 << 12  # most likely enough to see every name


class _Flaw(ValueError):
    """What is wrong with a line, quoting nothing of it."""


class _NewNameError(Exception):
    """A row has a name that none of the first rows has."""


def write(file: FileIO, shaped: Shaped, write_to: Path) -> Written:
    """Write the bronze of a JSON Lines file."""
    if not os.fstat(file.fileno()).st_size:
        raise Unfit("the file is empty", mend="for a day without rows, land a CSV with only a header")

    def written(names: list[str]) -> Written:
        shape = shaped(names)
        return shape, write_texts(_frames(_rows(file), names), shape, write_to)

    try:
        return written(_names(islice(_rows(file), _FIRST_ROWS)))
    except _NewNameError:  # a later line has a new name: read the file a second time
        return written(_names(_rows(file)))


def _names(rows: Iterable[Row]) -> list[str]:
    names: Row = {}
    for row in rows:
        if not names.keys() >= row.keys():
            names |= dict.fromkeys(row)
        if len(names) > MOST_COLUMNS:
            break
    return list(names)


def _frames(rows: Iterator[Row], names: list[str]) -> Iterator[pl.DataFrame]:
    schema = dict.fromkeys(names, pl.String)
    while batch := _batch(rows, rows_at_once(len(names))):
        if not all(schema.keys() >= row.keys() for row in batch):
            raise _NewNameError
        yield pl.DataFrame({name: [row.get(name) for row in batch] for name in names}, schema=schema)


def _batch(rows: Iterator[Row], most: int) -> list[Row]:
    """The next rows: no more than `most`, and fewer if their texts are long."""
    batch, weight = [], 0
    for row in islice(rows, most):
        batch.append(row)
        weight += sum(map(len, filter(None, row.values())))
        if weight > files.SMALL:
            break
    return batch


def _rows(file: FileIO) -> Iterator[Row]:
    file.seek(0)
    file.seek(len(BOM) if file.read(len(BOM)) == BOM else 0)
    with open(os.dup(file.fileno()), "rb") as lines:  # noqa: PTH123 - a descriptor
        for number in count(1):
            if not (line := lines.readline(_LONGEST_LINE)):
                return
            try:
                yield _row(line)
            except _Flaw as flaw:
                raise Unfit(f"line {number} {flaw}", mend=_MEND) from None


def _row(line: bytes) -> Row:
    try:
        row = _DECODER.decode(line.decode("utf-8"))
        if isinstance(row, dict) and b"\\u" in line:
            "".join(text for pair in row.items() for text in pair if text).encode()
    except UnicodeDecodeError as error:
        raise _Flaw(f"is not UTF-8 at its byte {error.start}") from None
    except UnicodeEncodeError:
        raise _Flaw("has half of a surrogate pair") from None
    except json.JSONDecodeError as error:
        what = error.msg.lower().removesuffix(" at")
        raise _Flaw(f"is not a complete JSON object: {what} at column {error.colno}") from None
    except RecursionError:
        raise _Flaw("has nested values") from None
    if not isinstance(row, dict):
        raise _Flaw("is not a JSON object")
    return row


def _object(pairs: list[tuple[str, Any]]) -> Row:
    row = dict(pairs)
    if len(row) != len(pairs):
        raise _Flaw("has a name twice")
    kinds = set(map(type, row.values()))
    if kinds & {list, dict}:
        raise _Flaw("has nested values")
    if bool in kinds:
        row |= {name: str(value).lower() for name, value in pairs if isinstance(value, bool)}
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
    raise _Flaw("has NaN or Infinity, which JSON does not have")


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_float=_number, parse_int=str, parse_constant=_no_number)
