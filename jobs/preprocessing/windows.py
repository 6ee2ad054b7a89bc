"""The rows of a window of days, cached, so that a process going from day to day reads each day only once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from itertools import takewhile
from typing import TYPE_CHECKING, NamedTuple

from jobs.preprocessing.stock import Stock
from jobs.protocol import contract, contract_polars

if TYPE_CHECKING:
    import polars as pl

MOST_HELD = 10 << 20  # values: a larger window is read as it is needed
MOST_CHUNKS = 32  # a day adds one


class Held(NamedTuple):
    """The cached rows of some days of a table, and the files (named by content) that they came from."""

    rule: object
    files: dict[date, list[str]]
    rows: pl.DataFrame


_held: dict[str, Held] = {}  # by table, the last window


def rows(
    stock: Stock, table: str, days: Sequence[date], rule: object, made: Callable[[pl.LazyFrame], pl.LazyFrame]
) -> pl.DataFrame | pl.LazyFrame:
    """Apply `made` to the rows of these days, oldest first. `rule` identifies `made`; another one empties the cache."""
    import polars as pl

    dtypes = contract_polars.polars_schema(contract.load(table))
    if sum(stock.built(table)[day].rows for day in days) * len(dtypes) > MOST_HELD:
        return made(stock.scan(table, days))
    files, before = {day: stock.parts(table, day) for day in days}, _held.get(table)
    if before is None or before.rule != rule:
        before = Held(rule, {}, made(pl.LazyFrame(schema=dtypes)).collect())
    kept, held = _kept(before.files, files), before.rows["snapshot_date"]
    first, end = (held.search_sorted(kept[0]), held.search_sorted(kept[-1], "right")) if kept else (0, 0)
    found = before.rows.slice(first, end - first)
    if new := days[len(kept) :]:
        found = pl.concat([found, made(stock.scan(table, new)).collect(engine="in-memory")])
    found = found.rechunk() if found.n_chunks() > MOST_CHUNKS else found
    _held[table] = Held(rule, files, found)
    return found


def _kept(before: dict[date, list[str]], now: dict[date, list[str]]) -> list[date]:
    """The leading days of the new window that lie together, unchanged, in the cached rows."""
    same = list(takewhile(lambda day: before.get(day) == now[day], now))
    return same if same == [day for day in before if same and same[0] <= day <= same[-1]] else []
