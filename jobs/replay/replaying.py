"""Run the three jobs over a simulated time: the same job code, at the instants of their schedules, on a root apart."""

from __future__ import annotations

import contextlib
import io
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import cache, partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from jobs.protocol import clock, command, files, index
from jobs.protocol.command import REPLAY_CLOCK
from jobs.protocol.errors import InputMissing, UsageError
from jobs.protocol.events import Events
from jobs.protocol.files import Root
from jobs.protocol.store import FolderStore
from jobs.replay import story
from jobs.replay.schedule import Chances, Day, Fate, Landing, Tick, days

LANDS, TEARS = timedelta(minutes=30), timedelta(minutes=60)  # of the day: when files land, and a torn one is written to
A_WEEK = timedelta(days=7)
MOST_KILLS_IN_ROW = 2  # a decision is declined after its third failed attempt
LONGEST_BEFORE_KILL = 2.5  # seconds: most runs of a day are over by then
HARMLESS = (0, 3, 99)  # done; an input not there yet; a condition that does not hold
LANDING = "datamart/landing"
_DATED = re.compile(r"[a-z_]+_(\d{4})_(\d{2})_(\d{2})\.(?:csv(?:\.gz)?|parquet|jsonl)(?:\.sha256)?")


class Happening(NamedTuple):
    """Something that a tick or a landing came to, worth a line in the story."""

    at: datetime
    job: str
    what: str
    code: int = 0


def prepare(original: Root, into: Path, policy: bytes | None) -> Root:
    """A new folder for the replay; one that holds anything is refused, and so is a place in the original."""
    path = into.resolve()
    if path.is_relative_to(original.path / "datamart") or original.path.is_relative_to(path):
        raise UsageError("the replay would lie in or over what it replays", where="--into", mend="name another folder")
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise UsageError("the folder holds something", where=path, mend="give a new folder, or remove it first")
    root = Root(path, durable=False)
    files.make_folder(root, path / "decisions")
    if policy is not None:
        files.write_whole(root, path / "decisions/policy.json", policy, mode=0o660)
    return root


class Replay:
    """A root of its own, where files land as copies of the original's, which is only read; and what happened so far."""

    def __init__(self, original: Root, root: Root, chances: Chances) -> None:
        self.original, self.root, self.chances = original, root, chances
        self.happenings: list[Happening] = []
        self.kills = 0
        self._entries = 0  # of the ledger, told so far
        self._late: list[Path] = []
        self._landed = defaultdict[date, list[Path]](list)
        for path in sorted(original.at(LANDING).rglob("*")):
            if found := _DATED.fullmatch(path.name):
                self._landed[date(*map(int, found.groups()))].append(path)

    def play(self, first: date, last: date, events: Events) -> None:
        """All days from first to last, told as they go. Whatever becomes of a tick, the next goes on."""
        if not any(day <= first for day in self._landed) or not any(first <= day <= last for day in self._landed):
            mend, where = "simulate or land files for these dates first", self.original.at(LANDING)
            raise InputMissing(f"nothing landed from {first} to {last}", where=where, mend=mend)
        try:
            for day in sorted(day for day in self._landed if day < first):
                self._copy(self._landed[day], day)
            planned = list(days(first, last, self.chances))
            with events.progress("replay", len(planned)) as done, index.alone():
                for number, planned_day in enumerate(planned):
                    self._land(planned_day, number)
                    for tick in planned_day.ticks:
                        self._tick(tick, number)
                    self._tell(planned_day.date, events)
                    done(1)
        finally:
            clock.stand_at(None)

    def _land(self, day: Day, number: int) -> None:
        """The day's files, and before them what is late; those of one table may be late now, or one half there."""
        self._copy(self._late, day.date)
        today = self._landed.get(day.date, [])
        tables = sorted({path.parent.name for path in today})
        table = tables[number % len(tables)] if tables and day.landing is not Landing.ON_TIME else None
        self._late = [path for path in today if path.parent.name == table]
        self._copy((path for path in today if path not in self._late), day.date)
        if day.landing is Landing.TORN:
            for target in self._copy(self._late[:1], day.date, TEARS):
                stat = target.stat()
                os.truncate(target, stat.st_size // 2)
                os.utime(target, (stat.st_atime, stat.st_mtime))
        if table:
            self._happened(day.ticks[0], f"the file of {table} is {day.landing.value}", by="landing")

    def _copy(self, paths: Iterable[Path], day: date, after: timedelta = LANDS) -> list[Path]:
        """Copies, never links: nothing that writes in place may reach the original."""
        moment = (datetime.combine(day, datetime.min.time(), UTC) + after).timestamp()
        targets = []
        for path in paths:
            target = self.root.at(self.original.name_of(path))
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
            os.utime(target, (moment, moment))
            targets.append(target)
        return targets

    def _tick(self, tick: Tick, number: int) -> None:
        target, draft = self.root.at(REPLAY_CLOCK), self.root.at(f".{REPLAY_CLOCK}")
        draft.write_text(tick.at.isoformat() + "\n", "utf-8")
        os.replace(draft, target)  # noqa: PTH105 - a tool may look at any moment
        if tick.fate is Fate.MISSED:
            self._happened(tick, "the tick was missed")
            return
        if tick.fate is Fate.KILLED:
            self._kill(tick, number)
        for _ in range(2 if tick.fate is Fate.TWICE else 1):
            self._run(tick)

    def _run(self, tick: Tick) -> None:
        """One run in this process. Of what it says, the first line of a complaint is kept."""
        complaints = io.StringIO()
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(complaints):
            code = _mains()[tick.job](self._argv(tick))
        if code not in HARMLESS:
            self._happened(tick, complaints.getvalue().partition("\n")[0], code)

    def _kill(self, tick: Tick, number: int) -> None:
        """A run as a process of its own, killed at some moment of its work, or twice in a row."""
        rng = np.random.default_rng((self.chances.seed, number))
        words = [sys.executable, "-m", f"jobs.{tick.job}", *self._argv(tick)]
        index.forget()
        for _ in range(int(rng.integers(1, MOST_KILLS_IN_ROW + 1))):
            with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
                time.sleep(float(rng.random()) * LONGEST_BEFORE_KILL)
                process.send_signal(signal.SIGKILL)
                if process.wait() == -signal.SIGKILL:
                    self.kills += 1
                    self._happened(tick, "the run was killed, and run again")

    def _argv(self, tick: Tick) -> list[str]:
        return ["--root", str(self.root.path), "--date", tick.at.date().isoformat()]

    def _happened(self, tick: Tick, what: str, code: int = 0, by: str = "") -> None:
        self.happenings.append(Happening(tick.at, by or tick.job, what, code))

    def _tell(self, day: date, events: Events) -> None:
        """What this day has added to the ledger, and Sunday's verdict if it calls; people are told a call once."""
        entries = len(FolderStore(self.root).list("decisions/ledger"))
        if entries != self._entries:
            self._entries = entries
            for event in story.of(self.root, day - A_WEEK, day).events:
                if event.day == day:
                    told = event.sentence if event.is_news else ""
                    events.say("happened", told, day=event.day, who=event.who, what=event.what, why=event.why)


@cache
def _mains() -> dict[str, Callable[[Sequence[str]], int]]:
    """Without reports, which would cost more than all else: they are written for the weeks of interest in the end."""
    from jobs.monitoring import job as monitoring
    from jobs.preprocessing import job as preprocessing
    from jobs.training_inference import job as training_inference

    unreported = replace(monitoring.JOB, steps=tuple(s for s in monitoring.JOB.steps if s.name != "report"))
    return {job.name: partial(command.main, job) for job in (preprocessing.JOB, training_inference.JOB, unreported)}
