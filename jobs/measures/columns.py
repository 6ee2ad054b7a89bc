"""Freeze and count the columns of a frame. The only measure that knows frames: the rest sees numbers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, islice

import numpy as np
import polars as pl

from jobs.measures.bins import (
    BinCounts,
    Bins,
    NumberLevels,
    NumericBins,
    TextLevels,
    freeze_levels,
    freeze_numbers,
)
from jobs.measures.counts import FloatArray, ValueCounts


def freeze(
    frame: pl.DataFrame, names: Iterable[str], sentinels: Mapping[str, tuple[float, ...]] | None = None
) -> dict[str, Bins]:
    """Freeze bins for the named columns of a reference; a column's sentinels get bins of their own."""
    return {name: _frozen(frame.get_column(name), (sentinels or {}).get(name, ())) for name in names}


def count(frame: pl.DataFrame, bins: Mapping[str, Bins]) -> dict[str, BinCounts]:
    """Count each column in its frozen bins; an absent one is left out: that is schema change, not drift."""
    present = {name: frozen for name, frozen in bins.items() if name in frame.columns}
    numeric = {name: frozen for name, frozen in present.items() if not isinstance(frozen, TextLevels)}
    # Counting what lies at or below each edge is far cheaper than looking up the bin of each value.
    asked = [_questions(name, frozen) for name, frozen in numeric.items()]
    named = [expr.alias(str(n)) for n, expr in enumerate(chain(*asked))]
    answers = iter(frame.lazy().select(named).collect().row(0) if asked else ())  # lazy: each column is cast once
    counted = {name: _answered(frozen, answers, frame.height) for name, frozen in numeric.items()}
    return {
        name: frozen.count(_levels(frame.get_column(name))) if isinstance(frozen, TextLevels) else counted[name]
        for name, frozen in present.items()
    }


def is_numeric(dtype: pl.DataType) -> bool:
    """Tell columns that are binned by value from those binned by level."""
    return dtype.is_numeric() or dtype.is_temporal()


def _frozen(column: pl.Series, sentinels: tuple[float, ...]) -> Bins:
    if not is_numeric(column.dtype):
        return freeze_levels(_levels(column))
    values = column.to_physical().cast(pl.Float64)
    present = values.filter(values.is_finite()).sort().to_numpy()
    return freeze_numbers(_runs(present), missing=len(column) - len(present), sentinels=sentinels)


def _questions(name: str, bins: NumericBins | NumberLevels) -> list[pl.Expr]:
    """Ask how many rows have a value, and how many of them lie at or below each edge, or at each level."""
    values = pl.col(name).to_physical().cast(pl.Float64)
    present = values.count() - values.is_nan().sum()
    if isinstance(bins, NumberLevels):
        return [present, *((values == level).sum() for level in bins.levels)]
    at = ((values == sentinel).sum() for sentinel in bins.sentinels)
    return [present, *((values <= edge).sum() for edge in bins.edges), *at]


def _answered(bins: NumericBins | NumberLevels, answers: Iterator[int], rows: int) -> BinCounts:
    """Take the answers to this column's questions."""
    present = next(answers)
    if isinstance(bins, NumberLevels):
        return bins.counted(list(islice(answers, len(bins.levels))), present=present, missing=rows - present)
    below, at = list(islice(answers, len(bins.edges))), list(islice(answers, len(bins.sentinels)))
    return bins.counted(below, at, present=present, missing=rows - present)


def _levels(column: pl.Series) -> dict[str | None, int]:
    counted = column.cast(pl.String).value_counts()
    return dict(counted.iter_rows())


def _runs(rising: FloatArray) -> ValueCounts:
    """Count values that are already sorted."""
    if not len(rising):
        return ValueCounts.of(())
    starts = np.flatnonzero(np.concatenate(([True], rising[1:] != rising[:-1])))
    return ValueCounts(rising[starts], np.diff(starts, append=len(rising)))
