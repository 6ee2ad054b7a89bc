"""Partitions: folders of files named by shard and content, and a manifest, the only file that is ever replaced."""

from __future__ import annotations

import hashlib
import re
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import groupby
from pathlib import Path
from typing import Any

from jobs.protocol import files, strict_json
from jobs.protocol.errors import NewerFormat, StoreDamaged
from jobs.protocol.files import Root
from jobs.protocol.json_scan import JsonInvalid

_REBUILD = "restore it from a backup, or delete its folder: the next run builds it again"
_KEEP = "restore it from a backup; if deleted, the day is scored again by the model that serves then"
FORMAT = 1  # of the manifest; readers refuse a newer one
MANIFEST = "_manifest.json"
KEPT = re.compile(r"_manifest-([0-9a-f]{12})\.json")  # a manifest that was replaced, named by its hash
PART = re.compile(r"part-\d{3}-of-\d{3}-([0-9a-f]{12})\.parquet")


@dataclass(frozen=True, slots=True)
class Part:
    name: str
    rows: int
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Input:
    """Something a partition was made from; `partitions` is their number if the hash covers a range of dates."""

    path: str
    sha256: str
    partitions: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """Everything that is known of a partition. No wall-clock time, host or absolute path: same inputs, same bytes."""

    table: str
    date: date
    contract: str
    contract_version: int
    contract_sha256: str
    layer_version: int
    parts: tuple[Part, ...]
    inputs: tuple[Input, ...]
    counts: dict[str, int] = field(default_factory=dict)
    notes: dict[str, Any] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        return sum(part.rows for part in self.parts)

    def to_bytes(self, *, was_read: bool = False) -> bytes:
        """The manifest with a hash of itself, so that a single changed bit is noticed."""
        facts = self.facts()
        sha256 = hashlib.sha256(strict_json.canonical(facts, was_read=was_read)).hexdigest()
        return strict_json.pretty(facts | {"sha256": sha256}, was_read=was_read)

    def facts(self) -> dict[str, Any]:
        named = {name: getattr(self, name) for name in ("table", "contract", "contract_version", "contract_sha256")}
        return (
            {"format": FORMAT, **named, "layer_version": self.layer_version, "date": self.date.isoformat()}
            | {"rows": self.rows, "shards": len(self.parts), "parts": [_fields(part) for part in self.parts]}
            | {"inputs": [_fields(entry) for entry in self.inputs], "counts": self.counts, "notes": self.notes}
        )

    @property
    def content_sha256(self) -> str:
        """A hash of the rows alone: what is built from a partition depends on these, not on how they were made."""
        return _hash_of([part.sha256 for part in self.parts])

    @property
    def made_from(self) -> str:
        """A hash of all that determines the content: if it is the same, building again would give the same bytes."""
        return made_from(self.inputs, self.contract_sha256, self.layer_version)


def _fields(entry: Part | Input) -> dict[str, Any]:
    return {name: getattr(entry, name) for name in entry.__slots__}  # `asdict` copies in depth, for far longer


def made_from(inputs: Sequence[Input], contract_sha256: str, layer_version: int) -> str:
    lines = [f"{entry.path} {entry.sha256}" for entry in inputs]
    return _hash_of([*lines, contract_sha256, str(layer_version)])


def _hash_of(lines: list[str]) -> str:
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def folder(table: str, day: date) -> str:
    return f"datamart/{table}/snapshot_date={day.isoformat()}"


def manifest_name(table: str, day: date) -> str:
    return f"{folder(table, day)}/{MANIFEST}"


def read(root: Root, table: str, day: date) -> Manifest | None:
    name = manifest_name(table, day)
    try:
        return at(root, name)
    except FileNotFoundError:
        return None


def at(root: Root, name: str) -> Manifest:
    return parse(files.content(root.at(name), strict_json.LIMIT + 1), where=name)


def existing(root: Root, table: str, day: date) -> Manifest:
    """The manifest of a partition that existed a moment ago; StoreDamaged if it is gone."""
    if (manifest := read(root, table, day)) is None:
        mend = "run again: it is built from what it rests on"
        raise StoreDamaged("the partition has gone", where=manifest_name(table, day), mend=mend)
    return manifest


def mend_of(name: str) -> str:
    """How to mend a damaged file: anything but scores is simply built again."""
    return _KEEP if name.startswith("datamart/gold/predictions/") else _REBUILD


def parse(data: bytes, *, where: str) -> Manifest:
    try:
        facts = strict_json.parse(data, where=where)
        if facts["format"] > FORMAT:
            mend = "use the version of the program that wrote it, or a newer one"
            raise NewerFormat(f"the manifest has format {facts['format']}, newer than {FORMAT}", where=where, mend=mend)
        kept = ("table", "contract", "contract_version", "contract_sha256", "layer_version", "counts", "notes")
        manifest = Manifest(
            **{name: facts[name] for name in kept},
            date=date.fromisoformat(facts["date"]),
            parts=tuple(Part(**part) for part in facts["parts"]),
            inputs=tuple(Input(**entry) for entry in facts["inputs"]),
        )
        hashes = (one["sha256"] for one in (*facts["parts"], *facts["inputs"]))
        is_sound = all(isinstance(one, str) for one in hashes) and isinstance(facts["counts"] | facts["notes"], dict)
        as_written = manifest.to_bytes(was_read=True)
    except (JsonInvalid, KeyError, TypeError, ValueError) as error:
        raise StoreDamaged("the manifest cannot be read", where=where, mend=mend_of(where)) from error
    if data != as_written or not is_sound:
        raise StoreDamaged("the manifest is not as it was written", where=where, mend=mend_of(where))
    return manifest


def verified(root: Root, name: str) -> Path:
    """The path of a part, once its hash matches its name: nothing is built on a damaged file."""
    path = root.at(name)
    _refuse_changed(name, files.sha256_of(path) if files.is_file(path) else None)
    return path


def content(root: Root, name: str) -> bytes:
    """The bytes of a part, verified in the same way; opens the file only once."""
    try:
        data = files.content(root.at(name))
    except (FileNotFoundError, NotADirectoryError):
        data = None
    _refuse_changed(name, None if data is None else hashlib.sha256(data).hexdigest())
    return data or b""


def _refuse_changed(name: str, found: str | None) -> None:
    said = name.removesuffix(".parquet").rsplit("-", 1)[-1]
    if found is None or not found.startswith(said):
        what = "a file is missing" if found is None else "a file's content does not match its name"
        raise StoreDamaged(what, where=name, mend=mend_of(name))


def drafts_folder(root: Root, table: str) -> Path:
    """The folder for drafts of a table: one per layer, so that sweeping is cheap."""
    return root.at("datamart") / table.partition("/")[0]


def publish(root: Root, manifest: Manifest, drafts: list[Path], *, once: bool = False) -> bool:
    """Give the finished drafts their names, then write the manifest. False if the same partition is already there.

    `once`: never replace a manifest, not even one that is being written at this moment.
    """
    home, drafts_in = root.at(folder(manifest.table, manifest.date)), drafts_folder(root, manifest.table)
    target, data = home / MANIFEST, manifest.to_bytes()
    before = files.content(target, strict_json.LIMIT + 1) if files.is_file(target) else None
    parts_there = all(
        files.is_file(at := home / each.name) and at.stat().st_size == each.bytes for each in manifest.parts
    )
    if (before is not None and once) or (before == data and parts_there):
        return False
    files.make_folder(root, home)
    for part, path in zip(manifest.parts, drafts, strict=True):
        files.publish(root, path, home / part.name)
    if before is not None and before != data:
        kept = home / f"_manifest-{hashlib.sha256(before).hexdigest()[:12]}.json"
        if not files.is_file(kept):  # older models and scores may cite it
            files.write_whole(root, kept, before, drafts_in=drafts_in)
    return files.write_whole(root, target, data, drafts_in=drafts_in, once=once)


def part_of(path: Path, rows: int) -> Part:
    """Describe a finished draft, the one part of its partition, named by the hash of its content."""
    digest = files.sha256_of(path)
    return Part(f"part-000-of-001-{digest[:12]}.parquet", rows, path.stat().st_size, digest)


class Ranges:
    """Inputs that stand for all partitions of a table from the first of a month to some day, hashed month by month."""

    def __init__(self, path: str, contents: Mapping[date, str]) -> None:
        self.path = path
        self._contents = contents
        self._days = sorted(contents)
        self._months: dict[tuple[date, date], str] = {}

    def input(self, first: date, last: date) -> Input:
        """Everything from the first of `first`'s month up to `last`."""
        days = self.days(first, last)
        months = [list(month) for _, month in groupby(days, key=lambda day: (day.year, day.month))]
        return Input(self.path, _hash_of([self._hash(month) for month in months]), len(days))

    def days(self, first: date, last: date) -> list[date]:
        return self._days[bisect_left(self._days, first.replace(day=1)) : bisect_right(self._days, last)]

    def _hash(self, month: list[date]) -> str:
        """The hash of the days of one month, computed once."""
        ends = month[0], month[-1]
        if ends not in self._months:
            self._months[ends] = _hash_of([f"{day} {self._contents[day]}" for day in month])
        return self._months[ends]
