"""The columns of a landing file against those its table should have: what is lacking, what is more, what is wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jobs.protocol.errors import ContractBroken

BOM = b"\xef\xbb\xbf"
ROW_GROUP = 1 << 16  # rows; fixed, so that the same rows give the same bytes whatever the number of threads
SOURCE_FILE = "_source_file"
SOURCE_ROW = "_source_row"
KEYS = ("id", "member_id")  # one of the two must be there: a row that names no loan is of no use
Names = tuple[str, ...]
MOST_COLUMNS = 1000
_LONGEST_NAME = 200


@dataclass(frozen=True, slots=True)
class Shape:
    """The columns a file has, in its order, and those its table is known to have, in theirs."""

    names: Names
    known: Names

    @property
    def absent(self) -> Names:
        present = set(self.names)
        return tuple(name for name in self.known if name not in present)

    @property
    def extra(self) -> Names:
        known = set(self.known)
        return tuple(name for name in self.names if name not in known)

    @property
    def written(self) -> Names:
        """What bronze keeps: every known column, then whatever else came."""
        return (*self.known, *self.extra)


def judged(names: Sequence[str], known: Names, core: Names, path: Path) -> Shape:
    """Refuse names that cannot be told apart, and a file without its core.

    Unknown names are shown by their place only: where the header is missing they are somebody's data.
    """
    if flaws := list(_flaws(names, set(known))):
        raise ContractBroken(
            "the columns cannot be told apart: " + "; ".join(flaws[:5]),
            where=path,
            mend="give every column one name of its own",
        )
    lacking = [name for name in core if name not in names]
    if not set(KEYS) & set(names):
        lacking.append(" or ".join(KEYS))
    if lacking:
        found = len(set(names) & set(known))
        hint = "; is the header missing, or is this another table?" if not found else ""
        raise ContractBroken(
            f"needed columns are missing: {', '.join(lacking)} (of {len(names)} columns {found} are known{hint})",
            where=path,
            mend="land the file with these columns; every other column may be missing",
        )
    return Shape(tuple(names), known)


def _flaws(names: Sequence[str], known: set[str]) -> list[str]:
    flaws = [f"{len(names)} columns are more than {MOST_COLUMNS}"] if len(names) > MOST_COLUMNS else []
    folded = Counter(name.casefold() for name in names)  # SQL readers of the data do not see upper and lower case
    for place, name in enumerate(names, start=1):
        shown = f"column {place}" + (f" ({name})" if name.lower() in known else "")
        if not name.strip():
            flaws.append(f"column {place} has no name")
        elif folded[name.casefold()] > 1:
            flaws.append(f"{shown} is named like another")
        elif name in {SOURCE_FILE, SOURCE_ROW}:
            flaws.append(f"column {place} has the reserved name {name}")
        elif not name.isprintable() or len(name) > _LONGEST_NAME:
            flaws.append(f"the name of column {place} is too long or has characters that cannot be printed")
    return flaws
