"""The one place that reads the wall clock. Everything else takes its dates and times as arguments."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime


def now() -> datetime:
    """This instant in UTC: for records, never for logic."""
    return datetime.now(UTC)


def today() -> date:
    """The date in UTC, on which schedules and landing files rest."""
    return now().date()


def seconds() -> float:
    """A clock that only goes forward, for durations."""
    return time.monotonic()
