"""Bins frozen on a reference, and how many rows fall into each: counts that add up over shards."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from jobs.measures.counts import FloatArray, ValueCounts
from jobs.protocol import layers

PARTS = 10
LEAST_LEVEL_SHARE = 0.005  # a level below it is too thin for a bin of its own
MISSING, UNSEEN, OTHER = "missing", "unseen", "other"


@dataclass(frozen=True, slots=True)
class NumericBins:
    """Right-closed intervals between observed values, a bin for each sentinel, and one for missing."""

    edges: tuple[float, ...]
    sentinels: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if not self.edges or any(low >= high for low, high in pairwise(self.edges)):
            raise ValueError("edges of bins must rise")

    @property
    def names(self) -> tuple[str, ...]:
        """Name the bins for people, in the order of their counts."""
        inner = (f"({low:.10g}, {high:.10g}]" for low, high in pairwise(self.edges))
        body = (f"<= {self.edges[0]:.10g}", *inner, f"> {self.edges[-1]:.10g}")
        return (*body, *(f"= {value:.10g}" for value in self.sentinels), MISSING)

    def count(self, counts: ValueCounts, *, missing: int = 0) -> BinCounts:
        """Put counted values into the bins, beside rows without a value."""
        return counted(self, np.repeat(counts.values, counts.counts), missing)


@dataclass(frozen=True, slots=True)
class NumberLevels:
    """A numeric column with too few distinct values for intervals: its common values, all others, missing."""

    levels: tuple[float, ...]

    @property
    def names(self) -> tuple[str, ...]:
        return (*(f"= {value:.10g}" for value in self.levels), OTHER, MISSING)

    def count(self, counts: ValueCounts, *, missing: int = 0) -> BinCounts:
        return counted(self, np.repeat(counts.values, counts.counts), missing)


@dataclass(frozen=True, slots=True)
class TextLevels:
    """A categorical column: its common levels, the rare ones together, levels never seen in the reference, missing."""

    levels: tuple[str, ...]
    rare: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        return (*(f"= {level}" for level in self.levels), OTHER, UNSEEN, MISSING)

    def count(self, rows: dict[str | None, int]) -> BinCounts:
        """Count rows given per level, None standing for missing."""
        common = [rows.get(level, 0) for level in self.levels]
        rare = sum(rows.get(level, 0) for level in self.rare)
        absent = rows.get(None, 0)
        unseen = sum(rows.values()) - sum(common) - rare - absent
        return BinCounts(self, (*common, rare, unseen, absent))


Numbers = NumericBins | NumberLevels
Bins = Numbers | TextLevels


@dataclass(frozen=True, slots=True)
class BinCounts:
    """Rows in each bin of one column."""

    bins: Bins
    rows: tuple[int, ...]

    def __post_init__(self) -> None:
        if len(self.rows) != len(self.bins.names):
            raise ValueError(f"{len(self.bins.names)} bins have {len(self.rows)} counts")

    def __add__(self, other: BinCounts) -> BinCounts:
        if other.bins != self.bins:
            raise ValueError("counts of different bins do not add up")
        return BinCounts(self.bins, tuple(a + b for a, b in zip(self.rows, other.rows, strict=True)))

    @property
    def n(self) -> int:
        return sum(self.rows)

    def part(self, name: str) -> int:
        """Rows in the bin of this name; none where there is no such bin."""
        return sum(rows for rows, bin_name in zip(self.rows, self.bins.names, strict=True) if bin_name == name)


def equal_mass_edges(counts: ValueCounts, parts: int = PARTS) -> tuple[float, ...]:
    """Distinct inner quantiles by the inverted distribution function: always values that occur."""
    if not counts.n:
        return ()
    ranks = [-(-counts.n * part // parts) for part in range(1, parts)]  # whole numbers: no rounding of n * 0.3
    places = np.searchsorted(np.cumsum(counts.counts), ranks)
    return tuple(np.unique(counts.values[places]).tolist())


def counted(bins: Numbers, values: FloatArray, missing: int = 0) -> BinCounts:
    """Count values, NaN and as many more as are missing. What lies up to an edge is cheaper to tell than a bin."""
    singles = bins.sentinels if isinstance(bins, NumericBins) else bins.levels
    at = [int(np.count_nonzero(values == single)) for single in singles]
    absent = int(np.count_nonzero(np.isnan(values)))
    others = len(values) - absent - sum(at)
    if isinstance(bins, NumberLevels):
        return BinCounts(bins, (*at, others, absent + missing))
    body = values[~np.isin(values, singles)] if singles else values
    up_to = (0, *(int(np.count_nonzero(body <= edge)) for edge in bins.edges), others)
    return BinCounts(bins, (*(high - low for low, high in pairwise(up_to)), *at, absent + missing))


def freeze_numbers(
    counts: ValueCounts, *, missing: int = 0, sentinels: tuple[float, ...] = (), parts: int = PARTS
) -> Numbers:
    """Freeze the bins of a numeric column; one with fewer than two distinct edges is taken by its common values."""
    real = ~np.isin(counts.values, sentinels)
    edges = equal_mass_edges(ValueCounts(counts.values[real], counts.counts[real]), parts)
    if len(edges) > 1:
        return NumericBins(edges, sentinels)
    common = counts.counts >= LEAST_LEVEL_SHARE * (counts.n + missing)
    return NumberLevels(tuple(counts.values[common].tolist()))


def freeze_levels(rows: dict[str | None, int]) -> TextLevels:
    """Freeze the bins of a categorical column from the rows of each level, None standing for missing."""
    least = LEAST_LEVEL_SHARE * sum(rows.values())
    known = sorted(level for level in rows if level not in (None, layers.UNSEEN))
    return TextLevels(
        levels=tuple(level for level in known if rows[level] >= least),
        rare=tuple(level for level in known if rows[level] < least),
    )


def to_json(bins: Bins) -> dict[str, Any]:
    """Describe bins for a reference profile."""
    return {"kind": type(bins).__name__, **{key: list(value) for key, value in asdict(bins).items()}}


def from_json(stored: dict[str, Any]) -> Bins:
    """Rebuild bins from a reference profile."""
    kinds = {kind.__name__: kind for kind in (NumericBins, NumberLevels, TextLevels)}
    fields = {key: tuple(value) for key, value in stored.items() if key != "kind"}
    return kinds[stored["kind"]](**fields)
