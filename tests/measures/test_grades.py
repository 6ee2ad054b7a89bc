from __future__ import annotations

from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.measures.calibration import chance_of_bads, light


@pytest.mark.parametrize(
    ("n", "bads", "pd", "p"), [(1000, 20, 0.015, 0.1230946892), (10_000, 180, 0.015, 0.0089590008)]
)
def test_exact_binomial_tail(n: int, bads: int, pd: float, p: float) -> None:
    """Domain notes, 14.6."""
    assert chance_of_bads(n, bads, pd) == pytest.approx(p, abs=5e-11)


@given(n=st.integers(1, 12), pd=st.floats(0.01, 0.99))
def test_the_tail_is_that_of_summing(n: int, pd: float) -> None:
    chances = [comb(n, k) * pd**k * (1 - pd) ** (n - k) for k in range(n + 1)]
    for bads in range(n + 1):
        assert chance_of_bads(n, bads, pd) == pytest.approx(sum(chances[bads:]))


@pytest.mark.parametrize(
    ("bads", "colour"),
    [
        pytest.param(0, "green", id="none"),
        pytest.param(169, "green", id="most-at-95-percent"),
        pytest.param(170, "yellow", id="one-more"),
        pytest.param(177, "yellow", id="most-at-99-percent"),
        pytest.param(178, "orange", id="one-more-than-that"),
        pytest.param(186, "orange", id="most-at-99.9-percent"),
        pytest.param(187, "red", id="past-all"),
    ],
)
def test_traffic_light_changes_past_each_critical_count(bads: int, colour: str) -> None:
    """Domain notes, 14.6: a thousand rows with PD 0.15."""
    assert light(1000, bads, 0.15) == colour


@pytest.mark.parametrize(("pd", "colour"), [(0.05, "green"), (0.01, "yellow"), (0.001, "orange"), (0.0009, "red")])
def test_a_chance_at_the_bound_of_a_colour_still_has_it(pd: float, colour: str) -> None:
    assert chance_of_bads(1, 1, pd) == pd
    assert light(1, 1, pd) == colour


def test_no_bads_among_loans_without_risk_are_certain() -> None:
    assert chance_of_bads(10, 0, 0.0) == 1.0


def test_no_rows_are_no_green_light() -> None:
    assert light(0, 0, 0.15) is None
