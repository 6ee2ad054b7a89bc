from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.measures.measure import adjusted

# Benjamini and Hochberg, J. R. Statist. Soc. B 57 (1995) 289-300: the fifteen p-values of their example.
PUBLISHED = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719, 0.6528]
PUBLISHED += [0.7590, 1.0]


def test_the_published_example_rejects_four() -> None:
    found = adjusted(PUBLISHED)
    assert sum(p <= 0.05 for p in found) == 4
    assert sum(p * len(PUBLISHED) <= 0.05 for p in PUBLISHED) == 3  # Bonferroni
    assert found[:6] == pytest.approx([0.0015, 0.003, 0.0095, 0.035625, 0.0603, 0.063857142857])


@given(p_values=st.lists(st.floats(0, 1), max_size=12), q=st.floats(0.01, 0.5))
def test_adjusted_values_reject_what_the_step_up_rule_rejects(p_values: list[float], q: float) -> None:
    ranked = sorted(p_values)
    passing = [k for k, p in enumerate(ranked, 1) if p * (len(ranked) / k) <= q]
    largest = ranked[max(passing) - 1] if passing else -1.0
    assert [p <= q for p in adjusted(p_values)] == [p <= largest for p in p_values]


@given(p_values=st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_adjusting_keeps_the_order_and_never_helps(p_values: list[float]) -> None:
    found = adjusted(p_values)
    for before, after in zip(p_values, found, strict=True):
        assert before <= after <= 1
    order = sorted(range(len(p_values)), key=lambda place: p_values[place])
    assert [found[place] for place in order] == sorted(found)


@pytest.mark.parametrize("impossible", [float("nan"), -0.01, 1.01])
def test_impossible_p_values_are_refused(impossible: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        adjusted([0.5, impossible])


def test_no_tests_give_no_values() -> None:
    assert adjusted([]) == []
