"""What a run remembers of the files it saw, so that history is not read again. It may be deleted at any time."""

from __future__ import annotations

import json
import os
import re
from typing import TYPE_CHECKING, Any

from jobs.protocol import files
from jobs.protocol.partitions import MANIFEST

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from jobs.protocol.files import Root

VERSION = 3
PREFIX = "snapshot_date="
PARTITION = re.compile(PREFIX + r"[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])")
IDS = 4  # size, two times and the inode


class Index:
    """Facts that were read out of a file, kept for as long as its identity (size, times, inode) stays."""

    def __init__(self, root: Root, job: str) -> None:
        self.root = root
        self.path = root.at(f"datamart/.index/{job}.json")
        self._before = self.path.read_bytes() if self.path.is_file() else b""
        self.files: dict[str, list[Any]] = _parsed(self._before)

    def facts(self, name: str, stat: os.stat_result, read: Callable[[str], list[str]]) -> list[str]:
        """What `read` said of this file; it is asked again only when the file has changed."""
        known = self.recall(name, stat)
        return self.remember(name, stat, read(name)) if known is None else known

    def recall(self, name: str, stat: os.stat_result) -> list[str] | None:
        known = self.files.get(name)
        return list(known[1]) if known and known[0] == identity_of(stat) else None

    def remember(self, name: str, stat: os.stat_result, facts: list[str]) -> list[str]:
        self.files[name] = [identity_of(stat), facts]
        return facts

    def save(self) -> None:
        """Write what is remembered, if it differs from what was read."""
        data = json.dumps({"version": VERSION, "files": self.files}, sort_keys=True).encode()
        if data != self._before:
            files.write_whole(self.root, self.path, data)
            self._before = data


def identity_of(stat: os.stat_result) -> list[int]:
    return [stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino]


def entries(root: Root, folder: str) -> Iterator[os.DirEntry[str]]:
    """What lies in a folder of the root, sorted by name; nothing where there is no such folder."""
    path = root.at(folder)
    if path.is_dir():
        with os.scandir(path) as found:
            yield from sorted(found, key=lambda entry: entry.name)


def manifests(root: Root, table: str) -> Iterator[tuple[str, str, os.stat_result]]:
    """Date, name and identity of the manifest of every partition of a table."""
    home = root.at(f"datamart/{table}")
    for found in sorted(os.listdir(home)) if home.is_dir() else ():
        if PARTITION.fullmatch(found):
            try:
                stat = os.lstat(f"{home}/{found}/{MANIFEST}")  # a Path takes thrice the time, and all history passes by
            except (FileNotFoundError, NotADirectoryError):
                continue  # a partition without a manifest does not exist
            yield found.removeprefix(PREFIX), f"datamart/{table}/{found}/{MANIFEST}", stat


def _parsed(data: bytes) -> dict[str, list[Any]]:
    try:
        remembered = json.loads(data)
        known = remembered["files"].items()
        if remembered["version"] == VERSION and all(len(ids) == IDS and len(facts) >= 1 for _, (ids, facts) in known):
            return dict(known)
    except (ValueError, KeyError, TypeError, AttributeError):
        pass  # absent, damaged or of another version: nothing is remembered, and nothing is lost
    return {}
