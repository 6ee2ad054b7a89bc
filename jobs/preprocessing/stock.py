"""What has landed and what is built under a root: read from names, sizes and an index that may be deleted."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from jobs.preprocessing import arrivals
from jobs.preprocessing.tables import SOURCES
from jobs.protocol import index
from jobs.protocol.index import Index
from jobs.protocol.shelf import Shelf

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Iterator
    from datetime import date

    from jobs.protocol.errors import ContractBroken
    from jobs.protocol.files import Root


@dataclass(frozen=True, slots=True)
class Landed:
    """One landing file as it lies there now."""

    table: str
    day: date
    name: str
    stat: os.stat_result


@dataclass(slots=True, kw_only=True)
class Stock(Shelf):
    """The landing files of a root up to a day, and its partitions."""

    day: date
    landed: list[Landed] = field(default_factory=list)
    misnamed: list[ContractBroken] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    clashing: set[str] = field(default_factory=set)  # tables that landed in two formats on the day
    _by_day: dict[date, set[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, root: Root, day: date) -> Stock:
        stock = cls(root=root, day=day, index=Index(root, "preprocessing"))
        for table in SOURCES:
            folder = f"datamart/landing/{table}"
            offered = (e for e in index.entries(root, folder) if not e.name.endswith(arrivals.CHECKSUM))
            stats = dict(_stats(offered))
            listing = arrivals.discover(table, stats, day)
            stock.landed += [
                Landed(table, arrival.day, f"{folder}/{arrival.name}", stats[arrival.name])
                for arrival in listing.arrivals
            ]
            stock.misnamed += listing.refused
            stock.clashing |= {table} if day in listing.twice else set()
            stock.unknown += [f"{folder}/{name}" for name in listing.unknown]
        return stock

    def missing_on(self, day: date) -> list[str]:
        """The tables that have no landing file for a day."""
        return [table for table in SOURCES if table not in self._tables().get(day, set())]

    def _tables(self) -> dict[date, set[str]]:
        if not self._by_day:
            for landed in self.landed:
                self._by_day.setdefault(landed.day, set()).add(landed.table)
        return self._by_day

    def gaps(self) -> list[tuple[date, list[str]]]:
        """Earlier days on which some tables landed and others did not: their features wait."""
        days = sorted({landed.day for landed in self.landed} - {self.day})
        return [(day, missing) for day in days if (missing := self.missing_on(day))]

    def sha256(self, landed: Landed) -> str:
        return self.index.facts(landed.name, landed.stat, self._hash)[0]

    def _hash(self, name: str) -> list[str]:
        with arrivals.open_plain(self.root.at(name)) as file:
            return [hashlib.file_digest(file, "sha256").hexdigest()]


def _stats(offered: Iterable[os.DirEntry[str]]) -> Iterator[tuple[str, os.stat_result]]:
    for entry in offered:
        with suppress(FileNotFoundError):  # renamed since it was listed
            yield entry.name, entry.stat(follow_symlinks=False)
