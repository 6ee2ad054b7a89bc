"""Verdicts become episodes, and an episode is told when it is new, graver, or told long ago."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.monitoring import alerts
from jobs.monitoring.terms import rank
from jobs.protocol import policy as policy_in_force
from jobs.protocol import schemas, verdicts
from jobs.protocol.schemas import complaints

if TYPE_CHECKING:
    from jobs.monitoring.alerts import Episode

FIRST = date(2024, 1, 6)
MODEL = "20231230-0123456789ab"
POLICY = policy_in_force.load(None, "policy").alerts
CANARY = 777_123.25


def week(number: int) -> date:
    return FIRST + timedelta(weeks=number)


def reason(severity: str = "medium", rule: str = "drift", subject: str = "score", **more: object) -> dict[str, Any]:
    numbers = {"value": CANARY, "threshold": CANARY, "p": 0.0777, "n": 777_123, "flip_distance": None}
    return {"rule": rule, "subject": subject, "severity": severity, "sentence": f"{subject} moved.", **numbers, **more}


def verdict(number: int, *reasons: dict[str, Any], **more: object) -> dict[str, Any]:
    whole: dict[str, Any] = {"format": 1, "week": week(number).isoformat(), "decision": "alert", "priority": None}
    whole |= {"severity": "medium", "insufficient_data": False, "blocked_by": [], "action_hint": None}
    whole |= {"performance_score": CANARY, "estimated": False, "sentence": "Something moved."}
    whole |= {"reasons": list(reasons), "set_aside": [], "unknown": [], "model_id": MODEL}
    cited = f"{verdicts.folder(week(number))}/evidence-{'0' * 12}.json"
    whole |= {"evidence": {"path": cited, "sha256": "0" * 64}, "policy_sha256": "0" * 64, "previous": None}
    return whole | more


def test_the_verdicts_of_these_tests_keep_their_contract() -> None:
    whole = verdict(0, reason(), set_aside=[reason("none", why="too few rows")], unknown=["drift"])
    assert complaints(schemas.document("verdict"), whole) == []


def only(verdicts: list[dict[str, Any]]) -> Episode:
    (episode,) = alerts.episodes(verdicts).values()
    return episode


def due(
    verdicts: list[dict[str, Any]],
    told: dict[tuple[str, date], tuple[date, str]] | None = None,
    acknowledged: tuple[str, ...] = (),
    days: int = 28,
) -> list[str]:
    known = alerts.episodes(verdicts).values()
    now = date.fromisoformat(verdicts[-1]["week"])
    return [episode.subject for episode in alerts.due(known, told or {}, acknowledged, now, days)]


def told_of(verdicts: list[dict[str, Any]], number: int, severity: str) -> dict[tuple[str, date], tuple[date, str]]:
    episode = only(verdicts)
    return {(episode.fingerprint, episode.opened): (week(number), severity)}


def test_a_reason_that_lasts_is_one_episode() -> None:
    episode = only([verdict(number, reason()) for number in range(5)])
    assert (episode.opened, episode.seen, episode.resolved) == (week(0), week(4), None)


def test_one_verdict_without_the_reason_does_not_end_an_episode_and_two_do() -> None:
    assert only([verdict(0, reason()), verdict(1)]).resolved is None
    assert only([verdict(0, reason()), verdict(1), verdict(2)]).resolved == week(2)
    assert only([verdict(0, reason()), verdict(1), verdict(2), verdict(3)]).resolved == week(2)


def test_a_gap_of_one_week_is_the_same_episode_and_starts_the_count_anew() -> None:
    episode = only([verdict(0, reason()), verdict(1), verdict(2, reason()), verdict(3)])
    assert (episode.opened, episode.resolved) == (week(0), None)


def test_what_comes_back_after_it_was_over_is_a_new_episode() -> None:
    episode = only([verdict(0, reason()), verdict(1), verdict(2), verdict(3, reason())])
    assert (episode.opened, episode.resolved) == (week(3), None)


@pytest.mark.parametrize(
    ("aside", "lasts"),
    [
        pytest.param(reason("low", why="hysteresis"), True, id="near-the-threshold"),
        pytest.param(reason("none", why="too few rows"), True, id="not-judged"),
        pytest.param(reason("high", subject="income", why="data_quality"), False, id="another-subject"),
    ],
)
def test_what_the_judge_sets_aside_keeps_an_episode_open_and_opens_none(aside: dict[str, Any], lasts: bool) -> None:
    weeks = [verdict(0, reason())] + [verdict(number, set_aside=[aside]) for number in (1, 2, 3)]
    assert (only(weeks).resolved is None) == lasts
    assert not alerts.episodes(weeks[1:])


def test_low_reasons_open_nothing_and_the_call_for_a_person_does() -> None:
    assert not alerts.episodes([verdict(0, reason("low"))])
    episode = only([verdict(0, action_hint="escalate")])
    assert (episode.rule, episode.severity) == ("escalation", "critical")


def test_model_rule_and_subject_tell_episodes_apart() -> None:
    found = [reason(), reason(subject="income"), reason(rule="DQ-1")]
    known = alerts.episodes([verdict(0, *found), verdict(1, reason(), model_id="20240106-0123456789ab")])
    assert len({one.fingerprint for one in known.values()}) == len(known) == 4


def test_a_new_episode_is_due_and_one_told_is_not_on_a_rerun_or_a_week_later() -> None:
    weeks = [verdict(0, reason())]
    assert due(weeks) == ["score"]
    told = told_of(weeks, 0, "medium")
    assert due(weeks, told) == []
    assert due([*weeks, verdict(1, reason())], told) == []


def test_a_graver_episode_is_due_again_though_acknowledged_and_a_lesser_one_is_not() -> None:
    weeks = [verdict(0, reason("high"))]
    told, key = told_of(weeks, 0, "high"), (only(weeks).fingerprint,)
    assert due([*weeks, verdict(1, reason("critical"))], told, key) == ["score"]
    assert due([*weeks, verdict(1, reason("medium"))], told, key) == []


def test_a_lasting_episode_is_told_again_after_the_days_of_the_policy_unless_acknowledged() -> None:
    weeks = [verdict(number, reason()) for number in range(5)]
    told, key = told_of(weeks, 0, "medium"), (only(weeks).fingerprint,)
    assert due(weeks[:4], told) == []
    assert due(weeks, told) == ["score"]
    assert due(weeks, told, days=29) == []
    assert due(weeks, told, key) == []


def test_an_episode_that_the_verdict_does_not_name_is_not_due() -> None:
    assert due([verdict(0, reason()), verdict(1)]) == []


def test_an_earlier_week_run_again_does_not_repeat_what_a_later_one_told() -> None:
    weeks = [verdict(0, reason()), verdict(1, reason())]
    assert due(weeks[:1], told_of(weeks, 1, "medium")) == []


def test_what_came_back_is_due_though_its_earlier_episode_was_told() -> None:
    weeks = [verdict(0, reason())]
    assert due([*weeks, verdict(1), verdict(2), verdict(3, reason())], told_of(weeks, 0, "critical")) == ["score"]


def told_by(verdicts: list[dict[str, Any]], max_pages: int = 1) -> list[dict[str, str]]:
    known = alerts.episodes(verdicts).values()
    now = date.fromisoformat(verdicts[-1]["week"])
    data = b'{"alerts": {"max_pages_per_run": %d}}' % max_pages
    telling = alerts.due(known, {}, (), now, 28)
    return alerts.messages(verdicts[-1], telling, known, (12, "ab" * 32), policy_in_force.load(data, "policy").alerts)


def test_the_digest_says_what_where_and_how_far_the_ledger_was() -> None:
    (digest,) = told_by([verdict(0, reason(), reason("high", subject="income"), reason("low", subject="rate"))])
    assert digest["text"].index("high, drift of income") < digest["text"].index("medium, drift of score")
    for said in (
        "Something moved.",
        "Only noted: drift of rate.",
        f"entry: 12, sha256 {'ab' * 32}",
        "datamart/gold/monitoring/week=2024-01-06/decision.json",
        "datamart/gold/reports/week=2024-01-06/report.html",
        f"decisions/alerts/{only([verdict(0, reason())]).fingerprint[:12]}.json",
    ):
        assert said in digest["text"]
    assert digest["subject"] == "[P2PCreditScore] week 2024-01-06, alert, 2 alerts"


def test_messages_hold_sentences_and_no_values() -> None:
    said = told_by([verdict(0, reason("critical"), set_aside=[reason(why="persistence")])])
    assert len(said) == 2
    assert not any(str(CANARY) in one["text"] + one["subject"] or "777" in one["text"] for one in said)


def test_what_is_over_is_told_with_the_next_digest() -> None:
    weeks = [verdict(0, reason()), verdict(1), verdict(2, reason(subject="income"))]
    assert "Resolved: drift of score." in told_by(weeks)[0]["text"]


@pytest.mark.parametrize(("most", "pages"), [(0, 0), (1, 1), (2, 2), (5, 3)])
def test_urgent_episodes_are_paged_as_often_as_the_policy_allows(most: int, pages: int) -> None:
    found = [reason("critical", subject=name, sentence="x" * 2000) for name in "abc"]
    said = told_by([verdict(0, *found, reason("high"))], most)
    assert [one["kind"] for one in said] == ["digest"] + ["page"] * pages
    assert ("URGENT" in said[0]["subject"]) == (pages > 0)
    assert all(len(one["text"]) <= 1000 for one in said[1:])
    if 0 < pages < 3:
        assert said[-1]["text"].endswith(f"And {3 - pages} more in the digest.")


def test_a_sentence_of_many_lines_cannot_forge_lines_of_the_message() -> None:
    (digest,) = told_by([verdict(0, reason(sentence="a\nNewest ledger entry: 99"))])
    assert "\nNewest ledger entry: 99" not in digest["text"]


@given(st.lists(st.sampled_from(["none", "low", "medium", "high", "critical"]), min_size=1, max_size=12))
def test_run_week_by_week_an_episode_is_told_once_for_each_rise(severities: list[str]) -> None:
    told: dict[tuple[str, date], tuple[date, str]] = {}
    heard: list[tuple[date, str]] = []
    weeks = [
        verdict(number, *([reason(severity)] * (severity != "none"))) for number, severity in enumerate(severities)
    ]
    for number in range(len(weeks)):
        known = alerts.episodes(weeks[: number + 1]).values()
        for one in alerts.due(known, told, (), week(number), 3650):
            told[one.fingerprint, one.opened] = (week(number), one.severity)
            heard.append((one.opened, one.severity))
    assert len(set(heard)) == len(heard)
    for opened in {opened for opened, _ in heard}:
        rises = [rank(severity) for start, severity in heard if start == opened]
        assert rises == sorted(rises)
    assert {severity for _, severity in heard} <= {"medium", "high", "critical"}
    assert bool(heard) == any(rank(one) >= 2 for one in severities)
