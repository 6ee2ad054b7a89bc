"""The fold: from ledger entries to the decisions that are open, claimed or ended, and the model that serves. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import date
from typing import Any

from jobs.protocol.state import (
    COLD_START,
    DAYS_WANTED,
    KEPT,
    MAX_ATTEMPTS,
    PERSON,
    PROMOTED,
    RETRAINING,
    SERVING,
    WANTED,
    Claim,
    Decision,
    Ending,
    Entry,
    Fact,
    Serving,
    State,
)

Body = Mapping[str, Any]
Objection = str | None


def fold(entries: Iterable[Entry], until: date | None = None) -> State:
    """The state after these entries, or after those of them whose `as_of` is not after `until`."""
    state = State()
    for entry in entries:
        if until is None or entry.as_of <= until:
            state = advance(state, entry)
    return state


def advance(state: State, entry: Entry) -> State:
    """The state after one more entry. An entry that is unknown or invalid moves only the head."""
    moved = replace(state, head=entry.seq, newest=max(entry.as_of, state.newest or entry.as_of))
    if (entry.topic, entry.kind) not in _RULES:
        return moved
    if objection(state, Fact(entry.topic, entry.kind, entry.body), entry.as_of):
        return replace(moved, ignored=(*state.ignored, entry.seq))
    return _RULES[entry.topic, entry.kind][1](moved, entry)


def objection(state: State, fact: Fact, as_of: date) -> str | None:
    """Why this fact may not follow; None if it may. Checked before it is written, and again by every reader."""
    return _RULES[fact.topic, fact.kind][0](state, fact.body, as_of)


def _may_propose(state: State, body: Body, _: date) -> Objection:
    standing = state.open
    if standing and standing.claim:
        return "the open decision is claimed"
    if standing and standing.source == PERSON and body["source"] != PERSON:
        return "a person's decision is open"
    if body["source"] == COLD_START and state.served:
        return "a model serves"
    if body["supersedes"] != (standing.seq if standing else None):
        return "another decision is open than the one it supersedes"
    note = body["note"].encode()
    if (standing and standing.note == note) or state.ending_of(note):
        return "these bytes were proposed before"
    return None if body["about"] == state.model_id else "another model serves than the one it is about"


def _propose(state: State, entry: Entry) -> State:
    body = entry.body
    if state.open:
        state = _end(state, "superseded", entry)
    wanted = {name: body[name] for name in WANTED} | {name: date.fromisoformat(body[name]) for name in DAYS_WANTED}
    return replace(state, open=Decision(seq=entry.seq, note=body["note"].encode(), about=body["about"], **wanted))


def _may_claim(state: State, body: Body, as_of: date) -> Objection:
    standing = state.open
    if standing is None or standing.seq != body["decision"]:
        return "that decision is not open"
    if standing.claim:
        return "it is claimed already"
    if not standing.retrain:
        return "it does not ask for a retraining"
    if body["note_sha256"] != hashlib.sha256(standing.note).hexdigest():
        return "the note in place is not the open decision's"
    if standing.attempts >= MAX_ATTEMPTS:
        return "its attempts are used up"
    return None if standing.valid_from <= as_of <= standing.valid_until else "it is not valid on this date"


def _of_claim(state: State, body: Body, _: date) -> Objection:
    return None if state.claim and state.claim.seq == body["claim"] else "that claim is not open"


def _fail_attempt(state: State, entry: Entry) -> State:
    counts = not entry.body.get("stopped")  # a training that somebody stopped is not the decision's fault
    attempts = state.open.attempts + counts if state.open else 0
    return _without_stale(_reopened(state, claim=None, attempts=attempts), entry)


def _may_complete(state: State, body: Body, as_of: date) -> Objection:
    if said := _of_claim(state, body, as_of):
        return said
    if body["verdict"] == PROMOTED and state.claim and state.claim.serving != state.model_id:
        return "the serving model changed since the claim"
    if body["verdict"] == PROMOTED and state.serving and state.serving.pinned:
        return "a person has pinned the serving model"
    return None if body["verdict"] in (PROMOTED, KEPT) else "there is no such verdict"


def _complete(state: State, entry: Entry) -> State:
    if state.claim:
        state = replace(state, trained=(*state.trained, state.claim.as_of))
    state = _end(state, "completed", entry)
    if entry.body["verdict"] == PROMOTED:
        change = Serving(entry.seq, entry.as_of, entry.body["model_id"], "promoted", pinned=False)
        state = replace(state, served=(*state.served, change))
    return state


def _may_serve(state: State, body: Body, _: date) -> Objection:
    now = state.serving
    return "it serves so already" if now and (now.model_id, now.pinned) == (body["model_id"], body["pinned"]) else None


def _serve(state: State, entry: Entry) -> State:
    body = entry.body
    change = Serving(entry.seq, entry.as_of, body["model_id"], body["reason"], body["pinned"])
    return _without_stale(replace(state, served=(*state.served, change)), entry)


def _unclaimed(also: Callable[[Decision, Body, date], Objection]) -> Callable[[State, Body, date], Objection]:
    def asked(state: State, body: Body, as_of: date) -> Objection:
        if state.open is None or state.open.seq != body["decision"]:
            return "that decision is not open"
        return "it is claimed" if state.open.claim else also(state.open, body, as_of)

    return asked


def _without_stale(state: State, entry: Entry) -> State:
    """End a machine's decision about a model that no longer serves, unless it is claimed: a claim runs to its end."""
    standing = state.waiting
    if standing and standing.source != PERSON and standing.about != state.model_id:
        return _end(state, "superseded", entry)
    return state


def _reopened(state: State, **changes: Any) -> State:  # noqa: ANN401
    assert state.open is not None  # noqa: S101 - every precondition of a change to it asks for it
    return replace(state, open=replace(state.open, **changes))


def _end(state: State, how: str, entry: Entry) -> State:
    assert state.open is not None  # noqa: S101 - every precondition of an ending asks for it
    return replace(state, open=None, ended=(*state.ended, Ending(state.open, how, entry.seq, entry.as_of)))


def _ended(state: State, entry: Entry) -> State:
    return _end(state, entry.kind, entry)


_RULES: Mapping[tuple[str, str], tuple[Callable[[State, Body, date], Objection], Callable[[State, Entry], State]]] = {
    # for each kind of fact: the precondition, and the new state
    (RETRAINING, "proposed"): (_may_propose, _propose),
    (RETRAINING, "claimed"): (
        _may_claim,
        lambda state, entry: _reopened(state, claim=Claim(entry.seq, entry.as_of, state.model_id), blocked_by=()),
    ),
    (RETRAINING, "attempt_failed"): (_of_claim, _fail_attempt),
    (RETRAINING, "completed"): (_may_complete, _complete),
    (RETRAINING, "declined"): (
        _unclaimed(lambda it, *_: None if it.attempts >= MAX_ATTEMPTS else "it may be tried again"),
        _ended,
    ),
    (RETRAINING, "deferred"): (
        _unclaimed(lambda it, of, _: "that is recorded already" if it.blocked_by == tuple(of["blocked_by"]) else None),
        lambda state, entry: _reopened(state, blocked_by=tuple(entry.body["blocked_by"])),
    ),
    (RETRAINING, "expired"): (
        _unclaimed(lambda it, _, as_of: None if as_of > it.valid_until else "it is still valid"),
        _ended,
    ),
    (RETRAINING, "withdrawn"): (_unclaimed(lambda *_: None), _ended),
    (SERVING, "serving"): (_may_serve, _serve),
}
