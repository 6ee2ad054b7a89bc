"""Whether the rows of today still look like those of the reference, from counts in frozen bins."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from jobs.measures.bins import MISSING, UNSEEN, BinCounts
from jobs.measures.counts import FloatArray, ValueCounts
from jobs.measures.measure import Comparison, Measure, missing, normal_interval, two_sided_p

ADDED = 0.5
FLOOR = 1e-4


class ZeroPolicy(StrEnum):
    """What to do about a bin that only one side has rows in; the last two are for comparing with other tools."""

    ADDITIVE = "additive"  # half a row more in every bin
    EPSILON = "epsilon"  # a share of 0.0001 in the place of none
    NONE = "none"  # no index at all


@dataclass(frozen=True, slots=True, kw_only=True)
class Stability(Comparison):
    """The population stability index; its parts add up to it, and p says how often noise alone gives as much."""

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
    if reference.bins != current.bins:
        raise ValueError("counts in different bins cannot be compared")
    parts = psi_parts(reference.rows, current.rows, policy)
    n, n_reference = current.n, reference.n
    if isinstance(parts, str):
        return Stability(value=None, n=n, n_reference=n_reference, reason=parts)
    bins = sum(1 for pair in zip(reference.rows, current.rows, strict=True) if any(pair))
    named = list(zip(reference.bins.names, parts, strict=True))
    value = math.fsum(parts)
    return Stability(
        value=value,
        n=n,
        n_reference=n_reference,
        p=_noise_p(value, bins, n_reference, n),
        bins=bins,
        noise=(bins - 1) * (1 / n_reference + 1 / n),
        missing_part=sum(part for name, part in named if name == MISSING),
        unseen_part=sum(part for name, part in named if name == UNSEEN),
        parts=parts,
    )


def psi_parts(reference: Sequence[int], current: Sequence[int], policy: ZeroPolicy) -> tuple[float, ...] | str:
    """What each bin adds to the index, or why there is none."""
    before, after = np.asarray(reference, float), np.asarray(current, float)
    for name, rows in (("the reference", before), ("the current data", after)):
        if not rows.sum():
            return f"{name} has no rows"
    populated = (before + after) > 0
    if policy is ZeroPolicy.NONE and (populated & ((before == 0) | (after == 0))).any():
        return "a bin has rows on one side only: without smoothing the index is infinite"
    old, new = _shares(before, populated, policy), _shares(after, populated, policy)
    parts = np.zeros(len(before))
    parts[populated] = (new - old) * np.log(new / old)
    return tuple(parts.tolist())


def noise_limit(bins: int, n_reference: int, n: int, confidence: float = 0.95) -> float:
    """Index that noise alone stays below with this confidence, where nothing has changed."""
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
    if not n or not n_reference:
        where = "the reference" if n else "the current data"
        return Comparison(value=None, n=n, n_reference=n_reference, reason=f"{where} has no rows")
    value = current.mean() - reference.mean()
    variance = None
    if min(n, n_reference) > 1:
        variance = reference.variance() / n_reference + current.variance() / n
    if not variance:
        return Comparison(value=value, n=n, n_reference=n_reference, variance=variance)
    return Comparison(
        value=value,
        n=n,
        n_reference=n_reference,
        interval=normal_interval(value, variance, (-math.inf, math.inf)),
        variance=variance,
        p=two_sided_p(value / math.sqrt(variance)),
    )


@dataclass(frozen=True, slots=True)
class Cusum:
    """The cumulative sum after each week, and the first week (from 0) in which it passed the limit."""

    path: tuple[float, ...]
    alarm_at: int | None


def cusum(deviations: Sequence[float], *, slack: float = 0.5, limit: float = 4.0) -> Cusum:
    """Add up standardised deviations above the slack: small ones of one sign in a row raise an alarm."""
    path = [0.0]
    for deviation in deviations:
        path.append(max(0.0, path[-1] + deviation - slack))
    alarm = next((week for week, total in enumerate(path[1:]) if total > limit), None)
    return Cusum(tuple(path[1:]), alarm)


def _shares(rows: FloatArray, populated: npt.NDArray[np.bool_], policy: ZeroPolicy) -> FloatArray:
    """Shares of the populated bins under a policy for empty ones."""
    kept = rows[populated]
    if policy is ZeroPolicy.ADDITIVE:
        kept = kept + ADDED
    shares: FloatArray = kept / kept.sum()
    if policy is ZeroPolicy.EPSILON:
        shares[kept == 0] = FLOOR
    return shares


def _noise_p(value: float, bins: int, n_reference: int, n: int) -> float:
    """Chance of an index at least this large where nothing has changed; one bin cannot change."""
    from scipy.special import gammaincc

    if bins == 1:
        return 1.0
    return float(gammaincc((bins - 1) / 2, value / (1 / n_reference + 1 / n) / 2))
