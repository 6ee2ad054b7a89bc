from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from jobs.monitoring.evidence import weeks_back
from jobs.monitoring.performance import past_drops, track_record
from jobs.protocol import policy as policy_in_force
from jobs.protocol.calendar import add_months
from tests.monitoring.evidences import MODEL, WEEK, evidence, measure

POLICY = policy_in_force.load(None, "")
Json = dict[str, Any]
NEXT = WEEK + timedelta(days=7)


def cohort(week: date, auc: float | None, *, n: int = 2000, model_id: str = MODEL) -> Json:
    return {"week": week.isoformat(), "model_id": model_id, "n": n, "bads": n // 5, "auc": auc}


def came(*cohorts: Json) -> Json:
    return {"cohorts": list(cohorts)}


def kept(week: date, estimated: float | None, *reasons: Json, **changes: Any) -> tuple[date, Json, Json]:
    found = evidence(week, estimate__auc=measure(estimated, 2000), **changes)
    return week, found, {"week": week.isoformat(), "reasons": list(reasons)}


def alarm(threshold: float | None, rule: str = "cbpe") -> Json:
    return {"rule": rule, "threshold": threshold}


def test_estimates_are_held_against_what_came_of_the_same_scores() -> None:
    past = [kept(WEEK, 0.70), kept(NEXT, 0.69)]
    found = track_record(past, came(cohort(WEEK, 0.68), cohort(NEXT, 0.73)), POLICY)
    assert found["estimates"] == [
        {"week": "2024-01-13", "estimated": 0.70, "realised": 0.68, "n": 2000},
        {"week": "2024-01-20", "estimated": 0.69, "realised": 0.73, "n": 2000},
    ]
    assert (found["mean_error"], found["n"]) == (pytest.approx(0.03), 2)


@pytest.mark.parametrize("window", [3, 12, 18, 24, 60, "term"])
@pytest.mark.parametrize("lag_days", [0, 31, 92])
def test_whatever_the_window_a_verdict_looks_back_on_scores_whose_loans_have_matured(
    window: Any, lag_days: int
) -> None:
    label = replace(POLICY.label, window_months=window, lag_days=lag_days)
    scored = WEEK - timedelta(weeks=weeks_back(label) - 8)  # eight weeks and more of estimates to judge by
    assert add_months(scored, label.longest_months) + timedelta(days=lag_days) <= WEEK


@pytest.mark.parametrize(("realised", "unreliable"), [(0.675, False), (0.66, True), (0.74, True)])
def test_estimates_that_are_far_off_are_unreliable(realised: float, unreliable: bool) -> None:
    assert track_record([kept(WEEK, 0.70)], came(cohort(WEEK, realised)), POLICY)["unreliable"] is unreliable


def test_estimates_that_are_just_as_far_off_as_may_be_are_reliable() -> None:
    rules = replace(POLICY, cbpe=replace(POLICY.cbpe, max_mae=0.25))
    assert track_record([kept(WEEK, 0.75)], came(cohort(WEEK, 0.5)), rules)["unreliable"] is False


@pytest.mark.parametrize(
    "outcome",
    [
        cohort(NEXT, 0.7),
        cohort(WEEK, 0.7, model_id="another"),
        cohort(WEEK, 0.7, n=1599),
        cohort(WEEK, None),
    ],
    ids=["another week", "another model", "most not matured", "one class"],
)
def test_other_outcomes_say_nothing_of_an_estimate(outcome: Json) -> None:
    found = track_record([kept(WEEK, 0.70)], came(outcome), POLICY)
    assert (found["estimates"], found["mean_error"], found["n"], found["unreliable"]) == ([], None, 0, False)
    assert found["reason"] == "no estimate has met its outcomes yet"


@pytest.mark.parametrize(
    "changes", [{"estimate": {"unknown": "x"}}, {"window": {"unknown": "x"}}, {"estimate__auc": measure(None, 9)}]
)
def test_weeks_without_estimate_are_left_out(changes: Json) -> None:
    past: list[tuple[date, Json, Json]] = [(WEEK, evidence(WEEK, **changes), {"reasons": []})]
    assert track_record(past, came(cohort(WEEK, 0.7)), POLICY)["n"] == 0


def test_the_fullest_count_of_a_cohort_holds() -> None:
    later = kept(NEXT, None, performance__cohorts=[cohort(WEEK, 0.71)])
    found = track_record([kept(WEEK, 0.70), later], came(cohort(WEEK, 0.9, n=1700)), POLICY)
    assert found["estimates"][0]["realised"] == 0.71


def test_an_estimate_of_two_weeks_meets_both() -> None:
    two = kept(NEXT, 0.70, window__days=14)
    outcomes = came(cohort(WEEK, 0.60, n=500), cohort(NEXT, 0.70, n=1500))
    assert track_record([two], outcomes, POLICY)["estimates"][0]["realised"] == pytest.approx(0.675)


def test_a_broken_performance_section_is_no_outcome() -> None:
    found = track_record([kept(WEEK, 0.70, performance={"unknown": "x"})], {"unknown": "x"}, POLICY)
    assert found["n"] == 0


def test_alarms_are_confirmed_or_refuted_by_what_came() -> None:
    weeks = [WEEK + timedelta(days=7 * place) for place in range(6)]
    alarms: list[list[Json]] = [
        [alarm(0.65)],  # came below: confirmed
        [alarm(0.65, "estimated_floor"), alarm(0.60)],  # below one of the two: confirmed
        [alarm(0.65)],  # not below: refuted
        [alarm(0.65)],  # nothing came
        [alarm(None)],
        [alarm(0.99, "drift")],  # did not rest on an estimate
    ]
    past = [kept(week, 0.60, *raised) for week, raised in zip(weeks, alarms, strict=True)]
    outcomes = came(*(cohort(week, auc) for week, auc in zip(weeks, (0.64, 0.62, 0.65, None, 0.5, 0.5), strict=True)))
    found = track_record(past, outcomes, POLICY)["alarms"]
    assert found == {"raised": 5, "confirmed": 2, "refuted": 1, "open": 2, "precision": pytest.approx(2 / 3)}


def test_without_a_past_there_is_nothing_to_tell() -> None:
    found = track_record([], came(), POLICY)
    assert found["alarms"] == {"raised": 0, "confirmed": 0, "refuted": 0, "open": 0, "precision": None}


def test_drops_are_of_this_model_and_of_windows_that_share_no_loan() -> None:
    def dropped(weeks_ago: int, value: float | None, **changes: Any) -> tuple[date, Json, Json]:
        week = WEEK - timedelta(days=7 * weeks_ago)
        return week, evidence(week, concept__standardised=value, **changes), {"reasons": []}

    past = [
        dropped(13, 5.0, model__model_id="another"),
        dropped(9, 1.0),
        dropped(8, None),
        dropped(5, 2.0),
        dropped(4, 3.0),
        dropped(3, 4.0),
    ]
    assert past_drops(past, WEEK, MODEL) == [1.0, 3.0]
    assert past_drops([], WEEK, MODEL) == []
