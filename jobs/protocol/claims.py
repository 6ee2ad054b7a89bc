"""What training does with a decision: claim it, give it back after a failed attempt, complete it; the serving note."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from jobs.protocol import files
from jobs.protocol import ledger as ledgers
from jobs.protocol.command import Stopped
from jobs.protocol.errors import ConfigInvalid, JobError
from jobs.protocol.guards import Circumstances, blocked_by, held_until
from jobs.protocol.ingest import Desk, Seen, look
from jobs.protocol.ledger import Ledger
from jobs.protocol.notes import Kind, ServingNote, read_serving, serving_bytes
from jobs.protocol.policy import Policy
from jobs.protocol.state import KEPT, PROMOTED, RETRAINING, SERVING, Entry, Fact, Serving, State
from jobs.protocol.store import RETRAINING_NOTE, SERVING_NOTE, FolderStore, edited

TRAINER = "datamart/.trainer.lock"  # held from before a claim until after its end


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The result of a training. `promote`: it passed the gates."""

    promote: bool
    model_id: str | None
    model_sha256: str | None
    reasons: tuple[str, ...] = ()
    metrics: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Chosen:
    """The serving note as found: its bytes, the change that it asks for, and any problem."""

    data: bytes | None = None
    wish: ServingNote | None = None
    problem: ConfigInvalid | None = None


def claim(desk: Desk, policy: Policy, found: Circumstances, lease_until: str | None) -> tuple[Seen, Entry | None]:
    """Claim the open decision if the note still holds exactly its bytes, or record what blocks it.

    Without a lease it only records what blocks. The entry is None if there is nothing new to record.
    """
    today = desk.writer.as_of

    def said(state: State) -> Fact | None:
        standing = state.waiting
        if standing is None or not standing.retrain or today > standing.valid_until:
            return None
        same = look(desk, state).kind is Kind.SAME
        blocks = blocked_by(state, standing, today, policy, replace(found, note=same))
        body: dict[str, Any] = {"decision": standing.seq}
        if blocks:
            after = max(held_until(state, standing, today, policy).values(), default=None)  # when time no longer blocks
            body |= {"blocked_by": list(blocks), "retry_after": after.isoformat() if after else None}
            return None if blocks == standing.blocked_by else Fact(RETRAINING, "deferred", body)
        body |= {"note_sha256": hashlib.sha256(standing.note).hexdigest(), "lease_until": lease_until}
        return None if lease_until is None else Fact(RETRAINING, "claimed", body)

    with desk.store.settled():
        ledger, entry = ledgers.append(desk.store, desk.writer, said)
        return Seen(ledger, look(desk, ledger.state)), entry


def fail_attempt(desk: Desk, claim_seq: int, reason: str, *, stopped: bool = False) -> Ledger:
    """Give back a decision whose trainer died, failed or was stopped; after the last attempt it is declined."""

    def failed(state: State) -> Fact | None:
        mine = state.claim and state.claim.seq == claim_seq
        body = {"claim": claim_seq, "reason": reason} | ({"stopped": True} if stopped else {})
        return Fact(RETRAINING, "attempt_failed", body) if mine else None

    with desk.store.hold():
        return ledgers.append(desk.store, desk.writer, failed)[0]


def abandoned(store: FolderStore, state: State) -> Fact | None:
    """The fact that ends a claim whose trainer is dead: the claim stands, and nobody holds the trainer's lock."""
    if state.claim is None:
        return None
    with files.unheld(store.root.at(TRAINER)) as is_free:
        pass
    is_dead = is_free and ledgers.read(store).state.claim == state.claim
    return Fact(RETRAINING, "attempt_failed", {"claim": state.claim.seq}) if is_dead else None


@contextmanager
def giving_back(desk: Desk, claim_seq: int) -> Iterator[None]:
    """Give the decision back if anything goes wrong under the claim; being stopped does not count as an attempt."""
    try:
        yield
    except BaseException as error:
        stopped = isinstance(error, Stopped | KeyboardInterrupt)
        reason = error.what if isinstance(error, JobError) else type(error).__name__
        fail_attempt(desk, claim_seq, "stopped by SIGTERM or Ctrl-C" if stopped else reason, stopped=stopped)
        raise


def choose(desk: Desk) -> tuple[Ledger, Chosen]:
    """Record what the serving note asks for; write the note again if it is missing."""
    with desk.store.settled():
        ledger, chosen = _choose(desk)
        _restore(desk, ledger.state)
        return ledger, chosen


def complete(desk: Desk, claim_seq: int, outcome: Outcome) -> Ledger:
    """End the claimed decision; promote only if no person objects at this moment. Safe to repeat."""
    with desk.store.settled():
        before, chosen = _choose(desk)
        held = "the serving note cannot be used" if chosen.problem else _holds_back(before.state)
        if outcome.promote and not held and chosen.data is not None:  # an old note found later is a person's wish
            held = "" if desk.store.remove_if(SERVING_NOTE, chosen.data) else "the serving note was saved just then"

        def completed(state: State) -> Fact | None:
            if state.claim is None or state.claim.seq != claim_seq:
                return None
            came_to = {name: value for name, value in asdict(outcome).items() if name != "promote"}
            why = held or _holds_back(state)
            if outcome.promote and why:
                came_to["reasons"] = [*outcome.reasons, f"it passed its gates, but {why}"]
            verdict = PROMOTED if outcome.promote and not why else KEPT
            return Fact(RETRAINING, "completed", came_to | {"claim": claim_seq, "verdict": verdict})

        ledger, entry = ledgers.append(desk.store, desk.writer, completed)
        _restore(desk, ledger.state)
        if entry and before.state.open:
            desk.store.remove_if(RETRAINING_NOTE, before.state.open.note)
        return ledger


def try_wish(desk: Desk) -> None:
    """Try out an unknown model before any lock is held: it may take a minute, and the bank caches the answer."""
    read_wish(desk, ledgers.read(desk.store).state.serving)


def read_wish(desk: Desk, now: Serving | None) -> Chosen:
    """What the serving note asks to change, if anything."""
    try:
        data = edited(desk.store, SERVING_NOTE)
        if data is None:
            return Chosen()
        if now and data == _written(now):
            return Chosen(data)  # as the jobs left it: no need to validate it
        note = read_serving(data)
        if now and (now.model_id, now.pinned) == (note.model_id, note.pinned):
            return Chosen(data)
        if (now is None or now.model_id != note.model_id) and (why := desk.unusable(note.model_id)):
            mend = "name a whole model of model_bank, or delete the note; until then the previous model keeps serving"
            what = f"model {note.model_id} cannot serve: {why}"
            return Chosen(problem=ConfigInvalid(what, where=SERVING_NOTE, mend=mend))
        return Chosen(data, note)
    except ConfigInvalid as invalid:
        return Chosen(problem=invalid)


def _choose(desk: Desk) -> tuple[Ledger, Chosen]:
    chosen = Chosen()

    def serving(state: State) -> Fact | None:
        nonlocal chosen
        chosen = read_wish(desk, state.serving)
        return Fact(SERVING, "serving", asdict(chosen.wish)) if chosen.wish else None

    ledger, _ = ledgers.append(desk.store, desk.writer, serving)
    return ledger, chosen


def _restore(desk: Desk, state: State) -> None:
    if now := state.serving:
        desk.store.put_if_absent(SERVING_NOTE, _written(now))


def _written(now: Serving) -> bytes:
    return serving_bytes(now.model_id, now.as_of, now.reason, pinned=now.pinned)


def _holds_back(state: State) -> str:
    """What a person did that keeps a model from serving although it passed its gates."""
    if state.claim and state.claim.serving != state.model_id:
        return "another model serves than when it was claimed"
    return "the model that serves is pinned" if state.serving and state.serving.pinned else ""
