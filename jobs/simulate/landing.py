"""Write the landing files: each whole and after its checksum, all or none, never replacing somebody else's."""

from __future__ import annotations

import hashlib
import io
import json
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import polars as pl

from jobs.protocol import clock, files, index, strict_json
from jobs.protocol.calendar import days_between
from jobs.protocol.errors import UsageError
from jobs.protocol.events import Events, amount
from jobs.protocol.files import Root
from jobs.protocol.layers import LANDING
from jobs.protocol.workers import cores
from jobs.simulate.chance import Draw
from jobs.simulate.columns import TABLES
from jobs.simulate.dirt import spoil
from jobs.simulate.portfolio import Day, months
from jobs.simulate.settings import Settings

VERSION = 1  # of the simulator: raise it when the same settings (or scenarios) give other bytes
TRUTH = "truth"
FOLDERS = {table: f"{LANDING}/{table}" for table in TABLES}
Lying = dict[str, index.Identity]


def simulate(root: Root, settings: Settings, events: Events) -> None:
    """Write the missing files, after making sure that no other file is in their place."""
    started, written = clock.seconds(), []
    dates = days_between(settings.start, settings.end)
    facts: dict[str, object] = {"start": settings.start, "end": settings.end, "loans_per_day": settings.loans_per_day}
    if settings.shifts:
        facts["scenarios"] = [f"{shift.name}@{shift.since}" for shift in settings.shifts]
    sentence = f"{amount(len(dates), 'date')}, {amount(settings.loans_per_day, 'loan')} a day"
    events.say("start", sentence, seed=settings.seed, **facts)
    truth = root.at(TRUTH)
    with files.locked(root, truth / ".lock", "a simulation already runs on this root"):
        finished, lying = truth / ".finished.json", _lying(root)
        if not files.is_file(finished) or finished.read_bytes() != _standing(settings, lying):
            _refuse_strangers(root, settings, dates, lying)
            for left in truth.glob(".work-*"):  # of a killed simulation
                shutil.rmtree(left)
            files.sweep(truth)
            with files.naming_folder(truth), tempfile.TemporaryDirectory(prefix=".work-", dir=truth) as folder:
                work = Path(folder)
                with events.progress("simulate", len(dates)) as advance:
                    for missing in _worked_off(root, work, settings, lying):
                        written += missing
                        advance(1)
                for each in FOLDERS.values():
                    root.at(each).mkdir(parents=True, exist_ok=True)
                for name in written:
                    (work / Path(name).name).replace(root.at(name))
            ours = {name: index.identity_of(root.at(name).lstat()) for name in written}
            files.write_whole(root, finished, _standing(settings, lying | ours))  # not what else changed meanwhile
    seconds = round(clock.seconds() - started, 1)
    events.say("end", f"{amount(len(written), 'file')} written in {seconds} s", written=len(written), seconds=seconds)


def _lying(root: Root) -> Lying:
    """All files in the target folders, by name, except hidden ones."""
    found = {each: index.identities(root, each, lambda name: name[0] != ".") for each in (TRUTH, *FOLDERS.values())}
    return {f"{folder}/{name}": identity for folder, those in found.items() for name, identity in those.items()}


def _standing(settings: Settings, lying: Lying) -> bytes:
    """The request and the identities of its files: as long as neither changes, nothing need be compared."""
    digest = hashlib.sha256(json.dumps(lying, sort_keys=True).encode()).hexdigest()
    return strict_json.canonical({"version": VERSION, "settings": str(settings), "files": digest})


def _refuse_strangers(root: Root, settings: Settings, dates: Iterable[date], lying: Lying) -> None:
    """Refuse other files that bear our dates: those dates would land twice."""
    ours = {name for day in dates for name in names(settings, day).values()}
    stamps = {f"{day:%Y_%m_%d}" for day in dates}
    for name in lying.keys() - ours:
        if stamps.intersection(re.findall(r"_(\d{4}_\d\d_\d\d)\.", name)):
            raise _refusal("this date has landed with other settings", root.at(name))


def _worked_off(root: Root, work: Path, settings: Settings, lying: Lying) -> Iterator[list[str]]:
    """Draw month by month, and compare each day's files or write them to the work folder; yields what was missing."""

    def work_off(day: Day) -> list[str]:
        missing = []
        for name, data in contents(settings, day).items():
            if name not in lying:
                (work / Path(name).name).write_bytes(data)
                missing.append(name)
            elif root.at(name).read_bytes() != data:
                raise _refusal("this file holds something other than this simulation would write", root.at(name))
        return missing

    with ThreadPoolExecutor(cores()) as pool:
        for month in months(settings):
            yield from pool.map(work_off, month)


def names(settings: Settings, landed: date) -> dict[str, str]:
    """Every file of a date, relative to the root, by what it holds."""
    stamp = f"{landed:%Y_%m_%d}"
    absent = {scenario.absent for scenario in settings.scenarios(landed)}
    named = {"loans": f"{TRUTH}/loans_{stamp}.parquet"}
    named |= {table: f"{FOLDERS[table]}/{table}_{stamp}.csv" for table in TABLES if table not in absent}
    named |= {f"checksum of {table}": f"{named[table]}.sha256" for table in TABLES if table not in absent}
    return named | ({"dirt": f"{TRUTH}/dirt_{stamp}.parquet"} if settings.dirt else {})


def contents(settings: Settings, day: Day) -> dict[str, bytes]:
    """The content of every file of a date, by name, in the order of writing; the truth goes where no job looks."""
    named, dirt = names(settings, day.landed), []
    made = {named["loans"]: _parquet(day.truth)}
    for number, (table, clean) in enumerate(day.tables.items()):
        if table not in named:
            continue
        frame = clean
        if settings.dirt:
            draw = Draw(clean.height, settings.seed, "dirt", day.landed.toordinal(), number)
            frame, log = spoil(table, clean, settings.dirt, draw)
            dirt.append(log.select(pl.lit(table).alias("table"), pl.lit(day.landed).alias("date"), pl.all()))
        data = frame.write_csv().encode()
        digest = hashlib.sha256(data).hexdigest()
        made[named[f"checksum of {table}"]] = f"{digest}  {Path(named[table]).name}\n".encode()
        made[named[table]] = data
    return made | ({named["dirt"]: _parquet(pl.concat(dirt))} if settings.dirt else {})


def _parquet(frame: pl.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.write_parquet(buffer)
    return buffer.getvalue()


def _refusal(what: str, path: Path) -> UsageError:
    mend = "give the settings it was simulated with, other dates, or another --root; nothing was written"
    return UsageError(what, where=path, mend=mend)
