"""How far a column has moved, in numbers for people; decisions rest on the stability index."""

from __future__ import annotations

import numpy as np

from jobs.measures.counts import FloatArray, ValueCounts, weighted_sum
from jobs.measures.measure import Comparison


def ks_distance(reference: ValueCounts, current: ValueCounts) -> Comparison:
    """Largest distance between the two distribution functions."""
    if reason := _nothing_in(reference, current):
        return Comparison(value=None, n=current.n, n_reference=reference.n, reason=reason)
    _, gaps = _gaps(reference, current)
    return Comparison(value=float(gaps.max()), n=current.n, n_reference=reference.n)


def wasserstein_in_iqr(reference: ValueCounts, current: ValueCounts) -> Comparison:
    """Mean distance that values moved, in interquartile ranges of the reference."""
    reason, spread = _nothing_in(reference, current), 0.0
    if reason is None:
        quartiles = np.searchsorted(np.cumsum(reference.counts), [-(-reference.n // 4), -(-3 * reference.n // 4)])
        spread = float(np.diff(reference.values[quartiles])[0])
        reason = None if spread else "the middle half of the reference is one value"
    if reason:
        return Comparison(value=None, n=current.n, n_reference=reference.n, reason=reason)
    values, gaps = _gaps(reference, current)
    value = weighted_sum(gaps[:-1], np.diff(values)) / spread
    return Comparison(value=value, n=current.n, n_reference=reference.n)


def _nothing_in(reference: ValueCounts, current: ValueCounts) -> str | None:
    for name, side in (("the reference", reference), ("the current data", current)):
        if not side.n:
            return f"{name} has no rows"
    return None


def _gaps(reference: ValueCounts, current: ValueCounts) -> tuple[FloatArray, FloatArray]:
    """Distance between the distribution functions at each value of either."""
    values = np.union1d(reference.values, current.values)
    return values, np.abs(_distribution(reference, values) - _distribution(current, values))


def _distribution(counts: ValueCounts, at: FloatArray) -> FloatArray:
    below = np.concatenate(([0], np.cumsum(counts.counts)))
    share: FloatArray = below[np.searchsorted(counts.values, at, side="right")] / counts.n
    return share
