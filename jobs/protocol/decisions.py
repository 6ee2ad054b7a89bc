"""The fold: from the entries of the ledger to what is open, claimed, ended and served. Pure: no disk, no clock."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import date
from typing import Any

from jobs.protocol.facts import (
    PERSON,
    PROMOTED,
    RETRAINING,
    SERVING,
    Claim,
    Decision,
    Ending,
    Entry,
    Fact,
    Serving,
    State,
)
from jobs.protocol.preconditions import objection


def fold(entries: Iterable[Entry], until: date | None = None) -> State:
    """The state after these entries, or after those of them whose `as_of` is not after `until`."""
    state = State()
    for entry in entries:
        if until is None or entry.as_of <= until:
            state = advance(state, entry)
    return state


def advance(state: State, entry: Entry) -> State:
    """The state after one more entry. What is unknown, or could not be, moves the head only."""
    moved = replace(state, head=entry.seq, newest=max(entry.as_of, state.newest or entry.as_of))
    step = _STEPS.get((entry.topic, entry.kind))
    if step is None:
        return moved
    if objection(state, Fact(entry.topic, entry.kind, entry.body), entry.as_of):
        return replace(moved, ignored=(*state.ignored, entry.seq))
    return step(moved, entry)


def _end(state: State, how: str, entry: Entry) -> State:
    assert state.open is not None  # noqa: S101 - every precondition of an ending asks for it
    return replace(state, open=None, ended=(*state.ended, Ending(state.open, how, entry.seq, entry.as_of)))


def _propose(state: State, entry: Entry) -> State:
    body = entry.body
    if state.open:
        state = _end(state, "superseded", entry)
    decided, start, end = (date.fromisoformat(body[name]) for name in ("decision_date", "valid_from", "valid_until"))
    return replace(
        state,
        open=Decision(
            seq=entry.seq,
            source=body["source"],
            note=body["note"].encode(),
            decision_id=body["decision_id"],
            decision_date=decided,
            valid_from=start,
            valid_until=end,
            priority=body["priority"],
            retrain=body["retrain"],
            approved=body["approved_by"] is not None,
            about=body["about"],
        ),
    )


def _claim(state: State, entry: Entry) -> State:
    claim = Claim(entry.seq, entry.as_of, state.model_id)
    return _reopened(state, claim=claim, blocked_by=())


def _fail_attempt(state: State, entry: Entry) -> State:
    attempts = state.open.attempts + 1 if state.open else 0
    return _without_stale(_reopened(state, claim=None, attempts=attempts), entry)


def _complete(state: State, entry: Entry) -> State:
    if state.claim:
        state = replace(state, trained=(*state.trained, state.claim.as_of))
    state = _end(state, "completed", entry)
    if entry.body["verdict"] == PROMOTED:
        change = Serving(entry.seq, entry.as_of, entry.body["model_id"], "promoted", pinned=False)
        state = replace(state, served=(*state.served, change))
    return state


def _defer(state: State, entry: Entry) -> State:
    return _reopened(state, blocked_by=tuple(entry.body["blocked_by"]))


def _serve(state: State, entry: Entry) -> State:
    body = entry.body
    change = Serving(entry.seq, entry.as_of, body["model_id"], body["reason"], body["pinned"])
    return _without_stale(replace(state, served=(*state.served, change)), entry)


def _without_stale(state: State, entry: Entry) -> State:
    """A machine's decision about a model that serves no more has lost its ground; a claim runs to its end."""
    standing = state.open
    if standing and not standing.claim and standing.source != PERSON and standing.about != state.model_id:
        return _end(state, "superseded", entry)
    return state


def _reopened(state: State, **changes: Any) -> State:  # noqa: ANN401
    assert state.open is not None  # noqa: S101 - every precondition of a change to it asks for it
    return replace(state, open=replace(state.open, **changes))


_STEPS: Mapping[tuple[str, str], Callable[[State, Entry], State]] = {
    (RETRAINING, "proposed"): _propose,
    (RETRAINING, "claimed"): _claim,
    (RETRAINING, "attempt_failed"): _fail_attempt,
    (RETRAINING, "completed"): _complete,
    (RETRAINING, "declined"): lambda state, entry: _end(state, "declined", entry),
    (RETRAINING, "deferred"): _defer,
    (RETRAINING, "expired"): lambda state, entry: _end(state, "expired", entry),
    (RETRAINING, "withdrawn"): lambda state, entry: _end(state, "withdrawn", entry),
    (SERVING, "serving"): _serve,
}
