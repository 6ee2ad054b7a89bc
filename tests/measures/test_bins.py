from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.measures.bins import (
    BinCounts,
    Bins,
    NumberLevels,
    NumericBins,
    TextLevels,
    freeze_levels,
    freeze_numbers,
    from_json,
    to_json,
)
from jobs.measures.counts import ValueCounts

VALUES = st.lists(st.integers(-6, 6).map(float), max_size=40)


@given(values=VALUES.filter(len), parts=st.integers(2, 10))
def test_edges_are_observed_values_with_the_share_of_rows_below(values: list[float], parts: int) -> None:
    edges = ValueCounts.of(values).edges(parts)
    by_hand = {sorted(values)[math.ceil(len(values) * part / parts - 1e-9) - 1] for part in range(1, parts)}
    assert list(edges) == sorted(by_hand)


@given(
    values=VALUES,
    edges=st.sets(st.integers(-7, 7).map(float), min_size=1),
    sentinels=st.sampled_from([(), (3.0,), (-1.0, 3.0)]),
)
def test_every_row_falls_into_the_right_closed_bin(
    values: list[float], edges: set[float], sentinels: tuple[float, ...]
) -> None:
    bins = NumericBins(tuple(sorted(edges)), sentinels)
    rows = bins.count(ValueCounts.of(values), missing=2).rows
    body = [value for value in values if value not in sentinels]
    ends = [-math.inf, *bins.edges, math.inf]
    expected = [sum(low < value <= high for value in body) for low, high in itertools.pairwise(ends)]
    assert rows == (*expected, *(values.count(value) for value in bins.sentinels), 2)


def test_bins_are_named_for_people() -> None:
    assert NumericBins((0.5, 2.0), (999.0,)).names == ("<= 0.5", "(0.5, 2]", "> 2", "= 999", "missing")
    assert NumberLevels((0.0, 1.0)).names == ("= 0", "= 1", "other", "missing")
    assert TextLevels(("car",), ("boat",)).names == ("= car", "other", "unseen", "missing")


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        pytest.param(np.arange(20.0), NumericBins((1.0, 3.0, 5.0, 7.0, 9.0, 11.0, 13.0, 15.0, 17.0)), id="ordinary"),
        pytest.param([0.0] * 7 + [1.0] * 3, NumericBins((0.0, 1.0)), id="two-values-two-edges"),
        pytest.param([0.0] * 995 + [1.0] * 5, NumberLevels((0.0, 1.0)), id="one-edge-and-a-level-of-half-a-percent"),
        pytest.param([0.0] * 996 + [1.0] * 4, NumberLevels((0.0,)), id="one-edge-and-a-rare-value"),
        pytest.param([4.0] * 5, NumberLevels((4.0,)), id="constant"),
        pytest.param([], NumberLevels(()), id="all-missing"),
    ],
)
def test_numbers_freeze(values: list[float], expected: Bins) -> None:
    assert freeze_numbers(ValueCounts.of(values), missing=0 if len(values) else 9) == expected


def test_sentinels_take_no_part_in_the_edges() -> None:
    bins = freeze_numbers(ValueCounts.of([1.0, 2.0, 3.0, 4.0] + [999.0] * 50), sentinels=(999.0,))
    assert bins == NumericBins((1.0, 2.0, 3.0, 4.0), (999.0,))


def test_levels_freeze_and_count() -> None:
    bins = freeze_levels({"a": 600, "b": 395, "c": 4, None: 1, "__UNSEEN__": 0})
    assert bins == TextLevels(("a", "b"), ("c",))
    counts = bins.count({"a": 1, "b": 2, "c": 3, "new": 4, "__UNSEEN__": 5, None: 6})
    assert counts.rows == (1, 2, 3, 9, 6)
    assert bins.count({"a": 1}).rows == (1, 0, 0, 0, 0)
    assert [counts.part(name) for name in ("missing", "unseen", "other", "= d")] == [6, 9, 3, 0]


def test_a_level_of_exactly_half_a_percent_has_its_own_bin() -> None:
    assert freeze_levels({"a": 995, "b": 5}) == TextLevels(("a", "b"), ())


def test_missing_rows_count_when_a_level_is_weighed() -> None:
    counts = ValueCounts.of([0.0] * 990 + [1.0] * 5)
    assert freeze_numbers(counts, missing=5) == NumberLevels((0.0, 1.0))
    assert freeze_numbers(counts, missing=6) == NumberLevels((0.0,))
    assert freeze_levels({"a": 990, "b": 5, None: 6}) == TextLevels(("a",), ("b",))


BINS: list[Bins] = [NumericBins((0.1, 0.30000000000000004), (999.0,)), NumberLevels((0.0,)), TextLevels(("a",), ("b",))]


@pytest.mark.parametrize("bins", BINS, ids=lambda bins: type(bins).__name__)
def test_bins_survive_being_stored(bins: Bins) -> None:
    assert from_json(to_json(bins)) == bins


@pytest.mark.parametrize("edges", [(), (1.0, 1.0), (2.0, 1.0)])
def test_edges_that_do_not_rise_are_refused(edges: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="must rise"):
        NumericBins(edges)


@given(values=VALUES, cut=st.integers(0, 40))
def test_counts_of_shards_add_up(values: list[float], cut: int) -> None:
    bins = NumericBins((-2.0, 0.0, 4.0))
    parts = [bins.count(ValueCounts.of(part)) for part in (values[:cut], values[cut:])]
    assert parts[0] + parts[1] == bins.count(ValueCounts.of(values))


def test_counts_of_different_bins_do_not_add_up() -> None:
    counts = [NumberLevels((level,)).count(ValueCounts.of([1.0])) for level in (0.0, 1.0)]
    with pytest.raises(ValueError, match="do not add up"):
        counts[0] + counts[1]
    with pytest.raises(ValueError, match="3 bins have 1 counts"):
        BinCounts(NumberLevels((0.0,)), (1,))
