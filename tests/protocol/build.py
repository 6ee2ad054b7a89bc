"""Ordinary desks, notes and entries; a test names only what it is about."""

from __future__ import annotations

import fcntl
import json
import os
from dataclasses import replace
from datetime import date, timedelta
from subprocess import CompletedProcess
from typing import TYPE_CHECKING, Any

from jobs.protocol import policy
from jobs.protocol.claims import Outcome
from jobs.protocol.guards import Circumstances
from jobs.protocol.ingest import Desk
from jobs.protocol.ledger import Writer
from jobs.protocol.notes import retraining_bytes
from jobs.protocol.state import RETRAINING, Entry, Fact

if TYPE_CHECKING:
    from collections.abc import Callable

    from jobs.protocol.files import Root
    from jobs.protocol.store import FolderStore

SUNDAY = date(2024, 1, 14)
VALID_DAYS = {"MEDIUM": 7, "HIGH": 7, "IMMEDIATE": 14}
READY = Circumstances(note=True, new_rows=10_000)
MODEL, OTHER = "20240115-0123456789ab", "20240116-ba9876543210"
PASSED = Outcome(promote=True, model_id=MODEL, model_sha256="a" * 64)


def rules(*, mode: str = "auto", **guards: Any) -> policy.Policy:
    """The default policy with other guards."""
    default = policy.load(None, "")
    changed: dict[str, Any] = {"mode": mode, "guards": replace(default.guards, **guards)}
    return replace(default, **changed)


OPEN_RULES = rules(cooldown_days=0, min_new_rows=0, max_per_iso_week=99, max_per_28_days=99)


def writer(job: str = "monitoring", day: date = SUNDAY) -> Writer:
    return Writer(job, day, f"{day}T06:00:00+00:00", "abc", {"uid": 1000, "host": "here", "pid": 1})


def desk(
    store: FolderStore,
    day: date = SUNDAY,
    *,
    job: str = "monitoring",
    unusable: Callable[[str], str | None] = lambda _: None,
    wait: Callable[[float], None] = lambda _: None,
    today: date = date.min,
) -> Desk:
    return Desk(store, writer(job, day), VALID_DAYS, unusable, wait, today)


def machine(day: date = SUNDAY, **fields: Any) -> bytes:
    """A note as monitoring writes it."""
    ordinary = {
        "decision_date": day.isoformat(),
        "performance_score": 0.65,
        "retrain": True,
        "reason": "Performance score 0.650 below threshold",
        "priority": "HIGH",
        "valid_until": (day + timedelta(days=7)).isoformat(),
        "approved_by": None,
        "details": {"path": f"datamart/gold/monitoring/week={day}/decision.json", "sha256": "0" * 64},
    }
    return retraining_bytes(ordinary | fields)


def person(day: date = SUNDAY, **fields: Any) -> bytes:
    """A note of the original's four fields, as a person types it."""
    ordinary = {"decision_date": day.isoformat(), "performance_score": None, "retrain": True, "reason": "Because"}
    return json.dumps(ordinary | fields, indent=4).encode()


def proposed(note: bytes, **fields: Any) -> Fact:
    ordinary: dict[str, Any] = {
        "source": "monitor",
        "note": note.decode(),
        "decision_id": None,
        "decision_date": SUNDAY.isoformat(),
        "valid_from": SUNDAY.isoformat(),
        "valid_until": (SUNDAY + timedelta(days=7)).isoformat(),
        "priority": "HIGH",
        "retrain": True,
        "approved_by": None,
        "supersedes": None,
        "about": None,
        "edited": [],
    }
    return Fact(RETRAINING, "proposed", ordinary | fields)


def entry(seq: int, fact: Fact, day: date = SUNDAY) -> Entry:
    return Entry(seq, fact.topic, fact.kind, day, fact.body)


def refused_unheld(root: Root, tried: list[str], *_: object, **__: object) -> CompletedProcess[bytes]:
    """In place of a model's trial: BlockingIOError where somebody holds the decisions meanwhile; else it fails."""
    tried.append("here")
    handle = os.open(root.at("decisions"), os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(handle)
    return CompletedProcess([], 3)
