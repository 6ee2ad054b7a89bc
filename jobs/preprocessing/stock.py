"""What has landed and what is built under a root: read from names, sizes and an index that may be deleted."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

from jobs.protocol import index, partitions
from jobs.protocol.errors import StoreDamaged
from jobs.protocol.partitions import Input

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jobs.protocol.files import Root
    from jobs.protocol.index import Index
    from jobs.protocol.partitions import Manifest


@dataclass(frozen=True, slots=True)
class Built:
    """What must be known of a partition to tell whether it is still right."""

    content: str
    made_from: str


@dataclass(slots=True)
class Stock:
    """The partitions of a root, by table and day. Each table is listed once, when it is first asked for."""

    root: Root
    index: Index
    _built: dict[str, dict[date, Built]] = field(default_factory=dict)

    def built(self, table: str) -> Mapping[date, Built]:
        if table not in self._built:
            self._built[table] = {
                date.fromisoformat(day): Built(*self.index.facts(name, stat, self._read))
                for day, name, stat in index.manifests(self.root, table)
            }
        return self._built[table]

    def add(self, manifest: Manifest) -> None:
        """A partition was published."""
        name = partitions.manifest_name(manifest.table, manifest.date)
        self.built(manifest.table)
        built = Built(*self.index.facts(name, self.root.at(name).lstat(), self._read))
        self._built[manifest.table][manifest.date] = built

    def as_input(self, table: str, day: date) -> Input | None:
        built = self.built(table).get(day)
        return Input(partitions.folder(table, day), built.content) if built else None

    def is_current(self, table: str, day: date, made_from: str) -> bool:
        built = self.built(table).get(day)
        return built is not None and built.made_from == made_from

    def _read(self, name: str) -> list[str]:
        try:
            manifest = partitions.parse(self.root.at(name).read_bytes(), where=name)
        except StoreDamaged:
            return ["damaged", "damaged"]  # equal to nothing: it is built again, and its bytes are kept aside
        return [manifest.content_sha256, manifest.made_from]
