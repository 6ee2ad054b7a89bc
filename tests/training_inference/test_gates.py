from __future__ import annotations

from dataclasses import replace

import pytest

from jobs.training_inference.gates import judge
from tests.training_inference.population import POLICY

Facts = dict[str, float | None]

GOOD: Facts = {
    "auc": 0.7,
    "auc_lower": 0.66,
    "ks": 0.3,
    "oe": 1.0,
    "ece": 0.01,
    "rate_auc": 0.65,
    "gini_in_time": 0.44,
    "gini_loss_lower": 0.02,
    "precision": 0.8,
    "recall": 0.8,
    "f1": 0.8,
    "worst_violation": 0.0,
}
EQUAL: Facts = {"auc_change_lower": -0.005, "log_loss": 0.2009, "champion_log_loss": 0.2}
BREACHES = [
    ("auc", 0.649, ["auc", "auc_over_interest_rate_alone"]),
    ("auc_lower", 0.619, ["auc_lower"]),
    ("ks", 0.199, ["ks"]),
    ("oe", 0.849, ["oe_low"]),
    ("oe", 1.151, ["oe_high"]),
    ("ece", 0.031, ["ece"]),
    ("rate_auc", 0.7, ["auc_over_interest_rate_alone"]),
    ("rate_auc", None, ["auc_over_interest_rate_alone"]),
    ("gini_loss_lower", 0.07, ["gini_loss_lower"]),
    ("auc", None, ["auc", "auc_over_interest_rate_alone"]),
    ("oe", None, ["oe_low", "oe_high"]),
    ("gini_in_time", None, ["gini_loss_lower"]),
    ("gini_in_time", 0.0, ["gini_loss_lower"]),
    ("worst_violation", 0.005, ["monotone_violation"]),
]


def test_a_good_model_without_a_champion_passes() -> None:
    verdict = judge(GOOD, POLICY.gates)
    assert verdict.passed
    assert len(verdict.gates) == 9
    over_rate = next(gate for gate in verdict.gates if gate.name == "auc_over_interest_rate_alone")
    assert over_rate.sentence == "auc_over_interest_rate_alone is 0.0500; above 0.0000 is asked: met"


def test_a_model_at_every_bound_passes() -> None:
    """But it must rank better than the rate alone; a Gini that falls by 15 % and a rounding are no loss."""
    at = {"auc": 0.65, "auc_lower": 0.62, "ks": 0.20, "ece": 0.03, "rate_auc": 0.6499, "worst_violation": 1e-9}
    for oe in (0.85, 1.15):
        found = judge(GOOD | at | {"oe": oe, "gini_in_time": 0.5, "gini_loss_lower": 0.075}, POLICY.gates)
        assert found.failures == ()
    beyond = {"gini_in_time": 0.5, "gini_loss_lower": 0.0751, "worst_violation": 1.1e-9, "rate_auc": 0.7}
    assert [gate.name for gate in judge(GOOD | beyond, POLICY.gates).gates if not gate.passed] == [
        "auc_over_interest_rate_alone",
        "gini_loss_lower",
        "monotone_violation",
    ]


@pytest.mark.parametrize(("name", "value", "failed"), BREACHES, ids=[f"{name}={value}" for name, value, _ in BREACHES])
def test_each_gate_fails_alone_and_says_so(name: str, value: float | None, failed: list[str]) -> None:
    verdict = judge(GOOD | {name: value}, POLICY.gates)
    assert not verdict.passed
    assert [gate.name for gate in verdict.gates if not gate.passed] == failed
    assert all(sentence.endswith("not met") for sentence in verdict.failures)


def test_every_reason_is_given_at_once() -> None:
    verdict = judge(dict.fromkeys(GOOD), POLICY.gates, dict.fromkeys(EQUAL))
    assert len(verdict.failures) == len(verdict.gates) == 11
    assert all("could not be measured" in sentence for sentence in verdict.failures)


@pytest.mark.parametrize(
    ("against", "failed"),
    [
        (EQUAL, []),
        (EQUAL | {"auc_change_lower": -0.0051}, ["auc_change_lower"]),
        (EQUAL | {"log_loss": 0.20101}, ["log_loss_rise"]),
        (EQUAL | {"champion_log_loss": 0.0}, ["log_loss_rise"]),
        (EQUAL | {"log_loss": None}, ["log_loss_rise"]),
        (EQUAL | {"champion_log_loss": None}, ["log_loss_rise"]),
    ],
    ids=[
        "at the bounds",
        "ranks worse",
        "promises worse",
        "beside a loss of zero",
        "unmeasured",
        "beside an unmeasured loss",
    ],
)
def test_a_champion_is_only_replaced_by_one_that_is_not_worse(
    against: dict[str, float | None], failed: list[str]
) -> None:
    assert [gate.name for gate in judge(GOOD, POLICY.gates, against).gates if not gate.passed] == failed


@pytest.mark.parametrize(
    ("profile", "changes", "failed"),
    [
        ("fraud_001", {}, []),
        ("fraud_001", {"precision": 0.79}, ["precision"]),
        ("fraud_001", {"f1": 0.74, "recall": 0.69}, ["recall", "f1"]),
        ("fraud_002", {"f1": 0.1, "precision": 0.75}, []),
        ("fraud_002", {"recall": 0.79}, ["recall"]),
        ("fraud_002", {"oe": 2.0, "auc": 0.5}, []),
        ("fraud_001", {"worst_violation": 0.005}, ["monotone_violation"]),
    ],
)
def test_the_profiles_for_fraud_ask_what_their_predecessors_asked(
    profile: str, changes: dict[str, float], failed: list[str]
) -> None:
    rules = replace(POLICY.gates, profile=profile)  # type: ignore[arg-type]
    assert [gate.name for gate in judge(GOOD | changes, rules).gates if not gate.passed] == failed


def test_also_a_bound_of_zero_is_asked_for() -> None:
    rules = replace(POLICY.gates, profile="fraud_001", fraud_001=replace(POLICY.gates.fraud_001, precision=0.0))
    verdict = judge(GOOD | {"precision": None}, rules)
    assert verdict.profile == "fraud_001"
    assert verdict.failures == ("precision could not be measured; at least 0.0000 is asked: not met",)
