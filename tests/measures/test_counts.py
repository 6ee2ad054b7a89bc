from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.measures.counts import MOST_ROWS, ScoreCounts, ValueCounts, weighted_sum
from tests.measures.populations import ROWS, Row, counted, same

FLOATS = st.floats(allow_nan=False, allow_infinity=False, width=32)


@given(rows=st.lists(st.tuples(FLOATS, st.integers(0, 1)), max_size=30))
def test_counts_are_those_of_counting_by_hand(rows: list[Row]) -> None:
    counts = counted(rows)
    by_hand = Counter(rows)
    assert counts.scores.tolist() == sorted({score for score, _ in rows})
    assert counts.goods.tolist() == [by_hand[score, 0] for score in counts.scores.tolist()]
    assert counts.bads.tolist() == [by_hand[score, 1] for score in counts.scores.tolist()]


@given(rows=ROWS)
def test_probabilities_are_counted_as_any_other_scores(rows: list[Row]) -> None:
    shifted = counted([(score - 5, label) for score, label in rows])
    counts = counted(rows)
    assert counts.goods.tolist() == shifted.goods.tolist()
    assert counts.bads.tolist() == shifted.bads.tolist()


@given(rows=ROWS, cuts=st.tuples(st.integers(0, 40), st.integers(0, 40)), order=st.permutations(range(3)))
def test_counts_of_shards_add_up_to_the_whole_to_the_last_bit(
    rows: list[Row], cuts: tuple[int, int], order: list[int]
) -> None:
    first, last = sorted(cuts)
    shards = [counted(rows[:first]), counted(rows[first:last]), counted(rows[last:])]
    assert same(ScoreCounts.merged([shards[place] for place in order]), counted(rows))


@given(values=st.lists(FLOATS, max_size=20), cut=st.integers(0, 20))
def test_values_of_shards_add_up(values: list[float], cut: int) -> None:
    whole = ValueCounts.of(values)
    merged = ValueCounts.merged([ValueCounts.of(values[cut:]), ValueCounts.of(values[:cut])])
    assert np.array_equal(merged.values, whole.values)
    assert np.array_equal(merged.counts, whole.counts)


@pytest.mark.parametrize("other", [0.5, 7.0], ids=["among-probabilities", "among-points"])
def test_negative_zero_is_zero(other: float) -> None:
    counts = ScoreCounts.of([-0.0, 0.0, other], [0, 1, 0])
    assert counts.scores.tobytes() == np.array([0.0, other]).tobytes()


@pytest.mark.parametrize(
    ("scores", "labels", "message"),
    [
        pytest.param([np.nan], [0], "finite", id="a-missing-score"),
        pytest.param([np.inf], [0], "finite", id="an-infinite-score"),
        pytest.param([0.5], [2], "0 or 1", id="a-third-label"),
        pytest.param([0.5], [np.nan], "0 or 1", id="a-missing-label"),
    ],
)
def test_rows_that_cannot_be_counted_are_refused(scores: list[float], labels: list[float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ScoreCounts.of(scores, labels)


def test_more_rows_than_fit_are_refused_rather_than_counted_wrong() -> None:
    with pytest.raises(ValueError, match="cannot be counted exactly"):
        ScoreCounts(np.array([0.5]), np.array([MOST_ROWS]), np.array([1]))


def test_mean_and_variance_are_those_of_the_rows() -> None:
    values = [3.0, 1.0, 1.0, 8.0]
    counts = ValueCounts.of(values)
    assert counts.mean() == pytest.approx(np.mean(values))
    assert counts.variance() == pytest.approx(np.var(values, ddof=1))
    assert weighted_sum(counts.values, counts.counts) == 13.0


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        pytest.param([], "there are no rows", id="empty"),
        pytest.param([(0.1, 0)], "there are no bads", id="goods-only"),
        pytest.param([(0.1, 1)], "there are no goods", id="bads-only"),
        pytest.param([(0.1, 1), (0.1, 0)], None, id="both"),
    ],
)
def test_one_class_is_named(rows: list[Row], reason: str | None) -> None:
    assert counted(rows).one_class() == reason
