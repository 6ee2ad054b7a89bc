"""Run the three jobs over a simulated time: the same job code, at the instants of their schedules, on a root apart."""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import cache, partial
from pathlib import Path
from typing import Protocol

import numpy as np

from jobs.protocol import clock, command, files, index
from jobs.protocol.command import REPLAY_CLOCK
from jobs.protocol.errors import UsageError
from jobs.protocol.events import Events
from jobs.protocol.files import Root
from jobs.protocol.store import FolderStore
from jobs.replay import story
from jobs.replay.schedule import Chances, Day, Fate, Tick, days
from jobs.replay.source import Source

MOST_KILLS_IN_ROW = 2  # a decision is declined after its third failed attempt
LONGEST_BEFORE_KILL = 2.5  # seconds: most runs of a day are over by then
HARMLESS = (0, 3, 99)  # done; an input not there yet; a condition that does not hold


class Main(Protocol):
    def __call__(self, argv: Sequence[str] | None = None) -> int: ...


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that a tick or a landing came to, worth a line in the story."""

    at: datetime
    job: str
    what: str
    code: int = 0


@dataclass(slots=True)
class Replay:
    """A root of its own, the files that land in it, and what has happened so far."""

    root: Root
    source: Source
    chances: Chances
    happenings: list[Happening] = field(default_factory=list)
    kills: int = 0
    entries: int = 0  # of the ledger, told so far


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


def replay(replay: Replay, first: date, last: date, events: Events) -> None:
    """All days from first to last, told as they go. Whatever becomes of a tick, the next goes on."""
    try:
        replay.source.refuse_gaps(first, last)
        replay.source.land_until(first - timedelta(days=1))
        planned = list(days(first, last, replay.chances))
        with events.progress("replay", len(planned)) as done, index.alone():
            for number, day in enumerate(planned):
                _day(replay, day, number)
                _tell(replay, day.date, events)
                done(1)
    finally:
        clock.stand_at(None)


def _day(replay: Replay, day: Day, number: int) -> None:
    if told := replay.source.land(day.date, day.landing, number):
        replay.happenings.append(Happening(day.ticks[0].at, "landing", told))
    for tick in day.ticks:
        _set_clock(replay.root, tick.at)
        if tick.fate is Fate.MISSED:
            replay.happenings.append(Happening(tick.at, tick.job, "the tick was missed"))
            continue
        if tick.fate is Fate.KILLED:
            _killed(replay, tick, number)
        for _ in range(2 if tick.fate is Fate.TWICE else 1):
            code, said = _run(replay.root, tick)
            if code not in HARMLESS:
                replay.happenings.append(Happening(tick.at, tick.job, said, code))


def _tell(replay: Replay, day: date, events: Events) -> None:
    """What this day has added to the ledger, and Sunday's verdict if it calls for somebody."""
    entries = len(FolderStore(replay.root).list("decisions/ledger"))
    if entries == replay.entries:
        return
    replay.entries = entries
    for event in story.of(replay.root, day, day).events:
        events.say("happened", event.sentence, day=event.day, who=event.who, what=event.what, why=event.why)


def _run(root: Root, tick: Tick) -> tuple[int, str]:
    """One run in this process; its exit code, and the first line that it complained with."""
    complaints = io.StringIO()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(complaints):
        code = _mains()[tick.job](["--root", str(root.path), "--date", tick.day.isoformat()])
    return code, complaints.getvalue().partition("\n")[0]


@cache
def _mains() -> dict[str, Main]:
    from jobs.monitoring import job as monitoring
    from jobs.preprocessing import job as preprocessing
    from jobs.training_inference import job as training_inference

    unreported = replace(monitoring.JOB, steps=tuple(s for s in monitoring.JOB.steps if s.name != "report"))
    found = (preprocessing.JOB, training_inference.JOB, unreported)
    return {job.name: partial(command.main, job) for job in found}


def report(replay: Replay, weeks: Iterable[date]) -> None:
    """The pages of some weeks; all of them would cost more than all else. Any other can be had by --step report."""
    from jobs.monitoring import report as reports

    for week in weeks:
        reports.write(replay.root, week)


def _killed(replay: Replay, tick: Tick, number: int) -> None:
    """A run as a process of its own, killed at some moment of its work, or twice in a row."""
    rng = np.random.default_rng((replay.chances.seed, number))
    argv = [sys.executable, "-m", f"jobs.{tick.job}", "--root", str(replay.root.path), "--date", tick.day.isoformat()]
    index.forget()
    for _ in range(int(rng.integers(1, MOST_KILLS_IN_ROW + 1))):
        with subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            time.sleep(float(rng.random()) * LONGEST_BEFORE_KILL)
            process.send_signal(signal.SIGKILL)
            if process.wait() == -signal.SIGKILL:
                replay.kills += 1
                replay.happenings.append(Happening(tick.at, tick.job, "the run was killed, and run again"))


def _set_clock(root: Root, instant: datetime) -> None:
    target, draft = root.at(REPLAY_CLOCK), root.at(f".{REPLAY_CLOCK}")
    draft.write_text(instant.isoformat() + "\n", "utf-8")
    os.replace(draft, target)  # noqa: PTH105 - a tool may look at any moment


def diary(happenings: Sequence[Happening]) -> str:
    """One line of JSON for each happening."""
    lines = ({"at": one.at.isoformat(), "job": one.job, "what": one.what, "code": one.code} for one in happenings)
    return "".join(json.dumps(line) + "\n" for line in lines)
