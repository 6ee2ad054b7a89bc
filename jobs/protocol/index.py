"""What a run remembers of the files it saw, so that history is not read again. It may be deleted at any time."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import date
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from jobs.protocol import files
from jobs.protocol.errors import StoreDamaged
from jobs.protocol.files import Root
from jobs.protocol.partitions import MANIFEST

VERSION = 4
PREFIX = "snapshot_date="
WEEK = "week="
DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
IDS = 4  # size, two times and the inode

Files = dict[str, list[Any]]  # by name: identity and facts
Identity = list[int]  # of a file: it changes whenever somebody writes to it

_manifests: dict[Path, dict[date, Identity]] | None = None  # by the folder of a table, while nobody else writes any
_parsed: dict[str, tuple[Path, list[int], Files]] = {}  # by job, the index last read or written by this process


class Index:
    """Facts that were read out of a file, kept for as long as its identity (size, times, inode) stays.

    Its file is a line for the version and one for each fact; news are added at the end, and the last word counts.
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
        """What `read` said of this file; it is asked again only when the file has changed."""
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
        """Write the news, if there are any; all of it again where there is no file, or most of it is news."""
        if not self._news:
            return
        if self.path.is_file() and 2 * len(self._news) < len(self.files):
            with files.told_of(self.path.parent), self.path.open("ab") as file:
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
    """What lies in a folder of the root, sorted by name; nothing where there is no such folder."""
    path = root.at(folder)
    if path.is_dir():
        with os.scandir(path) as found:
            yield from sorted(found, key=lambda entry: entry.name)


def identities(root: Root, folder: str, wanted: Callable[[str], object], below: str = "") -> dict[str, Identity]:
    """What lies under each wanted name of a folder, sorted; what vanishes meanwhile, or has nothing below, is left out.

    Names are looked up from the open folder: all history passes by, and a whole path takes twice the time.
    """
    found = {}
    try:
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
                error.filename = f"{folder}/{name}{below}"  # the folder that is open is no part of it
                raise
    finally:
        os.close(handle)
    return found


def manifests(root: Root, table: str, since: date = date.min) -> dict[date, Identity]:
    """By day, the manifest of every partition of a table since then; one without a manifest does not exist.

    Who is alone gets the same answer again, and adds to it what it publishes.
    """
    path = root.at(f"datamart/{table}")
    if _manifests is not None and path in _manifests:
        return _manifests[path]
    first = f"{PREFIX}{since if _manifests is None else date.min}"
    named = identities(root, f"datamart/{table}", lambda name: name >= first and day_of(name), f"/{MANIFEST}")
    found = {day: identity for name, identity in named.items() if (day := day_of(name))}
    if _manifests is not None:
        _manifests[path] = found
    return found


@lru_cache(1 << 14)  # all tables have the same days
def day_of(name: str, prefix: str = PREFIX) -> date | None:
    """The day of a partition; a folder that somebody named after a day which no calendar has is none."""
    if name.startswith(prefix) and DAY.fullmatch(text := name.removeprefix(prefix)):
        with suppress(ValueError):
            return date.fromisoformat(text)
    return None


@contextmanager
def alone() -> Iterator[None]:
    """Within, this process alone writes manifests, and looks for them once, not once a run."""
    global _manifests  # noqa: PLW0603 - what a process alone knows
    _manifests = {}
    try:
        yield
    finally:
        _manifests = None


def forget() -> None:
    """Another process has written manifests after all."""
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
