"""The schedules of the three jobs, and random mishaps of their ticks and landing files. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time
from enum import StrEnum
from typing import NamedTuple, TypeVar

import numpy as np

from jobs.protocol.calendar import days_between

SUNDAY = 6
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


class Tick(NamedTuple):
    """One run of a job, due at an instant."""

    job: str
    at: datetime
    fate: Fate = Fate.ONCE

    @property
    def times(self) -> int:
        return 2 if self.fate is Fate.TWICE else 1


class Day(NamedTuple):
    date: date
    landing: Landing
    ticks: tuple[Tick, ...]


class Chances(NamedTuple):
    """How often things go wrong, and the random seed."""

    missed: float = 0.0
    twice: float = 0.0
    kill: float = 0.0
    seed: int = 1

    @property
    def is_smooth(self) -> bool:
        """Whether nothing goes wrong."""
        return not (self.missed or self.kill)


def days(first: date, last: date, chances: Chances) -> Iterator[Day]:
    """Every day with its ticks. The last day has no mishaps, so that what was missed before can be made up for."""
    rng = np.random.default_rng(chances.seed)
    fates = {Fate.MISSED: chances.missed, Fate.TWICE: chances.twice, Fate.KILLED: chances.kill}
    landings = dict.fromkeys((Landing.LATE, Landing.TORN), chances.missed / 2)  # in all as often as ticks are missed
    for day in days_between(first, last):
        draws = rng.random(len(TICKS) + 1)  # as many each day, so that no day's luck depends on another's
        lucky = day == last
        ticks = tuple(
            Tick(
                job,
                datetime.combine(day, time(hour, tzinfo=UTC)),
                Fate.ONCE if lucky else _drawn(draw, fates, Fate.ONCE),
            )
            for (job, hour, on), draw in zip(TICKS, draws, strict=False)
            if on is None or day.weekday() == on
        )
        yield Day(day, Landing.ON_TIME if lucky else _drawn(draws[-1], landings, Landing.ON_TIME), ticks)


_Outcome = TypeVar("_Outcome", Fate, Landing)


def _drawn(draw: float, rates: Mapping[_Outcome, float], otherwise: _Outcome) -> _Outcome:
    for outcome, rate in rates.items():
        if draw < rate:
            return outcome
        draw -= rate
    return otherwise
