"""What the steps of one run share: the store, the ledger's desk, the policy, and the gold they read."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from jobs.protocol import files, ingest, ledger, model_bank
from jobs.protocol.command import Run
from jobs.protocol.errors import AlreadyRunning, JobError
from jobs.protocol.index import Index
from jobs.protocol.ingest import Desk
from jobs.protocol.model_bank import Model
from jobs.protocol.policy import Policy
from jobs.protocol.shelf import Shelf
from jobs.protocol.store import FolderStore

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
        return model_bank.unusable(self.run.root, model_id, ledger.vouched(self.store, model_id))

    def model(self, model_id: str) -> Model:
        """A whole model; one that the ledger does not vouch for is first tried where it can do no harm."""
        return model_bank.get(self.run.root, model_id, ledger.vouched(self.store, model_id))

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
    desk, policy, problem, _ = ingest.opened(run, JOB)
    shelf = Shelf(root=run.root, index=Index(run.root, JOB))
    return Session(run, desk.store, desk, policy, problem, shelf)
