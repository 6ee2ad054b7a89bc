"""The rows of a window of days, cached, so that a process going from day to day reads each day only once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import TYPE_CHECKING

from jobs.preprocessing.stock import Stock
from jobs.protocol import contract, contract_polars

if TYPE_CHECKING:
    import polars as pl

MOST_HELD = 10 << 20  # values: a larger window is read as it is needed

# by table, the last window: what identifies `made`, and by day the files (named by content) and the rows
_held: dict[str, tuple[object, dict[date, tuple[list[str], pl.DataFrame]]]] = {}


def rows(
    stock: Stock, table: str, days: Sequence[date], rule: object, made: Callable[[pl.LazyFrame], pl.LazyFrame]
) -> pl.DataFrame | pl.LazyFrame:
    """Apply `made` to the rows of these days, oldest first. `rule` identifies `made`; another one empties the cache."""
    import polars as pl

    dtypes = contract_polars.polars_schema(contract.load(table))
    if sum(stock.built(table)[day].rows for day in days) * len(dtypes) > MOST_HELD:
        return made(stock.scan(table, days))
    nothing, (known, before) = made(pl.LazyFrame(schema=dtypes)).collect(), _held.get(table, (None, {}))
    files = {day: stock.parts(table, day) for day in days}
    held = {day: before[day] for day in days if known == rule and before.get(day, ((),))[0] == files[day]}
    if new := [day for day in days if day not in held]:
        found = made(stock.scan(table, new)).collect(engine="in-memory").partition_by("snapshot_date", as_dict=True)
        held |= {day: (files[day], found.get((day,), nothing)) for day in new}
    _held[table] = rule, held
    return pl.concat([nothing, *(held[day][1] for day in days)], rechunk=True)
