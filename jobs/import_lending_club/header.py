"""Which line is the header, and whether its columns are those of the accepted-loans file."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from jobs.import_lending_club.layout import CORE
from jobs.protocol.errors import ContractBroken

MOST_BYTES = 1 << 20  # in which a header has to show itself
ACCEPTED = (
    "give Lending Club's accepted-loans file (2007 to 2018, up to 151 columns) as comma-separated UTF-8 text (.csv), "
    "that text packed (.csv.gz, or a .zip with one .csv), or Parquet"
)
_MOST_PREAMBLE = 5  # lines before the header, such as "Notes offered by Prospectus"
_ENOUGH = 3  # known names in one line: no row of values has them
_DELIMITERS = {";": "semicolons", "\t": "tabs", "|": "bars"}


@dataclass(frozen=True, slots=True)
class Columns:
    """What a header says: the place of each known name, and of those that stand there again."""

    names: tuple[str, ...]
    first: dict[str, int]
    again: tuple[tuple[str, int], ...]
    missing: tuple[str, ...]
    preamble_lines: int = 0

    @property
    def picked(self) -> list[int]:
        return sorted([*self.first.values(), *(place for _, place in self.again)])

    @property
    def notes(self) -> dict[str, object]:
        ignored = [name[:64] for name in self.names if name not in self.first]
        repeated = sorted({name for name, _ in self.again})
        kinds = {"missing_columns": list(self.missing), "repeated_columns": repeated, "ignored_columns": ignored}
        return {"preamble_lines": self.preamble_lines, **kinds}


def found_in(head: bytes, known: Collection[str], where: object) -> tuple[Columns, bytes]:
    """The columns of a CSV that begins so, and what of these bytes comes after its header."""
    parts = re.split(rb"(\r\n|\n|\r)", head, maxsplit=_MOST_PREAMBLE + 1)
    lines = [part.decode("utf-8-sig", errors="replace") for part in parts[::2]]
    for place, line in enumerate(lines[: _MOST_PREAMBLE + 1]):
        if len(_named(line, ",", known)) >= _ENOUGH:
            return judged(_fields(line, ","), known, where, place), b"".join(parts[2 * place + 2 :])
    raise ContractBroken(_seen(head, lines, known), where=where, mend=ACCEPTED)


def judged(names: Sequence[str], known: Collection[str], where: object, preamble_lines: int = 0) -> Columns:
    """Sort the names into known, repeated, missing and unknown; refuse a file without the core."""
    first: dict[str, int] = {}
    again: list[tuple[str, int]] = []
    for place, name in enumerate(names):
        if name in first:
            again.append((name, place))
        elif name in known:
            first[name] = place
    lacking = [name for name in CORE if name not in first and not (name == "id" and "url" in first)]
    if lacking:
        what = f"of {len(names)} columns {len(first)} are Lending Club's, and {', '.join(lacking)} not among them"
        raise ContractBroken(what, where=where, mend=ACCEPTED)
    missing = tuple(name for name in known if name not in first)
    return Columns(tuple(names), first, tuple(again), missing, preamble_lines)


def _seen(head: bytes, lines: list[str], known: Collection[str]) -> str:
    if b"\0" in head:
        return "the file is binary, and of no kind known here"
    for mark, word in _DELIMITERS.items():
        if any(len(_named(line, mark, known)) >= _ENOUGH for line in lines):
            return f"the columns are separated by {word}, not by commas"
    if any({"amount requested", "risk_score"} <= set(_fields(line, ",")) for line in lines):
        return "this is the rejected-loans file: applications that never became loans"
    return f"no header in the first lines; the first has {len(_fields(lines[0], ','))} comma-separated fields"


def _named(line: str, mark: str, known: Collection[str]) -> set[str]:
    return set(_fields(line, mark)) & set(known)


def _fields(line: str, mark: str) -> list[str]:
    return [field.strip().strip('"').strip().lower() for field in line.split(mark)]
