"""The story of a replay, week by week and day by day, told from the files that the jobs left."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

from jobs.protocol import ledger, partitions, policy_in_force, strict_json, verdicts
from jobs.protocol.calendar import ONE_DAY
from jobs.protocol.events import amount
from jobs.protocol.files import Root
from jobs.protocol.index import Index
from jobs.protocol.layers import FEATURES, LABELS, PREDICTIONS
from jobs.protocol.outlook import AUTHORS, printable
from jobs.protocol.shelf import Shelf
from jobs.protocol.state import Entry
from jobs.protocol.status import words_of
from jobs.protocol.store import FolderStore

if TYPE_CHECKING:
    from jobs.replay.replaying import Happening

LEAST_BADS = 20  # an AUC of fewer says nothing
NO_ACTION = "no_action"


class Week(NamedTuple):
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

    @property
    def call(self) -> tuple[str | None, ...]:
        """The decision, its severity, and the hint at what to do."""
        return self.decision, self.severity, self.action_hint


class Event(NamedTuple):
    """Something that happened on a day, and why."""

    day: date
    who: str
    what: str
    why: str
    is_news: bool = True  # False: a week that calls as the week before it did

    @property
    def sentence(self) -> str:
        return f"{self.day}  {self.who} {self.what}" + (f": {self.why}" if self.why else "")


class Story(NamedTuple):
    weeks: tuple[Week, ...]
    events: tuple[Event, ...]
    alert_psi: float  # from where on drift is an alert

    @property
    def of_interest(self) -> list[date]:
        """The weeks in which something was requested or first noticed, and the last one."""
        retrained = {week.week for week in self.weeks if week.decision == "retrain"}
        turned = {week.week for before, week in pairwise(self.weeks) if before.decision != week.decision}
        return sorted(retrained | turned | {week.week for week in self.weeks[-1:]})


def of(root: Root, first: date, last: date, happenings: Sequence[Happening] = ()) -> Story:
    """Everything from first to last, in order; a week's verdict is dated on the Sunday after it."""
    weeks = tuple(_weeks(root, first - ONE_DAY, last - ONE_DAY))
    entries = ledger.read(FolderStore(root)).entries
    told = [event for entry in entries if first <= entry.as_of <= last for event in _recorded(entry)]
    told += [Event(one.at.date(), one.job, one.what, "") for one in happenings]
    for before, week in zip((None, *weeks), weeks, strict=False):
        if week.decision != NO_ACTION:
            what = f"{week.decision}: severity {week.severity}"
            is_news = before is None or before.call != week.call
            told.append(Event(week.week + ONE_DAY, "monitoring", what, week.sentence, is_news))
    alert_psi = policy_in_force.last_good(FolderStore(root)).drift.psi.medium
    return Story(weeks, tuple(sorted(told, key=lambda event: event.day)), alert_psi)


def _weeks(root: Root, first: date, last: date) -> Iterator[Week]:
    store = FolderStore(root)
    for week in verdicts.weeks(root, last):
        verdict = verdicts.read(root, week) if week >= first else None
        if verdict is None:
            continue
        path = verdict["evidence"]["path"]
        evidence = strict_json.parse(store.get(path) or b"{}", where=path)
        measures = [
            evidence.get(section, {}).get(name)
            for section, name in (("performance", "auc"), ("estimate", "auc"), ("drift", "score"))
        ]
        auc, estimated, psi = (one.get("value") if isinstance(one, dict) else None for one in measures)
        bads = evidence.get("performance", {}).get("bads") or 0
        named = {name: verdict[name] for name in ("model_id", "decision", "severity", "sentence", "action_hint")}
        auc = auc if bads >= LEAST_BADS else None
        yield Week(week=week, auc=auc, estimated_auc=estimated, score_psi=psi, **named)


def _recorded(entry: Entry) -> Iterator[Event]:
    body: dict[str, Any] = dict(entry.body)
    what, why = entry.kind, printable(str(body.get("reason", "")))
    if what == "proposed":
        if not body["retrain"] and body["source"] != "person":
            return
        wanted = "a retraining" if body["retrain"] else "no retraining"
        what, why = f"decided: {wanted}, proposed by {AUTHORS[body['source']]}", words_of(body["note"].encode())
    elif what == "completed":
        measured = (f"{name} {value}" for name, value in sorted(body["metrics"].items())[:3])
        what = f"trained {body['model_id']}: {body['verdict']}"
        why = printable("; ".join(body["reasons"]) or ", ".join(measured))
    elif what == "deferred":
        what, why = "waits", f"blocked by {', '.join(body['blocked_by'])}"
    elif what == "claimed":
        return
    yield Event(entry.as_of, entry.run_key.partition("/")[0], what, why)


def page(story: Story) -> bytes:
    """A self-contained page: AUC over the weeks, and every decision, training and alarm with its reason."""
    from jobs.monitoring.page import Cell, template

    trained = [event.what for event in story.events if event.what.startswith("trained")]
    promoted = amount(sum(what.endswith("promoted") for what in trained), "promotion")
    alarms = sum(week.decision != NO_ACTION for week in story.weeks)
    told, trainings = amount(len(story.weeks), "week"), amount(len(trained), "training")
    headline = f"{told}, of which {alarms} called for action; {trainings}, {promoted}"
    weeks = [
        week._asdict() | {"week": str(week.week), "verdict": Cell(week.decision.replace("_", " "), None, week.severity)}
        for week in story.weeks
    ]
    days = [{"day": str(one.day), "who": one.who, "what": one.what, "why": one.why} for one in story.events]
    lines = {
        name: [(week["week"], week[name]) for week in weeks if week[name] is not None]
        for name in ("auc", "estimated_auc", "score_psi")
    }
    known = {"headline": headline, "weeks": weeks, "days": days, "of": lines, "alert": story.alert_psi}
    return template("story.html.j2", "jobs.replay").render(known).encode()


def broken(root: Root, first: date, last: date) -> list[str]:
    """Invariants that do not hold. Whatever the mishaps: every day scored, each decision ended once, no future read."""
    return [*_of_decisions(root, first, last), *_of_the_future(root)]


def _of_decisions(root: Root, first: date, last: date) -> Iterator[str]:
    shelf, known = Shelf(root=root, index=Index(root, "replay")), ledger.read(FolderStore(root))
    features, scored, state = shelf.built(FEATURES), shelf.built(PREDICTIONS), known.state
    missing = [day for day in features if first <= day <= last and day not in scored and features[day].rows]
    if missing and state.serving:
        yield f"{amount(len(missing), 'day')} with features and no scores, the first {min(missing)}"
    ended = [ending.decision.seq for ending in state.ended]
    seen = {*ended} | ({state.open.seq} if state.open else set())
    proposed = {entry.seq for entry in known.entries if entry.kind == "proposed"} - {*state.ignored}
    if len({*ended}) < len(ended):
        yield "a decision ended twice"
    if proposed != seen:
        yield f"decisions that were lost: {sorted(proposed ^ seen)}"
    if state.ignored:
        yield f"ledger entries that could not be: {state.ignored}"


def _of_the_future(root: Root) -> Iterator[str]:
    """Partitions that depend on a later day: there must be none."""
    for table in (FEATURES, LABELS, PREDICTIONS):
        for path in root.at(f"datamart/{table}").glob("snapshot_date=*/_manifest.json"):
            manifest = partitions.at(root, root.name_of(path))
            for given in manifest.inputs:
                day = given.path.rpartition("snapshot_date=")[2]
                if len(day) == len("2016-01-01") and day > manifest.date.isoformat():
                    yield f"{root.name_of(path)} rests on {given.path}"
