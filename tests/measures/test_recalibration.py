from __future__ import annotations

import math
from statistics import fmean

import numpy as np
import pytest
from hypothesis import given

from jobs.measures.counts import FloatArray, IntArray, ScoreCounts
from jobs.measures.recalibration import calibration_line, isotonic
from tests.measures.populations import ROWS, Row, counted


def by_min_max(rows: list[Row], score: float) -> float:
    """Isotonic regression as the largest mean over a left end of the smallest mean over a right end."""
    lefts = sorted({s for s, _ in rows if s <= score})
    rights = sorted({s for s, _ in rows if s >= score})
    return max(min(fmean(y for s, y in rows if left <= s <= right) for right in rights) for left in lefts)


@given(rows=ROWS.filter(len))
def test_isotonic_is_the_closest_rising_line(rows: list[Row]) -> None:
    counts = counted(rows)
    fitted = isotonic(counts)(counts.scores)
    assert fitted == pytest.approx([by_min_max(rows, score) for score in counts.scores.tolist()])


def test_isotonic_runs_straight_between_its_knots_and_level_outside() -> None:
    curve = isotonic(counted([(0.2, 0), (0.3, 0), (0.4, 0), (0.8, 1), (0.9, 1)]))
    assert curve.scores == (0.2, 0.4, 0.8, 0.9)
    assert curve(np.array([0.0, 0.6, 1.0])) == pytest.approx([0.0, 0.5, 1.0])


def test_isotonic_needs_rows() -> None:
    with pytest.raises(ValueError, match="no rows"):
        isotonic(counted([]))


def sample(intercept: float, slope: float, rows: int = 20_000) -> tuple[FloatArray, IntArray]:
    generator = np.random.default_rng(11)
    scores = 1 / (1 + np.exp(1.5 - generator.normal(size=rows)))
    true = 1 / (1 + np.exp(-intercept - slope * np.log(scores / (1 - scores))))
    return scores, (generator.random(rows) < true).astype(np.int64)


@pytest.mark.parametrize(("intercept", "slope"), [(0.0, 1.0), (0.4, 0.7), (-0.5, 1.4)])
def test_the_line_finds_how_probabilities_were_bent(intercept: float, slope: float) -> None:
    line = calibration_line(ScoreCounts.of(*sample(intercept, slope)))
    for found, true in ((line.intercept, intercept), (line.slope, slope)):
        assert found.variance is not None
        assert found.variance < 0.002
        assert found.value == pytest.approx(true, abs=3 * found.variance**0.5)


def test_the_line_is_where_the_likelihood_is_level() -> None:
    scores, labels = sample(0.2, 0.9, rows=500)
    line = calibration_line(ScoreCounts.of(scores, labels))
    x = np.log(scores / (1 - scores))
    left = labels - 1 / (1 + np.exp(-line.intercept.known() - line.slope.known() * x))
    assert [left.sum(), (left * x).sum()] == pytest.approx([0.0, 0.0], abs=1e-8)


def test_the_line_is_found_where_full_steps_would_lead_away_from_it() -> None:
    line = calibration_line(counted([(0.01, 0), (0.01, 1), (0.5, 0), *[(0.5, 1)] * 50]))
    assert line.slope.value == pytest.approx(math.log(50) / math.log(99))
    assert line.intercept.value == pytest.approx(math.log(50))


def test_two_scores_give_a_line_and_its_errors_in_closed_form() -> None:
    """A fourfold table: the slope is its log odds ratio, with the variance 1/a + 1/b + 1/c + 1/d."""
    rows = [(0.2, 1)] * 3 + [(0.2, 0)] * 17 + [(0.5, 1)] * 8 + [(0.5, 0)] * 12
    line = calibration_line(counted(rows))
    apart = math.log(0.5 / 0.5) - math.log(0.2 / 0.8)
    assert line.slope.value == pytest.approx((math.log(8 / 12) - math.log(3 / 17)) / apart)
    assert line.slope.variance == pytest.approx((1 / 3 + 1 / 17 + 1 / 8 + 1 / 12) / apart**2)
    assert line.intercept.value == pytest.approx(math.log(8 / 12))
    assert line.intercept.variance == pytest.approx(1 / 8 + 1 / 12)


@pytest.mark.parametrize("extreme", [0.0, 1e-300, 1.0])
def test_certain_scores_do_not_break_the_line(extreme: float) -> None:
    line = calibration_line(counted([(extreme, 0), (extreme, 1), (0.3, 0), (0.5, 1), (0.5, 0), (0.7, 1)]))
    assert line.slope.value is not None


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        pytest.param([], "there are no rows", id="empty"),
        pytest.param([(0.1, 0), (0.2, 0)], "there are no bads", id="goods-only"),
        pytest.param([(0.1, 0), (0.1, 1)], "all scores are equal", id="constant"),
        pytest.param([(0.0, 0), (1e-17, 1), (1e-18, 0)], "all scores are equal", id="constant-within-a-hair"),
        pytest.param([(0.1, 0), (0.2, 1)], "one score separates all bads from all goods", id="separated"),
        pytest.param([(0.1, 0), (0.2, 0), (0.2, 1)], "one score separates all bads from all goods", id="touching"),
        pytest.param([(0.2, 0), (0.1, 1)], "one score separates all bads from all goods", id="the-wrong-way-round"),
        pytest.param([(640.0, 1), (700.0, 0)], "the scores are not probabilities", id="points"),
    ],
)
def test_where_there_is_no_line_there_is_a_reason(rows: list[Row], reason: str) -> None:
    line = calibration_line(counted(rows))
    assert (line.intercept.reason, line.slope.reason) == (reason, reason)
    assert line.slope.n == len(rows)


@given(rows=ROWS)
def test_the_line_always_ends_in_numbers_or_a_reason(rows: list[Row]) -> None:
    line = calibration_line(counted(rows))
    assert (line.slope.value is None) == (line.slope.reason is not None)
