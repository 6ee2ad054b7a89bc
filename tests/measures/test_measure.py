from __future__ import annotations

import math

import pytest

from jobs.measures.measure import Comparison, Measure, missing, normal_interval, two_sided_p


@pytest.mark.parametrize(
    "given",
    [
        pytest.param({"value": math.nan}, id="a-value-that-is-no-number"),
        pytest.param({"value": math.inf}, id="an-infinite-value"),
        pytest.param({"value": 0.5, "variance": math.nan}, id="a-variance-that-is-no-number"),
        pytest.param({"value": 0.5, "p": math.nan}, id="a-p-that-is-no-number"),
        pytest.param({"value": None}, id="no-value-and-no-reason"),
        pytest.param({"value": 0.5, "reason": "none"}, id="a-value-and-a-reason-for-having-none"),
    ],
)
def test_a_measure_refuses(given: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"finite|reason"):
        Measure(n=1, **given)  # type: ignore[arg-type]  # the point of the test


def test_a_missing_measure_says_why_and_never_gives_a_number() -> None:
    nothing = missing("there are no rows", n=0)
    assert nothing.value is None
    assert nothing.lower_bound() is None
    assert Measure(value=0.5, n=1).lower_bound() is None
    with pytest.raises(ValueError, match="there are no rows"):
        nothing.known()


def test_one_sided_bounds_are_narrower_than_the_two_sided_interval() -> None:
    measure = Measure(value=0.7, n=100, variance=0.0004)
    assert measure.lower_bound() == pytest.approx(0.7 - 1.6448536269514722 * 0.02)
    assert normal_interval(0.7, 0.0004, (0.0, 1.0)) == pytest.approx((0.7 - 0.0391992797, 0.7 + 0.0391992797))


def test_an_interval_stays_within_what_can_be_and_needs_a_spread() -> None:
    assert normal_interval(0.99, 0.01, (0.0, 1.0)) == pytest.approx((0.7940036015, 1.0))
    assert normal_interval(1.0, 0.0, (0.0, 1.0)) is None


def test_p_of_the_usual_z() -> None:
    assert two_sided_p(1.959963984540054) == pytest.approx(0.05)
    assert two_sided_p(-1.959963984540054) == pytest.approx(0.05)


def test_a_comparison_names_both_sizes() -> None:
    assert Comparison(value=0.0, n=2, n_reference=3).n_reference == 3
