from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.measures import calibration
from jobs.measures.calibration import Band, bands
from jobs.measures.counts import ScoreCounts
from jobs.measures.proportions import jeffreys_interval
from tests.measures.populations import ROWS, Row, counted

# Domain notes, 14.6: ten bands of a thousand rows.
PDS = (0.02, 0.04, 0.06, 0.08, 0.10, 0.13, 0.16, 0.20, 0.27, 0.40)
BADS = (18, 45, 58, 84, 95, 140, 150, 215, 260, 410)
TEN = [Band(lowest=pd, highest=pd, n=1000, bads=bads, expected=1000 * pd) for pd, bads in zip(PDS, BADS, strict=True)]


@pytest.mark.parametrize(("fitted", "df", "p"), [(False, 10, 0.864414), (True, 8, 0.716328)])
def test_hosmer_lemeshow_of_ten_bands(fitted: bool, df: int, p: float) -> None:
    found = calibration.hosmer_lemeshow(TEN, fitted_on_these=fitted)
    assert found.value == pytest.approx(5.3797086, abs=5e-8)
    assert (found.df, found.n) == (df, 10_000)
    assert found.p == pytest.approx(p, abs=5e-7)


def test_errors_and_ratio_of_ten_bands() -> None:
    assert calibration.calibration_error(TEN).value == pytest.approx(0.0073, abs=1e-12)
    assert calibration.largest_calibration_error(TEN).value == pytest.approx(0.015, abs=1e-12)
    ratio = calibration.observed_to_expected(ScoreCounts(np.array(PDS), 1000 - np.array(BADS), np.array(BADS)))
    assert ratio.value == pytest.approx(1.010274, abs=5e-7)
    assert ratio.interval is not None
    assert ratio.interval[0] < 1 < ratio.interval[1]


@pytest.mark.parametrize(
    ("n", "bads", "pd", "p"),
    [
        pytest.param(6, 2, 0.0367, 0.004380481, id="deepcreditrisk.com"),  # 0.0044 there
        pytest.param(1000, 20, 0.015, 0.1005894551, id="thousand"),
        pytest.param(10_000, 180, 0.015, 0.0080630476, id="ten-thousand"),
        pytest.param(500, 0, 0.005, 0.9748720931, id="no-bads"),
    ],
)
def test_jeffreys(n: int, bads: int, pd: float, p: float) -> None:
    too_low, too_high = calibration.jeffreys_test(n, bads, pd)
    assert too_low == pytest.approx(p, abs=5e-10)
    assert too_high == pytest.approx(1 - p, abs=5e-10)


@given(rows=ROWS.filter(len))
def test_losses_are_the_means_over_rows(rows: list[Row]) -> None:
    counts = counted(rows)
    squares = [(score - label) ** 2 for score, label in rows]
    assert calibration.brier(counts).value == pytest.approx(np.mean(squares))
    eps = np.finfo(float).eps
    inside = [(min(max(score, eps), 1 - eps), label) for score, label in rows]
    losses = [-math.log(score if label else 1 - score) for score, label in inside]
    assert calibration.log_loss(counts).value == pytest.approx(np.mean(losses))
    if len(rows) > 1:
        assert calibration.brier(counts).variance == pytest.approx(np.var(squares, ddof=1) / len(rows), abs=1e-12)


@given(rows=ROWS, cut=st.integers(0, 40))
def test_measures_of_merged_shards_equal_those_of_the_whole(rows: list[Row], cut: int) -> None:
    merged, whole = ScoreCounts.merged([counted(rows[cut:]), counted(rows[:cut])]), counted(rows)
    for measure in (calibration.brier, calibration.log_loss, calibration.observed_to_expected):
        assert measure(merged) == measure(whole)
    assert calibration.hosmer_lemeshow(bands(merged)) == calibration.hosmer_lemeshow(bands(whole))


def test_a_mean_loss_has_a_normal_interval_not_below_zero() -> None:
    few = calibration.brier(counted([(0.05, 0), (0.3, 0), (0.4, 1)]))
    assert few.variance is not None
    assert few.interval is not None
    assert few.interval[0] == 0.0
    assert few.interval[1] == pytest.approx(few.known() + 1.959963984540054 * few.variance**0.5)


def test_a_wrong_certainty_costs_much_but_not_infinitely_much() -> None:
    assert calibration.log_loss(counted([(0.0, 1)])).value == pytest.approx(36.04365338911715)


def test_the_plain_bad_rate_has_no_skill() -> None:
    assert calibration.log_loss_skill(counted([(0.25, 1), *[(0.25, 0)] * 3])).value == pytest.approx(0.0, abs=1e-15)
    assert calibration.log_loss_skill(counted([(1.0, 1), (0.0, 0)])).known() > 0.999
    assert calibration.log_loss_skill(counted([(0.0, 1), (0.0, 0)])).known() < 0


def test_observed_to_expected_has_the_jeffreys_interval_of_the_bad_rate() -> None:
    ratio = calibration.observed_to_expected(counted([(0.05, 1)] * 2 + [(0.05, 0)] * 8))
    assert ratio.value == pytest.approx(4.0)
    assert ratio.interval == pytest.approx(tuple(end / 0.05 for end in jeffreys_interval(2, 10)))
    assert ratio.p == pytest.approx(2 * calibration.jeffreys_test(10, 2, 0.05)[0])


def test_brier_falls_into_its_parts_where_bands_hold_one_score_each() -> None:
    rows = [(0.1, 0)] * 7 + [(0.1, 1)] * 3 + [(0.6, 0)] * 2 + [(0.6, 1)] * 8
    parts = calibration.brier_parts(bands(counted(rows)))
    assert parts is not None
    whole = parts["reliability"] - parts["resolution"] + parts["uncertainty"]
    assert whole == pytest.approx(calibration.brier(counted(rows)).known())
    assert parts["reliability"] == pytest.approx(0.5 * 0.2**2 + 0.5 * 0.2**2)


@pytest.mark.parametrize(("rows", "expected"), [(0, 0), (49, 0), (50, 1), (120, 2), (500, 10), (5000, 10)])
def test_reliability_bands_hold_fifty_rows_at_least(rows: int, expected: int) -> None:
    counts = ScoreCounts.of(np.arange(rows) / 10_000, np.arange(rows) % 2)
    found = calibration.reliability_bands(counts)
    assert len(found) == expected
    assert all(band.n >= 50 for band in found)


POINTS = [(0.4, 1), (0.7, 0), (1.5, 0)]
LOG_ODDS = [(-0.5, 1), (0.7, 0), (0.9, 0)]


@pytest.mark.parametrize(
    "measure",
    [
        calibration.brier,
        calibration.log_loss,
        calibration.log_loss_skill,
        calibration.observed_to_expected,
        lambda counts: calibration.hosmer_lemeshow(bands(counts)),
        lambda counts: calibration.calibration_error(bands(counts)),
        lambda counts: calibration.largest_calibration_error(bands(counts)),
    ],
)
@pytest.mark.parametrize("rows", [[], POINTS, LOG_ODDS], ids=["empty", "above-1", "below-0"])
def test_what_is_no_probability_has_no_calibration(measure: object, rows: list[Row]) -> None:
    assert callable(measure)
    found = measure(counted(rows))
    assert found.value is None
    assert found.n == len(rows)
    assert "not probabilities" in found.reason if rows else "there are no" in found.reason


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        pytest.param([(0.0, 0), (0.0, 0)], "no bads are expected", id="none-expected"),
        pytest.param([(0.0, 1), (0.0, 0)], "no bads are expected", id="none-expected-one-came"),
    ],
)
def test_a_ratio_to_nothing_is_no_number(rows: list[Row], reason: str) -> None:
    assert calibration.observed_to_expected(counted(rows)).reason == reason


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        pytest.param([(0.0, 1), (0.5, 0)], "a band was promised to be all good or all bad and was not", id="broken"),
        pytest.param([], "there are no bands", id="empty"),
    ],
)
def test_hosmer_lemeshow_without_a_number(rows: list[Row], reason: str) -> None:
    assert calibration.hosmer_lemeshow(bands(counted(rows))).reason == reason


def test_hosmer_lemeshow_on_the_fitting_rows_needs_three_bands() -> None:
    two = bands(counted([(0.2, 0), (0.4, 1)]))
    assert calibration.hosmer_lemeshow(two, fitted_on_these=True).reason == "2 bands leave no degree of freedom"
    assert calibration.hosmer_lemeshow(two).df == 2
    three = bands(counted([(0.2, 0), (0.4, 1), (0.5, 1)]))
    assert calibration.hosmer_lemeshow(three, fitted_on_these=True).df == 1


def test_a_kept_certain_promise_costs_nothing() -> None:
    assert calibration.hosmer_lemeshow(bands(counted([(0.0, 0), (1.0, 1)]))).value == 0.0


def test_brier_parts_of_nothing_or_of_points() -> None:
    assert calibration.brier_parts(()) is None
    assert calibration.brier_parts(bands(counted(POINTS))) is None
