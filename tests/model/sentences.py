"""The four sentences, and that every decision ends once, as checks of one step."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from jobs.protocol.folder import ASIDE
from jobs.protocol.notes import BLOCKING, classify
from jobs.protocol.state import MONITOR, PERSON
from jobs.protocol.store import RETRAINING_NOTE, SERVING_NOTE
from tests.model.things import MACHINES, REMOVED
from tests.protocol.build import VALID_DAYS

if TYPE_CHECKING:
    from jobs.protocol.ledger import Ledger
    from jobs.protocol.state import Entry, State
    from tests.model.things import Process, World


class Violation(Exception):
    """One of the sentences does not hold."""


class Unsettled(Violation):
    """A run alone has ended, and something is left that it should have settled."""


def check_entry(old: State, ledger: Ledger, process: Process) -> None:
    """The sentences, at the moment of an entry."""
    entry, new = ledger.entries[-1], ledger.state
    if new.ignored:
        raise Violation(f"{entry.kind} follows what it cannot follow")
    if not process.disturbed and old.is_backfill(entry.as_of):
        raise Violation("a backfill writes into the ledger")
    if len({ending.decision.seq for ending in new.ended}) < len(new.ended):
        raise Violation("a decision ends twice")
    if entry.kind == "proposed":
        _check_proposed(old, entry, process)
    if entry.kind == "claimed" and (old.open is None or process.looked != old.open.note):
        raise Violation("claimed while the note held other bytes")
    if entry.kind == "withdrawn" and process.looked != REMOVED:
        raise Violation("withdrawn, and nobody removed the note")
    weeks = [day.isocalendar()[:2] for day in new.trained]
    if len(set(weeks)) < len(weeks):
        raise Violation("two trainings in one week")


def check_kept(state: State, after: World, data: bytes | None) -> None:
    """What a person saved is in place, aside, in quarantine or in the ledger after every change by a job."""
    if data is None or data in MACHINES or data in after.given or data in (kept for _, kept in after.files):
        return
    decisions = [ending.decision for ending in state.ended] + ([state.open] if state.open else [])
    if data in (decision.note for decision in decisions):
        return
    if b'"model_id"' in data:
        wish = json.loads(data)
        if any((one.model_id, one.pinned) == (wish["model_id"], wish["pinned"]) for one in state.served):
            return
    raise Violation("what a person saved is lost")


def check_settled(state: State, files: dict[str, bytes], process: Process) -> None:
    """After a run alone: the note stands exactly while its decision is open, or blocks and says why."""
    if state.is_backfill(process.stage.day):
        return
    if any(ASIDE in name for name in files):
        raise Unsettled("a run leaves an aside")
    if process.stage.job == "train" and state.claim:
        raise Unsettled("a run of training leaves a claim")
    if SERVING_NOTE not in files and process.stage.job == "train":
        raise Unsettled("the serving note is missing")
    note = files.get(RETRAINING_NOTE)
    stands = note == (state.open.note if state.open else None)
    if not stands and not state.claim and classify(note, state, process.stage.day, VALID_DAYS).kind not in BLOCKING:
        raise Unsettled("the note and the open decision differ")


def _check_proposed(old: State, entry: Entry, process: Process) -> None:
    is_machines = entry.body["note"].encode() in MACHINES
    if is_machines != (entry.body["source"] == MONITOR):
        raise Violation("a note is taken for somebody else's")
    if old.open and old.open.source == PERSON and is_machines:
        raise Violation("a machine supersedes a person")
    if process.looked != entry.body["note"].encode():
        raise Violation("the ledger records what was not read")
