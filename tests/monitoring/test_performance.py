from __future__ import annotations

import copy
from datetime import date
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.measures.calibration import Band
from jobs.measures.counts import ScoreCounts
from jobs.monitoring import performance
from jobs.monitoring.vintages import COUNTS
from jobs.protocol import policy as policy_in_force
from jobs.protocol import strict_json
from tests.measures.populations import ROWS, Row, binormal, counted

POLICY = policy_in_force.load(None, "")
REFERENCE = counted([(0.1, 0), (0.2, 0), (0.2, 1), (0.3, 0), (0.4, 1), (0.5, 1)])
NOTHING = counted([])
FIGURES = ("auc", "gini", "ks", "average_precision", "log_loss", "brier", "precision", "recall", "f1", "log_loss_skill")
COUNTED = pl.DataFrame(schema=COUNTS)
MATURED = pl.DataFrame(schema={"application_date": pl.Date, "y": pl.Int8})


def sections(counts: ScoreCounts) -> dict[str, Any]:
    """All that is said of some outcomes, as JSON."""
    n = counts.n
    bands = {"A": Band(lowest=0.0, highest=1.0, n=n, bads=counts.n_bad, expected=n / 10)} if n else {}
    found = {
        "performance": performance.realised(counts, 0.4),
        "concept": performance.concept(REFERENCE, counts, [1.0], POLICY),
        "calibration": performance.calibration(counts, bands),
        "curves": performance.curves(counts, REFERENCE),
    }
    return dict(strict_json.parse(strict_json.canonical(found), where=""))


@given(rows=ROWS, cut=st.integers(0, 40))
def test_shards_say_what_the_whole_says(rows: list[Row], cut: int) -> None:
    assert sections(ScoreCounts.merged([counted(rows[cut:]), counted(rows[:cut])])) == sections(counted(rows))


@pytest.mark.parametrize(
    ("rows", "reason"),
    [([], "there are no rows"), ([(0.3, 0)], "there are no bads"), ([(0.3, 1)] * 3, "there are no goods")],
    ids=["empty", "one good", "bads only"],
)
def test_what_cannot_rank_says_why_and_is_not_called_healthy(rows: list[Row], reason: str) -> None:
    found = sections(counted(rows))
    for name in ("auc", "gini", "ks", "average_precision"):
        assert (found["performance"][name]["value"], found["performance"][name]["reason"]) == (None, reason)
    concept = found["concept"]
    assert concept["drop"]["reason"] == f"the current data has no AUC: {reason}"
    assert [concept[name] for name in ("drop_lower", "standardised", "adjusted_drop")] == [None] * 3
    assert concept["adjusted_reason"]
    assert found["curves"]["roc"] == []
    assert found["calibration"]["slope"]["value"] is None


def test_nothing_has_no_figure_at_all() -> None:
    found = sections(NOTHING)
    assert all(found["performance"][name]["value"] is None for name in FIGURES)
    assert found["calibration"]["p_too_low"] is found["calibration"]["p_too_high"] is None
    assert found["calibration"]["grades"] == found["calibration"]["deciles"] == []


def test_small_counts_by_hand() -> None:
    """Goods 0.1, 0.2, 0.6; bads 0.2, 0.8: of six pairs the bads win four and share one."""
    found = performance.realised(counted([(0.1, 0), (0.2, 0), (0.6, 0), (0.2, 1), (0.8, 1)]), 0.6)
    assert (found["n"], found["bads"]) == (5, 2)
    assert found["auc"]["value"] == pytest.approx(4.5 / 6)
    assert found["gini"]["value"] == pytest.approx(0.5)
    assert found["ks"]["value"] == pytest.approx(0.5)
    assert (found["precision"]["value"], found["recall"]["value"], found["f1"]["value"]) == (0.5, 0.5, 0.5)
    assert found["brier"]["value"] == pytest.approx((0.01 + 0.04 + 0.36 + 0.64 + 0.04) / 5)


def test_a_loss_is_positive_and_bounded_on_one_side() -> None:
    rng = np.random.default_rng(1)
    labels = (rng.random(100_000) < 0.2).astype(int)
    lot = ScoreCounts.of(rng.normal(labels * 0.7416), labels)  # shifted by sqrt(2) times the normal quantile of 0.70
    found = performance.concept(binormal(0.75), lot, [], POLICY)
    drop = found["drop"]
    assert drop["value"] == pytest.approx(0.05, abs=0.006)
    assert drop["interval"][0] < drop["value"] < drop["interval"][1]
    assert found["drop_lower"] == pytest.approx(drop["value"] - 1.6448536 * drop["variance"] ** 0.5)
    assert found["standardised"] == pytest.approx(drop["value"] / drop["variance"] ** 0.5)


def test_what_the_mix_explains_is_not_lost() -> None:
    """The reference itself, with its safest half seen twice as often: only the mix has changed."""
    reference = binormal(0.75)
    half = len(reference.scores) // 2
    times = np.where(np.arange(len(reference.scores)) < half, 2, 1)
    now = ScoreCounts(reference.scores, reference.goods * times, reference.bads * times)
    found = performance.concept(reference, now, [], POLICY)
    assert abs(found["drop"]["value"]) > 1e-3
    assert abs(found["adjusted_drop"]) < abs(found["drop"]["value"]) / 3
    assert found["adjusted_drop"] == pytest.approx(
        found["adjusted_reference_auc"] - (0.75 - found["drop"]["value"]), abs=1e-4
    )


def test_small_losses_in_a_row_add_up() -> None:
    found = performance.concept(REFERENCE, NOTHING, [1.5, 0.0, 2.0, 3.0], POLICY)
    assert found["cusum"] == {"path": [1.0, 0.5, 2.0, 4.5], "alarm_at": 3, "limit": 4.0}


def test_this_week_is_the_last_of_the_sum() -> None:
    found = performance.concept(REFERENCE, REFERENCE, [2.0], POLICY)
    assert (found["standardised"], found["cusum"]["path"]) == (0.0, [1.5, 1.0])


def test_grades_and_portfolio_are_backtested() -> None:
    counts = ScoreCounts(np.array([0.015]), np.array([980]), np.array([20]))
    grades = {
        "B": Band(lowest=0.15, highest=0.15, n=1000, bads=178, expected=150.0),
        "A": Band(lowest=0.015, highest=0.015, n=1000, bads=20, expected=15.0),
    }
    found = performance.calibration(counts, grades)
    assert found["p_too_low"] == pytest.approx(0.1005894551)
    assert found["p_too_high"] == pytest.approx(1 - 0.1005894551)
    assert found["observed_to_expected"]["value"] == pytest.approx(20 / 15)
    assert [(one["grade"], one["light"]) for one in found["grades"]] == [("A", "green"), ("B", "orange")]
    assert found["grades"][0]["p"] == pytest.approx(0.1005894551)
    assert found["hosmer_lemeshow"]["df"] == len(found["deciles"]) == 1


def test_hosmer_and_lemeshow_have_as_many_degrees_as_bands() -> None:
    found = performance.calibration(binormal_pd(), {})
    assert found["hosmer_lemeshow"]["df"] == len(found["deciles"]) == 10
    assert Band(**found["deciles"][0]).n == pytest.approx(1000, abs=50)


def binormal_pd() -> ScoreCounts:
    rng = np.random.default_rng(3)
    p = rng.random(10_000) * 0.5
    return ScoreCounts.of(p, (rng.random(10_000) < p).astype(int))


LEARNED = ScoreCounts.of([0.1] * 1000, [1] * 150 + [0] * 850)


def test_the_bad_rate_is_told_as_a_change_and_by_month() -> None:
    matured = MATURED.clear().extend(
        pl.DataFrame(
            {"application_date": [date(2023, 1, 31), date(2023, 2, 1), date(2023, 1, 2)], "y": [1, 0, 0]},
            schema=MATURED.schema,
        )
    )
    found = performance.target(LEARNED, matured, COUNTED)
    assert found["change"]["value"] == pytest.approx(1 / 3 - 0.15)
    assert found["change"]["interval"] is not None
    assert [(one["month"], one["n"], one["bads"], one["rate"]) for one in found["months"]] == [
        ("2023-01", 2, 1, 0.5),
        ("2023-02", 1, 0, 0.0),
    ]


def test_no_outcome_is_no_change_of_the_bad_rate() -> None:
    found = performance.target(LEARNED, MATURED, COUNTED)
    assert (found["change"]["value"], found["change"]["reason"]) == (None, "the current data has no rows")
    assert found["months"] == found["early"] == []


def test_young_months_are_told_by_how_they_start() -> None:
    rows: list[tuple[Any, ...]] = [
        ("2023-01", "2023-Q1", 12, 3, True, 50),  # mature: told by its outcomes
        ("2023-09", "2023-Q3", 5, 4, False, 3),
        ("2023-09", "2023-Q3", 5, 5, False, 9),  # later than its fourth month
        ("2023-09", "2023-Q3", 5, None, False, 88),
        ("2023-11", "2023-Q4", 2, 1, False, 10),  # bads, but none seen for so long
    ]
    early = performance.target(LEARNED, MATURED, pl.DataFrame(rows, schema=COUNTS, orient="row"))["early"]
    assert [(one["month"], one["loans"], one["n"], one["bads"], one["rate"]) for one in early] == [
        ("2023-09", 100, 100, 3, pytest.approx(0.03)),
        ("2023-11", 10, 0, 10, None),
    ]
    assert early[0]["interval"][0] < 0.03 < early[0]["interval"][1]
    assert early[1]["reason"] == "no loan has been seen for so long"


def test_cohorts_are_told_in_order_of_their_weeks() -> None:
    counts = {(date(2023, 1, 14), "b"): NOTHING, (date(2023, 1, 7), "a"): REFERENCE}
    found = performance.cohorts(counts)
    assert [(one["week"], one["model_id"], one["n"]) for one in found] == [
        ("2023-01-07", "a", 6),
        ("2023-01-14", "b", 0),
    ]
    assert found[0]["auc"] == pytest.approx(7.5 / 9)
    assert found[1]["auc"] is None


def test_pictures_have_few_points_of_both_sides() -> None:
    found = performance.curves(binormal(0.7), REFERENCE)
    assert {len(point) for point in found["ks"]} == {3}
    assert found["roc"][0] == [0.0, 0.0]
    assert found["reference_roc"][-1] == [1.0, 1.0]
    assert found["reference_pr"][-1] == [1.0, 0.5]
    assert max(len(line) for line in found.values()) <= 202


def test_what_was_handed_in_stays_as_it_was() -> None:
    counts = copy.deepcopy(REFERENCE)
    sections(counts)
    assert counts.scores.tolist() == REFERENCE.scores.tolist()
