"""Answers as a table for people, as CSV for spreadsheets, as JSON for programs."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import islice
from types import SimpleNamespace
from typing import TextIO

from jobs.protocol.errors import UsageError
from jobs.protocol.events import amount

MOST_ROWS, MOST_CHARACTERS = 200, 60  # of a table on a terminal; of a cell of a table
FORMULA = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")  # what a spreadsheet would run, also in full width


def as_table(names: list[str], rows: Iterator[Sequence[object]], out: TextIO) -> None:
    """Aligned columns, numbers to the right; at most MOST_ROWS rows on a terminal."""
    shown = list(islice(rows, MOST_ROWS if out.isatty() else None))
    cells = [[_cell(value) for value in line] for line in (names, *shown)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    sides = ["<" if any(isinstance(row[at], str) for row in shown) else ">" for at in range(len(names))]
    for line in (cells[0], ["-" * width for width in widths], *cells[1:]):
        aligned = (f"{cell:{side}{width}}" for cell, side, width in zip(line, sides, widths, strict=True))
        out.write("  ".join(aligned).rstrip() + "\n")
    if more := sum(1 for _ in rows):
        out.write(f"... and {amount(more, 'more row')}: add LIMIT, or write them all with --format csv\n")


def as_csv(names: list[str], rows: Iterator[Sequence[object]], out: TextIO) -> None:
    """All rows; a text that a spreadsheet would take for a formula gets a leading quote."""
    # with CRLF as line end the writer quotes texts that contain CR or LF; our own lines end with LF all the same
    writer = csv.writer(SimpleNamespace(write=lambda line: out.write(line.removesuffix("\r\n") + "\n")))
    writer.writerow([_unformed(name) for name in names])
    writer.writerows([_unformed(_plain(value)) for value in row] for row in rows)


def as_json(names: list[str], rows: Iterator[Sequence[object]], out: TextIO) -> None:
    if len(set(names)) < len(names):
        raise UsageError("two columns have one name", where="the query", mend="give each a name of its own with AS")
    before = "["
    for row in rows:
        out.write(f"{before}\n{json.dumps(dict(zip(names, map(_plain, row), strict=True)))}")
        before = ","
    out.write("[]\n" if before == "[" else "\n]\n")


def _plain(value: object) -> object:
    """A value for JSON: numbers stay numbers, and NaN or infinity becomes null."""
    if value is None or isinstance(value, (int, str)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, dict):
        return {str(name): _plain(inner) for name, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, (list, tuple)) else str(value)


def _unformed(value: object) -> object:
    if isinstance(value, str):
        return f"'{value}" if value.startswith(FORMULA) else value
    return json.dumps(value) if isinstance(value, (bool, dict, list)) else value


def _cell(value: object) -> str:
    """A value as a short text, with control characters escaped."""
    value = f"{value:.10g}" if isinstance(value, float) else _plain(value)
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    text = text if text.isprintable() else text.encode("unicode_escape").decode()
    return text if len(text) <= MOST_CHARACTERS else f"{text[: MOST_CHARACTERS - 1]}…"
