from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.measures import ranking
from jobs.measures.counts import ScoreCounts, ValueCounts
from jobs.measures.measure import Measure
from jobs.measures.performance import at_cutoff, control_limits, expected
from jobs.measures.recalibration import Isotonic, isotonic
from tests.measures.populations import SCORES, binormal, counted

IDENTITY = Isotonic((0.0, 1.0), (0.0, 1.0))


def estimated_auc(scores: ValueCounts, curve: Isotonic) -> Measure:
    return expected(scores, curve, None)["auc"]


@given(scores=st.lists(SCORES, max_size=15))
def test_the_estimate_is_that_of_weighing_every_pair(scores: list[float]) -> None:
    """The formula of domain notes 10.7, each row with itself included."""
    curve = Isotonic((0.0, 0.5, 1.0), (0.1, 0.2, 0.9))
    chances = curve(np.array(scores)).tolist()
    won = sum(
        c * (1 - d) * (1.0 if s > t else 0.5 if s == t else 0.0)
        for s, c in zip(scores, chances, strict=True)
        for t, d in zip(scores, chances, strict=True)
    )
    found = estimated_auc(ValueCounts.of(scores), curve)
    if not scores:
        assert found.reason == "there are no rows"
    else:
        assert found.value == pytest.approx(won / (sum(chances) * sum(1 - c for c in chances)))
        assert found.n == len(scores)


@given(scores=st.lists(SCORES, max_size=15), cutoff=SCORES)
def test_the_estimate_at_a_cut_off_sums_chances(scores: list[float], cutoff: float) -> None:
    found = expected(ValueCounts.of(scores), IDENTITY, cutoff)
    caught, taken = sum(s for s in scores if s >= cutoff), sum(s >= cutoff for s in scores)
    for name, part, whole in (
        ("precision", caught, taken),
        ("recall", caught, sum(scores)),
        ("f1", 2 * caught, taken + sum(scores)),
    ):
        assert found[name].value == (pytest.approx(part / whole) if whole else None)
        assert found[name].interval is None


@given(scores=st.lists(SCORES, max_size=15), cut=st.integers(0, 15))
def test_estimates_of_merged_shards_equal_those_of_the_whole(scores: list[float], cut: int) -> None:
    merged = ValueCounts.merged([ValueCounts.of(scores[cut:]), ValueCounts.of(scores[:cut])])
    assert estimated_auc(merged, IDENTITY) == estimated_auc(ValueCounts.of(scores), IDENTITY)


def test_on_its_own_reference_the_estimate_is_what_came() -> None:
    """A binormal score is calibrated by a rising curve, so nothing is lost but ties inside its level stretches."""
    reference = binormal(0.75)
    curve = isotonic(reference)
    assert estimated_auc(reference.unlabelled(), curve).value == pytest.approx(0.75, abs=1e-4)
    cutoff = ranking.ks(reference).at
    assert cutoff is not None
    realised = at_cutoff(reference.scores, reference.goods, reference.bads, cutoff)
    promised = expected(reference.unlabelled(), curve, cutoff)
    for name in ("precision", "recall"):
        assert promised[name].known() == pytest.approx(realised[name].known(), abs=1e-4)


def test_a_concept_drift_cannot_be_seen() -> None:
    """The same scores with outcomes drawn by lot: the estimate does not move."""
    reference = binormal(0.75)
    lot = ScoreCounts(reference.scores, reference.bads * 4, reference.bads)
    curve = isotonic(reference)
    assert ranking.auc(lot).value == pytest.approx(0.5)
    assert estimated_auc(reference.unlabelled(), curve).known() > 0.74


@pytest.mark.parametrize("label", [0, 1])
def test_a_reference_of_one_class_expects_no_pairs(label: int) -> None:
    curve = isotonic(counted([(0.2, label), (0.6, label)]))
    found = estimated_auc(ValueCounts.of([0.1, 0.9]), curve)
    assert (found.value, found.n, found.reason) == (None, 2, "no bads or no goods are expected")


def test_limits_are_three_deviations_of_chunks_of_the_reference() -> None:
    """Held against chunks that were really drawn: their mean and three standard deviations."""
    rng = np.random.default_rng(5)
    labels = (rng.random(40_000) < 0.2).astype(int)
    scores = rng.normal(labels * 0.9).round(2)
    chunks = [
        ranking.auc(ScoreCounts.of(scores[at : at + 500], labels[at : at + 500])).known()
        for at in range(0, 40_000, 500)
    ]
    found = control_limits(ScoreCounts.of(scores, labels), 500)
    assert found is not None
    assert found == pytest.approx(
        (np.mean(chunks) - 3 * np.std(chunks), np.mean(chunks) + 3 * np.std(chunks)), abs=0.02
    )


def test_limits_are_three_standard_deviations_of_the_auc_of_so_many_rows() -> None:
    reference = binormal(0.7)
    area = ranking.auc(reference)
    assert area.variance is not None
    half = 3 * (area.variance * reference.n / 2000) ** 0.5
    assert control_limits(reference, 2000) == pytest.approx((area.value - half, area.value + half), rel=1e-12)


def test_limits_stay_within_what_can_be() -> None:
    reference = counted([(0.1, 0), (0.2, 0), (0.2, 1), (0.3, 1)])
    assert control_limits(reference, 1) == (0.0, 1.0)
    assert control_limits(reference, 0) is None


@pytest.mark.parametrize("rows", [[], [(0.1, 0)], [(0.1, 0), (0.2, 1)]], ids=["none", "one class", "no spread"])
def test_without_a_spread_there_are_no_limits(rows: list[tuple[float, int]]) -> None:
    assert control_limits(counted(rows), 500) is None
