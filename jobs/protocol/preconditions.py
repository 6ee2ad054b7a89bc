"""What must hold before a fact may follow: asked by `append` before it writes, and again by everyone who reads."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from jobs.protocol.facts import COLD_START, KEPT, MAX_ATTEMPTS, PERSON, PROMOTED, RETRAINING, SERVING, Fact, State


def objection(state: State, fact: Fact, as_of: date) -> str | None:
    """Why this fact cannot follow; None if it can."""
    return _PRECONDITIONS[fact.topic, fact.kind](state, fact.body, as_of)


def _may_propose(state: State, body: Mapping[str, Any], _: date) -> str | None:
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


def _may_claim(state: State, body: Mapping[str, Any], as_of: date) -> str | None:
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


def _of_claim(state: State, body: Mapping[str, Any], _: date) -> str | None:
    return None if state.claim and state.claim.seq == body["claim"] else "that claim is not open"


def _may_complete(state: State, body: Mapping[str, Any], as_of: date) -> str | None:
    if said := _of_claim(state, body, as_of):
        return said
    if body["verdict"] == PROMOTED and state.claim and state.claim.serving != state.model_id:
        return "the serving model changed since the claim"
    if body["verdict"] == PROMOTED and state.serving and state.serving.pinned:
        return "a person has pinned the serving model"
    return None if body["verdict"] in (PROMOTED, KEPT) else "there is no such verdict"


def _unclaimed(state: State, body: Mapping[str, Any], _: date) -> str | None:
    if state.open is None or state.open.seq != body["decision"]:
        return "that decision is not open"
    return "it is claimed" if state.open.claim else None


def _may_decline(state: State, body: Mapping[str, Any], as_of: date) -> str | None:
    if said := _unclaimed(state, body, as_of):
        return said
    return None if state.open and state.open.attempts >= MAX_ATTEMPTS else "it may be tried again"


def _may_defer(state: State, body: Mapping[str, Any], as_of: date) -> str | None:
    if said := _unclaimed(state, body, as_of):
        return said
    same = state.open and state.open.blocked_by == tuple(body["blocked_by"])
    return "that is recorded already" if same else None


def _may_expire(state: State, body: Mapping[str, Any], as_of: date) -> str | None:
    if said := _unclaimed(state, body, as_of):
        return said
    return None if state.open and as_of > state.open.valid_until else "it is still valid"


def _may_serve(state: State, body: Mapping[str, Any], _: date) -> str | None:
    now = state.serving
    return "it serves so already" if now and (now.model_id, now.pinned) == (body["model_id"], body["pinned"]) else None


_Precondition = Callable[[State, "Mapping[str, Any]", "date"], "str | None"]
_PRECONDITIONS: Mapping[tuple[str, str], _Precondition] = {
    (RETRAINING, "proposed"): _may_propose,
    (RETRAINING, "claimed"): _may_claim,
    (RETRAINING, "attempt_failed"): _of_claim,
    (RETRAINING, "completed"): _may_complete,
    (RETRAINING, "declined"): _may_decline,
    (RETRAINING, "deferred"): _may_defer,
    (RETRAINING, "expired"): _may_expire,
    (RETRAINING, "withdrawn"): _unclaimed,
    (SERVING, "serving"): _may_serve,
}
