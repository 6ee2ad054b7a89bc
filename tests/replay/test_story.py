from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

from jobs.protocol.files import Root
from jobs.replay import story
from jobs.replay.story import Week

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

FIRST = date(2017, 1, 7)


def test_a_week_that_calls_as_the_week_before_it_did_is_no_news(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = [("no_action", "none"), ("alert", "medium"), ("alert", "medium"), ("alert", "high"), ("no_action", "none")]
    calls.append(("alert", "high"))
    weeks = [
        Week(FIRST + timedelta(days=7 * number), "a-model", *call, f"said in week {number}", None, None, None, None)
        for number, call in enumerate(calls)
    ]
    monkeypatch.setattr(story, "_weeks", lambda *_: iter(weeks))
    told = story.of(Root(tmp_path), FIRST, FIRST + timedelta(days=60))
    assert [(event.why, event.is_news) for event in told.events] == [
        ("said in week 1", True),
        ("said in week 2", False),
        ("said in week 3", True),
        ("said in week 5", True),
    ]
    assert told.of_interest == [week.week for week in weeks[1:2] + weeks[4:]]
