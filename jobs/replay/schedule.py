"""When the three jobs tick, and what chance does to their ticks and to the files that land before them. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum

import numpy as np

SUNDAY = 6
LANDS_AT = time(0, 30, tzinfo=UTC)
TICKS = (  # job, hour in UTC, the weekday if not every day
    ("preprocessing", 1, None),
    ("training_inference", 2, None),
    ("monitoring", 6, SUNDAY),
)


class Fate(StrEnum):
    """What becomes of a tick."""

    ONCE = "once"
    MISSED = "missed"
    TWICE = "twice"
    KILLED = "killed"  # in the middle of its work, and run again


class Landing(StrEnum):
    """What becomes of a day's files."""

    ON_TIME = "on time"
    LATE = "late"  # one table's file comes a day later
    TORN = "torn"  # one table's file is still being copied when preprocessing ticks


@dataclass(frozen=True, slots=True)
class Tick:
    """One run of a job, due at an instant."""

    job: str
    at: datetime
    fate: Fate = Fate.ONCE

    @property
    def day(self) -> date:
        return self.at.date()


@dataclass(frozen=True, slots=True, kw_only=True)
class Chances:
    """How often things go wrong, and the seed by which they do."""

    missed: float = 0.0
    twice: float = 0.0
    kill: float = 0.0
    seed: int = 1


@dataclass(frozen=True, slots=True)
class Day:
    """A day of the schedule."""

    date: date
    landing: Landing
    ticks: tuple[Tick, ...]


def days(first: date, last: date, chances: Chances) -> Iterator[Day]:
    """Every day with its ticks. The last day goes as planned, so that what was missed before can heal."""
    rng = np.random.default_rng(chances.seed)
    for number in range((last - first).days + 1):
        day = first + timedelta(days=number)
        draws = rng.random(len(TICKS) + 1)  # as many each day, so that no day's luck depends on another's
        whole = day == last
        due = [(job, hour, draw) for (job, hour, on), draw in zip(TICKS, draws, strict=False) if _ticks(day, on)]
        ticks = (
            Tick(job, datetime.combine(day, time(hour, tzinfo=UTC)), _fate(draw, chances)) for job, hour, draw in due
        )
        landing = Landing.ON_TIME if whole else _landing(float(draws[-1]), chances)
        yield Day(day, landing, tuple(Tick(tick.job, tick.at) if whole else tick for tick in ticks))


def _ticks(day: date, on: int | None) -> bool:
    return on is None or day.weekday() == on


def _fate(draw: float, chances: Chances) -> Fate:
    for fate, rate in ((Fate.MISSED, chances.missed), (Fate.TWICE, chances.twice), (Fate.KILLED, chances.kill)):
        if draw < rate:
            return fate
        draw -= rate
    return Fate.ONCE


def _landing(draw: float, chances: Chances) -> Landing:
    """Files come late or torn as often as ticks are missed."""
    if draw < chances.missed / 2:
        return Landing.LATE
    return Landing.TORN if draw < chances.missed else Landing.ON_TIME
