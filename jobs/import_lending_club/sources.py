"""The public file as rows of text, a bounded number at a time: CSV, plain or packed with gzip. No other kind."""

from __future__ import annotations

import gzip
import io
import re
import zlib
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
from pyarrow import csv as arrow_csv

from jobs.import_lending_club import loans
from jobs.protocol.errors import ContractBroken

ACCEPTED = (
    "give Lending Club's accepted-loans file (2007 to 2018, up to 151 columns) as comma-separated UTF-8 text, plain or "
    "packed with gzip (.csv, .csv.gz)"
)
_CORE = ("id", "issue_d", "loan_status", "loan_amnt", "term")  # without these a row is no loan
_HEAD_BYTES = 1 << 20  # in which a header has to show itself
_MOST_PREAMBLE = 5  # lines before the header, such as "Notes offered by Prospectus"
_ENOUGH = 3  # known names in one line: no row of values has them
_CHUNK_BYTES = 48 << 20  # of text held at once
_LONGEST_ROW = 8 << 20
_MOST_LINES = 100  # in one row of the wrong length; more means a quote that swallows its neighbours
_FOREIGN = {b"PK\x03\x04": "a zip archive or an Excel workbook", b"PAR1": "Parquet", b"%PDF": "a PDF document"}
_FOREIGN |= {b"\xd0\xcf\x11\xe0": "an Excel or Word file", b"BZh": "packed with bzip2", b"\xfd7zXZ": "packed with xz"}
_FOREIGN |= {
    b"7z\xbc\xaf": "packed with 7-Zip",
    b"Rar!": "packed with RAR",
    b"\x28\xb5\x2f\xfd": "packed with zstandard",
}
_FOREIGN |= {b"\xff\xfe": "UTF-16 text", b"\xfe\xff": "UTF-16 text"}
_UNREADABLE = {  # by what the reader says
    "straddling": ("a row is longer than 8 MiB: a quote opens and never closes", "mend the quotes"),
    "UTF8": ("the text is not UTF-8", "convert it, e.g. iconv -f WINDOWS-1252 -t UTF-8 FILE > NEW"),
}


@dataclass(slots=True)
class Source:
    """A file to import, and what was noted while it was read."""

    path: Path
    sha256: str
    notes: dict[str, object] = field(default_factory=dict)  # of its header
    skipped: dict[int, str] = field(default_factory=dict)  # row number -> why
    rows: int = 0

    def refusal(self, what: str, mend: str = ACCEPTED) -> ContractBroken:
        return ContractBroken(what, where=self.path, mend=mend)


def frames(source: Source, known: Collection[str], advance: Callable[[int], None]) -> Iterator[pl.DataFrame]:
    """Yield the known columns as text and the row's number as `_row`; what else was seen is noted in the source."""
    place = 0
    with io.BufferedReader(source.path.open("rb", buffering=0), _HEAD_BYTES) as raw:
        try:
            for frame in _frames(source, raw, known):
                advance(max(0, raw.tell() - place))
                place = max(place, raw.tell())
                yield frame
        except (EOFError, zlib.error, gzip.BadGzipFile):
            raise source.refusal("the file is damaged or cut short", "fetch it again, whole") from None
        except (pa.ArrowException, pl.exceptions.PolarsError) as error:
            known_fault = next((told for mark, told in _UNREADABLE.items() if mark in str(error)), None)
            raise source.refusal(*known_fault or ("the file cannot be read",)) from None  # the message may quote a row


def _frames(source: Source, raw: io.BufferedReader[Any], known: Collection[str]) -> Iterator[pl.DataFrame]:
    begin = raw.peek(8)
    if kind := next((kind for mark, kind in _FOREIGN.items() if begin.startswith(mark)), None if begin else "empty"):
        raise source.refusal(f"the file is {kind}")
    stream = raw
    if begin.startswith(b"\x1f\x8b"):
        stream = io.BufferedReader(gzip.GzipFile(fileobj=raw), _HEAD_BYTES)
    names = _header(source, stream, known)
    if not stream.peek(1).strip():
        return
    swallowed: list[int] = []

    def skip(row: arrow_csv.InvalidRow) -> str:
        source.skipped[row.number] = loans.reason_of_ragged(row.text)
        if row.text.count("\n") > _MOST_LINES:
            swallowed.append(row.number)
        return "skip"

    picked = {f"{place}": name for place, name in enumerate(names) if name in known}
    reader = arrow_csv.open_csv(
        pa.PythonFile(stream, mode="r"),
        arrow_csv.ReadOptions(  # rows are numbered only by a reader of one thread
            use_threads=False, column_names=[f"{place}" for place in range(len(names))], block_size=_LONGEST_ROW
        ),
        arrow_csv.ParseOptions(newlines_in_values=True, invalid_row_handler=skip),
        arrow_csv.ConvertOptions(
            column_types=dict.fromkeys(picked, pa.string()),
            include_columns=list(picked),
            strings_can_be_null=True,
            null_values=[""],
        ),
    )
    held: list[pa.RecordBatch] = []
    for batch in reader:
        held.append(batch)
        if sum(one.nbytes for one in held) >= _CHUNK_BYTES:
            yield _numbered(source, pa.Table.from_batches(held).rename_columns(list(picked.values())))
            held = []
    if held:
        yield _numbered(source, pa.Table.from_batches(held).rename_columns(list(picked.values())))
    source.rows += sum(number > source.rows for number in source.skipped)
    if swallowed:
        what = f"row {swallowed[0]} goes over more than {_MOST_LINES} lines: a quote opens there and never closes"
        raise source.refusal(what, "mend the quotes, or fetch the file again")


def _numbered(source: Source, table: pa.Table) -> pl.DataFrame:
    """With the row's place in the file, 1 for the first; rows of the wrong length, already skipped, have theirs too."""
    frame = pl.DataFrame(pl.from_arrow(table)).cast(pl.String)
    ragged = [number for number in source.skipped if number > source.rows]
    coming = np.arange(source.rows + 1, source.rows + 1 + frame.height + len(ragged), dtype=np.int64)
    numbers = coming[~np.isin(coming, ragged)][: frame.height]
    source.rows = int(numbers[-1]) if frame.height else source.rows
    return frame.with_columns(_row=pl.Series(numbers))


def _header(source: Source, stream: io.BufferedReader[Any], known: Collection[str]) -> list[str]:
    """The names of all columns; the stream then stands at the first row."""
    head = stream.peek(_HEAD_BYTES)
    parts = re.split(rb"(\r\n|\n|\r)", head, maxsplit=_MOST_PREAMBLE + 1)
    lines = [part.decode("utf-8-sig", errors="replace") for part in parts[::2]]

    def is_header(line: str, mark: str) -> bool:
        return len(set(_fields(line, mark)).intersection(known)) >= _ENOUGH

    for place, line in enumerate(lines[: _MOST_PREAMBLE + 1]):
        if is_header(line, ","):
            stream.read(sum(map(len, parts[: 2 * place + 2])))
            names = _fields(line, ",")
            _check(source, names, known)
            source.notes = {
                "preamble_lines": place,
                "missing_columns": [name for name in known if name not in names],
                "ignored_columns": [name[:64] for name in names if name not in known],
            }
            return names
    what = f"no header in the first lines; the first has {len(_fields(lines[0], ','))} comma-separated fields"
    if b"\0" in head:
        what = "the file is binary, and of no kind known here"
    elif any({"amount requested", "risk_score"} <= set(_fields(line, ",")) for line in lines):
        what = "this is the rejected-loans file: applications that never became loans"
    for mark, word in ((";", "semicolons"), ("\t", "tabs"), ("|", "bars")):
        if any(is_header(line, mark) for line in lines):
            what = f"the columns are separated by {word}, not by commas"
    raise source.refusal(what)


def _check(source: Source, names: list[str], known: Collection[str]) -> None:
    found = [name for name in names if name in known]
    lacking = [name for name in _CORE if name not in found and not (name == "id" and "url" in found)]
    if lacking:
        what = f"of {len(names)} columns {len(found)} are Lending Club's, and {', '.join(lacking)} not among them"
        raise source.refusal(what)
    if repeated := {name for name in found if found.count(name) > 1}:
        raise source.refusal(f"columns stand there more than once: {sorted(repeated)}", "keep the right one of each")


def _fields(line: str, mark: str) -> list[str]:
    return [field.strip().strip('"').strip().lower() for field in line.split(mark)]
