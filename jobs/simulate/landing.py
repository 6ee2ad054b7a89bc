"""Landing files: each whole and after its checksum, all or none, and none that somebody else wrote replaced."""

from __future__ import annotations

import hashlib
import io
import json
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from itertools import accumulate, chain, pairwise
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

VERSION = 1  # of the simulator: raised when the same settings would land as other bytes
TRUTH = "truth"
FOLDERS = {table: f"{LANDING}/{table}" for table in TABLES}
DAYS_AT_ONCE = 8  # are written together
Lying = dict[str, index.Identity]


def simulate(root: Root, settings: Settings, events: Events) -> None:
    """Write the files that are missing, once it is sure that no other stands in their way."""
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
        if not finished.is_file() or finished.read_bytes() != _standing(settings, lying):
            _refuse_strangers(root, settings, dates, lying)
            for left in truth.glob(".work-*"):  # of a killed simulation
                shutil.rmtree(left)
            with files.told_of(truth), tempfile.TemporaryDirectory(prefix=".work-", dir=truth) as folder:
                work = Path(folder)
                with events.progress("simulate", len(dates)) as advance:
                    for days, files_of_days in _worked_off(root, work, settings, lying):
                        written += files_of_days
                        advance(days)
                for each in FOLDERS.values():
                    root.at(each).mkdir(parents=True, exist_ok=True)
                for name in written:
                    (work / Path(name).name).replace(root.at(name))
            ours = {name: index.identity_of(root.at(name).lstat()) for name in written}
            files.write_whole(root, finished, _standing(settings, lying | ours))  # not what else changed meanwhile
    seconds = round(clock.seconds() - started, 1)
    events.say("end", f"{amount(len(written), 'file')} written in {seconds} s", written=len(written), seconds=seconds)


def _lying(root: Root) -> Lying:
    """All that lies where files go, by name; hidden files are none."""
    found = {each: index.identities(root, each, lambda name: name[0] != ".") for each in (TRUTH, *FOLDERS.values())}
    return {f"{folder}/{name}": identity for folder, those in found.items() for name, identity in those.items()}


def _standing(settings: Settings, lying: Lying) -> bytes:
    """What was asked for, and what lies there by size and times: while both stay, there is nothing to compare."""
    digest = hashlib.sha256(json.dumps(lying, sort_keys=True).encode()).hexdigest()
    return strict_json.canonical({"version": VERSION, "settings": str(settings), "files": digest})


def _refuse_strangers(root: Root, settings: Settings, dates: Iterable[date], lying: Lying) -> None:
    """A date that has landed in another form would land twice."""
    ours = {name for day in dates for name in names(settings, day).values()}
    stamps = {f"{day:%Y_%m_%d}" for day in dates}
    for name in lying.keys() - ours:
        if stamps.intersection(re.findall(r"_(\d{4}_\d\d_\d\d)\.", name)):
            raise _refusal("this date has landed otherwise", root.at(name))


def _worked_off(root: Root, work: Path, settings: Settings, lying: Lying) -> Iterator[tuple[int, list[str]]]:
    """Draw a month while the files of the month before are written aside or compared: how many days, and which."""

    def work_off(days: list[Day]) -> tuple[int, list[str]]:
        missing = []
        for name, data in contents(settings, days).items():
            if name not in lying:
                (work / Path(name).name).write_bytes(data)
                missing.append(name)
            elif root.at(name).read_bytes() != data:
                raise _refusal("this file holds something other than this simulation would write", root.at(name))
        return len(days), missing

    before: Iterator[tuple[int, list[str]]] = iter(())
    with ThreadPoolExecutor(cores()) as pool:
        for month in chain(months(settings), [[]]):
            now = pool.map(work_off, [month[at : at + DAYS_AT_ONCE] for at in range(0, len(month), DAYS_AT_ONCE)])
            yield from before
            before = now


def names(settings: Settings, landed: date) -> dict[str, str]:
    """Every file of a date, relative to the root, by what it holds."""
    stamp = f"{landed:%Y_%m_%d}"
    absent = {scenario.absent for scenario in settings.scenarios(landed)}
    named = {"loans": f"{TRUTH}/loans_{stamp}.parquet"}
    named |= {table: f"{FOLDERS[table]}/{table}_{stamp}.csv" for table in TABLES if table not in absent}
    named |= {f"checksum of {table}": f"{named[table]}.sha256" for table in TABLES if table not in absent}
    return named | ({"dirt": f"{TRUTH}/dirt_{stamp}.parquet"} if settings.dirt else {})


def contents(settings: Settings, days: Sequence[Day]) -> dict[str, bytes]:
    """Every file of some dates by its name, in the order of writing; the truth lies where no job looks."""
    named = [names(settings, day.landed) for day in days]
    made = {of["loans"]: _parquet(day.truth) for of, day in zip(named, days, strict=True)}
    logs: dict[str, list[pl.DataFrame]] = {of["dirt"]: [] for of in named if settings.dirt}
    for number, table in enumerate(TABLES):
        wanted = [(of, day) for of, day in zip(named, days, strict=True) if table in of]
        frames = [day.tables[table] for _, day in wanted]
        for at, (of, day) in enumerate(wanted if settings.dirt else ()):
            draw = Draw(frames[at].height, settings.seed, "dirt", day.landed.toordinal(), number)
            frames[at], log = spoil(table, frames[at], settings.dirt, draw)
            place = (pl.lit(table).alias("table"), pl.lit(day.landed).alias("date"))
            logs[of["dirt"]].append(log.select(*place, pl.all()))
        for (of, _), data in zip(wanted, _csv(frames, are_alike=not settings.dirt), strict=True):
            digest = hashlib.sha256(data).hexdigest()
            made[of[f"checksum of {table}"]] = f"{digest}  {Path(of[table]).name}\n".encode()
            made[of[table]] = data
    return made | {name: _parquet(pl.concat(log)) for name, log in logs.items()}


def _csv(frames: list[pl.DataFrame], *, are_alike: bool) -> list[bytes]:
    """A file of each; all in one go, and then cut, if their columns are alike: many small writes cost far more."""
    if not are_alike:
        return [frame.write_csv().encode() for frame in frames]
    head, *lines = pl.concat(frames).write_csv().encode().splitlines(keepends=True) if frames else [b""]
    edges = pairwise(accumulate((frame.height for frame in frames), initial=0))
    return [b"".join([head, *lines[begin:end]]) for begin, end in edges]


def _parquet(frame: pl.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.write_parquet(buffer)
    return buffer.getvalue()


def _refusal(what: str, path: Path) -> UsageError:
    mend = "give the settings it was simulated with, other dates, or another --root; nothing was written"
    return UsageError(what, where=path, mend=mend)
