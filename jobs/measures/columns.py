"""Freeze and count the columns of a frame. The only measure that knows frames: the rest sees numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import polars as pl

from jobs.measures.bins import BinCounts, Bins, Numbers, TextLevels, counted, cuts, freeze_levels, freeze_numbers
from jobs.measures.counts import ValueCounts


def freeze(
    frame: pl.DataFrame, names: Iterable[str], sentinels: Mapping[str, tuple[float, ...]] | None = None
) -> dict[str, Bins]:
    """Freeze bins for the named columns of a reference; a column's sentinels get bins of their own."""
    return {name: _frozen(frame.get_column(name), (sentinels or {}).get(name, ())) for name in names}


def count(frame: pl.DataFrame, bins: Mapping[str, Bins]) -> dict[str, BinCounts]:
    """Count each column in its frozen bins; an absent one is left out: that is schema change, not drift."""
    return {
        name: frozen.count(_levels(column)) if isinstance(frozen, TextLevels) else _numbers(column, frozen)
        for name, frozen in bins.items()
        if (column := frame.get_column(name, default=None)) is not None
    }


def _frozen(column: pl.Series, sentinels: tuple[float, ...]) -> Bins:
    if not (column.dtype.is_numeric() or column.dtype.is_temporal()):
        return freeze_levels(_levels(column))
    counts = _values(column.to_physical())
    return freeze_numbers(counts, missing=len(column) - counts.n, sentinels=sentinels)


def _values(column: pl.Series) -> ValueCounts:
    if column.dtype in (pl.Int8, pl.Int16):  # so few values can be that none needs to be sorted
        rows = np.bincount(column.drop_nulls().to_numpy().astype(np.int64) + 2**15)
        return ValueCounts((np.flatnonzero(rows) - 2**15).astype(np.float64), rows[rows > 0])
    values = column.cast(pl.Float64)
    rising = values.filter(values.is_finite()).sort().to_numpy()
    starts = np.flatnonzero(np.concatenate(([len(rising) > 0], rising[1:] != rising[:-1])))
    return ValueCounts(rising[starts], np.diff(starts, append=len(rising)))


def _numbers(column: pl.Series, bins: Numbers) -> BinCounts:
    """Count what lies at or below each edge: far cheaper than to look up the bin of each value."""
    values = column.to_physical().cast(pl.Float64).to_numpy()  # NaN where there is none, which equals nothing
    edges, singles = cuts(bins)
    below = [int(np.count_nonzero(values <= edge)) for edge in edges]
    at = [int(np.count_nonzero(values == single)) for single in singles]
    missing = int(np.count_nonzero(np.isnan(values)))
    return counted(bins, [*below, *at], present=len(values) - missing, missing=missing)


def _levels(column: pl.Series) -> dict[str | None, int]:
    counted = column.cast(pl.String).value_counts()
    return dict(counted.iter_rows())
