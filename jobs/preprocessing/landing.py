"""Read one landing file strictly into one bronze file, whole or not at all."""

from __future__ import annotations

import gzip
import hashlib
import os
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from io import FileIO
from itertools import filterfalse
from pathlib import Path
from tempfile import TemporaryFile
from typing import NamedTuple

from jobs.preprocessing import arrivals
from jobs.protocol import files
from jobs.protocol.errors import ContractBroken, InputMissing
from jobs.protocol.index import identity_of
from jobs.protocol.layers import SOURCE

BOM = b"\xef\xbb\xbf"
ROW_GROUP = 1 << 16  # rows; fixed, so that the same rows give the same bytes whatever the number of threads
KEYS = ("id", "member_id")  # one of the two must be there: a row that names no loan is of no use
Names = tuple[str, ...]
MOST_COLUMNS = 1000
_MOST_CELLS = 200 * ROW_GROUP
_LONGEST_NAME = 200
_CHUNK = 1 << 20


class Unfit(Exception):
    """What is wrong with a file and how to fix it, quoting none of its content; `read` adds which file it is."""

    def __init__(self, what: str, *, mend: str) -> None:
        super().__init__(what)
        self.mend = mend


@dataclass(frozen=True, slots=True)
class Shape:
    """A file's name, its columns in their order, and the columns that its table's contract knows, in theirs."""

    source: str
    names: Names
    known: Names

    @property
    def absent(self) -> Names:
        return tuple(filterfalse(frozenset(self.names).__contains__, self.known))

    @property
    def extra(self) -> Names:
        return tuple(filterfalse(frozenset(self.known).__contains__, self.names))

    @property
    def written(self) -> Names:
        """What bronze keeps: every known column, then whatever else came."""
        return (*self.known, *self.extra)


def shape(source: str, known: Names, core: Names, names: Sequence[str]) -> Shape:
    """Refuse ambiguous column names, and files that lack a required (core) column or have none but keys to read.

    Unknown names are shown by position only: if the header is missing, they are someone's data.
    """
    if flaws := list(_flaws(names, set(known))):
        told = "; ".join(flaws[:5])
        raise Unfit(f"the columns cannot be told apart: {told}", mend="give every column one name of its own")
    lacking = [name + _meant(name, names) for name in core if name not in names]
    if not set(KEYS) & {*names, *core}:
        lacking.append(" or ".join(KEYS))
    found = set(names) & set(known)
    is_strange = found <= set(KEYS) and len(found) < len(names)  # rows of keys alone may have no other value
    if is_strange and not lacking:
        lacking.append(f"any of this table besides {' and '.join(KEYS)}")
    if lacking:
        hint = "; is the header missing, or is this another table?" if is_strange else ""
        raise Unfit(
            f"needed columns are missing: {', '.join(lacking)} (of {len(names)} columns {len(found)} are known{hint})",
            mend="land the file with these columns, under the name of its own table; every other column may be missing",
        )
    return Shape(source, tuple(names), known)


def _meant(name: str, names: Sequence[str]) -> str:
    """The position of a column with nearly this name; never its text."""
    alike = [place for place, one in enumerate(names, start=1) if one.strip().casefold() == name]
    return f" (column {alike[0]} differs from it in capitals or spaces only)" if alike else ""


def _flaws(names: Sequence[str], known: set[str]) -> Iterator[str]:
    if len(names) > MOST_COLUMNS:
        yield f"{len(names)} columns are more than {MOST_COLUMNS}"
    folded = Counter(name.casefold() for name in names)  # SQL readers of the data do not see upper and lower case
    for place, name in enumerate(names, start=1):
        if not name.strip():
            yield f"column {place} has no name"
        elif folded[name.casefold()] > 1:
            yield f"column {place}" + (f" ({name})" if name.lower() in known else "") + " has the same name as another"
        elif name in SOURCE:
            yield f"column {place} has the reserved name {name}"
        elif name == "*" or (name[0], name[-1]) == ("^", "$"):  # polars would read the columns that match it
            yield f"the name of column {place} is a pattern"
        elif not name.isprintable() or len(name) > _LONGEST_NAME:
            yield f"the name of column {place} is too long or has characters that cannot be printed"


def rows_at_once(width: int) -> int:
    """The rows to hold in memory, and in a row group: fewer of a table with more columns than any contract has."""
    return min(ROW_GROUP, _MOST_CELLS // max(width, 1))


def most_bytes(size: int) -> int:
    return min(files.most_unpacked(size), arrivals.MOST_BYTES)


def too_large(size: int) -> Unfit:
    what = f"the file of {size} bytes unpacks to more than {most_bytes(size)}"
    return Unfit(what, mend="land it uncompressed, as CSV")


Shaped = Callable[[Sequence[str]], Shape]
Written = tuple[Shape, int]  # and how many rows


class Read(NamedTuple):
    """What was read: the hash of the bytes, their columns beside those of the contract, and how many rows."""

    sha256: str
    shape: Shape
    rows: int


def read(path: Path, kind: str, known: Names, core: Names, write_to: Path) -> Read:
    """Read a landing file of a kind (one of `LANDING_KINDS`) and write its bronze to `write_to`, the caller's draft.

    Bronze has the `known` columns in order, then any others in the file, all as text; `_source_file`, `_source_row`.
    """
    with arrivals.open_plain(path) as file, ThreadPoolExecutor(1) as beside:
        before = os.fstat(file.fileno())
        digest = beside.submit(_sha256, file.fileno()) if before.st_size > _CHUNK else None
        try:
            found, rows = _writer(kind)(file, partial(shape, path.name, known, core), write_to)
        except Unfit as flaw:
            _refuse_changed(path, before)
            raise ContractBroken(str(flaw), where=path, mend=flaw.mend) from flaw
        sha256 = digest.result() if digest else _sha256(file.fileno())
        _refuse_changed(path, before)
        return Read(sha256, found, rows)


def _sha256(handle: int) -> str:
    """Hash a file without moving its read position, which others use."""
    digest, place = hashlib.sha256(), 0
    while data := os.pread(handle, _CHUNK, place):
        digest.update(data)
        place += len(data)
    return digest.hexdigest()


def _refuse_changed(path: Path, before: os.stat_result) -> None:
    with suppress(FileNotFoundError):
        if identity_of(path.lstat()) == identity_of(before):
            return
    mend = f"run again when it is complete; best, the source lands NAME{arrivals.CHECKSUM} beside its file"
    raise InputMissing("the file changed while it was read: it is still being written", where=path, mend=mend)


def _packed_csv(file: FileIO, shaped: Shaped, write_to: Path) -> Written:
    """Unpack next to the draft, into an unnamed file that a crash cannot leave behind."""
    from jobs.preprocessing import landing_csv

    with TemporaryFile(buffering=0, dir=write_to.parent) as plain:
        try:
            _unpack(file, plain)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            what = "the gzip is damaged, cut short or followed by something else"
            raise Unfit(what, mend="land the whole file again") from error
        return landing_csv.write(plain, shaped, write_to)


def _unpack(file: FileIO, plain: FileIO) -> None:
    size = os.fstat(file.fileno()).st_size
    written = 0
    with gzip.GzipFile(fileobj=file) as packed:
        while data := packed.read(_CHUNK):
            written += len(data)
            if written > most_bytes(size):
                raise too_large(size)
            while data := data[plain.write(data) :]:  # a disk that fills takes a part, and refuses only the next
                pass


def _writer(kind: str) -> Callable[[FileIO, Shaped, Path], Written]:
    """The function that reads a kind: `write` of the module `landing_<kind>`, imported only when it is needed."""
    if kind == "csv.gz":
        return _packed_csv
    write: Callable[[FileIO, Shaped, Path], Written] = import_module(f"jobs.preprocessing.landing_{kind}").write
    return write
