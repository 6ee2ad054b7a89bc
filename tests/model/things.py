"""What the modelled world is made of: days, the bytes that may be saved, processes, and bounds."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from jobs.protocol.store import QUARANTINE
from tests.protocol.build import MODEL, OTHER, SUNDAY, machine, person

if TYPE_CHECKING:
    from tests.model.programs import Stage

DAYS = tuple(SUNDAY + timedelta(days=shift) for shift in (0, 1, 7, 8))  # Sunday, Monday, and again
MACHINES = tuple(machine(day) for day in DAYS)  # what monitoring writes on each of them
PERSONS = person()
HALF = b'{"decision_date": "2024-'
WISHES = tuple(json.dumps({"model_id": name, "pinned": pin}).encode() for name, pin in ((OTHER, False), (MODEL, True)))
REMOVED = b""  # what a process sees where a person, and not a job, took the note away
QUIET = ("unlock", "asides", "wait", "unlock-training")
Files = tuple[tuple[str, bytes], ...]


@dataclass(frozen=True, eq=False, slots=True)
class Process:
    """Where a process stands, kept once; `disturbed` if anybody else did anything since it began."""

    stage: Stage
    answers: tuple[Any, ...]
    disturbed: bool
    looked: bytes | None  # the note as it last saw it
    suffix: str


class World(NamedTuple):
    """Everything; equal worlds have equal futures."""

    day: int
    ledger: int
    files: Files
    processes: tuple[Process | None, ...]
    lock: int | None
    training: int | None
    edits: int
    crashes: int
    reruns: int
    given: frozenset[bytes | None]  # what a person saved and then replaced or deleted
    removed: bool  # a person deleted or overwrote the note of the open decision


@dataclass(frozen=True)
class Bounds:
    """How much may happen. `starts` are the processes: their job, and the days on which they are due."""

    starts: tuple[tuple[str, int], ...] = (("monitor", 0), ("train", 1), ("monitor", 2), ("train", 3))
    edits: int = 2
    crashes: int = 1
    reruns: int = 0
    together: int = 2  # processes at work at the same moment
    serving: bool = True
    locked: bool = True  # False: a store without asides and without a lock, as an object store is


@cache
def edited(note: bytes) -> bytes:
    return json.dumps(json.loads(note) | {"priority": "IMMEDIATE"}).encode()


def with_file(files: dict[str, bytes], name: str, data: bytes | None) -> Files:
    changed = {**files, name: data}
    kept = {name: data for name, data in changed.items() if data is not None and not _is_machines_kept(name, data)}
    return tuple(sorted(kept.items()))


def _is_machines_kept(name: str, data: bytes) -> bool:
    """What a machine wrote need not be followed into quarantine: it keeps the number of worlds down."""
    return name.startswith(QUARANTINE) and b"decision_id" in data and b"IMMEDIATE" not in data


def with_process(world: World, index: int, process: Process | None) -> World:
    processes = list(world.processes)
    processes[index] = process
    return world._replace(processes=tuple(processes))
