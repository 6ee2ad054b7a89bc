"""Tables read one range of ids after the other: what is joined by id need not fit into memory at once."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import polars as pl

ROWS = 1 << 16  # of the first table, in one range
LEAST, MOST = -(1 << 63), (1 << 63) - 1


@dataclass(frozen=True, slots=True)
class ById:
    """A table by its ids in order: read stretch by stretch where it lies so, else held whole and picked from."""

    ids: pl.Series
    table: pl.LazyFrame
    order: pl.Series | None

    @classmethod
    def of(cls, table: pl.LazyFrame) -> ById:
        ids = table.select("id").collect().to_series()
        if ids.is_sorted():
            return cls(ids, table, None)
        order = ids.arg_sort()
        return cls(ids.gather(order), table.collect().lazy(), order)

    def between(self, low: int, below: int) -> pl.DataFrame:
        first, end = self.ids.search_sorted(low), self.ids.search_sorted(below)
        if self.order is None:
            found = self.table.slice(first, end - first).collect()
        else:
            found = self.table.collect()[self.order.slice(first, end - first)]
        return found.set_sorted("id")


def ranges(tables: Sequence[pl.LazyFrame]) -> Iterator[list[pl.DataFrame]]:
    """The rows of every table, so many of the first one at a time; each row once, whatever order it lies in."""
    sorted_tables = [ById.of(table) for table in tables]
    cuts = sorted_tables[0].ids.gather_every(ROWS)[1:].to_list()
    for low, below in pairwise([LEAST, *cuts, MOST]):
        yield [table.between(low, below) for table in sorted_tables]
