"""Run the three jobs in a simulated time: the same job code, at the instants of their schedules, on a separate root.

Preprocessing never waits for the other jobs, and they read nothing that landed after their date. So unless mishaps are
wanted it runs ahead of them in a process of its own; otherwise all ticks run one after the other. After a day without
labels it waits for the others: a later run will make those labels, and the others must not see them too early.
"""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import cache, partial
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import numpy as np

from jobs.preprocessing import arrivals
from jobs.preprocessing.tables import ALL_TABLES
from jobs.protocol import clock, command, files, index
from jobs.protocol.command import REPLAY_CLOCK, STOPPED, Stopped
from jobs.protocol.errors import InputMissing
from jobs.protocol.events import Events, amount
from jobs.protocol.files import Root
from jobs.protocol.index import entries
from jobs.protocol.layers import LABELS, LANDING
from jobs.protocol.partitions import manifest_name
from jobs.protocol.store import FolderStore
from jobs.replay import story
from jobs.replay.ahead import ahead
from jobs.replay.schedule import Chances, Day, Fate, Landing, Tick, days

LANDS, TEARS = timedelta(minutes=30), timedelta(minutes=60)  # time of day when files land, and when a torn one grows
A_WEEK = timedelta(days=7)
MOST_KILLS_IN_ROW = 2  # a decision is declined after its third failed attempt
LONGEST_BEFORE_KILL = 2.5  # seconds: most runs take less than one, so most draws are short
AHEAD = "preprocessing"
HARMLESS = (0, 3, 99)  # done; an input not there yet; a condition that does not hold


class Happening(NamedTuple):
    """Something that happened in a tick or landing and deserves a line in the story."""

    at: datetime
    job: str
    what: str
    code: int = 0


class Replay:
    """The replay's own root, where copies of the original's files land (that root is only read), and its history."""

    def __init__(self, original: Root, root: Root, chances: Chances) -> None:
        self.original, self.root, self.chances = original, root, chances
        self.happenings: list[Happening] = []
        self.kills = 0
        self._entries = 0  # of the ledger, told so far
        self._late: list[Path] = []
        self._landed = defaultdict[date, list[Path]](list)
        tables = (Path(folder.path) for folder in entries(original, LANDING) if folder.is_dir())
        for path in sorted(table / name for table in tables for name in files.names_in(table)):
            _, day = arrivals.parse_name(path.parent.name, path.name.removesuffix(arrivals.CHECKSUM))
            if day:
                self._landed[day].append(path)

    def expect_files(self, first: date, last: date) -> None:
        """Refuse dates on which nothing landed."""
        if not any(day <= first for day in self._landed) or not any(first <= day <= last for day in self._landed):
            mend, where = "simulate or land files for these dates first", self.original.at(LANDING)
            raise InputMissing(f"nothing landed from {first} to {last}", where=where, mend=mend)

    def play(self, first: date, last: date, events: Events) -> None:
        """Play all days from first to last, reporting as it goes. Whatever becomes of a tick, the next one runs."""
        if (latest := max(self._landed)) < last:
            told = f"no file landed after {latest}: from then on the jobs find nothing new"
            events.say("no_files", told, after=latest)
        planned, history = list(days(first, last, self.chances)), sorted(day for day in self._landed if day < first)
        self._set_clock(planned[0].ticks[0].at)
        for past in history:
            self._copy(self._landed[past], past)
        try:
            with (
                index.alone(),
                self._begins(planned, len(history), events) as begins,
                events.progress("replay", len(planned)) as done,
            ):
                for number, day in enumerate(planned):
                    begins(number)
                    for tick in day.ticks:
                        if tick.job != AHEAD or not self.chances.is_smooth:
                            self._tick(tick, number)
                    self._tell(day.date, events)
                    done(1)
        finally:
            clock.stand_at(None)
        self.happenings.sort(key=lambda one: one.at)

    @contextlib.contextmanager
    def _begins(self, planned: list[Day], history: int, events: Events) -> Iterator[Callable[[int], None]]:
        """Begin a day: its files land; if preprocessing runs ahead, wait for it."""
        if not self.chances.is_smooth:
            yield lambda number: self._land(planned[number], number)
            return
        with ahead(self._preprocess, planned) as wait_for:

            def begins(number: int, meanwhile: Callable[[], object] = lambda: None) -> None:
                if found := wait_for(number, meanwhile):
                    self.happenings += chain.from_iterable(found)
                    index.forget()

            with events.progress("history", (history + 1) * len(ALL_TABLES)) as done:
                shown = 0

                def look() -> None:
                    nonlocal shown
                    homes = [home for table in ALL_TABLES if files.is_folder(home := self.root.at(f"datamart/{table}"))]
                    built = sum(len(os.listdir(home)) for home in homes)
                    done(built - shown)
                    shown = built

                begins(0, look)
                look()
            yield begins

    def _preprocess(self, number: int, day: Day) -> tuple[list[Happening], bool]:
        """A day of a process that knows no other ticks; its labels, if it has none yet, are made by a later one's."""
        self.happenings.clear()
        self._land(day, number)
        for tick in (tick for tick in day.ticks if tick.job == AHEAD):
            for _ in range(tick.times):
                self._run(tick)
        return self.happenings, files.is_file(self.root.at(manifest_name(LABELS, day.date)))

    def _land(self, day: Day, number: int) -> None:
        """Land the day's files, after those that were late; one table's file may now be late, or only half written."""
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
        """Copy files, never link them: nothing that writes in place may reach the original."""
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
        self._set_clock(tick.at)
        if tick.fate is Fate.MISSED:
            self._happened(tick, "the tick was missed")
            return
        if tick.fate is Fate.KILLED:
            self._kill(tick, number)
        for _ in range(tick.times):
            self._run(tick)

    def _set_clock(self, instant: datetime) -> None:
        target, draft = self.root.at(REPLAY_CLOCK), self.root.at(f".{REPLAY_CLOCK}")
        draft.write_text(instant.isoformat() + "\n", "utf-8")
        os.replace(draft, target)  # noqa: PTH105 - a tool may look at any moment

    def _run(self, tick: Tick) -> None:
        """Run a job in this process, and keep the first line of its complaint, if any."""
        complaints = io.StringIO()
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(complaints):
            code = _mains()[tick.job](self._argv(tick), at=tick.at)
        if code == STOPPED:
            raise Stopped
        if code not in HARMLESS:
            self._happened(tick, complaints.getvalue().partition("\n")[0], code)

    def _kill(self, tick: Tick, number: int) -> None:
        """Run a job in a process of its own, and kill it at a random moment, perhaps twice in a row."""
        rng = np.random.default_rng((self.chances.seed, number))
        words = [sys.executable, "-m", f"jobs.{tick.job}", *self._argv(tick)]
        index.forget()
        for _ in range(int(rng.integers(1, MOST_KILLS_IN_ROW + 1))):
            with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
                time.sleep(float(rng.random()) ** 2 * LONGEST_BEFORE_KILL)
                process.send_signal(signal.SIGKILL)
                if process.wait() == -signal.SIGKILL:
                    self.kills += 1
                    self._happened(tick, "the run was killed, and run again")

    def _argv(self, tick: Tick) -> list[str]:
        return ["--root", str(self.root.path), "--date", tick.at.date().isoformat()]

    def _happened(self, tick: Tick, what: str, code: int = 0, by: str = "") -> None:
        self.happenings.append(Happening(tick.at, by or tick.job, what, code))

    def _tell(self, day: date, events: Events) -> None:
        """Report what this day has added to the ledger, and Sunday's verdict if it is news."""
        entries = len(FolderStore(self.root).list("decisions/ledger"))
        if entries != self._entries:
            self._entries = entries
            for event in story.of(self.root, day - A_WEEK, day).events:
                if event.day == day:
                    told = event.sentence if event.is_news else ""
                    events.say("happened", told, day=event.day, who=event.who, what=event.what, why=event.why)


def refused(happenings: Iterable[Happening]) -> Iterator[str]:
    """Runs that failed because of a bug or of the system, not because of a mishap."""
    if found := [one for one in happenings if one.code == 1]:
        yield f"{amount(len(found), 'run')} ended with 1, the first on {found[0].at:%Y-%m-%d}: {found[0].what}"


@cache
def _mains() -> dict[str, Callable[..., int]]:
    """The jobs without the step report, the most expensive of all: reports of interesting weeks are made at the end."""
    from jobs.monitoring import job as monitoring
    from jobs.preprocessing import job as preprocessing
    from jobs.training_inference import job as training_inference

    unreported = replace(monitoring.JOB, steps=tuple(s for s in monitoring.JOB.steps if s.name != "report"))
    return {job.name: partial(command.main, job) for job in (preprocessing.JOB, training_inference.JOB, unreported)}
