from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.measures.counts import ScoreCounts, ValueCounts
from jobs.measures.performance import ESTIMATED
from jobs.monitoring.performance import estimate
from jobs.protocol import policy as policy_in_force
from jobs.protocol import strict_json
from tests.measures.populations import BOTH_CLASSES, SCORES, Row, binormal, counted

POLICY = policy_in_force.load(None, "")
SMALL = replace(POLICY, drift=replace(POLICY.drift, n_min=1))


def times(counts: ScoreCounts, n: int) -> ScoreCounts:
    return ScoreCounts(counts.scores, counts.goods * n, counts.bads * n)


@given(rows=BOTH_CLASSES, scores=st.lists(SCORES, max_size=30), cut=st.integers(0, 30))
def test_shards_say_what_the_whole_says(rows: list[Row], scores: list[float], cut: int) -> None:
    merged = ValueCounts.merged([ValueCounts.of(scores[cut:]), ValueCounts.of(scores[:cut])])
    found = estimate(merged, counted(rows), 0.5, SMALL)
    assert found == estimate(ValueCounts.of(scores), counted(rows), 0.5, SMALL)
    strict_json.canonical(found)


def test_by_hand_with_two_scores() -> None:
    """Three in four of the high scores and one in four of the low are bad; now 100 are low and 300 high."""
    reference = ScoreCounts(np.array([0.2, 0.8]), np.array([300, 100]), np.array([100, 300]))
    found = estimate(ValueCounts.of([0.2] * 200 + [0.8] * 600), reference, 0.8, POLICY)
    bads, goods = (50, 450), (150, 150)  # low, high
    won = bads[1] * goods[0] + (bads[0] * goods[0] + bads[1] * goods[1]) / 2
    auc = won / (500 * 300)
    assert found["auc"]["value"] == pytest.approx(auc)
    assert found["precision"]["value"] == pytest.approx(0.75)
    assert found["recall"]["value"] == pytest.approx(0.9)
    assert found["f1"]["value"] == pytest.approx(2 * 0.75 * 0.9 / 1.65)
    assert found["drop"] == pytest.approx((300 * 300 + 300 * 100) / 400**2 - auc)
    assert found["n"] == 800


def test_the_reference_itself_has_lost_nothing() -> None:
    reference = binormal(0.75)
    found = estimate(reference.unlabelled(), reference, 1.0, POLICY)
    assert found["drop"] == 0
    assert found["auc"]["value"] == pytest.approx(0.75, abs=1e-4)


def test_limits_widen_where_rows_are_few() -> None:
    reference = times(counted([(0.1, 0), (0.2, 0), (0.2, 1), (0.3, 0), (0.4, 1)]), 1000)
    few, many = (estimate(ValueCounts.of([0.1, 0.4] * half), reference, 0.3, POLICY)["limits"] for half in (250, 2500))
    width = [high - low for low, high in (few, many)]
    assert width[0] == pytest.approx(width[1] * 10**0.5)


NO_BADS, NO_GOODS, FINE = counted([(0.1, 0)] * 9), counted([(0.1, 1)] * 9), counted([(0.1, 0), (0.9, 1)])


@pytest.mark.parametrize(
    ("rows", "reference", "reason"),
    [
        (0, FINE, "there are fewer than 500 rows"),
        (499, FINE, "there are fewer than 500 rows"),
        (500, NO_BADS, "in the reference there are no bads"),
        (500, NO_GOODS, "in the reference there are no goods"),
        (500, counted([]), "in the reference there are no rows"),
    ],
    ids=["none", "too few", "no bads", "no goods", "no reference"],
)
def test_without_ground_there_is_no_estimate(rows: int, reference: ScoreCounts, reason: str) -> None:
    found = estimate(ValueCounts.of([0.5] * rows), reference, 0.5, POLICY)
    assert [(found[name]["value"], found[name]["reason"]) for name in ESTIMATED] == [(None, reason)] * 4
    assert (found["limits"], found["drop"], found["n"]) == (None, None, rows)


def test_scores_that_promise_no_bads_have_no_auc_and_no_drop() -> None:
    found: dict[str, Any] = estimate(ValueCounts.of([0.1] * 500), counted([(0.1, 0), (0.9, 1)]), 0.5, POLICY)
    assert found["auc"]["reason"] == "no bads or no goods are expected"
    assert found["drop"] is None


def test_the_policy_switches_it_off() -> None:
    off = replace(POLICY, cbpe=replace(POLICY.cbpe, enabled=False))
    found = estimate(ValueCounts.of([0.1, 0.9] * 500), FINE, 0.5, off)
    assert found["auc"]["reason"] == "the policy switches estimates off"
