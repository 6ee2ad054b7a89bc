from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.measures.proportions import cumulative_share, jeffreys_interval


def test_freireichs_patients_fare_as_published() -> None:
    """6-MP arm of Freireich 1963: survival .857 .807 .753 .690 .627 .538 .448, standard errors .0764 ... .1346."""
    found = cumulative_share([21, 17, 15, 12, 11, 7, 6], [3, 1, 1, 1, 1, 1, 1])
    assert [1 - one.known() for one in found] == pytest.approx(
        [0.857, 0.807, 0.753, 0.690, 0.627, 0.538, 0.448], abs=6e-4
    )
    errors = [one.variance**0.5 for one in found if one.variance]
    assert errors == pytest.approx([0.0764, 0.0869, 0.0963, 0.1068, 0.1141, 0.1282, 0.1346], abs=6e-5)
    upper = [1 - one.interval[0] for one in found if one.interval]  # log-log, as lifelines prints them
    lower = [1 - one.interval[1] for one in found if one.interval]
    assert lower == pytest.approx([0.6197, 0.5631, 0.5032, 0.4316, 0.3675, 0.2678, 0.1881], abs=6e-5)
    assert upper == pytest.approx([0.9516, 0.9228, 0.8894, 0.8491, 0.8049, 0.7468, 0.6801], abs=6e-5)


@given(steps=st.lists(st.integers(0, 3), min_size=1, max_size=6))
def test_where_all_are_seen_to_the_end_it_is_the_plain_share(steps: list[int]) -> None:
    at_risk = [20 - sum(steps[:step]) for step in range(len(steps))]
    for step, one in enumerate(cumulative_share(at_risk, steps)):
        assert one.value == pytest.approx(sum(steps[: step + 1]) / 20)
        assert one.interval is not None
        assert 0 <= one.interval[0] <= one.known() <= one.interval[1] <= 1


def test_without_bads_yet_the_interval_is_that_of_a_share() -> None:
    assert cumulative_share([50], [0])[0].interval == jeffreys_interval(0, 50)


def test_all_bad_is_one_without_spread() -> None:
    (found,) = cumulative_share([3], [3])
    assert (found.value, found.interval, found.variance) == (1.0, None, None)


def test_a_step_that_nobody_was_seen_through_has_no_share() -> None:
    found = cumulative_share([2, 0], [1, 0])[1]
    assert (found.value, found.n, found.reason) == (None, 0, "no loan has been seen for so long")
