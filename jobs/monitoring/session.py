"""What the steps of one run share: the desk, the policy that counts, the week, and the model that is judged."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cached_property

from jobs.monitoring import weeks
from jobs.protocol import ingest, ledger, model_bank
from jobs.protocol.command import Run
from jobs.protocol.errors import JobError
from jobs.protocol.facts import Serving, State
from jobs.protocol.files import Root
from jobs.protocol.index import Index
from jobs.protocol.ingest import Desk
from jobs.protocol.model_bank import Model
from jobs.protocol.policy import Policy
from jobs.protocol.shelf import Shelf
from jobs.protocol.store import FolderStore

JOB = "monitoring"
FEATURES, LABELS, PREDICTIONS = "gold/feature_store", "gold/label_store", "gold/predictions"


@dataclass
class Session:
    """One run at its desk. `policy` is the last good one; `policy_problem` says why it is not the one in place."""

    run: Run
    store: FolderStore
    desk: Desk
    policy: Policy
    policy_problem: JobError | None
    shelf: Shelf

    @property
    def root(self) -> Root:
        return self.run.root

    @property
    def week(self) -> date:
        return weeks.named_by(self.run.day)

    @property
    def state(self) -> State:
        """All that follows from the ledger at this moment."""
        return ledger.read(self.store).state

    @cached_property
    def serving(self) -> Serving | None:
        """Since when the model serves that serves on the run's date; a change of its pin alone is no change."""
        first = None
        for change in self.state.served:
            if change.as_of <= self.run.day and (first is None or change.model_id != first.model_id):
                first = change
        return first

    @cached_property
    def model(self) -> Model:
        """The model that is judged, every file of it verified."""
        assert self.serving is not None  # noqa: S101 - without a model no week is judged
        model_id = self.serving.model_id
        return model_bank.get(self.root, model_id, ledger.vouched(self.store, model_id))

    def nothing_to_judge(self) -> str | None:
        """Why there is none; a week without a single row is one to judge as soon as rows were scored before."""
        if self.serving is None:
            return "no model serves"
        scored = any(day <= self.week for day in self.shelf.built(PREDICTIONS))
        return None if scored else "nothing had been scored by the end of the week"

    def unusable(self, model_id: str) -> str | None:
        return model_bank.unusable(self.root, model_id, ledger.vouched(self.store, model_id))


def of(run: Run) -> Session:
    """The session of a run, made once."""
    if "session" not in run.memo:
        desk, _, problem, policy = ingest.opened(run, JOB)
        shelf = Shelf(root=run.root, index=Index(run.root, JOB))
        run.memo["session"] = Session(run, desk.store, desk, policy, problem, shelf)
    session: Session = run.memo["session"]
    return session
