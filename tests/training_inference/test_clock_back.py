"""A clock that falls back or leaps ahead while training runs: a run has one date, which it reads once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from jobs.protocol import clock
from jobs.training_inference import job
from tests.training_inference.small_root import LAST, ask, copy, edit_policy, entries, scores, trained

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pytest

MORNING = datetime(LAST.year, LAST.month, LAST.day, 2, tzinfo=UTC)
ENDED = ["proposed", "claimed", "completed"]


def leaping(after: int, leap: timedelta) -> Callable[[], datetime]:
    """A clock that goes a second at each look, and is set once, after so many looks."""
    looks = iter(range(1_000))

    def now() -> datetime:
        look = next(looks)
        return MORNING + timedelta(seconds=look) + (leap if look >= after else timedelta(0))

    return now


def test_a_clock_that_is_set_while_training_runs_changes_nothing_of_what_comes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = None
    for number, (after, leap) in enumerate([(99, 0), (1, -10), (2, -4_000), (3, 10), (4, -1)]):
        root = tmp_path / str(number)
        copy(trained(), root)
        edit_policy(root)
        ask(root)
        with monkeypatch.context() as patch:
            patch.setattr(clock, "now", leaping(after, timedelta(days=leap)))
            assert job.main(["--root", str(root)]) == 0
        expected = scores(root) if expected is None else expected
        assert scores(root).equals(expected)
        known = entries(root)
        assert [kind for _, kind in known[-3:]] == ENDED
        with monkeypatch.context() as patch:
            patch.setattr(clock, "now", leaping(99, timedelta(hours=1)))
            assert job.main(["--root", str(root)]) == 0
        assert entries(root) == known
