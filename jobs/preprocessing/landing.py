"""The door: one landing file, read strictly, into one bronze file, whole or not at all."""

from __future__ import annotations

import gzip
import hashlib
import os
import zlib
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING

from jobs.preprocessing import arrivals
from jobs.protocol.errors import ContractBroken, InputMissing

if TYPE_CHECKING:
    import polars as pl

BOM = b"\xef\xbb\xbf"
ROW_GROUP = 1 << 16  # rows; fixed, so that the same rows give the same bytes whatever the number of threads
SOURCE_FILE = "_source_file"
SOURCE_ROW = "_source_row"
KEYS = ("id", "member_id")  # one of the two must be there: a row that names no loan is of no use
Names = tuple[str, ...]
MOST_COLUMNS = 1000
_LONGEST_NAME = 200
MOST_TIMES = 200  # what a packed file may grow to; real ones grow four-fold to twenty-fold
SMALL = 64 << 20  # bytes any file may grow to
MOST_BYTES = 64 << 30  # and none may pass
_CHUNK = 1 << 20


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
    lacking = [name + _meant(name, names) for name in core if name not in names]
    if not set(KEYS) & {*names, *core}:
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


def _meant(name: str, names: Sequence[str]) -> str:
    """The place of a column that has nearly this name; never what stands there."""
    alike = [place for place, one in enumerate(names, start=1) if one.strip().casefold() == name]
    return f" (column {alike[0]} differs from it in capitals or spaces only)" if alike else ""


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


Writer = Callable[[FileIO, Path, Names, Names, Path], "tuple[Shape, int | pl.DataFrame]"]


@dataclass(frozen=True, slots=True)
class Read:
    """What was read: which bytes, how many rows, and how its columns differ from those the table should have."""

    sha256: str
    rows: int
    absent: tuple[str, ...]
    extra: tuple[str, ...]
    frame: pl.DataFrame | None  # the bronze itself, where it was at hand


def read(path: Path, kind: str, known: Names, core: Names, write_to: Path) -> Read:
    """Read a landing file of a kind (`arrivals.KINDS`) and write its bronze to `write_to`, a draft of the caller's.

    Bronze has the `known` columns in their order, then any other that came, all as text; `_source_file`, `_source_row`.
    """
    with arrivals.open_plain(path) as file, ThreadPoolExecutor(1) as beside:
        before = os.fstat(file.fileno())
        digest = beside.submit(_sha256, file.fileno()) if before.st_size > _CHUNK else None
        try:
            shape, rows = _writer(kind)(file, path, known, core, write_to)
        except ContractBroken as error:
            if _changed(path, before):
                raise _still_written(path) from error
            raise
        sha256 = digest.result() if digest else _sha256(file.fileno())
        if _changed(path, before):
            raise _still_written(path)
        number, frame = (rows, None) if isinstance(rows, int) else (rows.height, rows)
        return Read(sha256, number, shape.absent, shape.extra, frame)


def _sha256(handle: int) -> str:
    """Hash a file without moving the place up to which others have read it."""
    digest, place = hashlib.sha256(), 0
    while data := os.pread(handle, _CHUNK, place):
        digest.update(data)
        place += len(data)
    return digest.hexdigest()


def _changed(path: Path, before: os.stat_result) -> bool:
    try:
        after = path.lstat()
    except FileNotFoundError:
        return True
    return any(getattr(after, fact) != getattr(before, fact) for fact in ("st_dev", "st_ino", "st_size", "st_mtime_ns"))


def _still_written(path: Path) -> InputMissing:
    return InputMissing(
        "the file changed while it was read: it is still being written",
        where=path,
        mend=f"run again when it is whole; a source does best to land NAME{arrivals.CHECKSUM} beside its file",
    )


def _packed_csv(
    file: FileIO, path: Path, known: Names, core: Names, write_to: Path
) -> tuple[Shape, int | pl.DataFrame]:
    """Unpack beside the draft, into a file without a name that no crash can leave behind."""
    with TemporaryFile(buffering=0, dir=write_to.parent) as plain:
        try:
            _unpack(file, plain, path)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise ContractBroken(
                "the gzip is damaged, cut short or followed by something else", where=path, mend="land it again, whole"
            ) from error
        from jobs.preprocessing import landing_csv

        return landing_csv.write(plain, path, known, core, write_to)


def _unpack(file: FileIO, plain: FileIO, path: Path) -> None:
    size = os.fstat(file.fileno()).st_size
    most, written = min(max(SMALL, MOST_TIMES * size), MOST_BYTES), 0
    with gzip.GzipFile(fileobj=file) as packed:
        while data := packed.read(_CHUNK):
            written += len(data)
            if written > most:
                raise ContractBroken(
                    f"the file of {size} bytes unpacks to more than {most}",
                    where=path,
                    mend="check it, and land it plain",
                )
            plain.write(data)


def _writer(kind: str) -> Writer:
    """Who reads a kind; what only some kinds need is not loaded for the others."""
    if kind == "csv":
        from jobs.preprocessing import landing_csv

        return landing_csv.write
    if kind == "csv.gz":
        return _packed_csv
    if kind == "jsonl":
        from jobs.preprocessing import landing_jsonl

        return landing_jsonl.write
    from jobs.preprocessing import landing_parquet

    return landing_parquet.write
