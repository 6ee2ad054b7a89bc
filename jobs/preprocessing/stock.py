"""What has landed and what is built under a root: read from names, sizes and an index that may be deleted."""

from __future__ import annotations

import hashlib
import json
import marshal
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import date
from functools import cache

from jobs.preprocessing import arrivals
from jobs.preprocessing.arrivals import LANDING, Landed, Listing
from jobs.preprocessing.tables import ALL_TABLES, POLICY, SOURCES, VERSIONS
from jobs.protocol import files, index
from jobs.protocol.contract import HOME
from jobs.protocol.files import Root
from jobs.protocol.index import Identity, Index
from jobs.protocol.receipts import Problem
from jobs.protocol.shelf import Shelf

SETTLED = "datamart/.index/preprocessing.settled.json"


@dataclass(slots=True, kw_only=True)
class Stock(Shelf):
    """The landing files of a root up to a day, and its partitions."""

    day: date
    offered: dict[str, dict[str, Identity]]  # by table: what lies in its landing folder, but for checksums
    policy: Identity | None = None
    since: date = date.min  # of everything up to this day it is known that it is built of what lies there now
    listing: Listing = field(default_factory=Listing)
    _by_day: dict[date, set[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, root: Root, day: date) -> Stock:
        """The one look of a run: what lands later is for the next one."""
        offered = {table: index.identities(root, f"{LANDING}/{table}", arrivals.is_offered) for table in SOURCES}
        stock = cls(root=root, index=Index(root, "preprocessing"), day=day, offered=offered)
        stock.look_at_policy()
        for table in ALL_TABLES:
            stock.built(table)
        return stock

    def look_at_policy(self) -> None:
        with suppress(FileNotFoundError):
            self.policy = index.identity_of(self.root.at(POLICY).lstat())

    def discover(self) -> None:
        """Read the names of what has landed."""
        self.listing = arrivals.discover(self.offered, self.day)
        for landed in self.listing.landed:
            self._by_day.setdefault(landed.day, set()).add(landed.table)

    def open(self) -> list[Landed]:
        """The landing files of which it is not known yet whether they are built."""
        return [landed for landed in self.listing.landed if landed.day > self.since]

    def missing_on(self, day: date) -> list[str]:
        """The tables that have no landing file for a day."""
        return [table for table in SOURCES if table not in self._by_day.get(day, set())]

    def gaps(self) -> list[tuple[date, list[str]]]:
        """Earlier days on which some tables landed and others did not: their features wait."""
        return [(day, missing) for day in sorted(self._by_day) if day != self.day and (missing := self.missing_on(day))]

    def sha256(self, landed: Landed) -> str:
        return self.index.facts(landed.name, landed.identity, self._hash)[0]

    def _hash(self, name: str) -> list[str]:
        with arrivals.open_plain(self.root.at(name)) as file:
            return [hashlib.file_digest(file, "sha256").hexdigest()]

    def standing(self) -> list[Problem] | None:
        """The problems that still stand where nothing else is to do; None where something may be to do.

        Where an earlier date was settled without any, and is as it was then, only what came after it is to be looked
        at.
        """
        try:
            found = json.loads(self.root.at(SETTLED).read_bytes())
            day, problems = date.fromisoformat(found["day"]), [Problem(**problem) for problem in found["problems"]]
            if day > self.day or found["key"] != self._key(day):
                return None
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return None
        if day == self.day:
            return problems
        self.since = date.min if problems else day
        return None

    def settle(self, problems: list[Problem]) -> None:
        """Remember that nothing is left to do, by what the run saw at its beginning: a later change is for the next."""
        facts = {"day": str(self.day), "key": self._key(self.day), "problems": [asdict(each) for each in problems]}
        data = json.dumps(facts, sort_keys=True).encode()
        path = self.root.at(SETTLED)
        if not path.is_file() or path.read_bytes() != data:
            files.write_whole(self.root, path, data)

    def _key(self, until: date) -> str:
        """What a run saw of the world up to a date, without opening a data file, and what it has made of it."""
        landed = [
            {name: seen for name, seen in offered.items() if (arrivals.said(table, name)[1] or date.min) <= until}
            for table, offered in self.offered.items()
        ]
        digest = hashlib.sha256(json.dumps([str(until), VERSIONS, _contracts(), self.policy, landed]).encode())
        for seen in (self.built(table).seen for table in ALL_TABLES):
            days = sorted(day for day in seen if day <= until)
            facts = [[day.toordinal() for day in days], [seen[day] for day in days]]
            digest.update(
                marshal.dumps(facts, 2)
            )  # numbers only, of all history: any text of them takes three times as long
        return digest.hexdigest()


@cache
def _contracts() -> str:
    """As `contract.load`, which reads each of them once a process."""
    return hashlib.sha256(b"".join(path.read_bytes() for path in sorted(HOME.rglob("*.json")))).hexdigest()
