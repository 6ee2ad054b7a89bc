"""Values and outcomes as counts that add up: the counts of shards, added, are the counts of the whole."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

PARTS = 10  # of equal mass, unless told otherwise
MOST_ROWS = 4_000_000_000  # up to here the products of goods and bads fit into 64 bits


class _Counts:
    """A column of distinct keys in rising order, and columns of counts beside it."""

    @classmethod
    def merged(cls, shards: Iterable[Self]) -> Self:
        """Return the counts of all shards together, in whatever order they come."""
        names = [field.name for field in fields(cls)]  # type: ignore[arg-type]
        columns = zip(*([getattr(shard, name) for name in names] for shard in shards), strict=True)
        return cls(*collapsed(*map(np.concatenate, columns)))


@dataclass(frozen=True, slots=True, eq=False)
class ValueCounts(_Counts):
    """Distinct values in rising order and how often each occurs."""

    values: FloatArray
    counts: IntArray

    @classmethod
    def of(cls, values: npt.ArrayLike) -> Self:
        """Count finite values; callers drop missing ones and say how many they were."""
        rising = np.sort(finite(values))
        starts = _changes(rising)
        return cls(rising[starts], np.diff(starts, append=len(rising)))

    @property
    def n(self) -> int:
        return int(self.counts.sum())

    def edges(self, parts: int = PARTS) -> tuple[float, ...]:
        """Distinct inner quantiles by the inverted distribution function: always values that occur."""
        if not self.n:
            return ()
        ranks = [-(-self.n * part // parts) for part in range(1, parts)]  # whole numbers: no rounding of n * 0.3
        places = np.searchsorted(np.cumsum(self.counts), ranks)
        return tuple(np.unique(self.values[places]).tolist())

    def mean(self) -> float:
        return weighted_sum(self.values, self.counts) / self.n

    def variance(self) -> float:
        """Sample variance; needs two rows."""
        return weighted_sum((self.values - self.mean()) ** 2, self.counts) / (self.n - 1)


@dataclass(frozen=True, slots=True, eq=False)
class ScoreCounts(_Counts):
    """Distinct scores in rising order, each with its goods (label 0) and bads (label 1)."""

    scores: FloatArray
    goods: IntArray
    bads: IntArray

    def __post_init__(self) -> None:
        if self.n > MOST_ROWS:
            raise ValueError(f"more than {MOST_ROWS} rows cannot be counted exactly")

    @classmethod
    def of(cls, scores: npt.ArrayLike, labels: npt.ArrayLike) -> Self:
        """Count finite scores with labels 0 and 1; callers drop rows that lack either and say how many they were."""
        bad = binary(labels)
        return cls(*collapsed(finite(scores), 1 - bad, bad))

    @property
    def n(self) -> int:
        return self.n_good + self.n_bad

    @property
    def n_good(self) -> int:
        return int(self.goods.sum())

    @property
    def n_bad(self) -> int:
        return int(self.bads.sum())

    @property
    def rows(self) -> IntArray:
        return self.goods + self.bads

    def unlabelled(self) -> ValueCounts:
        """Return the scores alone."""
        return ValueCounts(self.scores, self.rows)

    def one_class(self) -> str | None:
        """Why goods and bads cannot be told apart here, or None where both exist."""
        if not self.n:
            return "there are no rows"
        if not self.n_bad:
            return "there are no bads"
        return None if self.n_good else "there are no goods"


def weighted_sum(values: npt.NDArray[Any], weights: npt.NDArray[Any]) -> float:
    """Sum of products in a fixed order: a BLAS product would depend on the number of threads."""
    return float((values * weights).sum())


def finite(values: npt.ArrayLike) -> FloatArray:
    """Return the values as floats, refusing NaN and infinity; -0.0 becomes 0.0, so equal values have equal bits."""
    floats = np.asarray(values, dtype=np.float64) + 0.0
    if not np.isfinite(floats).all():
        raise ValueError("values must be finite: drop missing ones first and count them")
    return floats


def binary(labels: npt.ArrayLike) -> IntArray:
    """Return labels as integers, refusing anything but 0 and 1."""
    given = np.asarray(labels)
    bad: IntArray = (given == 1).astype(np.int64)
    if not ((given == 0) | (bad == 1)).all():
        raise ValueError("labels must be 0 or 1: drop unlabelled rows first and count them")
    return bad


def collapsed(keys: npt.NDArray[Any], *counts: IntArray) -> list[npt.NDArray[Any]]:
    """Return the distinct keys in rising order, followed by the sums of each of the counts over them."""
    order = np.argsort(keys)
    rising = keys[order]
    starts = _changes(rising)
    return [rising[starts], *(np.add.reduceat(count[order], starts) for count in counts)]


def _changes(rising: npt.NDArray[Any]) -> IntArray:
    """Where each distinct value begins."""
    return np.flatnonzero(np.concatenate(([len(rising) > 0], rising[1:] != rising[:-1])))
