"""Freeze and count the columns of a frame. The only measure that knows frames: the rest sees numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import polars as pl

from jobs.measures.bins import PARTS, BinCounts, Bins, TextLevels, counted, freeze_levels, freeze_numbers
from jobs.measures.counts import FloatArray, ValueCounts


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
        name: frozen.count(_levels(column)) if isinstance(frozen, TextLevels) else counted(frozen, _floats(column))
        for name, frozen in bins.items()
        if (column := frame.get_column(name, default=None)) is not None
    }


def _frozen(column: pl.Series, sentinels: tuple[float, ...], parts: int) -> Bins:
    if not (column.dtype.is_numeric() or column.dtype.is_temporal()):
        return freeze_levels(_levels(column))
    values = pl.Series(_floats(column))
    rising = values.filter(values.is_finite()).sort().rle().struct.unnest()
    counts = ValueCounts(rising["value"].to_numpy(), rising["len"].cast(pl.Int64).to_numpy())
    return freeze_numbers(counts, missing=len(column) - counts.n, sentinels=sentinels, parts=parts)


def _floats(column: pl.Series) -> FloatArray:
    """Values as numbers, NaN where there is none."""
    return column.to_physical().cast(pl.Float64).to_numpy()


def _levels(column: pl.Series) -> dict[str | None, int]:
    return dict(column.cast(pl.String).value_counts().iter_rows())
