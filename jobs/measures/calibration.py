"""Whether probabilities predict the number of bads: overall, and in bands of equal mass."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from jobs.measures.counts import PARTS, FloatArray, ScoreCounts, weighted_sum
from jobs.measures.measure import Measure, missing, normal_interval
from jobs.measures.proportions import jeffreys_interval
from jobs.protocol.strict_json import Json

SMALLEST = float(np.finfo(np.float64).eps)  # probabilities of 0 and 1 are read as this far from them
LEAST_BAND_ROWS = 50
LIGHTS = {"green": 0.05, "yellow": 0.01, "orange": 0.001, "red": 0.0}  # the least p of each colour
NOT_PROBABILITIES = "the scores are not probabilities"


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """Rows of neighbouring scores, or of one grade: how many, how many bad, how many expected bad."""

    lowest: float
    highest: float
    n: int
    bads: int
    expected: float  # sum of the scores: the number of bads they promise, where they are probabilities

    @property
    def bad_rate(self) -> float:
        return self.bads / self.n

    @property
    def mean_score(self) -> float:
        return self.expected / self.n

    def bad_rate_interval(self) -> tuple[float, float]:
        return jeffreys_interval(self.bads, self.n)


def bands(counts: ScoreCounts, parts: int = PARTS) -> tuple[Band, ...]:
    """Cut at the inner quantiles of the scores; equal scores stay together, so ties make fewer bands."""
    if not counts.n:
        return ()
    edges = counts.unlabelled().edges(parts)
    ends = np.append(np.searchsorted(counts.scores, edges, side="right"), len(counts.scores))
    ends = np.unique(ends)  # an edge at the highest score leaves nothing above it
    starts = np.concatenate(([0], ends[:-1]))
    sums = (np.add.reduceat(each, starts) for each in (counts.rows, counts.bads, counts.rows * counts.scores))
    columns = (each.tolist() for each in (counts.scores[starts], counts.scores[ends - 1], *sums))
    return tuple(
        Band(lowest=lowest, highest=highest, n=n, bads=bads, expected=expected)
        for lowest, highest, n, bads, expected in zip(*columns, strict=True)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ChiSquare(Measure):
    """A chi-squared statistic with its degrees of freedom."""

    df: int = 0


def inside(p: FloatArray) -> FloatArray:
    """Probabilities kept slightly away from 0 and 1, so that their logarithms exist."""
    return np.clip(p, SMALLEST, 1 - SMALLEST)


def no_probabilities(counts: ScoreCounts) -> str | None:
    """Why these scores cannot be read as probabilities, or None where they can."""
    if not counts.n:
        return "there are no rows"
    return NOT_PROBABILITIES if counts.scores[0] < 0 or counts.scores[-1] > 1 else None


def brier(counts: ScoreCounts) -> Measure:
    """Mean squared distance between probability and outcome."""
    p = counts.scores
    return _mean_loss(counts, of_goods=p**2, of_bads=(1 - p) ** 2)


def log_loss(counts: ScoreCounts) -> Measure:
    """Mean surprise at the outcomes, in nats."""
    p = inside(counts.scores)
    return _mean_loss(counts, of_goods=-np.log1p(-p), of_bads=-np.log(p))


def log_loss_skill(counts: ScoreCounts) -> Measure:
    """Share of the log-loss of a constant bad rate that the scores save; below 0 they are worse than no model."""
    if reason := no_probabilities(counts) or counts.one_class():
        return missing(reason, n=counts.n)
    rate = counts.n_bad / counts.n
    plain = -rate * math.log(rate) - (1 - rate) * math.log1p(-rate)
    return Measure(value=1 - log_loss(counts).known() / plain, n=counts.n)


def observed_to_expected(counts: ScoreCounts) -> Measure:
    """Observed over expected bads, with Jeffreys interval; p is that of the two-sided Jeffreys test of the mean."""
    of = bands(counts, parts=1)
    if reason := _unfit(of):
        return missing(reason, n=counts.n)
    n, bads, expected = of[0].n, of[0].bads, of[0].expected
    if not expected:
        return missing("no bads are expected", n=n)
    low, high = jeffreys_interval(bads, n)
    p = min(1.0, 2 * min(jeffreys_test(n, bads, expected / n)))
    return Measure(value=bads / expected, n=n, interval=(low * n / expected, high * n / expected), p=p)


def jeffreys_test(n: int, bads: int, pd: float) -> tuple[float, float]:
    """Test a PD against the observed bads: the first p is small if the PD is too low, the second if it is too high."""
    from scipy.special import betainc, betaincc

    a, b = bads + 0.5, n - bads + 0.5
    return float(betainc(a, b, pd)), float(betaincc(a, b, pd))


def chance_of_bads(n: int, bads: int, pd: float) -> float:
    """Probability of at least so many bads among n rows if the PD is right and defaults are independent."""
    from scipy.special import betainc

    # The incomplete beta function is the binomial tail, without the rounding of one minus a sum.
    return 1.0 if bads <= 0 else float(betainc(bads, n - bads + 1, pd))


def light(n: int, bads: int, pd: float) -> str | None:
    """Return the colour of a grade: the rarer such a number of bads, the redder; none without rows."""
    p = chance_of_bads(n, bads, pd) if n else math.nan
    return next((colour for colour, least in LIGHTS.items() if p >= least), None)


def hosmer_lemeshow(of: Sequence[Band], *, fitted_on_these: bool = False) -> ChiSquare:
    """Compare observed and expected bads by band; two degrees of freedom less on rows that the model was fitted on."""
    from scipy.special import gammaincc

    n = _rows(of)
    if reason := _unfit(of):
        return ChiSquare(value=None, n=n, reason=reason)
    df = len(of) - (2 if fitted_on_these else 0)
    if df < 1:
        return ChiSquare(value=None, n=n, reason=f"{len(of)} bands leave no degree of freedom")
    value = 0.0
    for band in of:
        spread = band.expected * (1 - band.mean_score)
        if spread > 0:
            value += (band.bads - band.expected) ** 2 / spread
        elif band.bads != band.expected:
            return ChiSquare(value=None, n=n, reason="a band was promised to be all good or all bad and was not")
    return ChiSquare(value=value, n=n, p=float(gammaincc(df / 2, value / 2)), df=df)


def reliability_bands(counts: ScoreCounts) -> tuple[Band, ...]:
    """Up to ten bands of equal mass, fewer where they would hold fewer than fifty rows; none below fifty rows."""
    parts = min(PARTS, counts.n // LEAST_BAND_ROWS)
    return bands(counts, parts) if parts else ()


def calibration_error(of: Sequence[Band]) -> Measure:
    """Expected calibration error: mean distance between bad rate and mean score of the bands, weighted by rows."""
    n = _rows(of)
    if reason := _unfit(of):
        return missing(reason, n=n)
    return Measure(value=math.fsum(abs(band.bads - band.expected) for band in of) / n, n=n)


def largest_calibration_error(of: Sequence[Band]) -> Measure:
    """Largest distance between bad rate and mean score of a band."""
    n = _rows(of)
    if reason := _unfit(of):
        return missing(reason, n=n)
    return Measure(value=max(abs(band.bad_rate - band.mean_score) for band in of), n=n)


def brier_parts(of: Sequence[Band]) -> Json | None:
    """Murphy's decomposition over bands: reliability (cost of miscalibration) and resolution (gain from ranking)."""
    if _unfit(of):
        return None
    n = _rows(of)
    rate = sum(band.bads for band in of) / n
    return {
        "n": n,
        "reliability": math.fsum(band.n * (band.mean_score - band.bad_rate) ** 2 for band in of) / n,
        "resolution": math.fsum(band.n * (band.bad_rate - rate) ** 2 for band in of) / n,
        "uncertainty": rate * (1 - rate),
    }


def _rows(of: Sequence[Band]) -> int:
    return sum(band.n for band in of)


def _mean_loss(counts: ScoreCounts, *, of_goods: FloatArray, of_bads: FloatArray) -> Measure:
    """Mean of a loss given for goods and bads at each score, with its normal interval."""
    n = counts.n
    if reason := no_probabilities(counts):
        return missing(reason, n=n)
    value = (weighted_sum(of_goods, counts.goods) + weighted_sum(of_bads, counts.bads)) / n
    if n == 1:
        return Measure(value=value, n=n)
    squares = weighted_sum((of_goods - value) ** 2, counts.goods) + weighted_sum((of_bads - value) ** 2, counts.bads)
    variance = squares / (n - 1) / n
    return Measure(value=value, n=n, interval=normal_interval(value, variance, (0.0, math.inf)), variance=variance)


def _unfit(of: Sequence[Band]) -> str | None:
    """Why bands say nothing about calibration."""
    if not of:
        return "there are no bands"
    return NOT_PROBABILITIES if any(band.lowest < 0 or band.highest > 1 for band in of) else None
