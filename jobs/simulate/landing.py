"""Landing files: each written whole, its checksum before it, and none that somebody else wrote ever replaced."""

from __future__ import annotations

import gzip
import hashlib
import io
from datetime import date
from pathlib import Path

import polars as pl

from jobs.protocol import files
from jobs.protocol.errors import UsageError
from jobs.protocol.files import Root
from jobs.simulate import scenarios
from jobs.simulate.chance import stream
from jobs.simulate.columns import TABLES
from jobs.simulate.dirt import LOG, spoil
from jobs.simulate.portfolio import Day
from jobs.simulate.settings import Settings

LANDING, TRUTH = "datamart/landing", "truth"


def names(settings: Settings, landed: date) -> list[str]:
    """Every file of a date, relative to the root: as many as `contents` makes."""
    missing = scenarios.absent(settings.shifts, landed)
    data = [_data(table, settings, landed) for table in TABLES if table not in missing]
    kinds = ("loans", "dirt") if settings.dirt else ("loans",)
    return [*data, *(f"{name}.sha256" for name in data), *(_truth(kind, landed) for kind in kinds)]


def contents(settings: Settings, day: Day) -> dict[str, bytes]:
    """Every file of a date by its name, in the order of writing; the truth lies where no job looks."""
    made = {_truth("loans", day.landed): _rendered(day.truth, "parquet")}
    logs = []
    missing = scenarios.absent(settings.shifts, day.landed)
    for number, (table, clean) in enumerate(day.tables.items()):
        if table in missing:
            continue
        frame = clean
        if settings.dirt:
            frame, log = spoil(
                table, clean, settings.dirt, stream(settings.seed, "dirt", day.landed.toordinal(), number)
            )
            logs.append(log.select(pl.lit(table).alias("table"), pl.lit(day.landed).alias("date"), *LOG))
        data, name = _rendered(frame, settings.form), _data(table, settings, day.landed)
        made[f"{name}.sha256"] = f"{hashlib.sha256(data).hexdigest()}  {name.rpartition('/')[2]}\n".encode()
        made[name] = data
    if logs:
        made[_truth("dirt", day.landed)] = _rendered(pl.concat(logs), "parquet")
    return made


def refuse_other_forms(root: Root, settings: Settings) -> None:
    """A date that has landed in another form would land twice."""
    first, last = f"{settings.start:%Y_%m_%d}", f"{settings.end:%Y_%m_%d}"
    for table in TABLES:
        for path in sorted(root.at(f"{LANDING}/{table}").glob(f"{table}_*")):
            stamp, _, form = path.name.removeprefix(f"{table}_").partition(".")
            if first <= stamp <= last and form.removesuffix(".sha256") != settings.form:
                raise _refusal("this date has landed in another form", path)


def refuse_other_bytes(root: Root, made: dict[str, bytes]) -> None:
    for name, data in made.items():
        path = root.at(name)
        if path.exists() and path.read_bytes() != data:
            raise _refusal("this file holds something other than this simulation would write", path)


def write_missing(root: Root, made: dict[str, bytes]) -> int:
    """Write what is not there yet, and say how much that was."""
    missing = [name for name in made if not root.at(name).exists()]
    for name in missing:
        files.write_whole(root, root.at(name), made[name])
    return len(missing)


def sweep(root: Root) -> None:
    """Remove what a killed simulation left half-written."""
    for folder in (TRUTH, *(f"{LANDING}/{table}" for table in TABLES)):
        files.sweep(root.at(folder))


def _data(table: str, settings: Settings, landed: date) -> str:
    return f"{LANDING}/{table}/{table}_{landed:%Y_%m_%d}.{settings.form}"


def _truth(kind: str, landed: date) -> str:
    return f"{TRUTH}/{kind}_{landed:%Y_%m_%d}.parquet"


def _refusal(what: str, path: Path) -> UsageError:
    mend = "give the settings it was simulated with, other dates, or another --root; nothing was written"
    return UsageError(what, where=path, mend=mend)


def _rendered(frame: pl.DataFrame, form: str) -> bytes:
    buffer = io.BytesIO()
    if form == "parquet":
        frame.write_parquet(buffer)
    elif form == "jsonl":
        frame.write_ndjson(buffer)
    else:
        frame.write_csv(buffer)
    return gzip.compress(buffer.getvalue(), mtime=0) if form == "csv.gz" else buffer.getvalue()
