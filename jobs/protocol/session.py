"""What the steps of a run share: its desk (access to decisions), the policy in force, and what is built."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

from jobs.protocol import ingest, ledger, model_bank, policy_in_force
from jobs.protocol.command import Run
from jobs.protocol.errors import JobError
from jobs.protocol.files import Root
from jobs.protocol.index import Index
from jobs.protocol.ingest import Desk
from jobs.protocol.model_bank import Model
from jobs.protocol.policy import Policy
from jobs.protocol.shelf import Shelf
from jobs.protocol.state import Entry, State
from jobs.protocol.store import FolderStore


@dataclass
class Session:
    """`policy` is the last good one; `policy_problem` says why it is not the one in place."""

    JOB: ClassVar[str]

    run: Run
    desk: Desk
    policy: Policy
    policy_problem: JobError | None
    shelf: Shelf

    @classmethod
    def of(cls, run: Run) -> Self:
        """The session of a run, made once."""
        if "session" not in run.memo:
            store = FolderStore(run.root)
            ledger.refuse_loss(store)
            found, problem = policy_in_force.begin(store, dry_run=run.dry_run)
            policy = found or policy_in_force.last_good(store)

            def tell(said: Entry) -> None:
                run.report.change(ledger.name_of(said.seq), kind=said.kind)

            desk = ingest.desk_of(store, cls.JOB, run.day, policy, tell)
            shelf = Shelf(root=run.root, index=Index(run.root, cls.JOB))
            run.memo["session"] = cls(run, desk, policy, problem, shelf)
        session: Self = run.memo["session"]
        return session

    @property
    def root(self) -> Root:
        return self.run.root

    @property
    def store(self) -> FolderStore:
        return self.desk.store

    @property
    def state(self) -> State:
        """The state that follows from the ledger at this moment."""
        return ledger.read(self.store).state

    def banked(self, model_id: str) -> Model:
        """A verified model of the bank; one that the ledger does not vouch for is first tried in another process."""
        return model_bank.get(self.root, model_id, ledger.vouched(self.store, model_id))
