"""Shares of rows: their intervals, and whether two of them differ."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

from jobs.measures.measure import CONFIDENCE, Comparison, two_sided_p

Z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareChange(Comparison):
    """Current share minus reference share, with Newcombe's interval and the pooled z."""

    z: float | None = None


def jeffreys_interval(hits: int, n: int) -> tuple[float, float]:
    """Equal-tailed Jeffreys interval of a share; reaches 0 where there are no hits and 1 where all are hits."""
    from scipy.special import betaincinv

    tail = (1 - CONFIDENCE) / 2
    low = 0.0 if hits == 0 else float(betaincinv(hits + 0.5, n - hits + 0.5, tail))
    high = 1.0 if hits == n else float(betaincinv(hits + 0.5, n - hits + 0.5, 1 - tail))
    return low, high


def wilson_interval(hits: int, n: int) -> tuple[float, float]:
    """Wilson's score interval of a share, without continuity correction."""
    middle = 2 * hits + Z * Z
    half = Z * math.sqrt(Z * Z + 4 * hits * (1 - hits / n))
    scale = 2 * (n + Z * Z)
    return max(0.0, (middle - half) / scale), min(1.0, (middle + half) / scale)


def share_change(reference_hits: int, n_reference: int, hits: int, n: int) -> ShareChange:
    """Compare two shares of different rows: difference, Newcombe's interval (his method 10), two-sided p."""
    if not n_reference or not n:
        where = "the reference" if n else "the current data"
        return ShareChange(value=None, n=n, n_reference=n_reference, reason=f"{where} has no rows")
    before, after = reference_hits / n_reference, hits / n
    difference = after - before
    before_low, before_high = wilson_interval(reference_hits, n_reference)
    low, high = wilson_interval(hits, n)
    interval = (
        difference - math.hypot(after - low, before_high - before),
        difference + math.hypot(high - after, before - before_low),
    )
    pooled = (reference_hits + hits) / (n_reference + n)
    variance = pooled * (1 - pooled) * (1 / n_reference + 1 / n)
    z = difference / math.sqrt(variance) if variance else 0.0  # both shares 0 or both 1: no difference at all
    return ShareChange(value=difference, n=n, n_reference=n_reference, interval=interval, p=two_sided_p(z), z=z)


def rows_to_see(share: float, changed: float, *, alpha: float = 0.05, power: float = 0.8) -> int:
    """Rows a side needed to see one share turn into the other, two-sided."""
    if share == changed:
        raise ValueError("no number of rows shows a change that is none")
    middle = (share + changed) / 2
    miss = NormalDist().inv_cdf(1 - alpha / 2) * math.sqrt(2 * middle * (1 - middle))
    hit = NormalDist().inv_cdf(power) * math.sqrt(share * (1 - share) + changed * (1 - changed))
    return math.ceil(((miss + hit) / (changed - share)) ** 2)
