"""The partitions of a root, by table and day: what is built, and from what, without reading history again."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from jobs.protocol import files, index, partitions
from jobs.protocol.errors import InputMissing, NewerFormat, StoreDamaged
from jobs.protocol.files import Root
from jobs.protocol.index import Index
from jobs.protocol.layers import LANDING, PREDICTIONS
from jobs.protocol.partitions import Input, Manifest

if TYPE_CHECKING:
    import polars as pl

    from jobs.protocol.command import Run

_FOLDER = re.compile(r"datamart/[a-z_/]+/snapshot_date=\d{4}-\d{2}-\d{2}")
MOST_WHOLE = 250_000  # rows of files that are read at once
MOST_SMALL = 10_000  # rows of a file that is read whole
DAMAGED = ["damaged", "damaged", "", "0"]  # never equal to anything, so that the partition is built again


@dataclass(frozen=True, slots=True)
class Built:
    """What must be known of a partition to tell whether it is up to date."""

    content: str
    made_from: str
    absent: frozenset[str]  # columns that the landed file lacked
    rows: int
    parts: tuple[str, ...]

    @classmethod
    def of(cls, facts: list[str]) -> Built:
        content, made_from, absent, rows, *parts = facts
        return cls(content, made_from, frozenset(absent.split(",")), int(rows), tuple(parts))


def nothing_landed(root: Root) -> InputMissing | None:
    """What stands against a root on which no job will ever find anything to do: mostly it is another one."""
    mend = "give the right --root, or land the first files"
    there = files.is_folder(root.at(LANDING))
    return None if there else InputMissing("nothing has ever landed under this root", where=LANDING, mend=mend)


class Days:
    """The partitions of a table by day: listed once, with the facts of each looked up when needed."""

    def __init__(self, shelf: Shelf, table: str) -> None:
        self._shelf, self._table = shelf, table
        self.seen = index.manifests(shelf.root, table)
        self.known: dict[date, Built] = {}

    def __getitem__(self, day: date) -> Built:
        if day not in self.known:
            name = partitions.manifest_name(self._table, day)
            self.known[day] = Built.of(self._shelf.index.facts(name, self.seen[day], self._read))
        return self.known[day]

    def __contains__(self, day: object) -> bool:
        return day in self.seen

    def __iter__(self) -> Iterator[date]:
        return iter(self.seen)

    def get(self, day: date) -> Built | None:
        return self[day] if day in self.seen else None

    def items(self) -> Iterator[tuple[date, Built]]:
        return ((day, self[day]) for day in self)

    def register(self, manifest: Manifest) -> None:
        name = partitions.manifest_name(self._table, manifest.date)
        self.seen[manifest.date] = identity = index.identity_of(self._shelf.root.at(name).lstat())
        self.known[manifest.date] = Built.of(self._shelf.index.remember(name, identity, _facts(manifest)))

    def _read(self, name: str) -> list[str]:
        try:
            manifest = partitions.at(self._shelf.root, name)
        except NewerFormat:
            raise
        except StoreDamaged:
            return DAMAGED
        is_at_home = partitions.manifest_name(manifest.table, manifest.date) == name
        return _facts(manifest) if is_at_home else DAMAGED  # a folder copied to another day does not count as that day


@dataclass(slots=True, kw_only=True)
class Shelf:
    """The partitions of all tables. Each table is listed once, when first asked for."""

    root: Root
    index: Index
    _built: dict[str, Days] = field(default_factory=dict)
    _verified: dict[str, Path] = field(default_factory=dict)

    def built(self, table: str) -> Days:
        if table not in self._built:
            self._built[table] = Days(self, table)
        return self._built[table]

    def days(self, table: str, until: date) -> list[date]:
        """The days of a table up to a date, oldest first."""
        return sorted(day for day in self.built(table) if day <= until)

    def register(self, run: Run, manifest: Manifest) -> None:
        """Register a partition that was just published, and report it."""
        why = "its input changed" if manifest.date in self.built(manifest.table) else "new"
        self.built(manifest.table).register(manifest)
        run.report.change(partitions.folder(manifest.table, manifest.date), rows=manifest.rows, why=why)

    def as_input(self, table: str, day: date) -> Input | None:
        built = self.built(table).get(day)
        return Input(partitions.folder(table, day), built.content) if built else None

    def is_current(self, table: str, day: date, made_from: str) -> bool:
        built = self.built(table).get(day)
        return built is not None and built.made_from == made_from

    def plan(self, table: str, day: date) -> None:
        """In a dry run: pretend that a partition was rebuilt, so that what depends on it is listed too."""
        self.built(table).known[day] = Built.of(["planned", "planned", "", "0"])

    def scan(self, table: str, days: Iterable[date]) -> pl.LazyFrame:
        """The rows of many days at once, without reading their manifests again."""
        import polars as pl

        by_day = {day: self.parts(table, day) for day in days}
        names = [name for parts in by_day.values() for name in parts]
        rows = sum(self.built(table)[day].rows for day in by_day)
        more: Literal["ignore", "raise"] = "ignore" if table == PREDICTIONS else "raise"  # old scores lack new columns
        if rows <= min(MOST_WHOLE, MOST_SMALL * len(names)):  # polars opens small files at some cost
            return pl.scan_parquet([partitions.content(self.root, name) for name in names], extra_columns=more)
        self._verified |= {name: partitions.verified(self.root, name) for name in names if name not in self._verified}
        return pl.scan_parquet([self._verified[name] for name in names], glob=False, extra_columns=more)

    def parts(self, table: str, day: date) -> list[str]:
        """The files of a partition, each named by its content."""
        found = self.built(table)[day].parts
        if not found:
            where = partitions.manifest_name(table, day)
            raise StoreDamaged("the manifest cannot be read", where=where, mend=partitions.mend_of(where))
        return [f"{partitions.folder(table, day)}/{part}" for part in found]


def _facts(manifest: Manifest) -> list[str]:
    absent = ",".join(manifest.notes.get("columns_absent", ()))
    names = (part.name for part in manifest.parts)
    return [manifest.content_sha256, manifest.made_from, absent, str(manifest.rows), *names]


def cited(root: Root, folder: str, content: str) -> Manifest:
    """The manifest, current or kept, whose rows have this hash."""
    if not _FOLDER.fullmatch(folder):
        raise StoreDamaged("that is not a partition", where=folder, mend="restore what cites it from a backup")
    names = sorted(files.names_in(root.at(folder)), reverse=True)  # the one in place first
    for name in (name for name in names if name == partitions.MANIFEST or partitions.KEPT.fullmatch(name)):
        manifest = partitions.at(root, f"{folder}/{name}")
        if manifest.content_sha256 == content:
            return manifest
    mend = "restore the folder from a backup: what depends on it cannot be computed again without it"
    raise StoreDamaged(f"no manifest lists the cited rows {content[:12]}", where=folder, mend=mend)


def cited_files(root: Root, manifest: Manifest) -> list[Path]:
    home = partitions.folder(manifest.table, manifest.date)
    return [partitions.verified(root, f"{home}/{part.name}") for part in manifest.parts]
