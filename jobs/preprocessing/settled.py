"""Whether anything has changed since a run that left nothing to do: one hash of every name, size and time."""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from dataclasses import asdict
from typing import TYPE_CHECKING

from jobs.preprocessing import arrivals
from jobs.preprocessing.tables import ALL_TABLES, POLICY, SOURCES, VERSIONS
from jobs.protocol import files, index
from jobs.protocol.contract import HOME
from jobs.protocol.receipts import Problem

if TYPE_CHECKING:
    from datetime import date

    from jobs.protocol.files import Root

NAME = "datamart/.index/preprocessing.settled.json"


def key(root: Root, day: date) -> str:
    """The state of the world as far as this job can see it, without opening a data file."""
    digest = hashlib.sha256(f"{day} {VERSIONS}".encode())
    with suppress(FileNotFoundError):
        digest.update(f"policy {index.identity_of(root.at(POLICY).lstat())}\n".encode())
    for path in sorted(HOME.rglob("*.json")):
        digest.update(path.read_bytes())
    for table in SOURCES:
        landing = index.entries(root, f"datamart/landing/{table}")
        for entry in (entry for entry in landing if not entry.name.endswith(arrivals.CHECKSUM)):
            digest.update(f"{entry.name} {index.identity_of(entry.stat(follow_symlinks=False))}\n".encode())
    for table in ALL_TABLES:
        for built_day, _name, stat in index.manifests(root, table):
            digest.update(f"{table} {built_day} {index.identity_of(stat)}\n".encode())
    return digest.hexdigest()


def standing(root: Root, day: date) -> list[Problem] | None:
    """The problems that still stand where nothing else is to do; None where something may be to do."""
    try:
        found = json.loads(root.at(NAME).read_bytes())
        problems = [Problem(**problem) for problem in found["problems"]]
        return problems if found["key"] == key(root, day) else None
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None


def remember(root: Root, seen: str, problems: list[Problem]) -> None:
    """`seen` is the key as it was before the last look: what changed since is looked at by the next run."""
    facts = {"key": seen, "problems": [asdict(problem) for problem in problems]}
    data = json.dumps(facts, sort_keys=True).encode()
    path = root.at(NAME)
    if not path.is_file() or path.read_bytes() != data:
        files.write_whole(root, path, data)
