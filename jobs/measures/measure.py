"""A number as people should read it: with its rows, its interval if there is one, or the reason why it is missing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from statistics import NormalDist

import numpy as np

CONFIDENCE = 0.95  # of every two-sided interval here
Z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """A value and what it rests on; where it cannot be computed, None and the reason, never NaN."""

    value: float | None
    n: int
    interval: tuple[float, float] | None = None
    variance: float | None = None
    p: float | None = None
    reason: str | None = None

    def __post_init__(self) -> None:
        if (self.value is None) != (self.reason is not None):
            raise ValueError("a measure has either a value or a reason for having none")
        for field in fields(self):
            number = getattr(self, field.name)
            if isinstance(number, float) and not math.isfinite(number):
                raise ValueError(f"{field.name} of a measure must be finite")

    def known(self) -> float:
        """Return the value, for callers that have made sure there is one."""
        if self.value is None:
            raise ValueError(f"there is no value: {self.reason}")
        return self.value

    def lower_bound(self, confidence: float = CONFIDENCE) -> float | None:
        """Return the one-sided lower bound at this confidence; None where there is no variance."""
        if self.value is None or self.variance is None:
            return None
        return self.value - NormalDist().inv_cdf(confidence) * math.sqrt(self.variance)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison(Measure):
    """A measure of `n` rows compared with `n_reference` others."""

    n_reference: int


def missing(reason: str, *, n: int) -> Measure:
    """A measure that cannot be computed from these `n` rows, and why."""
    return Measure(value=None, n=n, reason=reason)


def normal_interval(value: float, variance: float, within: tuple[float, float]) -> tuple[float, float] | None:
    """Two-sided normal interval, clipped to the possible values; None without a usable variance."""
    if variance <= 0:
        return None
    half = Z * math.sqrt(variance)
    return max(within[0], value - half), min(within[1], value + half)


def difference(
    value: float, variance: float | None, within: tuple[float, float], *, n: int, n_reference: int
) -> Comparison:
    """A difference, with its interval and two-sided p where it has a spread."""
    found = Comparison(value=value, n=n, n_reference=n_reference, variance=variance)
    if not variance:
        return found
    return replace(found, interval=normal_interval(value, variance, within), p=two_sided_p(value / math.sqrt(variance)))


def nothing_in(n_reference: int, n: int) -> str | None:
    """Why two sides cannot be compared, or None if both have rows."""
    return None if n_reference and n else f"the {'current data' if n_reference else 'reference'} has no rows"


def two_sided_p(z: float) -> float:
    """Probability that a standard normal lies at least this far from zero."""
    return math.erfc(abs(z) / math.sqrt(2))


def adjusted(p_values: Sequence[float]) -> list[float]:
    """Return Benjamini-Hochberg adjusted p-values in the order given: those at most q are findings at that rate.

    Call it once for each family of tests: then more features cannot mute the tests of performance.
    """
    if not all(0 <= p <= 1 for p in p_values):
        raise ValueError("p-values lie between 0 and 1: leave out the tests that could not be made")
    falling = np.argsort(p_values)[::-1]
    ranks = np.arange(len(p_values), 0, -1)
    result = np.empty(len(p_values))
    result[falling] = np.minimum.accumulate(np.take(p_values, falling) * (len(p_values) / ranks))
    return [float(p) for p in result]
