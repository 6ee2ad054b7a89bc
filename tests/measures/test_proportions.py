from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import beta, norm

from jobs.measures.proportions import jeffreys_interval, share_change, wilson_interval


@pytest.mark.parametrize(
    ("hits", "n", "other_hits", "other_n", "low", "high"),
    [
        pytest.param(56, 70, 48, 80, 0.0524, 0.3339, id="a"),
        pytest.param(9, 10, 3, 10, 0.1705, 0.8090, id="b"),
        pytest.param(6, 7, 2, 7, 0.0582, 0.8062, id="c"),
        pytest.param(5, 56, 0, 29, -0.0381, 0.1926, id="d"),
        pytest.param(0, 10, 0, 20, -0.1611, 0.2775, id="e"),
        pytest.param(0, 10, 0, 10, -0.2775, 0.2775, id="f"),
        pytest.param(10, 10, 0, 20, 0.6791, 1.0000, id="g"),
        pytest.param(10, 10, 0, 10, 0.6075, 1.0000, id="h"),
    ],
)
def test_newcombes_own_examples(hits: int, n: int, other_hits: int, other_n: int, low: float, high: float) -> None:
    """Newcombe, Statistics in Medicine 17 (1998) 873-890, table II, method 10."""
    found = share_change(other_hits, other_n, hits, n)
    assert found.interval == pytest.approx((low, high), abs=5e-5)
    assert found.value == pytest.approx(hits / n - other_hits / other_n)


def test_the_pooled_z_of_a_fourfold_table() -> None:
    found = share_change(150, 1000, 40, 200)
    assert found.z == pytest.approx((0.2 - 0.15) / (190 / 1200 * 1010 / 1200 * (1 / 1000 + 1 / 200)) ** 0.5)
    assert found.p == pytest.approx(2 * norm.sf(found.z or 0))
    assert (found.n, found.n_reference) == (200, 1000)


@pytest.mark.parametrize("hits", [0, 10])
def test_equal_certain_shares_do_not_differ(hits: int) -> None:
    found = share_change(hits, 10, hits, 10)
    assert (found.value, found.z, found.p) == (0.0, 0.0, 1.0)


def test_shares_of_nothing() -> None:
    assert share_change(0, 0, 1, 2).reason == "the reference has no rows"
    assert share_change(1, 2, 0, 0).reason == "the current data has no rows"


@given(n=st.integers(1, 500), share=st.floats(0, 1))
def test_intervals_hold_the_share_and_stay_within_0_and_1(n: int, share: float) -> None:
    hits = round(n * share)
    for low, high in (jeffreys_interval(hits, n), wilson_interval(hits, n)):
        assert 0 <= low <= hits / n + 1e-12
        assert hits / n - 1e-12 <= high <= 1


def test_jeffreys_interval_is_that_of_the_beta_distribution() -> None:
    assert jeffreys_interval(2, 10) == pytest.approx(beta.ppf([0.025, 0.975], 2.5, 8.5))
    assert jeffreys_interval(0, 10) == pytest.approx((0.0, beta.ppf(0.975, 0.5, 10.5)))
    assert jeffreys_interval(10, 10) == pytest.approx((beta.ppf(0.025, 10.5, 0.5), 1.0))
