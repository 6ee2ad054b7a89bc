"""Read the public file as rows of text, a bounded number at a time: CSV (plain or packed) or Parquet."""

from __future__ import annotations

import gzip
import io
import os
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, BinaryIO

import numpy as np
import polars as pl
import pyarrow as pa
from pyarrow import csv as arrow_csv
from pyarrow import parquet as arrow_parquet

from jobs.import_lending_club import loans
from jobs.import_lending_club.columns import ACCEPTED, MOST_BYTES, Header, header_in, header_of
from jobs.protocol import files
from jobs.protocol.errors import ContractBroken

_HELD_BYTES, _HELD_ROWS = 32 << 20, 20_000  # of text, or of Parquet; no row may be longer
_MOST_LINES = 100  # in one row of the wrong length; more means a quote that swallows its neighbours
_FOREIGN = {b"%PDF": "a PDF document", b"\xd0\xcf\x11\xe0": "an Excel or Word file", b"BZh": "packed with bzip2"}
_FOREIGN |= {b"\xfd7zXZ": "packed with xz", b"7z\xbc\xaf": "packed with 7-Zip", b"Rar!": "packed with RAR"}
_FOREIGN |= {b"\x28\xb5\x2f\xfd": "packed with zstandard", b"\xff\xfe": "UTF-16 text", b"\xfe\xff": "UTF-16 text"}
_UNREADABLE = {  # by what the reader says
    "straddling": ("a row is longer than 32 MiB: a quote opens and never closes", "correct the quotes"),
    "UTF8": ("the text is not UTF-8", "convert it, e.g. iconv -f WINDOWS-1252 -t UTF-8 FILE > NEW"),
}
_NUL = (
    "a cell holds a NUL byte, which no landing file may have",
    "write the file without it; of a CSV: tr -d '\\000' < FILE > NEW",
)
_Stream = io.BufferedIOBase | IO[bytes]


@dataclass(slots=True)
class Source:
    """A file to import, and what was noted while it was read."""

    path: Path
    sha256: str
    member: str | None = None  # of a zip
    notes: dict[str, object] = field(default_factory=dict)  # of its header
    ragged: list[int] = field(default_factory=list)  # numbers of rows of the wrong length, as they are met
    skipped: dict[int, str] = field(default_factory=dict)  # row number -> why
    rows: int = 0

    @property
    def name(self) -> str:
        return os.fsencode(self.path.name).decode(errors="replace")  # a report is UTF-8, whatever a file is called

    def refusal(self, what: str, mend: str = ACCEPTED) -> ContractBroken:
        return ContractBroken(what, where=self.path, mend=mend)

    def check_growth(self, size: int) -> None:
        if size > files.most_unpacked(self.path.stat().st_size):
            what = f"the file unpacks to over {files.MOST_TIMES} times its size"
            raise self.refusal(what, "unpack it, and look at it")


def frames(source: Source, advance: Callable[[int], None]) -> Iterator[pl.DataFrame]:
    """Yield the known columns as text and the row's number as `_row`; what else was seen is noted in the source."""
    place = 0
    with source.path.open("rb") as raw:
        try:
            for frame in _frames_of(source, raw):
                advance(max(0, raw.tell() - place))
                place = max(place, raw.tell())
                yield frame
        except (EOFError, zlib.error, gzip.BadGzipFile, zipfile.BadZipFile):
            raise source.refusal("the file is damaged or cut short", "fetch the whole file again") from None
        except (pa.ArrowException, pl.exceptions.PolarsError) as error:
            known = (told for mark, told in _UNREADABLE.items() if mark in str(error))
            raise source.refusal(*next(known, ("the file cannot be read",))) from None  # the message may quote a row


def _frames_of(source: Source, raw: BinaryIO) -> Iterator[pl.DataFrame]:
    magic = raw.read(8)
    raw.seek(0)
    kind = next((kind for mark, kind in _FOREIGN.items() if magic.startswith(mark)), None if magic else "empty")
    if kind:
        raise source.refusal(f"the file is {kind}")
    if magic.startswith(b"PAR1"):
        return _parquet(source, raw)
    stream: _Stream = raw
    if magic.startswith(b"\x1f\x8b"):
        stream = gzip.GzipFile(fileobj=raw)
    elif magic.startswith(b"PK\x03\x04"):
        stream = _member(source, zipfile.ZipFile(raw))
    return _csv(source, stream)


def _member(source: Source, archive: zipfile.ZipFile) -> _Stream:
    names = [name for name in archive.namelist() if not name.endswith("/") and not name.startswith("__MACOSX/")]
    if "[Content_Types].xml" in names:
        raise source.refusal("the file is an Excel workbook (.xlsx) or another Office document")
    chosen = [name for name in names if name == source.member or (not source.member and name.lower().endswith(".csv"))]
    if len(chosen) != 1:
        held = f"no {source.member!r}" if source.member else f"{len(chosen)} .csv files, not one"
        raise source.refusal(f"the zip holds {held}: {names[:9]}", "name the file inside with --member NAME")
    info = archive.getinfo(chosen[0])
    source.check_growth(info.file_size)
    try:
        return archive.open(info)
    except (NotImplementedError, RuntimeError):  # an unusual method; a password
        raise source.refusal("the zip is encrypted or packed by an unusual method", "give the CSV itself") from None


@dataclass(slots=True)
class _Watched:
    """A CSV checked while it is unpacked, so that a bomb is stopped early."""

    source: Source
    stream: _Stream
    closed: bool = False
    last: bytes = b""

    def read(self, size: int) -> bytes:
        self.source.check_growth(self.stream.tell())
        data = self.stream.read(size)
        if b"\0" in data:
            raise self.source.refusal(*_NUL)
        self.last = data[-1:] or self.last
        return data


def _csv(source: Source, stream: _Stream) -> Iterator[pl.DataFrame]:
    header, start = header_in(head := stream.read(MOST_BYTES), source.path)
    source.notes = header.notes
    if not head[start:].strip():
        return
    stream.seek(start)
    swallowed: list[int] = []

    def skip(row: arrow_csv.InvalidRow) -> str:
        source.ragged.append(row.number)
        source.skipped[row.number] = "footer" if re.match(loans.FOOTER, row.text) else "wrong_number_of_fields"
        if row.text.count("\n") > _MOST_LINES:
            swallowed.append(row.number)
        return "skip"

    picked, watched = [str(place) for place in header.picked], _Watched(source, stream)
    reader = arrow_csv.open_csv(
        pa.PythonFile(watched, mode="r"),
        arrow_csv.ReadOptions(  # rows are numbered only by a reader of one thread
            use_threads=False, column_names=[str(place) for place in range(len(header.names))], block_size=_HELD_BYTES
        ),
        arrow_csv.ParseOptions(newlines_in_values=True, invalid_row_handler=skip),
        arrow_csv.ConvertOptions(
            column_types=dict.fromkeys(picked, pa.string()),
            include_columns=picked,
            strings_can_be_null=True,
            null_values=[""],
        ),
    )
    for batch in reader:
        yield _frame(source, header, batch)
    source.rows += sum(number > source.rows for number in source.ragged)
    if swallowed:
        what = f"row {swallowed[0]} goes over more than {_MOST_LINES} lines: a quote opens there and never closes"
        raise source.refusal(what, "correct the quotes, or fetch the file again")
    if source.skipped.get(source.rows) == "wrong_number_of_fields" and watched.last not in b"\r\n":
        raise source.refusal("the last row breaks off: the file was cut short", "fetch the whole file again")


def _parquet(source: Source, raw: BinaryIO) -> Iterator[pl.DataFrame]:
    file = arrow_parquet.ParquetFile(raw, pre_buffer=False)
    source.check_growth(sum(file.metadata.row_group(group).total_byte_size for group in range(file.num_row_groups)))
    schema = file.schema_arrow
    header = header_of([name.strip().lower() for name in schema.names], source.path)
    source.notes, picked = header.notes, header.picked
    if nested := [schema.names[place] for place in picked if schema.types[place].num_fields]:
        raise source.refusal(f"the columns {nested[:5]} hold structures, not values")
    # by name, pyarrow brings repeated columns in an order of its own
    wanted = None if header.again else [schema.names[place] for place in picked]
    for batch in file.iter_batches(batch_size=_HELD_ROWS, columns=wanted, use_threads=False):
        batch.validate(full=True)  # texts that are not UTF-8
        frame = _frame(source, header, batch if wanted else batch.select(picked))
        if frame.select(pl.any_horizontal(pl.col(pl.String).str.contains("\0", literal=True).any())).item():
            raise source.refusal(*_NUL)
        yield frame.with_columns(pl.when(pl.col(pl.String) != "").then(pl.col(pl.String)))  # empty, as in a CSV


def _frame(source: Source, header: Header, batch: pa.RecordBatch) -> pl.DataFrame:
    """Name the columns, compare repeated ones with each other, and number the rows, starting with 1."""
    frame = pl.DataFrame(pl.from_arrow(batch.rename_columns([str(place) for place in header.picked]))).cast(pl.String)
    for name, place in header.again:
        if frame[str(header.first[name])].ne_missing(frame[str(place)]).any():
            what = f"the column {name} stands there more than once, with different content"
            raise source.refusal(what, "keep the right one, or rename the others")
    skipped = [number for number in source.ragged if number > source.rows]
    coming = np.arange(source.rows + 1, source.rows + 1 + frame.height + len(skipped), dtype=np.int64)
    numbers = coming[~np.isin(coming, skipped)][: frame.height]
    source.rows = int(numbers[-1]) if frame.height else source.rows
    named = [pl.col(str(place)).alias(name) for name, place in header.first.items()]
    return frame.select(*named, _row=pl.Series(numbers))
