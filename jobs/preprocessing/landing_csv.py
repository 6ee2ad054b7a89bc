"""CSV into bronze: surveyed byte by byte, then parsed on all cores. A file on which the two disagree is refused."""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Iterator
from io import FileIO
from pathlib import Path
from typing import Any

import polars as pl

from jobs.preprocessing import writing
from jobs.preprocessing.csv_survey import LONGEST_LINE, survey
from jobs.preprocessing.landing import BOM, Shape, Shaped, Unfit, Written
from jobs.protocol.layers import SOURCE_FILE, SOURCE_ROW

SMALL = 16 << 20  # bytes
_REMARKS = (  # lines in real files that are not loans
    "Total amount funded in policy code",
    "Loans that do not meet the credit policy",
)
_OTHER_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "bars", ":": "colons"}
_FOREIGN = {
    rb"\xff\xfe|\xfe\xff|.\0.\0|\0.\0.": "UTF-16 text",
    rb"\x1f\x8b": "packed with gzip",
    rb"PK\x03\x04": "a zip file or an Excel workbook",
    rb"PAR1": "a Parquet file",
}
_WRITE_AGAIN = "write it again as UTF-8 CSV: commas between fields, a line feed at the end of every row"
_IN_QUOTES = (
    "write it again as CSV: a line feed ends a row; put a text with commas, quotes or line ends in "
    '"...", and write a quote within it as ""'
)
_EXCELS = re.compile(r'"?sep=.?"?\s*', re.IGNORECASE)
_SYSTEM_ERROR = re.compile(r"\(os error ([0-9]+)\)\s*\Z")
_LONGEST_RECORD = 64 << 20
_MOST_SHORT = 10_000  # lines that are blank or remarks; one byte of the file may not make a row of a hundred bytes
_BEGUN = re.compile(rb'"(?:[^"\0]++|"")*+|[^",\r\n\0]*+')  # a field up to where it ends, or goes wrong
_FIELD = rb'(?:"(?:[^"\0]++|"")*+"|[^",\r\n\0]*+)'
_ENDED = re.compile(_FIELD + rb"(?:,|\r?\n)")
_WRONG = {
    b'"': "there is a stray quote",
    b"\0": "there is a NUL byte",
    b"\r": "there is a carriage return without a line feed",
}


def write(file: FileIO, shaped: Shaped, write_to: Path) -> Written:
    """Write the bronze of a CSV."""
    shape = shaped(_header(file))
    found, width = survey(file.fileno()), len(shape.names)
    if not found.is_sound or found.separators != found.records * (width - 1):
        _examine(file, width)  # returns if the short lines are remarks, which are rows of their own
    scan = _scanned(file, shape, blank_is_null=found.quoted_empties)
    try:
        rows = _written(scan, write_to, os.fstat(file.fileno()).st_size)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        if refused := _SYSTEM_ERROR.search(str(error)):
            raise OSError(int(refused[1]), os.strerror(int(refused[1])), str(write_to)) from None
        _examine(file, width)
        raise _unreadable() from None  # the parser's own message quotes the row
    if not found.is_sound or rows != found.records - 1:
        raise _unreadable()
    return shape, rows


def _header(file: FileIO) -> list[str]:
    """The names in the first line; refuses a file that is not CSV or was cut off."""
    size = os.fstat(file.fileno()).st_size
    if not size:
        raise Unfit("the file is empty", mend="for a day without rows, land a file with only a header")
    head = os.pread(file.fileno(), LONGEST_LINE, 0)
    if kind := next((kind for mark, kind in _FOREIGN.items() if re.match(mark, head, re.DOTALL)), None):
        raise Unfit(f"the file is {kind}", mend=_WRITE_AGAIN)
    begin = _begin(file)
    line, end, _ = head[begin:].partition(b"\n")
    if not end and b"\r" in line:
        raise Unfit("lines end with a carriage return only", mend=_WRITE_AGAIN)
    if not end and size > len(head):
        raise Unfit("the first line is longer than 1 MiB", mend=_WRITE_AGAIN)
    if os.pread(file.fileno(), 1, size - 1) != b"\n":
        mend = "land the whole file again, with a line feed after the last row"
        raise Unfit("the last line has no line end: the file may have been cut there", mend=mend)
    return _names(line, begin)


def _begin(file: FileIO) -> int:
    return len(BOM) if os.pread(file.fileno(), len(BOM), 0) == BOM else 0


def _names(line: bytes, begin: int) -> list[str]:
    try:
        text = line.decode("utf-8")
        names = next(csv.reader([text], strict=True), [])
    except UnicodeDecodeError as error:
        raise _no_utf8(begin + error.start, 1) from None
    except csv.Error:
        raise Unfit("the quotes in the first line do not match", mend=_WRITE_AGAIN) from None
    if _EXCELS.fullmatch(text):
        mend = f"delete that line; if its sign is no comma, {_WRITE_AGAIN}"
        raise Unfit("the first line tells Excel its separator (sep=), and is not the header", mend=mend)
    if len(names) < 2:  # noqa: PLR2004 - a table has a key and something to say about it
        likely = max(_OTHER_SEPARATORS, key=text.count)
        seen = f"; it has {_OTHER_SEPARATORS[likely]}" if likely in text else ""
        raise Unfit(f"the first line has no commas{seen}", mend=_WRITE_AGAIN)
    return names


def _scanned(file: FileIO, shape: Shape, *, blank_is_null: bool) -> pl.LazyFrame:
    """Every column as text in bronze's order, with the place each row came from."""
    file.seek(0)
    frame = pl.scan_csv(
        file,  # the open file that was surveyed, whatever its name now refers to
        infer_schema=False,
        new_columns=list(shape.names),  # as the strict reader has them: this parser keeps doubled quotes in names
        truncate_ragged_lines=False,
        row_index_name=SOURCE_ROW,
        row_index_offset=1,
    )
    cells: dict[str, Any] = dict.fromkeys(shape.written, pl.lit(None, pl.String)) | {n: pl.col(n) for n in shape.names}
    if blank_is_null:  # the parser makes "" a text of no length, and only an unquoted nothing null
        cells |= {n: pl.when(pl.col(n) != "").then(pl.col(n)) for n in shape.names}
    return frame.select(**cells, **{SOURCE_FILE: pl.lit(shape.source), SOURCE_ROW: pl.col(SOURCE_ROW).cast(pl.Int64)})


def _written(scan: pl.LazyFrame, write_to: Path, size: int) -> int:
    """Write a small file in one go: setting up a stream would take longer."""
    if size <= SMALL:
        frame = scan.collect(engine="in-memory")
        writing.small(frame, write_to)
        return frame.height
    scan.sink_parquet(write_to, maintain_order=True, **writing.SHAPE)
    return int(pl.scan_parquet(write_to, glob=False).select(pl.len()).collect().item())


def _examine(file: FileIO, width: int) -> None:
    """Refuse the first record that is not CSV or does not have `width` fields; blank lines and remarks may pass."""
    usual = re.compile(rb"(?:%b,){%d}%b\r?\n" % (_FIELD, width - 1, _FIELD))
    short = 0
    for line, begin, record in _records(file):
        try:
            text = record.decode("utf-8")
        except UnicodeDecodeError as error:
            raise _no_utf8(begin + error.start, line + record[: error.start].count(b"\n")) from None
        if usual.fullmatch(record):
            continue
        place = fields = 0
        while field := _ENDED.match(record, place):
            place, fields = field.end(), fields + 1
        if place < len(record):
            raise _flaw(record, place, line)
        short += 1
        if short > _MOST_SHORT:
            what = f"more than {_MOST_SHORT} lines are blank or remarks"
            raise Unfit(what, mend="land the whole file again, without")
        remark = text.strip().strip('"').strip() if fields == 1 else None
        if remark is None or (remark and not remark.startswith(_REMARKS)):
            raise Unfit(
                f"line {line} has {fields} fields where the header has {width} names",
                mend="land the whole file again; rows need as many fields as the header, and quotes around texts with "
                "commas or line ends",
            )


def _records(file: FileIO) -> Iterator[tuple[int, int, bytes]]:
    """The line and byte where each record begins, and the record; the last may be unclosed. Slow: for messages only."""
    number, begin, record, is_open = 1, _begin(file), bytearray(), False
    with open(os.dup(file.fileno()), "rb") as lines:  # noqa: PTH123 - a descriptor
        lines.seek(begin)
        for following, line in enumerate(lines, start=2):
            record += line
            is_open ^= bool(line.count(b'"') & 1)
            if not is_open or len(record) > _LONGEST_RECORD:
                yield number, begin, bytes(record)
                number, begin, record = following, begin + len(record), bytearray()
    if record:
        yield number, begin, bytes(record)


def _flaw(record: bytes, place: int, line: int) -> Unfit:
    """What is wrong with the field that begins there, and in which line."""
    begun = _BEGUN.match(record, place)
    at = begun.end() if begun else place
    at += record[at : at + 2] == b'"\r'
    sign = record[at : at + 1]
    line += record[: at if sign else place].count(b"\n")
    if not sign:
        mend = "close the quote, or land the whole file again"
        return Unfit(f"a quote opens in line {line} and never closes", mend=mend)
    return Unfit(f"{_WRONG[sign]} in line {line}", mend=_IN_QUOTES)


def _no_utf8(place: int, line: int) -> Unfit:
    return Unfit(f"byte {place} (line {line}) is not UTF-8", mend=_WRITE_AGAIN)


def _unreadable() -> Unfit:
    return Unfit("the file can be read as CSV in more than one way", mend=_WRITE_AGAIN)
