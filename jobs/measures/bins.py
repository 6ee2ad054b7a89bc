"""Bins frozen on the columns of a reference, and how many rows fall into each: counts that add up over shards."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from itertools import pairwise

import numpy as np
import polars as pl

from jobs.measures.counts import PARTS, FloatArray, ValueCounts
from jobs.protocol import layers
from jobs.protocol.strict_json import Json

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
        return _counted(self, np.repeat(counts.values, counts.counts), missing)


@dataclass(frozen=True, slots=True)
class NumberLevels:
    """A numeric column with too few distinct values for intervals: its common values, all others, missing."""

    levels: tuple[float, ...]

    @property
    def names(self) -> tuple[str, ...]:
        return (*(f"= {value:.10g}" for value in self.levels), OTHER, MISSING)

    def count(self, counts: ValueCounts, *, missing: int = 0) -> BinCounts:
        return _counted(self, np.repeat(counts.values, counts.counts), missing)


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


def freeze(
    frame: pl.DataFrame,
    names: Iterable[str],
    sentinels: Mapping[str, tuple[float, ...]] | None = None,
    parts: int = PARTS,
) -> dict[str, Bins]:
    """Freeze bins for the named columns of a reference; a column's sentinels get bins of their own."""
    return {name: _frozen(frame.get_column(name), (sentinels or {}).get(name, ()), parts) for name in names}


def count(frame: pl.DataFrame, bins: Mapping[str, Bins]) -> dict[str, BinCounts]:
    """Count each column in its frozen bins; an absent one is left out: that is schema change, not drift."""
    return {
        name: frozen.count(_levels(column))
        if isinstance(frozen, TextLevels)
        else _counted(frozen, _floats(column.drop_nulls()), column.null_count())
        for name, frozen in bins.items()
        if (column := frame.get_column(name, default=None)) is not None
    }


def freeze_numbers(
    counts: ValueCounts, *, missing: int = 0, sentinels: tuple[float, ...] = (), parts: int = PARTS
) -> Numbers:
    """Freeze the bins of a numeric column; one with fewer than two distinct edges is taken by its common values."""
    real = ~np.isin(counts.values, sentinels)
    edges = ValueCounts(counts.values[real], counts.counts[real]).edges(parts)
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


def to_json(bins: Bins) -> Json:
    """Describe bins for a reference profile."""
    return {"kind": type(bins).__name__, **{key: list(value) for key, value in asdict(bins).items()}}


def from_json(stored: Json) -> Bins:
    """Rebuild bins from a reference profile."""
    kinds = {kind.__name__: kind for kind in (NumericBins, NumberLevels, TextLevels)}
    fields = {key: tuple(value) for key, value in stored.items() if key != "kind"}
    return kinds[stored["kind"]](**fields)


def _frozen(column: pl.Series, sentinels: tuple[float, ...], parts: int) -> Bins:
    if not (column.dtype.is_numeric() or column.dtype.is_temporal()):
        return freeze_levels(_levels(column))
    values = _floats(column.drop_nulls())
    counts = ValueCounts.of(values[np.isfinite(values)])
    return freeze_numbers(counts, missing=len(column) - counts.n, sentinels=sentinels, parts=parts)


def _floats(column: pl.Series) -> FloatArray:
    """Values as numbers, NaN where there is none."""
    return column.to_physical().cast(pl.Float64).to_numpy()


def _levels(column: pl.Series) -> dict[str | None, int]:
    return dict(column.cast(pl.String).value_counts().iter_rows())


def _counted(bins: Numbers, values: FloatArray, missing: int = 0) -> BinCounts:
    """Count values per bin; NaN are missing, as are `missing` more. Cumulative counts up to each edge are cheaper."""
    singles = bins.sentinels if isinstance(bins, NumericBins) else bins.levels
    at = [int(np.count_nonzero(values == single)) for single in singles]
    absent = int(np.count_nonzero(np.isnan(values)))
    others = len(values) - absent - sum(at)
    if isinstance(bins, NumberLevels):
        return BinCounts(bins, (*at, others, absent + missing))
    body = values[~np.isin(values, singles)] if singles else values
    up_to = (0, *(int(np.count_nonzero(body <= edge)) for edge in bins.edges), others)
    return BinCounts(bins, (*(high - low for low, high in pairwise(up_to)), *at, absent + missing))
