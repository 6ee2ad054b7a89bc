"""Shares of rows: their intervals, whether two of them differ, and how they grow with age."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from jobs.measures.measure import CONFIDENCE, Comparison, Measure, Z, missing, nothing_in, two_sided_p


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
    if reason := nothing_in(n_reference, n):
        return ShareChange(value=None, n=n, n_reference=n_reference, reason=reason)
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


def cumulative_share(at_risk: Sequence[int], bads: Sequence[int]) -> list[Measure]:
    """Kaplan and Meier's share that went bad by the end of each step; `n` is those at risk in that step.

    At risk are those that were good before the step and are seen to its end. Greenwood's variance, with an interval
    on the log-log scale that stays within 0 and 1; Jeffreys' where nobody went bad yet.
    """
    survived, spread, found = 1.0, 0.0, []
    for n, bad in zip(at_risk, bads, strict=True):
        if not n:
            found.append(missing("no loan has been seen for so long", n=0))
            continue
        survived *= 1 - bad / n
        spread += math.inf if bad == n else bad / (n * (n - bad))
        found.append(_share(survived, spread, n))
    return found


def _share(survived: float, spread: float, n: int) -> Measure:
    if survived == 1:
        return Measure(value=0.0, n=n, interval=jeffreys_interval(0, n))
    if survived == 0:
        return Measure(value=1.0, n=n)
    factor = math.exp(Z * math.sqrt(spread) / abs(math.log(survived)))
    interval = (1 - survived ** (1 / factor), 1 - survived**factor)
    return Measure(value=1 - survived, n=n, interval=interval, variance=survived**2 * spread)
