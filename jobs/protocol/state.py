"""The state that follows from the ledger, and what it consists of, as plain values: facts, entries, decisions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

RETRAINING, SERVING = "retraining", "serving"
MONITOR, PERSON, COLD_START = "monitor", "person", "cold_start"
DATA_QUALITY = "data_quality"  # what a verdict on a broken feed blocks claims with
PROMOTED, KEPT = "promoted", "kept"
WANTED = ("source", "decision_id", "priority", "retrain", "approved_by")  # fields of a decision, stored in its entry
DAYS_WANTED = ("decision_date", "valid_from", "valid_until")  # likewise, stored as text
MAX_ATTEMPTS = 3  # of one decision; then it is declined


@dataclass(frozen=True, slots=True)
class Fact:
    """What a job wants to record; the ledger gives it a number."""

    topic: str
    kind: str
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Entry:
    """One fact as recorded in the ledger: the parts that the fold looks at."""

    seq: int
    topic: str
    kind: str
    as_of: date
    body: Mapping[str, Any] = field(hash=False)
    run_key: str = ""


@dataclass(frozen=True, slots=True)
class Claim:
    """A trainer has taken the decision; `serving` is the model that served at that moment."""

    seq: int
    as_of: date
    serving: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What a note of exactly these bytes asks for and, once it is recorded (`seq`), what has become of it."""

    source: str
    note: bytes
    decision_id: str | None
    decision_date: date
    valid_from: date
    valid_until: date
    priority: str
    retrain: bool
    approved_by: str | None
    seq: int = 0
    about: str | None = None
    attempts: int = 0
    blocked_by: tuple[str, ...] = ()
    claim: Claim | None = None


@dataclass(frozen=True, slots=True)
class Ending:
    decision: Decision
    how: str
    seq: int
    as_of: date


@dataclass(frozen=True, slots=True)
class Serving:
    """A change of the model that serves, or of its pin."""

    seq: int
    as_of: date
    model_id: str
    reason: str
    pinned: bool


@dataclass(frozen=True, slots=True)
class State:
    """All that follows from the entries so far. `ignored` lists invalid entries, which change nothing."""

    head: int = 0
    newest: date | None = None
    open: Decision | None = None
    ended: tuple[Ending, ...] = ()
    served: tuple[Serving, ...] = ()
    trained: tuple[date, ...] = ()  # the `as_of` of each claim that was completed
    ignored: tuple[int, ...] = ()

    @property
    def serving(self) -> Serving | None:
        return self.served[-1] if self.served else None

    @property
    def model_id(self) -> str | None:
        return self.served[-1].model_id if self.served else None

    @property
    def claim(self) -> Claim | None:
        return self.open.claim if self.open else None

    @property
    def waiting(self) -> Decision | None:
        """The open decision, unless it is claimed."""
        return None if self.claim else self.open

    def serving_on(self, day: date) -> Serving | None:
        return next((change for change in reversed(self.served) if change.as_of <= day), None)

    def ending_of(self, note: bytes) -> Ending | None:
        """How the decision with exactly these bytes ended, if it is closed."""
        return next((ending for ending in reversed(self.ended) if ending.decision.note == note), None)

    def is_backfill(self, day: date) -> bool:
        return self.newest is not None and day < self.newest
