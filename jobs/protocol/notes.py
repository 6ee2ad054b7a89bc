"""The two notes that people edit: how their bytes are read, and how jobs write them. Pure."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import Enum
from typing import Any

from jobs.protocol import strict_json
from jobs.protocol.errors import ConfigInvalid
from jobs.protocol.partitions import Input
from jobs.protocol.schemas import Complaint, complaints, document, located
from jobs.protocol.state import COLD_START, MONITOR, PERSON, Decision, Ending, State
from jobs.protocol.store import RETRAINING_NOTE, SERVING_NOTE

FURTHEST_DAYS = 92  # a date further ahead is taken for a typing error
_MEND = "correct these places and save; nothing was changed, and nothing is done on this note until then"
_VERDICT = re.compile(r"datamart/gold/monitoring/week=[0-9-]{10}/decision\.json")
_ORIGINAL = ("decision_date", "performance_score", "retrain", "reason")
_ORDER = (*_ORIGINAL, "priority", "valid_from", "valid_until", "approved_by")


class Kind(Enum):
    """What the bytes found in place of a note are: always exactly one of these."""

    ABSENT = "absent"
    SAME = "that of the open decision"
    CLOSED = "that of an ended decision"
    INVALID = "unreadable or invalid"
    OUT_OF_DATE = "out of date when first seen"
    FUTURE = "dated in the future"
    AHEAD = "dated after this run, so a later run reads it"
    OVERTAKEN = "an edit of a decision that has been completed since"
    WAITING = "one of monitoring's, while a person's decision is open"
    NEW = "a decision not yet recorded"


BLOCKING = (Kind.INVALID, Kind.OUT_OF_DATE, Kind.FUTURE, Kind.AHEAD, Kind.OVERTAKEN, Kind.WAITING)


@dataclass(frozen=True, slots=True)
class ServingNote:
    model_id: str
    reason: str
    pinned: bool


@dataclass(frozen=True, slots=True)
class Found:
    """What was found in place of a note: its bytes, what they are, what they ask for, and any problem."""

    kind: Kind
    data: bytes | None = None
    wanted: Decision | None = None
    ending: Ending | None = None
    problem: ConfigInvalid | None = None


def decision_id(fields: Mapping[str, Any]) -> str:
    """The date and a hash of the other fields: it matches as long as nobody has edited them."""
    others = {name: value for name, value in fields.items() if name != "decision_id"}
    return f"{fields['decision_date']}-{hashlib.sha256(strict_json.canonical(others)).hexdigest()[:12]}"


def retraining_bytes(fields: Mapping[str, Any]) -> bytes:
    """A retraining note as jobs write it: fields in a fixed order, with a decision_id."""
    given = {name: fields[name] for name in _ORDER if name in fields}
    details = {"details": fields["details"]} if "details" in fields else {}
    identity = decision_id(given | details)
    return strict_json.pretty({**given, "decision_id": identity, **details})


def serving_bytes(model_id: str, since: date, reason: str, *, pinned: bool) -> bytes:
    fields = {"model_id": model_id, "since": since.isoformat(), "reason": reason, "pinned": pinned}
    return strict_json.pretty(fields)


def read_retraining(data: bytes, valid_days: Mapping[str, int]) -> Decision:
    """Parse a retraining note and fill in the defaults; ConfigInvalid says what is wrong."""
    fields = _checked(data, "retraining_note", RETRAINING_NOTE)
    decided = date.fromisoformat(fields["decision_date"])
    priority = fields.get("priority", "MEDIUM")
    start = date.fromisoformat(fields["valid_from"]) if "valid_from" in fields else decided
    try:
        until = start + timedelta(days=valid_days[priority])
    except OverflowError:
        field = "valid_from" if "valid_from" in fields else "decision_date"
        raise _refused(data, field, "is too late", "give an earlier date") from None
    end = date.fromisoformat(fields["valid_until"]) if "valid_until" in fields else until
    if end < start:
        mend = f"give a date from {start} on, or leave valid_until out"
        raise _refused(data, "valid_until", f"is {end}, before its valid_from {start}", mend)
    return Decision(
        source=MONITOR if retraining_bytes(fields) == data else PERSON,
        note=data,
        decision_id=fields.get("decision_id"),
        decision_date=decided,
        valid_from=start,
        valid_until=end,
        priority=priority,
        retrain=fields["retrain"],
        approved_by=fields.get("approved_by"),
    )


def _checked(data: bytes, name: str, where: str) -> dict[str, Any]:
    """Parse a note and check it against its contract; ConfigInvalid lists every error and its place."""
    given: dict[str, Any] = strict_json.parse(data, where=where, allow_bom=True, limit=strict_json.EDITED_LIMIT)
    if found := complaints(document(name), given, quoting=True):
        raise ConfigInvalid(located(data, found), where=where, mend=_MEND)
    return given


def _refused(data: bytes, field: str, what: str, mend: str) -> ConfigInvalid:
    """The error for a retraining note with an unacceptable field, with the field's place."""
    wrong = located(data, [Complaint(f"/{field}", "", f"{field} {what}")])
    return ConfigInvalid(wrong, where=RETRAINING_NOTE, mend=mend)


def fields_of(note: bytes) -> dict[str, Any]:
    """The fields of a note that is already recorded in the ledger."""
    fields: dict[str, Any] = json.loads(note)
    return fields


def evidence_of(note: bytes) -> Input | None:
    """The verdict that a recorded note cites, if it does: a person may have written anything there."""
    details = fields_of(note).get("details")
    if isinstance(details, dict) and _VERDICT.fullmatch(str(details.get("path"))):
        return Input(details["path"], str(details.get("sha256")))
    return None


def read_serving(data: bytes) -> ServingNote:
    fields = _checked(data, "serving_note", SERVING_NOTE)
    return ServingNote(fields["model_id"], fields.get("reason", ""), fields.get("pinned", False))


def classify(
    data: bytes | None, state: State, day: date, valid_days: Mapping[str, int], today: date = date.min
) -> Found:
    """Tell what the bytes found in place of the retraining note are. Known bytes are recognised without parsing.

    `today`: when a missed day is made up for, a note may lie ahead of the run and still be valid by today.
    """
    if data is None:
        return Found(Kind.ABSENT)
    if state.open and data == state.open.note:
        return Found(Kind.SAME, data)
    if ending := state.ending_of(data):
        return Found(Kind.CLOSED, data, ending=ending)
    try:
        wanted = read_retraining(data, valid_days)
    except ConfigInvalid as problem:
        return Found(Kind.INVALID, data, problem=problem)
    if wanted.source == MONITOR and not state.served:
        wanted = replace(wanted, source=COLD_START)
    for kind, field, what, mend in _obstacles(wanted, state, day):
        is_ahead = not any(_obstacles(wanted, state, max(day, today)))
        wrong = None if is_ahead else _refused(data, field, what, mend)
        return Found(Kind.AHEAD if is_ahead else kind, data, wanted, problem=wrong)
    return Found(Kind.NEW, data, wanted)


def _obstacles(wanted: Decision, state: State, day: date) -> Iterator[tuple[Kind, str, str, str]]:
    """Why a valid note is nevertheless left in place and ignored: its kind, the field, what is wrong, the mend."""
    furthest = day + timedelta(days=FURTHEST_DAYS)
    if wanted.valid_until < day:
        until = f"ended on {wanted.valid_until}, before it was first seen"
        yield Kind.OUT_OF_DATE, "valid_until", until, "give a later valid_until or decision_date, or delete the note"
    if wanted.decision_date > day:
        ahead = f"is {wanted.decision_date}, after {day}, the day of this run"
        yield Kind.FUTURE, "decision_date", ahead, f"give {day} or before; valid_from may be later"
    for field in ("valid_from", "valid_until"):
        if (value := getattr(wanted, field)) > furthest:
            far = f"is {value}, over {FURTHEST_DAYS} days ahead"
            yield Kind.FUTURE, field, far, f"give a date until {furthest}"
    # an edited note keeps its decision_id; changing its decision_date makes it a new request
    completed = {ending.decision.decision_id for ending in state.ended if ending.how == "completed"}
    if wanted.decision_id in completed and str(wanted.decision_id).startswith(f"{wanted.decision_date}-"):
        late = "is that of a decision completed before this edit was read"
        yield Kind.OVERTAKEN, "decision_id", late, "to ask again, change decision_date; otherwise delete the note"
    if wanted.source != PERSON and state.open and state.open.source == PERSON:
        waits = "is that of a job, and a person's decision is open"
        yield Kind.WAITING, "decision_id", waits, "delete decision_id to make it yours, or put your note back"
