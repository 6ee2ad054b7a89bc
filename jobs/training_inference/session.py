"""What the steps of one run share: the store, the ledger's desk, the policy, and the gold they read."""

from __future__ import annotations

import fcntl
import os
import socket
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jobs.protocol import clock, files, model_bank, policies, policy
from jobs.protocol import ledger as ledgers
from jobs.protocol.errors import AlreadyRunning
from jobs.protocol.index import Index
from jobs.protocol.ingest import Desk
from jobs.protocol.ledger import Writer
from jobs.protocol.shelf import Shelf
from jobs.protocol.store import FolderStore

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jobs.protocol.command import Run
    from jobs.protocol.errors import JobError
    from jobs.protocol.model_bank import Model
    from jobs.protocol.policy import Policy

JOB = "training_inference"
FEATURES, LABELS, PREDICTIONS = "gold/feature_store", "gold/label_store", "gold/predictions"


@dataclass(slots=True)
class Session:
    """One run at its desk. `policy` is None while the file is gone or cannot be read: then nothing is claimed."""

    run: Run
    store: FolderStore
    desk: Desk
    policy: Policy | None
    policy_problem: JobError | None
    shelf: Shelf

    def unusable(self, model_id: str) -> str | None:
        return model_bank.unusable(self.run.root, model_id, self._vouched(model_id))

    def model(self, model_id: str) -> Model:
        """A whole model; one that the ledger does not vouch for is first tried where it can do no harm."""
        return model_bank.get(self.run.root, model_id, self._vouched(model_id))

    def _vouched(self, model_id: str) -> str | None:
        """The hash that the ledger noted when the model was made."""
        made = (entry.body for entry in ledgers.read(self.store).entries if entry.kind == "completed")
        return next((body["model_sha256"] for body in made if body["model_id"] == model_id), None)

    @contextmanager
    def trainer(self) -> Iterator[bool]:
        """Hold the trainer's lock; False where another trainer lives. The kernel frees it when a process dies."""
        folder = self.run.root.at("datamart")
        files.make_folder(self.run.root, folder)
        handle = os.open(folder / ".trainer.lock", os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW, 0o644)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            yield False
            return
        try:
            yield True
        finally:
            os.close(handle)


def of(run: Run) -> Session:
    """The session of a run, made once."""
    if "session" not in run.memo:
        run.memo["session"] = _open(run)
    session: Session = run.memo["session"]
    return session


def another_trains(run: Run) -> AlreadyRunning:
    return AlreadyRunning("another training runs on this root", where=run.root.path, mend="wait for it to end")


def _open(run: Run) -> Session:
    store = FolderStore(run.root)
    if not run.dry_run and store.get(policies.POLICY) is None and not store.list("decisions/ledger"):
        store.put_if_absent(policies.POLICY, policy.default_bytes())  # the first run only: later it means something
    rules, problem = policies.read(store)
    if rules and not run.dry_run:
        policies.keep(store, rules)
    valid_days = (rules or policies.last_good(store)).decision.valid_days
    who = {"uid": os.getuid(), "host": socket.gethostname(), "pid": os.getpid()}
    writer = Writer(JOB, run.day, clock.now().isoformat(timespec="seconds"), os.urandom(8).hex(), who)
    desk = Desk(store, writer, valid_days, time.sleep)
    return Session(run, store, desk, rules, problem, Shelf(root=run.root, index=Index(run.root, JOB)))
