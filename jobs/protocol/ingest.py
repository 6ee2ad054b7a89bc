"""How every run begins: finish what a crash left half-done, record new notes, end decisions that are past."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

from jobs.protocol import clock, model_bank
from jobs.protocol import ledger as ledgers
from jobs.protocol.decisions import objection
from jobs.protocol.errors import ConfigInvalid
from jobs.protocol.ledger import Ledger, Writer
from jobs.protocol.notes import BLOCKING, Found, Kind, classify, fields_of
from jobs.protocol.policy import Policy
from jobs.protocol.state import DAYS_WANTED, PERSON, RETRAINING, WANTED, Decision, Entry, Fact, State
from jobs.protocol.store import RETRAINING_NOTE, FolderStore, edited, quarantine_name

BETWEEN_LOOKS = 2.0  # seconds: longer than an editor takes to save by way of a new file


@dataclass(frozen=True, slots=True)
class Desk:
    """What a run needs to act on decisions: the store, its own name, the policy's days, and some functions."""

    store: FolderStore
    writer: Writer
    valid_days: Mapping[str, int]
    unusable: Callable[[str], str | None]
    wait: Callable[[float], None]
    today: date = date.min  # later than the run's date when a missed day is made up for


@dataclass(frozen=True, slots=True)
class Seen:
    """The ledger after a step, and what was found in place of the retraining note."""

    ledger: Ledger
    found: Found
    backfill: bool = False

    @property
    def state(self) -> State:
        return self.ledger.state


def desk_of(
    store: FolderStore, job: str, day: date, rules: Policy, tell: Callable[[Entry], None] = lambda _: None
) -> Desk:
    """The desk of this process, for a run or for a person at the command line."""

    def unusable(model_id: str) -> str | None:
        return model_bank.unusable(store.root, model_id, ledgers.vouched(store, model_id))

    who = {"uid": os.getuid(), "host": socket.gethostname(), "pid": os.getpid()}
    writer = Writer(job, day, clock.now().isoformat(timespec="seconds"), os.urandom(8).hex(), who, tell)
    return Desk(store, writer, rules.decision.valid_days, unusable, time.sleep, clock.today())


def begin(desk: Desk) -> Seen:
    """Ingest and expire. A backfill does neither: it only reads the state."""
    known = ledgers.read(desk.store)
    if known.state.is_backfill(desk.writer.as_of):
        return Seen(known, look(desk, known.state), backfill=True)
    ingest(desk)
    return expire(desk)


def settle(desk: Desk) -> None:
    """Finish what a crash left half-done, so that nobody takes a note set aside for one that was removed."""
    with desk.store.settled():
        pass


def look(desk: Desk, state: State) -> Found:
    try:
        data = edited(desk.store, RETRAINING_NOTE)
    except ConfigInvalid as problem:
        return Found(Kind.INVALID, problem=problem)
    return classify(data, state, desk.writer.as_of, desk.valid_days, desk.today)


def ingest(desk: Desk) -> Seen:
    """Record a new note, put a closed one away, and withdraw a decision whose note is gone, after a second look."""
    with desk.store.settled():
        seen = _record(desk)
    missed = seen.state.waiting
    if seen.found.kind is not Kind.ABSENT or missed is None:
        return seen
    desk.wait(BETWEEN_LOOKS)

    def withdrawn(state: State) -> Fact | None:
        gone = look(desk, state).kind is Kind.ABSENT and state.waiting and state.waiting.seq == missed.seq
        body = {"decision": missed.seq, "reason": "the note was removed"}
        return Fact(RETRAINING, "withdrawn", body) if gone else None

    with desk.store.settled():
        ledgers.append(desk.store, desk.writer, withdrawn)
        return _record(desk)


def _record(desk: Desk) -> Seen:
    """Under `hold`: record the note if it is new, or put it away if its decision is closed. A claim defers both."""
    found = Found(Kind.ABSENT)

    def proposed(state: State) -> Fact | None:
        nonlocal found  # look again after each fold: an older look could overrule what another job has since recorded
        found = look(desk, state)
        return proposal(found, state) if found.kind is Kind.NEW and not state.claim else None

    ledger, entry = ledgers.append(desk.store, desk.writer, proposed)
    return _put_away(desk, ledger, look(desk, ledger.state) if entry else found)


def expire(desk: Desk) -> Seen:
    """End an unclaimed decision whose last day has passed, and decline one whose attempts are used up."""

    def past(state: State) -> Fact | None:
        standing = state.waiting
        if standing is None:
            return None
        used_up = {"decision": standing.seq, "reason": f"{standing.attempts} attempts failed"}
        ends = (Fact(RETRAINING, "declined", used_up), Fact(RETRAINING, "expired", {"decision": standing.seq}))
        return next((fact for fact in ends if objection(state, fact, desk.writer.as_of) is None), None)

    with desk.store.settled():
        ledger, _ = ledgers.append(desk.store, desk.writer, past)
        return _put_away(desk, ledger, look(desk, ledger.state))


def withdraw(desk: Desk, reason: str) -> tuple[Seen, Entry | None]:
    """A person's veto by command: end the open decision, and remove its note unless it was edited.

    The entry is None if there is nothing to withdraw.
    """

    def withdrawn(state: State) -> Fact | None:
        standing = state.waiting
        return Fact(RETRAINING, "withdrawn", {"decision": standing.seq, "reason": reason}) if standing else None

    with desk.store.settled():
        ledger, entry = ledgers.append(desk.store, desk.writer, withdrawn)
        if entry:
            desk.store.remove_if(RETRAINING_NOTE, ledger.state.ended[-1].decision.note)
        return Seen(ledger, look(desk, ledger.state)), entry


def _put_away(desk: Desk, ledger: Ledger, found: Found) -> Seen:
    """Move the note of a closed decision to quarantine, unless a claim stands."""
    if found.kind is not Kind.CLOSED or found.data is None or ledger.state.claim:
        return Seen(ledger, found)
    desk.store.put_if_absent(quarantine_name(found.data), found.data)
    desk.store.remove_if(RETRAINING_NOTE, found.data)
    return Seen(ledger, look(desk, ledger.state))


def place(desk: Desk, data: bytes, seen: Seen) -> tuple[Seen, str]:
    """Put a machine's note in place of the one that was ingested, or say why not.

    "placed"; "known" (these bytes had their turn); "person" or "claim" (one is open); "ahead" (the note there is for a
    later run); "refused" (not a plain file); "changed" (ingest again); "backfill" (a backfill writes only outputs).
    """
    if seen.backfill:
        return seen, "backfill"
    if seen.found.kind in BLOCKING:
        desk.wait(BETWEEN_LOOKS)
    with desk.store.settled():
        ledger = ledgers.read(desk.store)
        found = look(desk, ledger.state)
        answer = _may_place(ledger.state, found, seen.found, data)
        if answer != "placed":
            return Seen(ledger, found), answer
        if found.data is None:
            done = desk.store.put_if_absent(RETRAINING_NOTE, data)
        else:
            if found.kind in BLOCKING:
                desk.store.put_if_absent(quarantine_name(found.data), found.data)
            done = desk.store.replace_if(RETRAINING_NOTE, found.data, data)
        return _record(desk), "placed" if done else "changed"


def _may_place(state: State, found: Found, ingested: Found, data: bytes) -> str:
    if state.claim:
        return "claim"
    if state.open and state.open.source == PERSON:
        return "person"
    if (state.open and state.open.note == data) or state.ending_of(data):
        return "known"
    if found.kind is Kind.AHEAD:
        return "ahead"
    if found.kind in BLOCKING and found.data is None:
        return "refused"
    removed = found.kind is Kind.ABSENT and state.open is not None
    is_news = found.kind in (Kind.NEW, Kind.CLOSED) or found.data != ingested.data
    return "changed" if removed or is_news else "placed"


def proposal(found: Found, state: State) -> Fact:
    """The fact that records a new note."""
    wanted = found.wanted
    if wanted is None:
        raise ValueError("only a note that could be read is proposed")
    body = {
        **{name: getattr(wanted, name) for name in WANTED},
        **{name: getattr(wanted, name).isoformat() for name in DAYS_WANTED},
        "note": wanted.note.decode(),
        "supersedes": state.open.seq if state.open else None,
        "about": state.model_id,
        "edited": _edited(wanted, state) if wanted.source == PERSON else [],
    }
    return Fact(RETRAINING, "proposed", body)


def _edited(wanted: Decision, state: State) -> list[str]:
    """The names of the fields in which a person's note differs from the note it started from."""
    known = [ending.decision for ending in state.ended] + ([state.open] if state.open else [])
    before = next((one.note for one in reversed(known) if one.decision_id == wanted.decision_id), None)
    if wanted.decision_id is None or before is None:
        return []
    old, new = fields_of(before), fields_of(wanted.note)
    return sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))
