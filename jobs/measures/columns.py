"""Freeze and count the columns of a frame. The only measure that knows frames: the rest sees numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import chain, islice

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
    present = {name: frozen for name, frozen in bins.items() if name in frame.columns}
    numeric = {name: frozen for name, frozen in present.items() if not isinstance(frozen, TextLevels)}
    # Counting what lies at or below each edge is far cheaper than looking up the bin of each value.
    asked = {name: _questions(name, frozen) for name, frozen in numeric.items()}
    named = [expr.alias(str(n)) for n, expr in enumerate(chain(*asked.values()))]
    answers = iter(frame.lazy().select(named).collect().row(0) if asked else ())  # lazy: each column is cast once
    found: dict[str, BinCounts] = {}
    for name, frozen in present.items():
        if isinstance(frozen, TextLevels):
            found[name] = frozen.count(_levels(frame.get_column(name)))
        else:
            n, *rows = islice(answers, len(asked[name]))
            found[name] = counted(frozen, rows, present=n, missing=frame.height - n)
    return found


def _frozen(column: pl.Series, sentinels: tuple[float, ...]) -> Bins:
    if not (column.dtype.is_numeric() or column.dtype.is_temporal()):
        return freeze_levels(_levels(column))
    values = column.to_physical().cast(pl.Float64)
    rising = values.filter(values.is_finite()).sort().to_numpy()
    starts = np.flatnonzero(np.concatenate(([len(rising) > 0], rising[1:] != rising[:-1])))
    counts = ValueCounts(rising[starts], np.diff(starts, append=len(rising)))
    return freeze_numbers(counts, missing=len(column) - len(rising), sentinels=sentinels)


def _questions(name: str, bins: Numbers) -> list[pl.Expr]:
    """Ask how many rows have a value, and how many of them lie at or below each edge, and at each single value."""
    values = pl.col(name).to_physical().cast(pl.Float64)
    edges, singles = cuts(bins)
    below, at = ((values <= edge).sum() for edge in edges), ((values == single).sum() for single in singles)
    return [values.count() - values.is_nan().sum(), *below, *at]


def _levels(column: pl.Series) -> dict[str | None, int]:
    counted = column.cast(pl.String).value_counts()
    return dict(counted.iter_rows())
