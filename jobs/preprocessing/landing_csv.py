"""CSV into bronze: surveyed byte by byte, then parsed by all cores. What the two do not agree on is refused."""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Iterator
from io import FileIO
from pathlib import Path
from typing import Any, NoReturn

import polars as pl

from jobs.preprocessing import writing
from jobs.preprocessing.landing import BOM, SOURCE_FILE, SOURCE_ROW, Names, Shape, judged
from jobs.preprocessing.landing_survey import survey
from jobs.protocol.errors import ContractBroken

SMALL = 16 << 20  # bytes
_HEADER_BYTES = 1 << 20
_REMARKS = (
    "Total amount funded in policy code",
    "Loans that do not meet the credit policy",
)  # beside loans, in real files
_OTHER_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "bars", ":": "colons"}
_FOREIGN = {
    b"\xff\xfe": "UTF-16 text",
    b"\xfe\xff": "UTF-16 text",
    b"\x1f\x8b": "packed with gzip",
    b"PK\x03\x04": "a zip file or an Excel workbook",
    b"PAR1": "a Parquet file",
}
_WRITE_AGAIN = "write it again as UTF-8 CSV: commas between fields, a line feed at the end of every row"
_SYSTEM_ERROR = re.compile(r"\(os error ([0-9]+)\)\s*\Z")


def write(file: FileIO, path: Path, known: Names, core: Names, write_to: Path) -> tuple[Shape, int | pl.DataFrame]:
    """Write the bronze of a CSV; `path` is what the file is called. Return its columns and rows, or their number."""
    shape = judged(_header(file, path), known, core, path)
    found = survey(file.fileno(), path)
    if found.separators != found.records * (len(shape.names) - 1):
        _examine(file, path, len(shape.names))  # returns where the short lines are remarks, read as a row of their own
    scan = _scanned(file, shape, path.name, blank_is_null=found.quoted_empties)
    try:
        rows = _written(scan, write_to, os.fstat(file.fileno()).st_size)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        if refused := _SYSTEM_ERROR.search(str(error)):
            raise OSError(int(refused[1]), os.strerror(int(refused[1])), str(write_to)) from None
        _examine(file, path, len(shape.names))
        raise _unreadable(path) from None  # the parser's own message quotes the row
    if (rows if isinstance(rows, int) else rows.height) != found.records - 1:
        raise _unreadable(path)
    return shape, rows


def _header(file: FileIO, path: Path) -> list[str]:
    """The names in the first line, where the file is CSV at all and does not break off."""
    size = os.fstat(file.fileno()).st_size
    if not size:
        raise ContractBroken("the file is empty", where=path, mend="a day without rows has a file with a header only")
    head = os.pread(file.fileno(), _HEADER_BYTES, 0)
    if kind := next((kind for mark, kind in _FOREIGN.items() if head.startswith(mark)), None):
        raise ContractBroken(f"the file is {kind}", where=path, mend=_WRITE_AGAIN)
    line, end, _ = head.removeprefix(BOM).partition(b"\n")
    if not end and b"\r" in line:
        raise ContractBroken("lines end with a carriage return only", where=path, mend=_WRITE_AGAIN)
    if not end and size > len(head):
        raise ContractBroken("the first line has no end within 1 MiB", where=path, mend=_WRITE_AGAIN)
    if os.pread(file.fileno(), 1, size - 1) != b"\n":
        raise ContractBroken(
            "the last line has no line end: the file may have been cut there",
            where=path,
            mend="land the file again, whole, with a line feed after the last row",
        )
    return _names(line, file, path)


def _names(line: bytes, file: FileIO, path: Path) -> list[str]:
    try:
        text = line.decode("utf-8")
        names = next(csv.reader([text], strict=True), [])
    except UnicodeDecodeError:
        _refuse_encoding(file, path)
    except csv.Error:
        raise ContractBroken("the quotes in the first line do not match", where=path, mend=_WRITE_AGAIN) from None
    if len(names) < 2:  # noqa: PLR2004 - a table has a key and something to say about it
        likely = max(_OTHER_SEPARATORS, key=text.count)
        seen = f"; it has {_OTHER_SEPARATORS[likely]}" if likely in text else ""
        raise ContractBroken(f"the first line has no commas{seen}", where=path, mend=_WRITE_AGAIN)
    return names


def _scanned(file: FileIO, shape: Shape, name: str, *, blank_is_null: bool) -> pl.LazyFrame:
    """Every column as text in bronze's order, with the place each row came from."""
    file.seek(0)
    frame = pl.scan_csv(
        file,  # the very file that was surveyed, whatever its name stands for by now
        infer_schema=False,
        truncate_ragged_lines=False,
        row_index_name=SOURCE_ROW,
        row_index_offset=1,
    )
    cells: dict[str, Any] = dict.fromkeys(shape.written, pl.lit(None, pl.String)) | {n: pl.col(n) for n in shape.names}
    if blank_is_null:  # the parser makes "" a text of no length, and only an unquoted nothing null
        cells |= {n: pl.when(pl.col(n) != "").then(pl.col(n)) for n in shape.names}
    return frame.select(**cells, **{SOURCE_FILE: pl.lit(name), SOURCE_ROW: pl.col(SOURCE_ROW).cast(pl.Int64)})


def _written(scan: pl.LazyFrame, write_to: Path, size: int) -> int | pl.DataFrame:
    """At once where all of it fits into memory many times over, for a stream takes its time to set up."""
    if size <= SMALL:
        frame = scan.collect(engine="in-memory")
        writing.small(frame, write_to)
        return frame
    scan.sink_parquet(write_to, maintain_order=True, **writing.SHAPE)
    return int(pl.scan_parquet(write_to, glob=False).select(pl.len()).collect().item())


def _examine(file: FileIO, path: Path, width: int) -> None:
    """Refuse the first record that has not `width` fields, with its line; blank lines and remarks are let through."""
    for line, fields in _records(file, path):
        text = "".join(fields).strip() if len(fields) < 2 else None  # noqa: PLR2004
        if len(fields) != width and (text is None or (text and not text.startswith(_REMARKS))):
            raise ContractBroken(
                f"line {line} has {len(fields)} fields where the header has {width} names",
                where=path,
                mend="land the file again, whole; every row has as many fields as the header, and texts with commas or "
                "line ends stand in quotes",
            )


def _records(file: FileIO, path: Path) -> Iterator[tuple[int, list[str]]]:
    """The records and the lines they begin in, as Python's own strict reader sees them: slow, and only for trouble."""
    file.seek(0)
    with open(os.dup(file.fileno()), encoding="utf-8-sig", newline="") as text:  # noqa: PTH123 - a descriptor
        reader = csv.reader(text, strict=True)
        while True:
            line = reader.line_num + 1
            try:
                fields = next(reader)
            except StopIteration:
                return
            except UnicodeDecodeError:
                _refuse_encoding(file, path)
            except csv.Error:
                raise ContractBroken(
                    f"the record that begins in line {line} cannot be read", where=path, mend=_WRITE_AGAIN
                ) from None
            yield line, fields


def _refuse_encoding(file: FileIO, path: Path) -> NoReturn:
    """Name the first byte that is no UTF-8."""
    place = line = 0
    with open(os.dup(file.fileno()), "rb") as lines:  # noqa: PTH123 - a descriptor
        lines.seek(0)
        for line, data in enumerate(lines, start=1):  # noqa: B007
            try:
                data.decode("utf-8")
            except UnicodeDecodeError as error:
                place += error.start
                break
            place += len(data)
    raise ContractBroken(f"byte {place} (line {line}) is not UTF-8", where=path, mend=_WRITE_AGAIN)


def _unreadable(path: Path) -> ContractBroken:
    return ContractBroken("the file cannot be read as CSV in one way only", where=path, mend=_WRITE_AGAIN)
