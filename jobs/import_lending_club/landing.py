"""Spill loans by month of application, write them day by day as landing files, and publish all of them or none."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date
from itertools import groupby
from pathlib import Path

import numpy as np
import polars as pl

from jobs.import_lending_club.columns import KNOWN, OUTCOMES, TABLES
from jobs.import_lending_club.loans import at_application, dated, later
from jobs.protocol import files
from jobs.protocol.calendar import ONE_DAY, days_between
from jobs.protocol.errors import UsageError
from jobs.protocol.events import amount
from jobs.protocol.files import Root
from jobs.protocol.layers import LANDING, LANDING_KINDS

_OTHER_KINDS = tuple(f".{kind}" for kind in LANDING_KINDS if kind != "csv")  # one table has one file a day
_ROWS_HELD = 50_000


def spill(work: Path, loans: pl.DataFrame) -> None:
    """Append loans to one file per month of application, in order, so that later only one month is in memory."""
    _put_aside(work / "loans", loans.select(*KNOWN, "_applied", "_paid", "_unclear"), "_applied")


def write_days(
    work: Path, first: date, cut_off: date, advance: Callable[[int], None]
) -> tuple[dict[str, int], dict[str, str]]:
    """Write every table's file of every day, each dated the day after; return rows by table, and hashes by name.

    A hash beside a file, in the form of sha256sum, tells a whole file from one that is being copied.
    """
    rows, hashes = dict.fromkeys(TABLES, 0), dict[str, str]()
    for table in TABLES:
        (work / table).mkdir()
    for month, some in groupby(days_between(first, cut_off), lambda day: day.replace(day=1)):
        days = list(some)
        heads = {landing_name(table, day): ",".join(TABLES[table]) + "\n" for day in days for table in TABLES}
        for name, head in heads.items():
            (work / name).write_text(head)
        for table, frame in _landing_in(work, month, cut_off):
            rows[table] += frame.height
            for day, lines in _lines_by_day(frame, TABLES[table]):
                with (work / landing_name(table, day)).open("ab") as file:
                    file.write(lines)
        for name in heads:
            hashes[name] = files.sha256_of(work / name)
            (work / f"{name}.sha256").write_text(f"{hashes[name]}  {name.rpartition('/')[2]}\n")
        advance(len(days))
    return rows, hashes


def publish(root: Root, work: Path, hashes: Mapping[str, str]) -> None:
    """Give all files their names, each after its checksum; if any differs from what has landed, publish none."""
    there = landed(root, hashes)
    other = [name.rpartition("/")[2] for name, sha256 in there.items() if sha256 != hashes[name]]
    stems = {name.removesuffix(".csv") for name in hashes}
    for table in TABLES:
        names = files.names_in(root.at(f"{LANDING}/{table}"))
        named = {name: f"{table}/{name.partition('.')[0]}" for name in names if name.endswith(_OTHER_KINDS)}
        other += [name for name, stem in named.items() if stem in stems]
    if other:
        raise UsageError(
            f"{amount(len(other), 'landing file')} there already with other content, {min(other)} for one",
            where=root.at(LANDING),
            mend="nothing was written; import all files of a history in one run, into an empty folder (--root); or "
            "remove what landed before",
        )
    if root.durable:
        os.sync()  # once for all: a name must never outlive its bytes
    for table in TABLES:
        files.make_folder(root, root.at(f"{LANDING}/{table}"))
    for name in hashes:
        for one in (f"{name}.sha256", *(() if name in there else (name,))):
            (work / one).replace(root.at(f"{LANDING}/{one}"))
    if root.durable:
        os.sync()


def landing_name(table: str, day: date) -> str:
    """The file of what happened on a day is dated the day after."""
    return f"{table}/{table}_{day + ONE_DAY:%Y_%m_%d}.csv"


def landed(root: Root, names: Iterable[str]) -> dict[str, str]:
    """The hashes of those of these landing files that exist."""
    paths = {name: root.at(f"{LANDING}/{name}") for name in names}
    return {name: files.sha256_of(path) for name, path in paths.items() if files.is_file(path)}


def _landing_in(work: Path, month: date, cut_off: date) -> Iterator[tuple[str, pl.DataFrame]]:
    """Tables and rows, each with its `_day`: first a month's applications, then its other rows."""
    for spilled in _set_aside(work / "loans", month):
        loans = dated(spilled, cut_off)
        _put_aside(work / "servicing", later(loans, OUTCOMES).select(*TABLES["loan_terms"], "_day"), "_day")
        begun = at_application(loans, OUTCOMES).with_columns(_day="_applied")
        for table in TABLES:
            # on the last day of all a loan has one row too: the file's own state
            has_more = pl.col("_applied") < pl.col("_final") if table == "loan_terms" else pl.lit(value=True)
            yield table, begun.filter(has_more)
    for rows in _set_aside(work / "servicing", month):
        yield "loan_terms", rows


def _put_aside(folder: Path, rows: pl.DataFrame, dated_by: str) -> None:
    months = rows.with_columns(_month=pl.col(dated_by).dt.month_start()).partition_by("_month", as_dict=True)
    for (month,), part in months.items():
        place = folder / f"{month:%Y-%m}"
        place.mkdir(parents=True, exist_ok=True)
        part.drop("_month").write_ipc(place / f"{len(os.listdir(place)):06d}.arrow", compression="lz4")


def _set_aside(folder: Path, month: date) -> Iterator[pl.DataFrame]:
    place = folder / f"{month:%Y-%m}"
    held: list[pl.DataFrame] = []
    for path in sorted(place.iterdir()) if place.is_dir() else []:
        with path.open("rb") as file:  # by its name polars would take a root like loans[1] for a pattern
            held.append(pl.read_ipc(file))
        if sum(frame.height for frame in held) >= _ROWS_HELD:
            yield pl.concat(held)
            held = []
    if held:
        yield pl.concat(held)
    shutil.rmtree(place, ignore_errors=True)


def _lines_by_day(rows: pl.DataFrame, columns: tuple[str, ...]) -> Iterator[tuple[date, bytes]]:
    """The rows of each day as lines of CSV: formatted all at once, which is far cheaper, then cut by day."""
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
