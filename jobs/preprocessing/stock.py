"""What has landed and what is built under a root: read from names, sizes and an index that may be deleted."""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date

from jobs.preprocessing import arrivals
from jobs.preprocessing.tables import ALL_TABLES, POLICY, SOURCES
from jobs.protocol import index
from jobs.protocol.errors import ContractBroken
from jobs.protocol.files import Root
from jobs.protocol.index import Index
from jobs.protocol.shelf import Shelf

LANDING = "datamart/landing"


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
    offered: dict[str, dict[str, os.stat_result]]  # by table: what lies in its landing folder, but for checksums
    policy: os.stat_result | None
    since: date = date.min  # of everything up to this day it is known that it is built of what lies there now
    landed: list[Landed] = field(default_factory=list)
    misnamed: list[ContractBroken] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    clashing: set[str] = field(default_factory=set)  # tables that landed in two formats on the day
    _by_day: dict[date, set[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, root: Root, day: date) -> Stock:
        """The one look of a run: what lands later is for the next one."""
        offered = {table: dict(index.stats(root, f"{LANDING}/{table}", arrivals.is_offered)) for table in SOURCES}
        stock = cls(root=root, index=Index(root, "preprocessing"), day=day, offered=offered, policy=None)
        stock.look_at_policy()
        for table in ALL_TABLES:
            stock.built(table)
        return stock

    def look_at_policy(self) -> None:
        with suppress(FileNotFoundError):
            self.policy = self.root.at(POLICY).lstat()

    def discover(self) -> None:
        """Read the names of what has landed."""
        for table, stats in self.offered.items():
            listing = arrivals.discover(table, stats, self.day)
            names = ((arrival.day, arrival.name) for arrival in listing.arrivals)
            self.landed += [Landed(table, day, f"{LANDING}/{table}/{name}", stats[name]) for day, name in names]
            self.misnamed += listing.refused
            self.clashing |= {table} if self.day in listing.twice else set()
            self.unknown += [f"{LANDING}/{table}/{name}" for name in listing.unknown]

    def open(self) -> list[Landed]:
        """The landing files of which it is not known yet whether they are built."""
        return [landed for landed in self.landed if landed.day > self.since]

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
