"""Read scored files: which column is the score, which is the label, and which rows can be used."""

from __future__ import annotations

import csv
import gzip
import math
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from io import BufferedReader, BytesIO, TextIOWrapper
from pathlib import Path
from typing import IO, NamedTuple, Never

import polars as pl

from jobs.measures.counts import ScoreCounts, ValueCounts
from jobs.protocol import files
from jobs.protocol.errors import ContractBroken, InputMissing, UsageError
from jobs.protocol.schemas import suggestion

CSV, PARQUET = (".csv", ".csv.gz"), (".parquet",)
NULLS = ["NA", "N/A", "null", "NULL"]  # not "None": in home_ownership it is a level
TWO = 2
TWICE = "_duplicated_0"  # what polars adds to the second column of a name
MOST_NAMES = 20  # of columns, in a message
MOST_ROWS = 100_000_000  # that the footer of a Parquet may claim, as in landing files
_GZIP = b"\x1f\x8b"
_PACKED = (_GZIP, b"x\x01", b"x\x9c", b"x\xda", b"\x28\xb5\x2f\xfd")  # as polars knows gzip, zlib and zstd
_EVERY_ROW = "every row with the fields of the header"
MOST_SPELLINGS = 50  # of two labels


class Columns(NamedTuple):
    """What the command line says of a file's columns."""

    score: str
    label: str
    bad: str | None
    higher_is_safer: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredFile:
    """A file's rows with a score as counts, riskier scores higher, and its other columns as they are."""

    name: str
    rows: int
    without_score: int
    without_label: int | None  # among the rows with a score; None where the file has no labels at all
    probabilities: bool
    scored: ValueCounts
    labelled: ScoreCounts
    others: pl.DataFrame


def read_scored(path: Path, columns: Columns, *, needs_labels: bool) -> ScoredFile:
    """Read a CSV or parquet file with scores, and labels where it has or needs them."""
    frame = read_frame(path)
    for name in (columns.score, columns.label) if needs_labels else (columns.score,):
        _require(name, frame.columns, path)
    scores, probabilities = _scores(frame.get_column(columns.score), path)
    has_score = scores.is_finite().fill_null(value=False)
    risk = scores.filter(has_score).to_numpy()
    if columns.higher_is_safer:
        risk = 1 - risk if probabilities else -risk
    without_label, labelled = None, ScoreCounts.of((), ())
    if columns.label in frame.columns:
        labels = _labels(frame.get_column(columns.label), columns, path).filter(has_score)
        has_label = labels.is_not_null()
        without_label = len(labels) - int(has_label.sum())
        labelled = ScoreCounts.of(risk[has_label.to_numpy()], labels.filter(has_label).to_numpy())
    return ScoredFile(
        name=str(path),
        rows=frame.height,
        without_score=frame.height - len(risk),
        without_label=without_label,
        probabilities=probabilities,
        scored=ValueCounts.of(risk),
        labelled=labelled,
        others=frame.drop(columns.score, columns.label, strict=False),
    )


def read_frame(path: Path) -> pl.DataFrame:
    """Read a whole file; every column of a CSV file as text, so that no value is guessed at."""
    if not files.is_file(path):
        raise InputMissing("there is no such file", where=path, mend="give the path of a scored file")
    if not path.name.endswith(CSV + PARQUET):
        raise UsageError("the kind of file is unknown", where=path, mend="name it .csv, .csv.gz or .parquet")
    with path.open("rb") as file:  # here, so that what the system refuses does not pass for a flaw of the file
        return _read_parquet(path) if path.name.endswith(PARQUET) else _read_csv(file, path)


def _read_csv(file: BufferedReader, path: Path) -> pl.DataFrame:
    try:
        frame = pl.read_csv(plain := _plain(file, path), infer_schema=False, null_values=NULLS)
        _check_names(frame.columns, path)
        if frame[:, -1].null_count():
            _refuse_short(plain, frame.width, path)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, EOFError, zlib.error, csv.Error):
        _refuse(path, "CSV", f"save it as UTF-8, separated by commas, {_EVERY_ROW}")
    return frame


def numbers_or_none(column: pl.Series) -> pl.Series | None:
    """Read a column as numbers; None where it holds text that is none, or values of another kind."""
    if column.dtype == pl.String:
        numbers = column.str.strip_chars().cast(pl.Float64, strict=False)
        return numbers if numbers.null_count() == column.null_count() else None
    if column.dtype.is_numeric() or column.dtype == pl.Null:
        return column.cast(pl.Float64)
    return None


def _plain(file: BufferedReader, path: Path) -> IO[bytes]:
    """The bytes of a CSV, unpacked within bounds: polars would unpack any packed file without a limit."""
    plain: IO[bytes] = file
    if file.peek().startswith(_GZIP):
        most, plain, packed = files.most_unpacked(path.stat().st_size), BytesIO(), gzip.GzipFile(fileobj=file)
        while plain.write(packed.read(1 << 20)):
            if plain.tell() > most:
                _refuse(path, "CSV", "look at it: it unpacks to more than a file of its size should hold")
        plain.seek(0)
    if plain.read(4).startswith(_PACKED):
        _refuse(path, "CSV", "unpack it first")
    plain.seek(0)
    return plain


def _check_names(names: Sequence[str], path: Path) -> None:
    if any({"\r", "\0"} & {*name} for name in names):
        _refuse(path, "CSV", "save it as UTF-8, its lines ended by a line feed, not by a carriage return alone")
    # values in a first line without names would stand in messages
    if pl.Series(names).str.strip_chars().cast(pl.Float64, strict=False).is_not_null().any():
        _refuse(path, "CSV", "name the columns in its first line")
    if any(name.endswith(TWICE) and name.removesuffix(TWICE) in names for name in names):
        _refuse(path, "CSV", "give each column a name of its own")


def _refuse_short(plain: IO[bytes], width: int, path: Path) -> None:
    """Refuse rows that are too short: polars would fill them with nulls."""
    plain.seek(0)
    with TextIOWrapper(plain, "utf-8-sig", newline="") as lines:
        rows = csv.reader(lines)
        short = next((row for row in rows if 0 < len(row) < width), None)
    if short:
        what = f"line {rows.line_num} has {len(short)} fields where the header has {width} names"
        raise ContractBroken(what, where=path, mend=f"write {_EVERY_ROW}")


def _read_parquet(path: Path) -> pl.DataFrame:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        footer = pq.read_metadata(path)  # refuses what could bring polars down
        unpacked = sum(footer.row_group(at).total_byte_size for at in range(footer.num_row_groups))
        if footer.num_rows > MOST_ROWS or unpacked > files.most_unpacked(path.stat().st_size):
            _refuse(path, "parquet", "look at it: its footer claims more than a file of this size should hold")
        return pl.read_parquet(path, glob=False)
    except (pa.ArrowException, pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError):
        _refuse(path, "parquet", "write it again")


def _refuse(path: Path, kind: str, mend: str) -> Never:
    # The libraries' own messages quote values.
    raise ContractBroken(f"the file cannot be read as {kind}", where=path, mend=mend) from None


def _require(name: str, present: list[str], path: Path) -> None:
    if name in present:
        return
    mend = suggestion(name, present) or f"the file has {', '.join(map(repr, present[:MOST_NAMES]))}"
    only = present[0] if len(present) == 1 else ""
    if separator := next((mark for mark in ";\t|" if mark in only), None):
        mend = f"the fields seem to be separated by {separator!r}: save the file with commas"
    raise ContractBroken(f"there is no column {name!r}", where=path, mend=mend)


def _scores(column: pl.Series, path: Path) -> tuple[pl.Series, bool]:
    """Scores, and whether they are probabilities or points; a few outside [0, 1] are an error, not points."""
    scores, where = numbers_or_none(column), f"{path}, column {column.name!r}"
    if scores is None:
        mend = "write plain numbers, with a point and without signs such as %, and nothing where there is none"
        raise ContractBroken("the scores are not all numbers", where=where, mend=mend)
    known = scores.filter(scores.is_finite().fill_null(value=False))
    outside = int((~known.is_between(0, 1)).sum())
    if outside and TWO * outside < len(known):
        mend = "correct them; a score that is no probability has most of its values outside"
        raise ContractBroken(f"{outside} of {len(known)} scores lie outside [0, 1]", where=where, mend=mend)
    return scores, not outside


def _labels(column: pl.Series, columns: Columns, path: Path) -> pl.Series:
    """Read labels as 0, 1 or null."""
    where = f"{path}, column {column.name!r}"
    if column.dtype.is_nested():
        mend = "make a column of two plain values first"
        raise ContractBroken("the labels are nested values", where=where, mend=mend)
    distinct = column.drop_nulls().unique()
    spelled = {value: _spelled(value) for value in distinct.head(MOST_SPELLINGS).to_list()}
    names = {name for name in spelled.values() if name}
    if len(distinct) > MOST_SPELLINGS or len(names) > TWO:
        mend = "make a column of two values first, for loans whose outcome is known"
        raise ContractBroken(f"the labels have {len(distinct)} values, not two", where=where, mend=mend)
    if columns.bad is None and not names <= {"0", "1"}:
        mend = "give a column of 0 and 1, or say with --bad which of its two values means bad"
        raise ContractBroken("the labels are not 0 and 1", where=where, mend=mend)
    bad = "1" if columns.bad is None else _spelled(columns.bad)
    if len(names) == TWO and bad not in names:
        mend = "spell the value as in the file"
        raise ContractBroken("neither of the two labels is the one given with --bad", where=where, mend=mend)
    known = {value: int(name == bad) for value, name in spelled.items() if name}
    return column.replace_strict(list(known), list(known.values()), default=None, return_dtype=pl.Int8)


def _spelled(value: object) -> str:
    """Spell equal labels the same, whatever their type: 1, 1.0, "1" and true are one label; blank and NaN are none."""
    text = str(value).strip()
    text = {"false": "0", "true": "1"}.get(text.lower(), text)
    try:
        number = float(text)
    except ValueError:
        return text
    return "" if math.isnan(number) else f"{number + 0.0:.17g}"  # -0.0 is 0
