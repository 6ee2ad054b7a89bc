from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ks_2samp, wasserstein_distance

from jobs.measures.counts import ValueCounts
from jobs.measures.drift import ks_distance, wasserstein_in_iqr

VALUES = st.lists(st.integers(-9, 9).map(float), min_size=1, max_size=30)


@given(reference=VALUES, current=VALUES)
def test_ks_distance_is_scipys(reference: list[float], current: list[float]) -> None:
    found = ks_distance(ValueCounts.of(reference), ValueCounts.of(current))
    with np.errstate(divide="ignore", invalid="ignore"):  # in its p, which is not asked for
        expected = ks_2samp(reference, current, method="asymp").statistic
    assert found.value == pytest.approx(expected)
    assert (found.n, found.n_reference) == (len(current), len(reference))


@given(reference=VALUES, current=VALUES)
def test_wasserstein_is_scipys_in_interquartile_ranges(reference: list[float], current: list[float]) -> None:
    found = wasserstein_in_iqr(ValueCounts.of(reference), ValueCounts.of(current))
    ordered, n = sorted(reference), len(reference)
    spread = ordered[-(-3 * n // 4) - 1] - ordered[-(-n // 4) - 1]
    if spread:
        assert found.value == pytest.approx(wasserstein_distance(reference, current) / spread)
    else:
        assert found.reason == "the middle half of the reference is one value"


@pytest.mark.parametrize("distance", [ks_distance, wasserstein_in_iqr])
def test_distances_need_rows_on_both_sides(distance: object) -> None:
    some, none = ValueCounts.of([1.0, 2.0]), ValueCounts.of([])
    assert callable(distance)
    assert distance(none, some).reason == "the reference has no rows"
    assert distance(some, none).reason == "the current data has no rows"
