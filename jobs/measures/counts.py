"""Values and outcomes as counts that add up: the counts of shards, added, are the counts of the whole."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

PACKABLE = 2.0  # below it the highest bits of a float are free, see _packed
MOST_ROWS = 4_000_000_000  # up to here the products of goods and bads fit into 64 bits


class _Counts:
    """Columns of distinct keys in rising order, and of counts beside them."""

    KEYS: ClassVar[int] = 1

    @classmethod
    def merged(cls, shards: Iterable[Self]) -> Self:
        """Return the counts of all shards together, in whatever order they come."""
        parts, columns = list(shards), []
        for place, field in enumerate(fields(cls)):  # type: ignore[arg-type]
            nothing = np.empty(0, np.float64 if place < cls.KEYS else np.int64)
            columns.append(np.concatenate([nothing, *(getattr(part, field.name) for part in parts)]))
        return cls(*collapsed(tuple(columns[: cls.KEYS]), *columns[cls.KEYS :]))


@dataclass(frozen=True, slots=True, eq=False)
class ValueCounts(_Counts):
    """Distinct values in rising order and how often each occurs."""

    values: FloatArray
    counts: IntArray

    @classmethod
    def of(cls, values: npt.ArrayLike) -> Self:
        """Count finite values; callers drop missing ones and say how many they were."""
        rising = np.sort(finite(values))
        starts = np.flatnonzero(np.concatenate(([len(rising) > 0], rising[1:] != rising[:-1])))
        return cls(rising[starts], np.diff(starts, append=len(rising)))

    @property
    def n(self) -> int:
        return int(self.counts.sum())

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
        floats, bad = finite(scores), binary(labels)
        if len(floats) and floats.min() >= 0 and floats.max() < PACKABLE:
            return cls(*_packed(floats, bad))
        return cls(*collapsed((floats,), 1 - bad, bad))

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


@dataclass(frozen=True, slots=True, eq=False)
class PairCounts(_Counts):
    """Distinct pairs of two models' scores on the same rows, each with its goods and bads."""

    KEYS: ClassVar[int] = 2

    first: FloatArray
    second: FloatArray
    goods: IntArray
    bads: IntArray

    @classmethod
    def of(cls, first: npt.ArrayLike, second: npt.ArrayLike, labels: npt.ArrayLike) -> Self:
        """Count rows scored by both models, with labels 0 and 1."""
        bad = binary(labels)
        return cls(*collapsed((finite(first), finite(second)), 1 - bad, bad))

    def of_each(self) -> list[ScoreCounts]:
        """The counts of the first model's scores, and of the second's."""
        return [ScoreCounts(*collapsed((scores,), self.goods, self.bads)) for scores in (self.first, self.second)]


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


def collapsed(keys: tuple[FloatArray, ...], *counts: IntArray) -> Any:  # noqa: ANN401 - as many arrays as were given
    """Return the distinct keys in rising order, followed by the sums of each of the counts over them."""
    if not len(keys[0]):
        return (*keys, *counts)
    order = np.argsort(keys[0], kind="stable") if len(keys) == 1 else np.lexsort(keys[::-1])
    rising = [key[order] for key in keys]
    changes = np.logical_or.reduce([key[1:] != key[:-1] for key in rising])
    starts = np.flatnonzero(np.concatenate(([True], changes)))
    return (*(key[starts] for key in rising), *(np.add.reduceat(count[order], starts) for count in counts))


def _packed(scores: FloatArray, bad: IntArray) -> tuple[FloatArray, IntArray, IntArray]:
    """Count scores in [0, 2) by sorting one integer a row: their bits keep their order and leave room for the label."""
    keys = np.sort((scores.view(np.int64) << 1) | bad)
    bits, bad = keys >> 1, keys & 1
    starts = np.flatnonzero(np.concatenate(([True], bits[1:] != bits[:-1])))
    bads = np.add.reduceat(bad, starts)
    return bits[starts].view(np.float64), np.diff(starts, append=len(bits)) - bads, bads
