"""What a replay came to: week by week and day by day, from the files that the jobs left."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from jobs.protocol import ledger, strict_json, verdicts
from jobs.protocol.outlook import AUTHORS, printable
from jobs.protocol.status import words_of
from jobs.protocol.store import FolderStore

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date

    from jobs.protocol.facts import Entry
    from jobs.protocol.files import Root
    from jobs.replay.replaying import Happening

Json = dict[str, Any]
ONE_DAY = timedelta(days=1)
LEAST_BADS = 20  # an AUC of fewer says nothing


@dataclass(frozen=True, slots=True)
class Week:
    """A week as monitoring saw it."""

    week: date
    model_id: str
    decision: str
    severity: str
    sentence: str
    auc: float | None
    estimated_auc: float | None
    score_psi: float | None
    action_hint: str | None


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened on a day, and why."""

    day: date
    who: str
    what: str
    why: str

    @property
    def sentence(self) -> str:
        return f"{self.day}  {self.who} {self.what}" + (f": {self.why}" if self.why else "")


@dataclass(frozen=True, slots=True)
class Story:
    weeks: tuple[Week, ...]
    events: tuple[Event, ...]

    @property
    def of_interest(self) -> list[date]:
        """The weeks in which something was asked for or first noticed, and the last."""
        first = {week.week for before, week in pairwise((None, *self.weeks)) if week and _turned(before, week)}
        return sorted(first | {week.week for week in self.weeks[-1:]})


def _turned(before: Week | None, week: Week) -> bool:
    return week.decision == "retrain" or (before is not None and before.decision != week.decision)


def of(root: Root, first: date, last: date, happenings: Sequence[Happening] = ()) -> Story:
    """Everything from first to last, in the order in which it happened; a week's verdict is of the Sunday after it."""
    known = ledger.read(FolderStore(root))
    weeks = tuple(_weeks(root, first - ONE_DAY, last - ONE_DAY))
    told = [event for entry in known.entries if first <= entry.as_of <= last for event in _recorded(entry)]
    told += [Event(one.at.date(), one.job, one.what, "") for one in happenings]
    alarms = (week for week in weeks if week.decision != "no_action")
    told += [
        Event(week.week + ONE_DAY, "monitoring", f"{week.decision}: severity {week.severity}", week.sentence)
        for week in alarms
    ]
    return Story(weeks, tuple(sorted(told, key=lambda event: event.day)))


def _weeks(root: Root, first: date, last: date) -> Iterator[Week]:
    store = FolderStore(root)
    for week in verdicts.weeks(root, last):
        verdict = verdicts.read(root, week)
        if verdict is None or week < first:
            continue
        path = verdict["evidence"]["path"]
        evidence = strict_json.parse(store.get(path) or b"{}", where=path)
        yield Week(
            week,
            verdict["model_id"],
            verdict["decision"],
            verdict["severity"],
            verdict["sentence"],
            _value(evidence, "performance", "auc") if _bads(evidence) >= LEAST_BADS else None,
            _value(evidence, "estimate", "auc"),
            _value(evidence, "drift", "score"),
            verdict["action_hint"],
        )


def _value(evidence: Json, section: str, name: str) -> float | None:
    measure = evidence.get(section, {}).get(name)
    value: float | None = measure.get("value") if isinstance(measure, dict) else None
    return value


def _bads(evidence: Json) -> int:
    return int(evidence.get("performance", {}).get("bads") or 0)


def _recorded(entry: Entry) -> Iterator[Event]:
    body, who = entry.body, entry.run_key.partition("/")[0]
    if entry.kind == "proposed":
        wanted = "a retraining" if body["retrain"] else "no retraining"
        if body["retrain"] or body["source"] == "person":
            note = words_of(body["note"].encode())
            yield Event(entry.as_of, who, f"asked for {wanted}, by {AUTHORS[body['source']]}", note)
    elif entry.kind == "completed":
        why = "; ".join(body["reasons"]) or ", ".join(f"{k} {v}" for k, v in sorted(body["metrics"].items())[:3])
        yield Event(entry.as_of, who, f"trained {body['model_id']}: {body['verdict']}", printable(why))
    elif entry.kind == "deferred":
        yield Event(entry.as_of, who, "waits", f"blocked by {', '.join(body['blocked_by'])}")
    elif entry.kind != "claimed":
        yield Event(entry.as_of, who, entry.kind, printable(str(body.get("reason", ""))))
