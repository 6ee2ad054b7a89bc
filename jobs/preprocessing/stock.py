"""What has landed and what is built under a root: read from names, sizes and an index that may be deleted."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from jobs.preprocessing import arrivals
from jobs.preprocessing.tables import SOURCES
from jobs.protocol import files, index
from jobs.protocol.index import Index
from jobs.protocol.shelf import Shelf

if TYPE_CHECKING:
    import os
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

    @classmethod
    def of(cls, root: Root, day: date) -> Stock:
        stock = cls(root=root, day=day, index=Index(root, "preprocessing"))
        for table in SOURCES:
            folder = f"datamart/landing/{table}"
            offered = (e for e in index.entries(root, folder) if not e.name.endswith(arrivals.CHECKSUM))
            stats = {entry.name: entry.stat(follow_symlinks=False) for entry in offered}
            listing = arrivals.discover(table, stats)
            stock.landed += [
                Landed(table, arrival.day, f"{folder}/{arrival.name}", stats[arrival.name])
                for arrival in listing.arrivals
                if arrival.day <= day
            ]
            stock.misnamed += listing.refused
            stock.unknown += [f"{folder}/{name}" for name in listing.unknown]
        return stock

    def missing_on(self, day: date) -> list[str]:
        """The tables that have no landing file for a day."""
        found = {landed.table for landed in self.landed if landed.day == day}
        return [table for table in SOURCES if table not in found]

    def sha256(self, landed: Landed) -> str:
        return self.index.facts(landed.name, landed.stat, lambda name: [files.sha256_of(self.root.at(name))])[0]
