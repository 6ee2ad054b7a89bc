"""How the runs of all jobs that know decisions begin: store, desk and policy, and the models that the ledger knows."""

from __future__ import annotations

import os
import socket
import time
from dataclasses import dataclass

from jobs.protocol import clock, ledger, policies
from jobs.protocol.command import Run
from jobs.protocol.errors import JobError
from jobs.protocol.ingest import Desk
from jobs.protocol.ledger import Writer
from jobs.protocol.policy import Policy
from jobs.protocol.store import FolderStore, Store


@dataclass(frozen=True, slots=True)
class Opened:
    """What a run finds. `in_place` is None while the policy is gone or cannot be read; `last_good` counts meanwhile."""

    store: FolderStore
    desk: Desk
    in_place: Policy | None
    problem: JobError | None
    last_good: Policy


def opened(run: Run, job: str) -> Opened:
    store = FolderStore(run.root)
    rules, problem = policies.begin(store, dry_run=run.dry_run)
    last_good = rules or policies.last_good(store)
    who = {"uid": os.getuid(), "host": socket.gethostname(), "pid": os.getpid()}
    writer = Writer(job, run.day, clock.now().isoformat(timespec="seconds"), os.urandom(8).hex(), who)
    desk = Desk(store, writer, last_good.decision.valid_days, time.sleep)
    return Opened(store, desk, rules, problem, last_good)


def vouched(store: Store, model_id: str) -> str | None:
    """The hash that the ledger noted when a model was made."""
    made = (entry.body for entry in ledger.read(store).entries if entry.kind == "completed")
    return next((body["model_sha256"] for body in made if body["model_id"] == model_id), None)
