from __future__ import annotations

from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.measures.grades import Light, chance_of_bads, critical_count, light


@pytest.mark.parametrize(
    ("n", "bads", "pd", "p"), [(1000, 20, 0.015, 0.1230946892), (10_000, 180, 0.015, 0.0089590008)]
)
def test_exact_binomial_tail(n: int, bads: int, pd: float, p: float) -> None:
    """Domain notes, 14.6."""
    assert chance_of_bads(n, bads, pd) == pytest.approx(p, abs=5e-11)


@pytest.mark.parametrize(("confidence", "expected"), [(0.95, 169), (0.99, 177), (0.999, 186)])
def test_critical_counts(confidence: float, expected: int) -> None:
    """Domain notes, 14.6: a thousand rows with PD 0.15."""
    assert critical_count(1000, 0.15, confidence) == expected


@given(n=st.integers(1, 12), pd=st.floats(0.01, 0.99), confidence=st.floats(0.5, 0.99))
def test_tail_and_critical_count_are_those_of_summing(n: int, pd: float, confidence: float) -> None:
    chances = [comb(n, k) * pd**k * (1 - pd) ** (n - k) for k in range(n + 1)]
    for bads in range(n + 1):
        assert chance_of_bads(n, bads, pd) == pytest.approx(sum(chances[bads:]))
    most = critical_count(n, pd, confidence)
    assert sum(chances[: most + 1]) >= confidence - 1e-9
    assert sum(chances[:most]) < confidence + 1e-9


@pytest.mark.parametrize(
    ("bads", "colour"),
    [
        pytest.param(0, Light.GREEN, id="none"),
        pytest.param(169, Light.GREEN, id="most-at-95-percent"),
        pytest.param(170, Light.YELLOW, id="one-more"),
        pytest.param(177, Light.YELLOW, id="most-at-99-percent"),
        pytest.param(178, Light.ORANGE, id="one-more-than-that"),
        pytest.param(186, Light.ORANGE, id="most-at-99.9-percent"),
        pytest.param(187, Light.RED, id="past-all"),
    ],
)
def test_traffic_light_changes_past_each_critical_count(bads: int, colour: Light) -> None:
    assert light(1000, bads, 0.15) is colour


def test_no_rows_are_no_green_light() -> None:
    assert light(0, 0, 0.15) is None
    assert critical_count(0, 0.15, 0.95) == 0
