"""Which rows a week looks at, at the very days and counts on which that turns."""

from __future__ import annotations

from datetime import date, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import polars as pl
import pytest

from jobs.monitoring.reading import Reading
from jobs.protocol import policy
from jobs.protocol.layers import PREDICTIONS

if TYPE_CHECKING:
    from jobs.monitoring.session import Session

WEEK = date(2024, 1, 13)
POLICY = policy.load(None, "policy.json")


def reading(rows: dict[int, int]) -> Reading:
    """Of a week that so many rows were scored for, by the number of days before its Saturday."""
    built = {WEEK - timedelta(days=before): SimpleNamespace(rows=count) for before, count in rows.items()}
    shelf = SimpleNamespace(built=lambda _: built)
    sources = SimpleNamespace(days={PREDICTIONS: sorted(built)})
    return Reading(cast("Session", SimpleNamespace(sources=sources, shelf=shelf, week=WEEK, policy=POLICY)))


@pytest.mark.parametrize(
    ("rows", "days", "within"),
    [
        pytest.param({0: 500}, 7, 1, id="just-enough-on-the-saturday"),
        pytest.param({0: 499, 6: 1, 7: 1}, 7, 2, id="just-enough-from-the-sunday-on"),
        pytest.param({0: 499, 7: 1}, 14, 2, id="two-weeks-from-their-first-day"),
        pytest.param({0: 499, 13: 1, 14: 1}, 14, 2, id="two-weeks-to-their-last-day"),
        pytest.param({0: 499, 14: 1}, 28, 2, id="four-weeks-from-their-first-day"),
        pytest.param({0: 498, 27: 1, 28: 1}, 28, 2, id="four-weeks-and-never-more"),
    ],
)
def test_a_window_is_lengthened_while_it_has_too_few_rows(rows: dict[int, int], days: int, within: int) -> None:
    found = reading(rows)._within
    assert (found[0], len(found[1])) == (days, within)


def test_loans_of_the_28_days_to_the_saturday_have_matured() -> None:
    found = reading({})
    matured = [WEEK - timedelta(days=before) for before in (28, 27, 0, -1)]
    found.__dict__["labels"] = pl.DataFrame({"id": [28, 27, 0, -1], "mature_date": matured, "policy_exception": False})
    assert found.matured["id"].to_list() == [27, 0]
