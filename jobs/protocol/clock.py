"""The one place that reads the wall clock. Everything else takes its dates and times as arguments."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime

_standing: datetime | None = None


def stand_at(instant: datetime | None) -> None:
    """From here on it is this instant, as a replay's root says; None: the real time again."""
    global _standing  # noqa: PLW0603 - there is one time in a process
    _standing = instant


def now() -> datetime:
    """This instant in UTC: for records, never for logic."""
    return _standing or datetime.now(UTC)


def today() -> date:
    """The date in UTC, on which schedules and landing files rest."""
    return now().date()


def seconds() -> float:
    """A clock that only goes forward, for durations."""
    return time.monotonic()
