"""Landing files: each written whole, its checksum before it, and none that somebody else wrote ever replaced."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import shutil
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from functools import partial
from itertools import accumulate, chain, pairwise
from pathlib import Path

import polars as pl

from jobs.protocol import clock, files, index, strict_json
from jobs.protocol.errors import UsageError
from jobs.protocol.events import Events
from jobs.protocol.files import Root
from jobs.protocol.workers import cores
from jobs.simulate.chance import Draw
from jobs.simulate.columns import TABLES
from jobs.simulate.dirt import spoil
from jobs.simulate.portfolio import Day, days_between, months
from jobs.simulate.settings import Settings

VERSION = 1  # of the simulator: raised when the same settings would land as other bytes
TRUTH, WORK = "truth", "truth/.work"
FOLDERS = {table: f"datamart/landing/{table}" for table in TABLES}
DAYS_AT_ONCE = 8  # are written together


def simulate(root: Root, settings: Settings, events: Events) -> None:
    """Write the files that are missing, once it is sure that no other stands in their way."""
    started, written = clock.seconds(), 0
    dates = days_between(settings.start, settings.end)
    facts: dict[str, object] = {"start": settings.start, "end": settings.end, "loans_per_day": settings.loans_per_day}
    if settings.shifts:
        facts["scenarios"] = [f"{shift.name}@{shift.since}" for shift in settings.shifts]
    events.say("start", f"{len(dates)} dates, {settings.loans_per_day} loans a day", seed=settings.seed, **facts)
    with files.locked(root, root.at(f"{TRUTH}/.lock"), "a simulation already runs on this root"):
        finished, lying = root.at(f"{TRUTH}/.finished.json"), _lying(root)
        if not finished.is_file() or finished.read_bytes() != _standing(settings, lying):
            _refuse_other_forms(root, settings, lying)
            there = {day: [name in lying for name in names(settings, day).values()] for day in dates}
            touched, missing = ({day for day in dates if are(there[day])} for are in (any, lambda each: not all(each)))
            _for_each_day(settings, touched, partial(_refuse_others, root, lying), events, "compare")
            shutil.rmtree(root.at(WORK), ignore_errors=True)  # of a killed simulation
            for folder in (WORK, *FOLDERS.values()):
                root.at(folder).mkdir(parents=True, exist_ok=True)
            written = _for_each_day(settings, missing, partial(_write_missing, root, lying), events, "write")
            root.at(WORK).rmdir()
            files.write_whole(root, finished, _standing(settings, _lying(root)))
    seconds = round(clock.seconds() - started, 1)
    events.say("end", f"{written} files written in {seconds} s", written=written, seconds=seconds)


def _lying(root: Root) -> dict[str, index.Identity]:
    """All that lies where files go, by name; hidden files are none."""
    found = {each: index.identities(root, each, lambda name: name[0] != ".") for each in (TRUTH, *FOLDERS.values())}
    return {f"{folder}/{name}": identity for folder, those in found.items() for name, identity in those.items()}


def _standing(settings: Settings, lying: dict[str, index.Identity]) -> bytes:
    """What was asked for, and what lies there by size and times: while both stay, there is nothing to compare."""
    digest = hashlib.sha256(json.dumps(lying).encode()).hexdigest()
    return strict_json.canonical({"version": VERSION, "settings": str(settings), "files": digest})


def _for_each_day(
    settings: Settings, wanted: set[date], work: Callable[[dict[str, bytes]], int], events: Events, label: str
) -> int:
    """Draw a month while the files of the month before are worked on; return the sum of what `work` says."""
    total = 0
    before: Iterator[tuple[int, int]] = iter(())
    with ThreadPoolExecutor(cores()) as pool, events.progress(label, len(wanted)) as advance:
        for month in chain(months(settings) if wanted else (), [[]]):
            days = [day for day in month if day.landed in wanted]
            parts = [days[at : at + DAYS_AT_ONCE] for at in range(0, len(days), DAYS_AT_ONCE)]
            now = pool.map(lambda part: (len(part), work(contents(settings, part))), parts)
            for dates, done in before:
                total += done
                advance(dates)
            before = now
    return total


def names(settings: Settings, landed: date) -> dict[str, str]:
    """Every file of a date, relative to the root, by what it holds."""
    stamp = f"{landed:%Y_%m_%d}"
    absent = {scenario.absent for scenario in settings.scenarios(landed)}
    named = {"loans": f"{TRUTH}/loans_{stamp}.parquet"}
    for table in (table for table in TABLES if table not in absent):
        named[table] = f"{FOLDERS[table]}/{table}_{stamp}.{settings.form}"
        named[f"checksum of {table}"] = f"{named[table]}.sha256"
    return named | ({"dirt": f"{TRUTH}/dirt_{stamp}.parquet"} if settings.dirt else {})


def contents(settings: Settings, days: Sequence[Day]) -> dict[str, bytes]:
    """Every file of some dates by its name, in the order of writing; the truth lies where no job looks."""
    named = [names(settings, day.landed) for day in days]
    made = {of["loans"]: _rendered(day.truth, "parquet") for of, day in zip(named, days, strict=True)}
    logs: dict[str, list[pl.DataFrame]] = {of["dirt"]: [] for of in named if settings.dirt}
    for number, table in enumerate(TABLES):
        frames = [day.tables[table] for day in days]
        if settings.dirt:
            for at, (of, day) in enumerate(zip(named, days, strict=True)):
                draw = Draw(frames[at].height, settings.seed, "dirt", day.landed.toordinal(), number)
                frames[at], log = spoil(table, frames[at], settings.dirt, draw)
                if table in of:
                    place = (pl.lit(table).alias("table"), pl.lit(day.landed).alias("date"))
                    logs[of["dirt"]].append(log.select(*place, pl.all()))
        for of, data in zip(named, _all_rendered(frames, settings), strict=True):
            if name := of.get(table):
                made[f"{name}.sha256"] = f"{hashlib.sha256(data).hexdigest()}  {name.rpartition('/')[2]}\n".encode()
                made[name] = data
    return made | {name: _rendered(pl.concat(log), "parquet") for name, log in logs.items()}


def _refuse_other_forms(root: Root, settings: Settings, lying: Iterable[str]) -> None:
    """A date that has landed in another form would land twice."""
    first, last = f"{settings.start:%Y_%m_%d}", f"{settings.end:%Y_%m_%d}"
    for name in lying:
        folder, _, file = name.rpartition("/")
        stamp, _, form = file.removeprefix(f"{folder.rpartition('/')[2]}_").partition(".")
        if folder != TRUTH and first <= stamp <= last and form.removesuffix(".sha256") != settings.form:
            raise _refusal("this date has landed in another form", root.at(name))


def _refuse_others(root: Root, lying: Collection[str], made: dict[str, bytes]) -> int:
    for name, data in made.items():
        if name in lying and root.at(name).read_bytes() != data:
            raise _refusal("this file holds something other than this simulation would write", root.at(name))
    return 0


def _write_missing(root: Root, lying: Collection[str], made: dict[str, bytes]) -> int:
    """Write what is not there yet, and say how much that was."""
    missing = [name for name in made if name not in lying]
    for name in missing:
        draft = root.at(f"{WORK}/{name.rpartition('/')[2]}")
        with files.told_of(root.at(name).parent):
            draft.write_bytes(made[name])
            draft.replace(root.at(name))
    return len(missing)


def _refusal(what: str, path: Path) -> UsageError:
    mend = "give the settings it was simulated with, other dates, or another --root; nothing was written"
    return UsageError(what, where=path, mend=mend)


def _all_rendered(frames: list[pl.DataFrame], settings: Settings) -> list[bytes]:
    """A file of each; clean text in one go, and then cut: many small writes cost far more."""
    if settings.dirt or settings.form != "csv":  # spoiled columns are of other types
        return [_rendered(frame, settings.form) for frame in frames]
    head, *lines = _rendered(pl.concat(frames), "csv").splitlines(keepends=True)
    edges = pairwise(accumulate((frame.height for frame in frames), initial=0))
    return [b"".join([head, *lines[begin:end]]) for begin, end in edges]


def _rendered(frame: pl.DataFrame, form: str) -> bytes:
    buffer = io.BytesIO()
    if form == "parquet":
        frame.write_parquet(buffer)
    elif form == "jsonl":
        frame.write_ndjson(buffer)
    else:
        frame.write_csv(buffer)
    return gzip.compress(buffer.getvalue(), mtime=0) if form == "csv.gz" else buffer.getvalue()
