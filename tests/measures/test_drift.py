from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import ndtr

from jobs.measures.bins import BinCounts, NumberLevels, NumericBins, TextLevels
from jobs.measures.counts import FloatArray, IntArray, ValueCounts
from jobs.measures.drift import ZeroPolicy, cusum, information_value, mean_change, noise_limit, psi, psi_parts
from tests.measures.populations import of_toad

TEN = NumericBins(tuple(float(edge) for edge in range(9)))


def ten(rows: list[int]) -> BinCounts:
    return BinCounts(TEN, (*rows, 0))


def of(values: FloatArray | IntArray, *edges: float) -> BinCounts:
    return NumericBins(edges).count(ValueCounts.of(values))


@pytest.mark.parametrize(
    ("current", "reference", "edges", "expected"),
    [
        pytest.param("feature", "base", (0.3, 0.5, 0.7), 0.018630024627491467, id="toad-feature"),
        pytest.param("B", "baseB", (0.4, 0.8), 0.014528279995858708, id="toad-B"),
        pytest.param("A", "baseA", (0.3, 0.5, 0.7), 0.014035275885003803, id="re-computed-A"),
    ],
)
def test_toad_psi(current: str, reference: str, edges: tuple[float, ...], expected: float) -> None:
    data = of_toad()
    found = psi(of(data[reference], *edges), of(data[current], *edges), ZeroPolicy.NONE)
    assert found.value == expected
    assert (found.n, found.n_reference, found.bins) == (500, 500, len(edges) + 1)


def test_toad_shares_of_the_bins() -> None:
    data = of_toad()
    assert of(data["feature"], 0.3, 0.5, 0.7).rows == (149, 86, 108, 157, 0)  # .298 .172 .216 .314
    assert of(data["base"], 0.3, 0.5, 0.7).rows == (144, 112, 105, 139, 0)  # .288 .224 .210 .278


def test_psi_by_hand() -> None:
    """Domain notes, 14.6."""
    current = [50, 70, 80, 100, 100, 100, 100, 120, 130, 150]
    assert psi(ten([100] * 10), ten(current), ZeroPolicy.NONE).value == pytest.approx(0.0816110928, abs=5e-11)


def test_psi_of_shifted_normals_is_the_symmetrised_divergence() -> None:
    """N(0,1) against N(0.25,1) in fine bins without noise: 0.0625 (domain notes, 14.6)."""
    edges = np.linspace(-6, 6.25, 400)
    shares = [np.diff(ndtr(edges - shift)) for shift in (0.0, 0.25)]
    before, after = (np.rint(share * 1e12).astype(int).tolist() for share in shares)
    parts = psi_parts(before, after, ZeroPolicy.NONE)
    assert isinstance(parts, tuple)
    assert math.fsum(parts) == pytest.approx(0.0625, abs=2e-5)


def test_a_new_level_is_counted_and_shown_as_unseen() -> None:
    """A/B/C 50/30/20 against A/B/C/D 40/35/20/5: toad says 0.0300 and leaves D out (domain notes, 15)."""
    bins = TextLevels(("A", "B", "C"), ())
    reference = bins.count({"A": 5000, "B": 3000, "C": 2000})
    current = bins.count({"A": 4000, "B": 3500, "C": 2000, "D": 500})
    found = psi(reference, current)
    assert found.body == pytest.approx(0.0300, abs=5e-4)
    assert found.unseen_part > 0.3
    assert found.value == pytest.approx((found.body or 0) + found.unseen_part)
    assert found.bins == 4  # nothing is missing or rare


def test_missing_rows_are_a_bin_of_their_own() -> None:
    bins = NumericBins((0.0, 1.0))
    found = psi(BinCounts(bins, (40, 30, 30, 0)), BinCounts(bins, (20, 15, 15, 50)))
    assert found.missing_part > 0.8 * (found.value or 0)
    assert found.missing_part == found.parts[-1]
    assert found.body == pytest.approx(sum(found.parts[:-1]))


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        pytest.param(ZeroPolicy.ADDITIVE, (10.5 / 21 - 0.5 / 11) * math.log((10.5 / 21) / (0.5 / 11)), id="additive"),
        pytest.param(ZeroPolicy.EPSILON, (0.5 - 1e-4) * math.log(0.5 / 1e-4), id="epsilon"),
    ],
)
def test_an_empty_bin_is_smoothed(policy: ZeroPolicy, expected: float) -> None:
    parts = psi_parts([10, 0, 0], [10, 10, 0], policy)
    assert parts[1] == pytest.approx(expected)
    assert parts[2] == 0.0  # empty on both sides: no bin


def test_without_smoothing_an_empty_bin_gives_a_reason_instead_of_infinity() -> None:
    some, none = ten([10, 2, *[1] * 8]), ten([10, 0, *[1] * 8])
    for found in (psi(some, none, ZeroPolicy.NONE), psi(none, some, ZeroPolicy.NONE)):
        assert found.value is None
        assert found.reason == "a bin has rows on one side only: without smoothing the index is infinite"


@given(rows=st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), min_size=10, max_size=10))
def test_psi_is_symmetric_never_negative_and_the_sum_of_its_parts(rows: list[tuple[int, int]]) -> None:
    before, after = (ten(list(side)) for side in zip(*rows, strict=True))
    found, around = psi(before, after), psi(after, before)
    if not before.n or not after.n:
        assert found.reason is not None
        return
    assert found.value is not None
    assert found.value >= 0
    assert found.value == math.fsum(found.parts) == pytest.approx(around.value, abs=1e-15)
    assert psi(before, before).value == 0.0


@pytest.mark.parametrize(
    ("reference", "current", "reason"),
    [
        pytest.param([0] * 10, [1] * 10, "the reference has no rows", id="no-reference"),
        pytest.param([1] * 10, [0] * 10, "the current data has no rows", id="nothing-now"),
    ],
)
def test_psi_of_nothing(reference: list[int], current: list[int], reason: str) -> None:
    found = psi(ten(reference), ten(current))
    assert (found.value, found.reason, found.body) == (None, reason, None)


def test_a_constant_feature_is_stable_for_certain() -> None:
    bins = NumberLevels((4.0,))
    found = psi(bins.count(ValueCounts.of([4.0] * 9)), bins.count(ValueCounts.of([4.0] * 5)))
    assert (found.value, found.p, found.noise, found.bins) == (0.0, 1.0, 0.0, 1)


def test_counts_in_different_bins_are_not_compared() -> None:
    with pytest.raises(ValueError, match="different bins"):
        psi(of(np.arange(5), 1.0), of(np.arange(5), 2.0))


@pytest.mark.parametrize(
    ("n_reference", "n", "at_95", "at_99"),
    [(50_000, 1_000, 0.01726, 0.02210), (10_000, 500, 0.03553, 0.04550), (50_000, 5_000, 0.00372, 0.00477)],
)
def test_noise_limits_of_ten_bins(n_reference: int, n: int, at_95: float, at_99: float) -> None:
    """Domain notes, 10.2."""
    assert noise_limit(10, n_reference, n, 0.95) == pytest.approx(at_95, abs=5e-6)
    assert noise_limit(10, n_reference, n, 0.99) == pytest.approx(at_99, abs=5e-6)


def test_a_psi_of_a_tenth_on_a_hundred_rows_is_noise() -> None:
    assert noise_limit(10, 50_000, 100) == pytest.approx(0.1695, abs=5e-5)


def test_noise_gives_the_psi_its_p() -> None:
    reference = ten([5_000] * 10)
    found = psi(reference, ten([119, 81, *[100] * 8]), ZeroPolicy.NONE)
    assert found.noise == pytest.approx(9 * (1 / 50_000 + 1 / 1_000))
    assert found.value is not None
    assert found.p is not None
    assert noise_limit(10, 50_000, 1_000, 1 - found.p) == pytest.approx(found.value)


def test_psi_of_samples_of_one_population_stays_below_its_limit_as_often_as_promised() -> None:
    generator = np.random.default_rng(3)
    weeks, references = (generator.multinomial(n, [0.1] * 10, 1000).tolist() for n in (800, 20_000))
    found = [psi(ten(reference), ten(week)) for reference, week in zip(references, weeks, strict=True)]
    alarms = sum(1 for week in found if (week.p or 0) <= 0.05)
    assert 30 <= alarms <= 70


@pytest.mark.parametrize(
    ("goods", "bads", "expected"),
    [
        pytest.param([12, 39, 44, 117], [244, 100, 12, 1], 4.819661314733627, id="splits-13-15-17"),
        pytest.param([3, 3, 7, 10, 28, 44, 117], [115, 76, 61, 39, 55, 10, 1], 5.04392547, id="six-splits"),
    ],
)
def test_optbinning_information_value(goods: list[int], bads: list[int], expected: float) -> None:
    """optbinning's tests/test_binning.py (Apache-2.0): breast cancer, mean radius; only the counts matter."""
    found = information_value(goods, bads, ZeroPolicy.NONE)
    assert found.value == pytest.approx(expected, abs=5e-9)
    assert found.n == 569


def test_toad_weight_of_evidence_is_what_a_part_weighs() -> None:
    """toad's WOE(0.2, 0.3) = -0.4054651081081643: the logarithm inside each part of the information value."""
    parts = psi_parts([3, 7], [2, 8], ZeroPolicy.NONE)
    assert isinstance(parts[0], float)
    assert parts[0] / (0.2 - 0.3) == pytest.approx(-0.4054651081081643, rel=1e-15)


@pytest.mark.parametrize(
    ("goods", "bads", "reason"), [([0], [1], "there are no goods"), ([1], [0], "there are no bads")]
)
def test_information_value_needs_both_classes(goods: list[int], bads: list[int], reason: str) -> None:
    assert information_value(goods, bads).reason == reason


def test_mean_change_is_welchs_difference() -> None:
    before, after = ValueCounts.of([1.0, 2.0, 3.0, 4.0]), ValueCounts.of([3.0, 5.0])
    found = mean_change(before, after)
    assert found.value == pytest.approx(1.5)
    assert found.variance == pytest.approx((5 / 3) / 4 + 2 / 2)
    assert found.interval is not None
    assert found.interval[0] < 0 < found.interval[1]
    assert found.p == pytest.approx(math.erfc(1.5 / math.sqrt(2 * (5 / 12 + 1))))


def test_mean_change_where_there_is_little_to_say() -> None:
    one, none, level = ValueCounts.of([1.0]), ValueCounts.of([]), ValueCounts.of([2.0, 2.0])
    assert mean_change(none, one).reason == "the reference has no rows"
    assert mean_change(one, none).reason == "the current data has no rows"
    assert (mean_change(one, level).value, mean_change(one, level).interval) == (1.0, None)
    assert (mean_change(level, level).value, mean_change(level, level).p) == (0.0, None)


# Montgomery, Introduction to Statistical Quality Control, tables 9.1 and 9.2: target 10, standard deviation 1.
MONTGOMERY = (
    "9.45 7.99 9.29 11.66 12.16 10.18 8.04 11.46 9.20 10.34 9.03 11.47 10.51 9.40 10.08 "
    "9.37 10.62 10.31 8.52 10.84 10.90 9.33 12.29 11.50 10.60 11.08 10.38 11.62 11.31 10.52"
)
UPPER_SUMS = (
    "0 0 0 1.16 2.82 2.50 0.04 1.00 0 0 0 0.97 0.98 0 0 0 0.12 0 0 0.34 0.74 0 1.79 2.79 2.89 3.47 3.35 4.47 5.28 5.30"
)


def test_cusum_of_the_textbook() -> None:
    found = cusum([float(value) - 10 for value in MONTGOMERY.split()], limit=5.0)
    assert found[0] == pytest.approx([float(value) for value in UPPER_SUMS.split()], abs=1e-9)
    assert found[1] == 28  # his period 29


def test_cusum_alarms_above_its_limit_only() -> None:
    assert cusum([2.5, 2.5]) == ((2.0, 4.0), None)
    assert cusum([2.5, 2.6])[1] == 1
    assert cusum([]) == ((), None)
