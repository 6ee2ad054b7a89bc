"""The one place that reads the wall clock. Everything else takes its dates and times as arguments."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime
from pathlib import Path

from jobs.protocol.errors import StoreDamaged

_standing: datetime | None = None


def stand_at(instant: datetime | None) -> None:
    """Freeze the clock at this instant, for a replay; None lets it run again."""
    global _standing  # noqa: PLW0603 - there is one time in a process
    _standing = instant


def read(path: Path) -> datetime:
    """The instant at which a replay stands."""
    try:
        at = datetime.fromisoformat(path.read_text("utf-8").strip())
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        mend = "write into it the instant of the replay, like 2024-01-14T06:00:00+00:00"
        raise StoreDamaged("the clock of the replay cannot be read", where=path, mend=mend)
    return at


def now() -> datetime:
    """The present instant in UTC: for records, never for logic."""
    return _standing or datetime.now(UTC)


def today() -> date:
    """The date in UTC, which schedules and landing files go by."""
    return now().date()


def seconds() -> float:
    """A monotonic clock, for durations."""
    return time.monotonic()
