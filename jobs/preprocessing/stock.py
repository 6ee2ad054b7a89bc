"""What has landed and what is built under a root: read from names, sizes and an index that may be deleted."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

from jobs.preprocessing import arrivals
from jobs.preprocessing.tables import SOURCES
from jobs.protocol import files, index, partitions
from jobs.protocol.errors import StoreDamaged
from jobs.protocol.partitions import Input

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    import polars as pl

    from jobs.protocol.command import Run
    from jobs.protocol.errors import ContractBroken
    from jobs.protocol.files import Root
    from jobs.protocol.index import Index
    from jobs.protocol.partitions import Manifest


@dataclass(frozen=True, slots=True)
class Built:
    """What must be known of a partition to tell whether it is still right."""

    content: str
    made_from: str
    parts: tuple[str, ...]

    @classmethod
    def of(cls, facts: list[str]) -> Built:
        content, made_from, *parts = facts
        return cls(content, made_from, tuple(parts))


@dataclass(frozen=True, slots=True)
class Landed:
    """One landing file as it lies there now."""

    table: str
    day: date
    name: str
    stat: os.stat_result


@dataclass(slots=True)
class Stock:
    """The landing files and partitions of a root up to a day. Each table is listed once, when it is first asked for."""

    root: Root
    day: date
    index: Index
    landed: list[Landed] = field(default_factory=list)
    misnamed: list[ContractBroken] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    _built: dict[str, dict[date, Built]] = field(default_factory=dict)

    @classmethod
    def of(cls, root: Root, day: date) -> Stock:
        stock = cls(root, day, index.Index(root, "preprocessing"))
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

    def built(self, table: str) -> Mapping[date, Built]:
        if table not in self._built:
            self._built[table] = {
                date.fromisoformat(day): Built.of(self.index.facts(name, stat, _facts_of(self.root)))
                for day, name, stat in index.manifests(self.root, table)
            }
        return self._built[table]

    def publish(self, run: Run, manifest: Manifest, draft: Path) -> None:
        """Publish a partition of one file, and tell of it."""
        why = "its input changed" if manifest.date in self.built(manifest.table) else "new"
        partitions.publish(self.root, manifest, [draft])
        name = partitions.manifest_name(manifest.table, manifest.date)
        facts = self.index.remember(name, self.root.at(name).lstat(), _facts(manifest))
        self._built[manifest.table][manifest.date] = Built.of(facts)
        run.report.change(partitions.folder(manifest.table, manifest.date), rows=manifest.rows, why=why)

    def as_input(self, table: str, day: date) -> Input | None:
        built = self.built(table).get(day)
        return Input(partitions.folder(table, day), built.content) if built else None

    def is_current(self, table: str, day: date, made_from: str) -> bool:
        built = self.built(table).get(day)
        return built is not None and built.made_from == made_from

    def scan(self, table: str, days: Iterable[date]) -> pl.LazyFrame:
        """The rows of many days at once, without reading their manifests again."""
        import polars as pl

        built = self.built(table)
        names = [f"{partitions.folder(table, day)}/{part}" for day in days for part in built[day].parts]
        return pl.scan_parquet([self.root.at(name) for name in names], glob=False)


def _facts(manifest: Manifest) -> list[str]:
    return [manifest.content_sha256, manifest.made_from, *(part.name for part in manifest.parts)]


def _facts_of(root: Root) -> Callable[[str], list[str]]:
    def read(name: str) -> list[str]:
        try:
            return _facts(partitions.parse(root.at(name).read_bytes(), where=name))
        except StoreDamaged:
            return ["damaged", "damaged"]  # equal to nothing: it is built again, and its bytes are kept aside

    return read
