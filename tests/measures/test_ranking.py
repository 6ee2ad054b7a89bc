from __future__ import annotations

from itertools import product
from statistics import fmean, variance

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.measures import ranking
from jobs.measures.counts import ScoreCounts, ValueCounts
from jobs.measures.measure import Measure, missing
from tests.measures.populations import BOTH_CLASSES, SCORES, Row, binormal, counted, of_toad

# The test of yandexdataschool/roc_comparison: iris, class 1, logistic regression (lbfgs), test_size=0.8, seed 42.
# AUC and variance depend on the order of the scores alone: the labels of the 120 test rows by rising score, those at
# places 87 and 88 with equal scores.
IRIS = (
    "000000000000000000000100000000000010000100001000010000000000"
    "111001110010100001100001101001010101110101010111110011111011"
)
IRIS_TIE = 88


def test_toad_auc_ks_and_delong_variance() -> None:
    data = of_toad()
    counts = ScoreCounts.of(data["feature"], data["target"])
    assert ranking.ks(counts).value == 0.05536775661256989
    area = ranking.auc(counts)
    assert area.value == 0.5038690142424582
    assert area.variance == pytest.approx(0.0006712112266339475, rel=1e-15)  # re-computed, not toad's own
    assert area.n == 500


def test_delong_variance_of_the_published_comparison() -> None:
    scores = [place - (place == IRIS_TIE) for place in range(len(IRIS))]
    area = ranking.auc(ScoreCounts.of(scores, [int(label) for label in IRIS]))
    assert area.value == 0.8176638176638177
    assert area.variance == pytest.approx(0.0015359814789736538, rel=1e-15)


def by_pairs(rows: list[Row]) -> tuple[list[list[float]], list[float], list[float]]:
    """Every comparison of a bad with a good, and its means by bad and by good."""
    bads, goods = ([score for score, label in rows if label == side] for side in (1, 0))
    won = [[1.0 if bad > good else 0.5 if bad == good else 0.0 for good in goods] for bad in bads]
    return won, [fmean(row) for row in won], [fmean(column) for column in zip(*won, strict=True)]


@given(rows=BOTH_CLASSES)
def test_auc_and_its_variance_are_those_of_comparing_every_pair(rows: list[Row]) -> None:
    won, of_bads, of_goods = by_pairs(rows)
    area = ranking.auc(counted(rows))
    assert area.value == pytest.approx(fmean(x for row in won for x in row), abs=1e-12)
    if min(len(of_bads), len(of_goods)) < 2:
        assert area.variance is None
    else:
        expected = variance(of_bads) / len(of_bads) + variance(of_goods) / len(of_goods)
        assert area.variance == pytest.approx(expected, abs=1e-12)


@given(rows=BOTH_CLASSES, cut=st.integers(0, 40))
def test_measures_of_merged_shards_equal_those_of_the_whole(rows: list[Row], cut: int) -> None:
    merged, whole = ScoreCounts.merged([counted(rows[cut:]), counted(rows[:cut])]), counted(rows)
    for measure in (ranking.auc, ranking.gini, ranking.ks, ranking.average_precision):
        assert measure(merged) == measure(whole)


@given(rows=BOTH_CLASSES)
def test_turning_the_scores_around_turns_the_auc_around(rows: list[Row]) -> None:
    around = counted([(1 - score, label) for score, label in rows])
    assert ranking.auc(around).known() == pytest.approx(1 - ranking.auc(counted(rows)).known())
    assert ranking.ks(around).value == pytest.approx(ranking.ks(counted(rows)).value)


@given(rows=BOTH_CLASSES)
def test_ks_is_the_widest_gap_and_is_reached_at_its_cut_off(rows: list[Row]) -> None:
    separation = ranking.ks(counted(rows))

    def gap(cutoff: float) -> float:
        caught, lost = (fmean(s >= cutoff for s, label in rows if label == side) for side in (1, 0))
        return abs(caught - lost)

    assert separation.at is not None
    assert separation.value == pytest.approx(max(gap(score) for score, _ in rows))
    assert separation.value == pytest.approx(gap(separation.at))


def test_optbinning_gini() -> None:
    goods, bads = np.array([117, 44, 28, 10, 7, 3, 3]), np.array([1, 10, 55, 39, 61, 76, 115])
    assert ranking.gini(ScoreCounts(np.arange(7.0), goods, bads)).value == pytest.approx(0.87541620, abs=1e-8)


def test_gini_is_twice_the_auc_less_one_with_its_interval() -> None:
    counts = binormal(0.7)
    area, coefficient = ranking.auc(counts), ranking.gini(counts)
    assert coefficient.value == pytest.approx(2 * area.known() - 1)
    assert area.interval is not None
    assert coefficient.interval == pytest.approx(tuple(2 * end - 1 for end in area.interval))
    assert coefficient.variance == pytest.approx(4 * (area.variance or 0))


@pytest.mark.parametrize(("auc", "ks"), [(0.70, 0.289), (0.75, 0.367), (0.80, 0.448), (0.97, 0.816)])
def test_ks_of_binormal_populations(auc: float, ks: float) -> None:
    """The table of attainable gates in the domain notes, 9.5 (binormal model, 20 % bads)."""
    counts = binormal(auc)
    assert ranking.auc(counts).value == pytest.approx(auc, abs=1e-6)
    assert ranking.ks(counts).value == pytest.approx(ks, abs=6e-4)


@pytest.mark.parametrize(("rows", "error"), [(1000, 0.0222), (5000, 0.0099)])
def test_delong_is_close_to_hanley_and_mcneil(rows: int, error: float) -> None:
    """Standard errors at AUC 0.70 and 20 % bads by Hanley and McNeil's formula (domain notes, 10.5)."""
    population = ranking.auc(binormal(0.7))
    assert population.variance is not None
    ours = (population.variance * population.n / rows) ** 0.5
    assert ours == pytest.approx(error, rel=0.1)  # they take exponentials for normals


@given(rows=BOTH_CLASSES)
def test_average_precision_sums_precision_over_the_bads(rows: list[Row]) -> None:
    bads = [score for score, label in rows if label]
    precision = [fmean(label for score, label in rows if score >= at) for at in bads]
    assert ranking.average_precision(counted(rows)).value == pytest.approx(fmean(precision))


NO_BADS, NO_GOODS = [(0.1, 0), (0.2, 0)], [(0.1, 1), (0.2, 1)]


@pytest.mark.parametrize("measure", [ranking.auc, ranking.gini, ranking.ks, ranking.average_precision])
@pytest.mark.parametrize(
    ("rows", "reason"), [([], "there are no rows"), (NO_BADS, "there are no bads"), (NO_GOODS, "there are no goods")]
)
def test_one_class_gives_a_reason_instead_of_a_number(measure: object, rows: list[Row], reason: str) -> None:
    assert callable(measure)
    found = measure(counted(rows))
    assert (found.value, found.n, found.reason) == (None, len(rows), reason)


def test_a_constant_score_ranks_like_chance() -> None:
    counts = counted([(0.3, 0), (0.3, 1), (0.3, 0), (0.3, 1)])
    assert ranking.auc(counts).value == 0.5
    assert ranking.auc(counts).interval is None
    assert ranking.ks(counts).value == 0.0
    assert ranking.ks(counts).at == 0.3


def test_auc_loss_adds_the_variances_of_different_rows() -> None:
    before, after = (Measure(value=v, n=9, variance=s) for v, s in ((0.72, 0.0003), (0.66, 0.0001)))
    loss = ranking.auc_loss(before, after)
    assert loss.value == pytest.approx(0.06)
    assert loss.variance == pytest.approx(0.0004)
    assert loss.p == pytest.approx(0.0026997960632601866)  # three standard errors
    assert loss.lower_bound(0.05) == pytest.approx(0.06 + 1.6448536269514722 * 0.02)


def test_auc_loss_from_a_single_bad_has_no_interval() -> None:
    known, single = Measure(value=0.7, n=5, variance=0.01), Measure(value=0.6, n=5)
    for before, after, expected in ((known, single, 0.1), (single, known, -0.1)):
        loss = ranking.auc_loss(before, after)
        assert (loss.variance, loss.interval, loss.p) == (None, None, None)
        assert loss.value == pytest.approx(expected)


def test_auc_loss_without_an_auc_says_which_side() -> None:
    known, unknown = Measure(value=0.7, n=5, variance=0.01), missing("there are no bads", n=3)
    assert ranking.auc_loss(unknown, known).reason == "the reference has no AUC: there are no bads"
    assert ranking.auc_loss(known, unknown).reason == "the current data has no AUC: there are no bads"


PAIRED_ROWS = st.lists(st.tuples(SCORES, SCORES, st.integers(0, 1)), min_size=4, max_size=30)


@given(rows=PAIRED_ROWS)
def test_paired_delong_is_that_of_comparing_every_pair(rows: list[tuple[float, float, int]]) -> None:
    first, second = [(a, y) for a, _, y in rows], [(b, y) for _, b, y in rows]
    found = ranking.paired_auc_change(*zip(*rows, strict=True))
    if counted(first).one_class():
        assert found.value is None
        return
    (_, bads_1, goods_1), (_, bads_2, goods_2) = by_pairs(first), by_pairs(second)
    assert found.value == pytest.approx(fmean(bads_2) - fmean(bads_1), abs=1e-12)
    if min(len(bads_1), len(goods_1)) < 2:
        assert found.variance is None
        return
    expected = sum(
        variance([b - a for a, b in zip(*sides, strict=True)]) / len(sides[0])
        for sides in ((bads_1, bads_2), (goods_1, goods_2))
    )
    assert found.variance == pytest.approx(expected, abs=1e-12)


def test_two_equal_models_differ_by_nothing_without_an_interval() -> None:
    scores, labels = [0.1, 0.2, 0.3, 0.4], [0, 1, 0, 1]
    change = ranking.paired_auc_change(scores, scores, labels)
    assert (change.value, change.variance, change.interval, change.p) == (0.0, 0.0, None, None)


def test_the_interval_of_a_change_stays_within_what_an_auc_can_change_by() -> None:
    before, labels = [0.9, 0.8, 0.7, 0.1, 0.2, 0.75], [0, 0, 0, 1, 1, 1]
    after = [0.1, 0.2, 0.3, 0.7, 0.8, 0.9]
    for change, side in (
        (ranking.paired_auc_change(before, after, labels), 1),
        (ranking.paired_auc_change(after, before, labels), 0),
    ):
        assert change.variance
        assert change.interval is not None
        assert change.interval[side] == (-1.0, 1.0)[side]


def test_the_same_mix_of_scores_gives_the_same_auc() -> None:
    reference = binormal(0.7)
    same_mix = ranking.auc_with_mix_of(reference.unlabelled(), reference)
    assert same_mix.value == pytest.approx(ranking.auc(reference).known(), abs=1e-12)
    few = counted([(0.1, 0), (0.2, 1), (0.3, 0), (0.4, 1)])  # a row in each band
    assert ranking.auc_with_mix_of(few.unlabelled(), few).value == ranking.auc(few).value


def test_auc_for_another_mix_is_that_of_a_reference_repeated_in_that_mix() -> None:
    bands = [(band, label) for band, label in product(range(10), (0, 0, 1)) for _ in range(5)]
    reference = counted([(float(band), label) for band, label in bands])
    mix = [1, 1, 1, 1, 1, 1, 1, 2, 3, 4]
    repeated = counted([(float(band), label) for band, label in bands for _ in range(mix[band])])
    current = ValueCounts.of(np.repeat(np.arange(10.0), mix))
    assert ranking.auc_with_mix_of(current, reference).value == pytest.approx(ranking.auc(repeated).known())


@pytest.mark.parametrize(
    ("current", "reference", "reason"),
    [
        pytest.param([], [(0.1, 0), (0.2, 1)], "the current data has no rows", id="nothing-now"),
        pytest.param([0.1], [], "there are no rows", id="no-reference"),
        pytest.param(
            [0.1], [(0.1, 0), (0.2, 1)], "no current score lies in a band that had both goods and bads", id="elsewhere"
        ),
    ],
)
def test_another_mix_may_leave_nothing_to_compare(current: list[float], reference: list[Row], reason: str) -> None:
    assert ranking.auc_with_mix_of(ValueCounts.of(current), counted(reference)).reason == reason
