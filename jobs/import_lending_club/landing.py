"""Loans spilled by month of application, then written day by day as landing files: memory holds one month at a time."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from jobs.import_lending_club import servicing
from jobs.import_lending_club.layout import Layout
from jobs.import_lending_club.publishing import landing_name
from jobs.protocol.calendar import add_months

_ROWS_HELD = 50_000
_DATES = ("_applied", "_paid", "_unclear")


@dataclass(slots=True)
class Landing:
    """A folder of landing files in the making; nothing in it has a place where a job would look."""

    folder: Path
    layout: Layout
    rows: dict[str, int] = field(default_factory=dict)  # landed, by table
    hashes: dict[str, str] = field(default_factory=dict)  # of the landing files, by name
    _spilled: int = 0

    def spill(self, loans: pl.DataFrame) -> None:
        """Put loans aside by the month of their application, in the order in which they come."""
        self._put_aside("loans", loans.select(*self.layout.known, *_DATES), "_applied")

    def write_days(self, first: date, cut_off: date, advance: Callable[[int], None]) -> None:
        """Write every table's file of every day from `first` to the cut-off: each is dated the day after."""
        for table in self.layout.tables:
            (self.folder / table).mkdir()
            self.rows[table] = 0
        for month in months(first, cut_off):
            days = [day for day in _days_of(month) if first <= day <= cut_off]
            self._write_month(month, days, cut_off)
            advance(1)

    def _write_month(self, month: date, days: list[date], cut_off: date) -> None:
        written = {
            (table, day): _DayFile(self.folder / table / landing_name(table, day + timedelta(days=1)), columns)
            for table, columns in self.layout.tables.items()
            for day in days
        }
        for table, rows in self._landing_in(month, cut_off):
            self.rows[table] += rows.height
            for day, lines in _lines_by_day(rows, self.layout.tables[table]):
                written[table, day].write(lines)
        for file in written.values():
            self.hashes[file.path.name] = file.close()

    def _landing_in(self, month: date, cut_off: date) -> Iterator[tuple[str, pl.DataFrame]]:
        """Tables and rows, each with its `_day`: first the applications of a month, then what else came in it."""
        outcomes = self.layout.outcomes
        for spilled in self._set_aside("loans", month):
            loans = servicing.dated(spilled, cut_off)
            later = servicing.later(loans, outcomes).select(*self.layout.tables["loan_terms"], "_day")
            self._put_aside("servicing", later, "_day")
            begun = servicing.at_application(loans, outcomes).with_columns(_day="_applied")
            for table in self.layout.tables:
                # on the last day of all a loan has one row too: the file's own state
                has_more = pl.col("_applied") < pl.col("_final") if table == "loan_terms" else pl.lit(value=True)
                yield table, begun.filter(has_more)
        for rows in self._set_aside("servicing", month):
            yield "loan_terms", rows

    def _put_aside(self, kind: str, rows: pl.DataFrame, day: str) -> None:
        self._spilled += 1
        parts = rows.with_columns(_month=pl.col(day).dt.month_start()).partition_by("_month", as_dict=True)
        for (month,), part in parts.items():
            folder = self.folder / kind / f"{month:%Y-%m}"
            folder.mkdir(parents=True, exist_ok=True)
            part.drop("_month").write_ipc(folder / f"{self._spilled:06d}.arrow", compression="lz4")

    def _set_aside(self, kind: str, month: date) -> Iterator[pl.DataFrame]:
        folder = self.folder / kind / f"{month:%Y-%m}"
        held: list[pl.DataFrame] = []
        for path in sorted(folder.iterdir()) if folder.is_dir() else []:
            held.append(pl.read_ipc(path))
            if sum(frame.height for frame in held) >= _ROWS_HELD:
                yield pl.concat(held)
                held = []
        if held:
            yield pl.concat(held)
        shutil.rmtree(folder, ignore_errors=True)


class _DayFile:
    """One landing file in the making: hashed as it is written, and its hash beside it when it is closed."""

    def __init__(self, path: Path, columns: tuple[str, ...]) -> None:
        self.path, self._file, self._hash = path, path.open("wb"), hashlib.sha256()
        self.write(",".join(columns).encode() + b"\n")

    def write(self, lines: bytes) -> None:
        self._file.write(lines)
        self._hash.update(lines)

    def close(self) -> str:
        """The form of sha256sum lets a reader, or a person, tell a whole file from one that is being copied."""
        self._file.close()
        digest = self._hash.hexdigest()
        self.path.with_name(f"{self.path.name}.sha256").write_text(f"{digest}  {self.path.name}\n")
        return digest


def months(first: date, last: date) -> list[date]:
    """The firsts of all months from one day to another."""
    count = (last.year - first.year) * 12 + last.month - first.month + 1
    return [add_months(first.replace(day=1), number) for number in range(count)]


def _lines_by_day(rows: pl.DataFrame, columns: tuple[str, ...]) -> Iterator[tuple[date, bytes]]:
    """The rows of each day as lines of CSV: all written at once, as many small writes cost far more, then cut."""
    rows = rows.sort("_day", maintain_order=True)
    lines = rows.select(columns).write_csv(include_header=False).encode()
    letters = np.frombuffer(lines, dtype=np.uint8)
    is_quoted = np.cumsum(letters == ord('"'), dtype=np.uint8) & 1  # a line break between quotes ends no row
    ends = np.flatnonzero((letters == ord("\n")) & (is_quoted == 0)) + 1
    begin = row = 0
    for day, count in rows["_day"].rle().struct.unnest().select("value", "len").iter_rows():
        row += count
        yield day, lines[begin : ends[row - 1]]
        begin = int(ends[row - 1])


def _days_of(month: date) -> list[date]:
    return [month + timedelta(days=number) for number in range((add_months(month, 1) - month).days)]
