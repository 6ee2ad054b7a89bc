"""Landing files: each written whole, its checksum before it, and none that somebody else wrote ever replaced."""

from __future__ import annotations

import gzip
import hashlib
import io
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from functools import partial
from itertools import chain
from pathlib import Path

import polars as pl

from jobs.protocol import clock, files
from jobs.protocol.errors import UsageError
from jobs.protocol.events import Events
from jobs.protocol.files import Root
from jobs.protocol.workers import cores
from jobs.simulate.chance import Draw
from jobs.simulate.columns import TABLES
from jobs.simulate.dirt import LOG, spoil
from jobs.simulate.portfolio import Day, months
from jobs.simulate.settings import Settings

LANDING, TRUTH = "datamart/landing", "truth"


def simulate(root: Root, settings: Settings, events: Events) -> int:
    """Write the files that are missing, once it is sure that no other stands in their way; return how many."""
    started = clock.seconds()
    _refuse_other_forms(root, settings)
    for folder in (TRUTH, *(f"{LANDING}/{table}" for table in TABLES)):
        files.sweep(root.at(folder))  # what a killed simulation left half-written
    dates = [settings.start + timedelta(days=each) for each in range((settings.end - settings.start).days + 1)]
    there = {day: [root.at(name).exists() for name in names(settings, day).values()] for day in dates}
    facts: dict[str, object] = {"start": settings.start, "end": settings.end, "loans_per_day": settings.loans_per_day}
    if settings.shifts:
        facts["scenarios"] = [f"{shift.name}@{shift.since}" for shift in settings.shifts]
    events.say("start", f"{len(dates)} dates, {settings.loans_per_day} loans a day", seed=settings.seed, **facts)
    touched, missing = ({day for day in dates if has(there[day])} for has in (any, lambda found: not all(found)))
    _for_each_day(settings, touched, partial(_refuse_others, root), events, "compare")
    written = _for_each_day(settings, missing, partial(_write_missing, root), events, "write")
    seconds = round(clock.seconds() - started, 1)
    events.say("end", f"{written} files written in {seconds} s", written=written, seconds=seconds)
    return written


def _for_each_day(
    settings: Settings, wanted: set[date], work: Callable[[dict[str, bytes]], int], events: Events, label: str
) -> int:
    """Draw a month while the files of the month before are worked on; return the sum of what `work` says."""
    total = 0
    before: Iterator[int] = iter(())
    with ThreadPoolExecutor(cores()) as pool, events.progress(label, len(wanted)) as advance:
        for days in chain(months(settings) if wanted else (), [[]]):
            now = pool.map(lambda day: work(contents(settings, day)), [day for day in days if day.landed in wanted])
            done = list(before)
            total += sum(done)
            advance(len(done))
            before = now
    return total


def names(settings: Settings, landed: date) -> dict[str, str]:
    """Every file of a date, relative to the root, by what it holds."""
    stamp = f"{landed:%Y_%m_%d}"
    absent = {scenario.absent for scenario in settings.scenarios(landed)}
    named = {"loans": f"{TRUTH}/loans_{stamp}.parquet"}
    for table in (table for table in TABLES if table not in absent):
        named[table] = f"{LANDING}/{table}/{table}_{stamp}.{settings.form}"
        named[f"checksum of {table}"] = f"{named[table]}.sha256"
    return named | ({"dirt": f"{TRUTH}/dirt_{stamp}.parquet"} if settings.dirt else {})


def contents(settings: Settings, day: Day) -> dict[str, bytes]:
    """Every file of a date by its name, in the order of writing; the truth lies where no job looks."""
    named = names(settings, day.landed)
    made = {named["loans"]: _rendered(day.truth, "parquet")}
    logs = []
    for number, (table, clean) in enumerate(day.tables.items()):
        if table not in named:
            continue
        frame, name = clean, named[table]
        if settings.dirt:
            draw = Draw(clean.height, settings.seed, "dirt", day.landed.toordinal(), number)
            frame, log = spoil(table, clean, settings.dirt, draw)
            logs.append(log.select(pl.lit(table).alias("table"), pl.lit(day.landed).alias("date"), *LOG))
        data = _rendered(frame, settings.form)
        made[f"{name}.sha256"] = f"{hashlib.sha256(data).hexdigest()}  {name.rpartition('/')[2]}\n".encode()
        made[name] = data
    return made | ({named["dirt"]: _rendered(pl.concat(logs), "parquet")} if logs else {})


def _refuse_other_forms(root: Root, settings: Settings) -> None:
    """A date that has landed in another form would land twice."""
    first, last = f"{settings.start:%Y_%m_%d}", f"{settings.end:%Y_%m_%d}"
    for table in TABLES:
        for path in sorted(root.at(f"{LANDING}/{table}").glob(f"{table}_*")):
            stamp, _, form = path.name.removeprefix(f"{table}_").partition(".")
            if first <= stamp <= last and form.removesuffix(".sha256") != settings.form:
                raise _refusal("this date has landed in another form", path)


def _refuse_others(root: Root, made: dict[str, bytes]) -> int:
    for name, data in made.items():
        path = root.at(name)
        if path.exists() and path.read_bytes() != data:
            raise _refusal("this file holds something other than this simulation would write", path)
    return 0


def _write_missing(root: Root, made: dict[str, bytes]) -> int:
    """Write what is not there yet, and say how much that was."""
    missing = [name for name in made if not root.at(name).exists()]
    for name in missing:
        files.write_whole(root, root.at(name), made[name])
    return len(missing)


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
