"""What a verdict says of the guards that a retraining would meet."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from jobs.monitoring.retraining import judge
from tests.monitoring.evidences import WEEK, evidence, training
from tests.monitoring.judging import POLICY


def test_a_verdict_says_what_a_retraining_would_have_to_wait_for() -> None:
    at = WEEK + timedelta(days=1)  # the Sunday on which the verdict is written
    guards = judge(evidence(trainings=[training(WEEK), training(at - timedelta(days=40))]), POLICY)["guards"]
    standing = POLICY.guards
    assert guards["waits"] == {
        "cooldown": (WEEK + timedelta(days=standing.cooldown_days)).isoformat(),
        "week": (at + timedelta(days=1)).isoformat(),  # one training an ISO week; the next begins on Monday
    }
    assert (guards["min_new_rows"], guards["approval"]) == (standing.min_new_rows, False)


def test_a_verdict_names_no_wait_that_is_over_and_says_when_a_person_must_agree() -> None:
    long_ago = evidence(trainings=[training(WEEK - timedelta(days=60))])
    guards = judge(long_ago, replace(POLICY, mode="advise"))["guards"]
    assert (guards["waits"], guards["approval"]) == ({}, True)
    until_sunday = replace(POLICY, guards=replace(POLICY.guards, cooldown_days=61))
    assert judge(long_ago, until_sunday)["guards"]["waits"] == {}


def test_a_spent_budget_of_trainings_is_waited_for() -> None:
    recent = [training(WEEK - timedelta(days=days)) for days in (24, 18, 12, 8)]
    waits = judge(evidence(trainings=recent), POLICY)["guards"]["waits"]
    assert waits == {"budget": (WEEK + timedelta(days=4)).isoformat()}
