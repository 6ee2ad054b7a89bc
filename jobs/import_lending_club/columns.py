"""The columns of the public file: which table each belongs to, and which line of a file is the header."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from jobs.protocol import contract
from jobs.protocol.errors import ContractBroken
from jobs.protocol.layers import SILVER_OF, SOURCES

TABLES = {table: contract.landed(table) for table in sorted(SOURCES)}
KNOWN = tuple(dict.fromkeys(name for names in TABLES.values() for name in names))
_READ = [column for names in SILVER_OF.values() for name in names for column in contract.load(f"silver/{name}").columns]
OUTCOMES = frozenset(column.name for column in _READ if column.role == "post")
MONTHS = frozenset(column.name for column in _READ if column.dtype == "date" and column.parse)
_CORE = ("id", "issue_d", "loan_status", "loan_amnt", "term")  # without these a row is no loan

MOST_BYTES = 1 << 20  # in which a header has to show itself
ACCEPTED = (
    "give Lending Club's accepted-loans file (2007 to 2018, up to 151 columns) as comma-separated UTF-8 text (.csv), "
    "that text packed (.csv.gz, or a .zip with one .csv), or Parquet"
)
_MOST_PREAMBLE = 5  # lines before the header, such as "Notes offered by Prospectus"
_ENOUGH = 3  # known names in one line: no row of values has them


@dataclass(frozen=True, slots=True)
class Header:
    """The position of each known name, and of its repetitions."""

    names: Sequence[str]
    first: dict[str, int]
    again: list[tuple[str, int]]
    picked: list[int]  # all these places
    notes: dict[str, object]  # for the report


def header_in(head: bytes, where: object) -> tuple[Header, int]:
    """Find the header in the first bytes of a CSV, and where the rows begin."""
    parts = re.split(rb"(\r\n|\n|\r)", head, maxsplit=_MOST_PREAMBLE + 1)
    lines = [part.decode("utf-8-sig", errors="replace") for part in parts[::2]]
    for place, line in enumerate(lines[: _MOST_PREAMBLE + 1]):
        if _holds_header(line, ","):
            return header_of(_fields(line, ","), where, place), len(b"".join(parts[: 2 * place + 2]))
    what = f"no header in the first lines; the first has {len(_fields(lines[0], ','))} comma-separated fields"
    if b"\0" in head:
        what = "the file is binary, and of no kind known here"
    elif any({"amount requested", "risk_score"} <= set(_fields(line, ",")) for line in lines):
        what = "this is the rejected-loans file: applications that never became loans"
    for mark, word in ((";", "semicolons"), ("\t", "tabs"), ("|", "bars")):
        if any(_holds_header(line, mark) for line in lines):
            what = f"the columns are separated by {word}, not by commas"
    raise ContractBroken(what, where=where, mend=ACCEPTED)


def header_of(names: Sequence[str], where: object, preamble_lines: int = 0) -> Header:
    """Sort the names into known, repeated, missing and unknown; refuse a file without the core."""
    first = {name: names.index(name) for name in dict.fromkeys(names) if name in KNOWN}
    again = [(name, place) for place, name in enumerate(names) if place != first.get(name, place)]
    lacking = [name for name in _CORE if name not in first and not (name == "id" and "url" in first)]
    if lacking:
        what = f"of {len(names)} columns {len(first)} are Lending Club's, and {', '.join(lacking)} not among them"
        raise ContractBroken(what, where=where, mend=ACCEPTED)
    notes = {
        "preamble_lines": preamble_lines,
        "missing_columns": [name for name in KNOWN if name not in first],
        "repeated_columns": sorted({name for name, _ in again}),
        "ignored_columns": [name[:64] for name in names if name not in first],
    }
    return Header(names, first, again, [place for place, name in enumerate(names) if name in KNOWN], notes)


def _holds_header(line: str, mark: str) -> bool:
    return len({*_fields(line, mark)} & {*KNOWN}) >= _ENOUGH


def _fields(line: str, mark: str) -> list[str]:
    return [field.strip().strip('"').strip().lower() for field in line.split(mark)]
