from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from jobs.protocol import ledger, policy_in_force
from jobs.protocol.files import Root
from jobs.protocol.layers import FEATURES, PREDICTIONS
from jobs.protocol.ledger import Ledger
from jobs.protocol.state import Decision, Ending, Entry, Fact, Serving, State
from jobs.protocol.store import POLICY, FolderStore
from jobs.replay import story
from jobs.replay.story import Week
from tests.monitoring.evidences import drifted, evidence, measure, unknown
from tests.monitoring.judged_weeks import keep
from tests.monitoring.test_report_tables import shown
from tests.protocol.build import machine, person, proposed

if TYPE_CHECKING:
    from pathlib import Path

TRAINED: dict[str, Any] = {
    "model_id": "m",
    "verdict": "kept",
    "reasons": [],
    "metrics": {"b": 2, "a": 1, "d": 4, "c": 3},
}
FIRST = date(2017, 1, 7)


def test_a_week_that_calls_as_the_week_before_it_did_is_no_news(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = [("no_action", "none"), ("alert", "medium"), ("alert", "medium"), ("alert", "high"), ("no_action", "none")]
    calls.append(("alert", "high"))
    weeks = [
        Week(FIRST + timedelta(days=7 * number), "a-model", *call, f"said in week {number}", None, None, None, None)
        for number, call in enumerate(calls)
    ]
    monkeypatch.setattr(story, "_weeks", lambda *_: iter(weeks))
    told = story.of(Root(tmp_path), FIRST, FIRST + timedelta(days=60))
    assert [(event.why, event.is_news) for event in told.events] == [
        ("said in week 1", True),
        ("said in week 2", False),
        ("said in week 3", True),
        ("said in week 5", True),
    ]
    assert told.of_interest == [week.week for week in weeks[1:2] + weeks[4:]]


def test_a_week_is_told_with_its_figures_but_for_an_auc_of_hardly_any_bads(tmp_path: Path) -> None:
    root, known = Root(tmp_path, durable=False), []
    for number, bads in enumerate((story.LEAST_BADS - 1, story.LEAST_BADS)):
        day = FIRST + timedelta(days=7 * number)
        found = evidence(day, performance__bads=bads, estimate__auc=measure(0.69, 2000), **drifted(0.3 + number / 10))
        known.append(keep(root, found, action_hint="escalate", severity="high"))
    lost = evidence(FIRST + timedelta(days=14), **unknown("drift", "estimate", "performance"))
    known.append(keep(root, lost))
    weeks = story.of(root, FIRST + timedelta(days=1), FIRST + timedelta(days=15)).weeks
    figures = [(week.auc, week.estimated_auc, week.score_psi) for week in weeks]
    assert figures == [(None, 0.69, 0.3), (0.7, 0.69, 0.4), (None, None, None)]
    assert [week.week.isoformat() for week in weeks] == [verdict["week"] for verdict in known]
    for name in ("model_id", "decision", "severity", "sentence", "action_hint"):
        assert [getattr(week, name) for week in weeks] == [verdict[name] for verdict in known]
    assert story.of(root, FIRST + timedelta(days=2), FIRST + timedelta(days=14)).weeks == weeks[1:2]


def test_drift_is_drawn_against_the_bound_of_the_policy_that_the_replay_ran_under(tmp_path: Path) -> None:
    store = FolderStore(Root(tmp_path, durable=False))
    assert story.of(store.root, FIRST, FIRST).alert_psi == 0.25
    store.put_if_absent(POLICY, b'{"drift": {"psi": {"medium": 0.2}}}')
    policy_in_force.begin(store, dry_run=False)
    told = story.of(store.root, FIRST, FIRST)
    assert told.alert_psi == 0.2
    week = Week(FIRST, "a-model", "alert", "medium", "It moved", 0.7, None, 0.3, None)
    pages = {story.page(story.Story((week,), (), bound)) for bound in (0.2, 0.25)}
    assert len(pages) == 2


def test_an_event_is_a_sentence_with_its_reason_if_it_has_one() -> None:
    assert (
        story.Event(FIRST, "a job", "waits", "blocked by week").sentence == "2017-01-07  a job waits: blocked by week"
    )
    assert story.Event(FIRST, "landing", "the file is late", "").sentence == "2017-01-07  landing the file is late"


def test_the_page_counts_weeks_calls_trainings_and_promotions_and_tells_each() -> None:
    called = Week(FIRST, "a-model", "alert", "medium", "It moved", 0.7, None, 0.3, None)
    quiet = called._replace(week=FIRST + timedelta(days=7), decision="no_action", severity="none")
    weeks = (called, quiet, quiet._replace(week=FIRST + timedelta(days=14)))
    verdicts = ("promoted", "kept", "promoted")
    events = [story.Event(FIRST, "training_inference", f"trained m{n}: {one}", "y") for n, one in enumerate(verdicts)]
    told = story.page(story.Story(weeks, (*events, story.Event(FIRST, "monitoring", "alert", "z")), 0.25)).decode()
    assert "<h1>3 weeks, of which 1 called for action; 3 trainings, 2 promotions</h1>" in told
    tables = shown(told)
    assert tables["Weeks and verdicts"] == "week to = 2017-01-07; verdict = ◑ alert; in words = It moved"
    figures = "AUC realised = 0.700; AUC estimated = not computed; score PSI = 0.300"
    assert tables["AUC and drift by week"] == f"week to = 2017-01-07; model = a-model; {figures}"
    trained = "day = 2017-01-07; who = training_inference; what = trained m0: promoted; why = y"
    assert tables["What happened on which day"] == trained


@pytest.mark.parametrize(
    ("fact", "told"),
    [
        (
            proposed(machine()),
            [("decided: a retraining, proposed by monitoring", "Performance score 0.650 below threshold")],
        ),
        (
            proposed(person(retrain=False), source="person", retrain=False),
            [("decided: no retraining, proposed by a person", "Because")],
        ),
        (proposed(machine(retrain=False), retrain=False), []),
        (Fact("retraining", "claimed", {}), []),
        (
            Fact("retraining", "deferred", {"blocked_by": ["cooldown", "week"]}),
            [("waits", "blocked by cooldown, week")],
        ),
        (Fact("retraining", "completed", TRAINED), [("trained m: kept", "a 1, b 2, c 3")]),
        (Fact("retraining", "completed", TRAINED | {"reasons": ["x", "y"]}), [("trained m: kept", "x; y")]),
        (Fact("serving", "served", {"reason": "a \x1b[2J\nperson"}), [("served", "a [2J person")]),
    ],
)
def test_the_ledger_is_told_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fact: Fact, told: list[tuple[str, str]]
) -> None:
    entries = [
        Entry(1, fact.topic, fact.kind, FIRST + timedelta(days=day), fact.body, "job/day/abc") for day in range(-1, 3)
    ]
    monkeypatch.setattr(ledger, "read", lambda _: Ledger(tuple(entries)))
    found = story.of(Root(tmp_path), FIRST, FIRST + timedelta(days=1)).events
    days = [FIRST, FIRST + timedelta(days=1)]
    assert [(event.day, event.who, event.what, event.why) for event in found] == [
        (day, "job", *each) for day in days for each in told
    ]


WANTED = Decision(
    source="monitor",
    note=b"",
    decision_id=None,
    decision_date=FIRST,
    valid_from=FIRST,
    valid_until=FIRST,
    priority="HIGH",
    retrain=True,
    approved_by=None,
    seq=3,
)


def broken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, entries: int, ended: tuple[int, ...], **more: Any
) -> list[str]:
    """Of a ledger with so many decisions, of which these ended and the third is open."""
    known = tuple(Entry(number + 1, "retraining", "proposed", FIRST, {}) for number in range(entries))
    endings = tuple(Ending(replace(WANTED, seq=seq), "done", 9, FIRST) for seq in ended)
    monkeypatch.setattr(ledger, "read", lambda _: Ledger(known, state=State(open=WANTED, ended=endings, **more)))
    return story.broken(Root(tmp_path), FIRST, FIRST)


def test_decisions_that_are_lost_or_end_twice_and_entries_that_could_not_be_are_told_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert broken(tmp_path, monkeypatch, 4, (1, 2, 4)) == []
    assert broken(tmp_path, monkeypatch, 5, (1, 1, 2), ignored=(5,)) == [
        "a decision ended twice",
        "decisions that were lost: [4]",
        "ledger entries that could not be: (5,)",
    ]


def test_days_without_scores_are_told_of_once_a_model_serves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    some, none = SimpleNamespace(rows=1), SimpleNamespace(rows=0)
    built = {FEATURES: {FIRST + timedelta(days=n): some for n in (-1, 0, 1)}}
    monkeypatch.setattr(story, "Shelf", lambda **_: SimpleNamespace(built=lambda table: built.get(table, {})))
    assert broken(tmp_path, monkeypatch, 3, (1, 2)) == []
    served = (Serving(1, FIRST, "a-model", "promoted", pinned=False),)
    said = f"1 day with features and no scores, the first {FIRST}"
    assert broken(tmp_path, monkeypatch, 3, (1, 2), served=served) == [said]
    built[PREDICTIONS] = {FIRST: some}
    assert broken(tmp_path, monkeypatch, 3, (1, 2), served=served) == []
    built = {FEATURES: {FIRST: none}}
    assert broken(tmp_path, monkeypatch, 3, (1, 2), served=served) == [], "there is nothing to score"
