"""Whether current rows still look like those of the reference, from counts in frozen bins."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from jobs.measures.bins import MISSING, UNSEEN, BinCounts
from jobs.measures.counts import ValueCounts
from jobs.measures.measure import Comparison, Measure, difference, missing, nothing_in

ADDED = 0.5
FLOOR = 1e-4


class ZeroPolicy(StrEnum):
    """How to treat a bin in which only one side has rows; the last two are for comparison with other tools."""

    ADDITIVE = "additive"  # half a row more in every bin
    EPSILON = "epsilon"  # a share of 0.0001 in the place of none
    NONE = "none"  # no index at all


@dataclass(frozen=True, slots=True, kw_only=True)
class Stability(Comparison):
    """The population stability index; its parts sum to it, and p is the chance that noise alone gives as much."""

    bins: int = 0
    noise: float | None = None
    missing_part: float = 0.0
    unseen_part: float = 0.0
    parts: tuple[float, ...] = ()

    @property
    def body(self) -> float | None:
        """What the bins other than missing and unseen contribute."""
        return None if self.value is None else self.value - self.missing_part - self.unseen_part


def psi(reference: BinCounts, current: BinCounts, policy: ZeroPolicy = ZeroPolicy.ADDITIVE) -> Stability:
    """Compare two counts in the same frozen bins."""
    from scipy.special import gammaincc

    if reference.bins != current.bins:
        raise ValueError("counts in different bins cannot be compared")
    parts = psi_parts(reference.rows, current.rows, policy)
    n, n_reference = current.n, reference.n
    if isinstance(parts, str):
        return Stability(value=None, n=n, n_reference=n_reference, reason=parts)
    rows_of_noise = 1 / n_reference + 1 / n
    bins = sum(1 for pair in zip(reference.rows, current.rows, strict=True) if any(pair))
    named = list(zip(reference.bins.names, parts, strict=True))
    value = math.fsum(parts)
    return Stability(
        value=value,
        n=n,
        n_reference=n_reference,
        p=1.0 if bins == 1 else float(gammaincc((bins - 1) / 2, value / rows_of_noise / 2)),  # one bin cannot change
        bins=bins,
        noise=(bins - 1) * rows_of_noise,
        missing_part=sum(part for name, part in named if name == MISSING),
        unseen_part=sum(part for name, part in named if name == UNSEEN),
        parts=parts,
    )


def psi_parts(reference: Sequence[int], current: Sequence[int], policy: ZeroPolicy) -> tuple[float, ...] | str:
    """What each bin contributes to the index, or why there is no index."""
    rows = np.asarray((reference, current), float)
    if reason := nothing_in(*rows.sum(axis=1)):
        return reason
    populated = rows.any(axis=0)
    kept = rows.compress(populated, axis=1)
    if policy is ZeroPolicy.NONE and not kept.all():
        return "a bin has rows on one side only: without smoothing the index is infinite"
    if policy is ZeroPolicy.ADDITIVE:
        kept = kept + ADDED
    shares = kept / kept.sum(axis=1, keepdims=True)
    if policy is ZeroPolicy.EPSILON:
        shares[kept == 0] = FLOOR
    old, new = shares
    parts = np.zeros(len(reference))
    parts[populated] = (new - old) * np.log(new / old)
    return tuple(parts.tolist())


def noise_limit(bins: int, n_reference: int, n: int, confidence: float = 0.95) -> float:
    """The index that noise alone stays below with this confidence if nothing has changed."""
    from scipy.special import gammaincinv

    return 2 * float(gammaincinv((bins - 1) / 2, confidence)) * (1 / n_reference + 1 / n)


def information_value(goods: Sequence[int], bads: Sequence[int], policy: ZeroPolicy = ZeroPolicy.ADDITIVE) -> Measure:
    """Information value of a binned feature: the stability index between its goods and its bads."""
    n = sum(goods) + sum(bads)
    for name, rows in (("goods", goods), ("bads", bads)):
        if not sum(rows):
            return missing(f"there are no {name}", n=n)
    parts = psi_parts(goods, bads, policy)
    return missing(parts, n=n) if isinstance(parts, str) else Measure(value=math.fsum(parts), n=n)


def mean_change(reference: ValueCounts, current: ValueCounts) -> Comparison:
    """Current mean minus reference mean, with a normal interval and two-sided p."""
    n, n_reference = current.n, reference.n
    if reason := nothing_in(n_reference, n):
        return Comparison(value=None, n=n, n_reference=n_reference, reason=reason)
    variance = None
    if min(n, n_reference) > 1:
        variance = reference.variance() / n_reference + current.variance() / n
    within = (-math.inf, math.inf)
    return difference(current.mean() - reference.mean(), variance, within, n=n, n_reference=n_reference)


def cusum(
    deviations: Sequence[float], *, slack: float = 0.5, limit: float = 4.0
) -> tuple[tuple[float, ...], int | None]:
    """CUSUM of standardised deviations above the slack, so that many small ones of one sign raise an alarm.

    Returns the sum after each week, and the first week (from 0) in which it exceeded the limit.
    """
    path = [0.0]
    for deviation in deviations:
        path.append(max(0.0, path[-1] + deviation - slack))
    return tuple(path[1:]), next((week for week, total in enumerate(path[1:]) if total > limit), None)
