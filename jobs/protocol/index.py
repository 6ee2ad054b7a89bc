"""A cache of what runs have read from files, so that history is not read again. It may be deleted at any time."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import date
from functools import cached_property, lru_cache
from itertools import accumulate
from pathlib import Path
from typing import Any

from jobs.protocol import files
from jobs.protocol.errors import StoreDamaged
from jobs.protocol.files import Root
from jobs.protocol.folder import refuse_open_to_all
from jobs.protocol.partitions import MANIFEST

VERSION = 4
PREFIX = "snapshot_date="
WEEK = "week="
DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
IDS = 4  # size, two times and the inode

Files = dict[str, list[Any]]  # by name: identity and facts
Identity = list[int]  # of a file: changes whenever somebody writes to it

_manifests: dict[Path, dict[date, Identity]] | None = None  # by a table's folder; only while no other process writes
_parsed: dict[str, tuple[Path, list[int], Files]] = {}  # by job: the index that this process last read or wrote


class Index:
    """Facts read from files, valid as long as a file's identity (size, times, inode) stays the same.

    It is stored as a line for the version and one per file; new lines are appended, and the last one of a file counts.
    """

    def __init__(self, root: Root, job: str) -> None:
        self.root = root
        self.job = job
        self.path = root.at(f"datamart/.index/{job}.json")
        self._news: set[str] = set()

    @cached_property
    def files(self) -> Files:
        with suppress(FileNotFoundError, StoreDamaged):
            known = _parsed.get(self.job)
            identity = identity_of(self.path.stat())
            return known[2] if known and known[:2] == (self.path, identity) else _read(files.content(self.path))
        return {}

    def facts(self, name: str, identity: Identity, read: Callable[[str], list[str]]) -> list[str]:
        """What `read` returned for this file; it is called again only if the file has changed."""
        known = self.recall(name, identity)
        return self.remember(name, identity, read(name)) if known is None else known

    def recall(self, name: str, identity: Identity) -> list[str] | None:
        known = self.files.get(name)
        return list(known[1]) if known and known[0] == identity else None

    def remember(self, name: str, identity: Identity, facts: list[str]) -> list[str]:
        self.files[name] = [identity, facts]
        self._news.add(name)
        return facts

    def save(self) -> None:
        """Append what is new, if anything; rewrite the whole file if there is none, or if most of it is new."""
        if not self._news:
            return
        if files.is_file(self.path) and 2 * len(self._news) < len(self.files):
            with files.naming_folder(self.path.parent), self.path.open("ab") as file:
                file.write(self._lines(sorted(self._news)))
        else:
            files.write_whole(self.root, self.path, json.dumps(VERSION).encode() + b"\n" + self._lines(self.files))
        self._news = set()
        _parsed[self.job] = (self.path, identity_of(self.path.stat()), self.files)

    def _lines(self, names: Iterable[str]) -> bytes:
        return "".join(json.dumps([name, *self.files[name]]) + "\n" for name in names).encode()


def identity_of(stat: os.stat_result) -> Identity:
    return [stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino]


def entries(root: Root, folder: str) -> Iterator[os.DirEntry[str]]:
    """The entries of a folder of the root, sorted by name; none if there is no such folder."""
    path = root.at(folder)
    if files.is_folder(path):
        with os.scandir(path) as found:
            yield from sorted(found, key=lambda entry: entry.name)


def identities(root: Root, folder: str, wanted: Callable[[str], object], below: str = "") -> dict[str, Identity]:
    """The identity of each wanted entry of a folder (or of `below` in it), by sorted name; missing ones are left out.

    Names are resolved relative to the open folder: this visits all of history, and full paths would take twice as long.
    """
    found = {}
    try:
        for each in accumulate(folder.split("/"), "{}/{}".format):  # whoever may write one above it may replace it
            refuse_open_to_all(root.at(each).stat(), each)
        handle = os.open(root.at(folder), os.O_RDONLY | os.O_DIRECTORY)
    except (FileNotFoundError, NotADirectoryError):
        return {}
    try:
        for name in sorted(filter(wanted, os.listdir(handle))):
            try:
                found[name] = identity_of(os.stat(name + below, dir_fd=handle, follow_symlinks=False))
            except (FileNotFoundError, NotADirectoryError):
                continue
            except PermissionError as error:
                error.filename = f"{folder}/{name}{below}"  # it lacks the open folder's path
                raise
    finally:
        os.close(handle)
    return found


def manifests(root: Root, table: str) -> dict[date, Identity]:
    """By day, the identity of the manifest of every partition; without a manifest there is no partition.

    Within `alone` the same dictionary is returned every time, and the caller adds what it publishes.
    """
    path = root.at(f"datamart/{table}")
    if _manifests is not None and path in _manifests:
        return _manifests[path]
    named = identities(root, f"datamart/{table}", day_of, f"/{MANIFEST}")
    found = {day: identity for name, identity in named.items() if (day := day_of(name))}
    if _manifests is not None:
        _manifests[path] = found
    return found


@lru_cache(1 << 14)  # all tables have the same days
def day_of(name: str, prefix: str = PREFIX) -> date | None:
    """The day in a partition folder's name; None if the name has no valid date."""
    if name.startswith(prefix) and DAY.fullmatch(text := name.removeprefix(prefix)):
        with suppress(ValueError):
            return date.fromisoformat(text)
    return None


@contextmanager
def alone() -> Iterator[None]:
    """Within this context only this process writes manifests, so it lists them once, not once per run."""
    global _manifests  # noqa: PLW0603 - what a process alone knows
    _manifests = {}
    try:
        yield
    finally:
        _manifests = None


def forget() -> None:
    """Forget what `alone` listed: another process has written manifests after all."""
    if _manifests is not None:
        _manifests.clear()


def _read(data: bytes) -> Files:
    try:
        version, *lines = json.loads(b"[%b]" % b",".join(data.splitlines()))
        if version == VERSION and data.endswith(b"\n") and all(len(ids) == IDS and facts for _, ids, facts in lines):
            return {name: [ids, facts] for name, ids, facts in lines}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        pass  # absent, damaged or of another version: nothing is remembered, and nothing is lost
    return {}
