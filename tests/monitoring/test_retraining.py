"""Known weeks and what they come to."""

from __future__ import annotations

import math
from typing import Any

import pytest

from jobs.monitoring.retraining import judge
from jobs.protocol.schemas import complaints, document
from tests.monitoring.evidences import (
    SHA,
    Json,
    decayed,
    drifted,
    evidence,
    finding,
    measure,
    miscalibrated,
    unknown,
)
from tests.monitoring.judging import POLICY, aside, estimated, feature

FEW: Json = {"window__rows": 499, "performance__n": 999}


TABLE = [  # domain 10.10, row by row
    pytest.param({}, "none", "no_action", None, id="none-nothing-has-moved"),
    pytest.param(drifted(0.10), "none", "no_action", None, id="none-drift-exactly-0.10"),
    pytest.param(drifted(0.101), "low", "no_action", None, id="low-drift-just-above-0.10"),
    pytest.param(drifted(0.25), "low", "no_action", None, id="low-drift-exactly-0.25"),
    pytest.param(drifted(math.nextafter(0.25, 1)), "medium", "alert", None, id="medium-drift-a-hair-above-0.25"),
    pytest.param(drifted(0.30), "medium", "alert", None, id="medium-drift-exactly-0.30"),
    pytest.param(drifted(math.nextafter(0.30, 1)), "high", "retrain", "MEDIUM", id="high-drift-a-hair-above-0.30"),
    pytest.param(drifted(0.50), "high", "retrain", "MEDIUM", id="high-drift-exactly-0.50"),
    pytest.param(drifted(math.nextafter(0.50, 1)), "critical", "retrain", "HIGH", id="critical-drift-above-0.50"),
    pytest.param(drifted(0.60, p=0.01), "critical", "retrain", "HIGH", id="critical-drift-p-exactly-alpha"),
    pytest.param(
        drifted(0.60) | {"window__rows": 500}, "critical", "retrain", "HIGH", id="critical-drift-of-just-enough-rows"
    ),
    pytest.param(
        decayed(0.06) | {"performance__n": 1000, "performance__bads": 200},
        *("critical", "retrain", "IMMEDIATE"),
        id="critical-concept-of-just-enough-rows-and-bads",
    ),
    pytest.param(
        miscalibrated(1.51) | {"performance__n": 1000},
        *("critical", "retrain", "HIGH"),
        id="critical-calibration-of-just-enough-rows",
    ),
    pytest.param(
        estimated(0.64, estimate__limits=None, estimate__n=500),
        *("high", "retrain", "MEDIUM"),
        id="high-estimate-of-just-enough-rows",
    ),
    pytest.param(drifted(0.60, p=0.011), "none", "no_action", None, id="none-large-drift-that-chance-explains"),
    pytest.param(
        {"drift__weighted__value": 0.31, "drift__features__0__p_adjusted": 0.001},
        *("high", "retrain", "MEDIUM"),
        id="high-drift-of-weighted-features",
    ),
    pytest.param({"drift__weighted__value": 0.31}, "none", "no_action", None, id="none-weighted-drift-by-chance"),
    pytest.param(decayed(0.02, half=0.01), "none", "no_action", None, id="none-concept-exactly-0.02"),
    pytest.param(decayed(0.025), "low", "no_action", None, id="low-concept-between-0.02-and-0.03"),
    pytest.param(decayed(0.03), "low", "no_action", None, id="low-concept-exactly-0.03"),
    pytest.param(decayed(0.035), "medium", "alert", None, id="medium-concept-between-0.03-and-0.05"),
    pytest.param(decayed(0.05, half=0.01), "medium", "alert", None, id="medium-concept-exactly-0.05"),
    pytest.param(decayed(0.051), "critical", "retrain", "IMMEDIATE", id="critical-concept-above-0.05"),
    pytest.param(
        decayed(0.049) | {"concept__drop_lower": 0.0}, "none", "no_action", None, id="none-concept-interval-reaches-0"
    ),
    pytest.param(
        {"concept__drop": measure(0.06, 3000), "concept__drop_lower": 0.04},
        *("none", "no_action", None),
        id="none-concept-explained-by-the-mix-of-applicants",
    ),
    pytest.param({"concept__cusum": {"path": [4.0]}}, "none", "no_action", None, id="none-slow-decay-exactly-4"),
    pytest.param({"concept__cusum": {"path": [4.1]}}, "low", "no_action", None, id="low-slow-decay"),
    pytest.param(miscalibrated(1.10), "none", "no_action", None, id="none-calibration-exactly-1.10"),
    pytest.param(miscalibrated(1.11, p=0.049), "low", "no_action", None, id="low-calibration-1.11"),
    pytest.param(miscalibrated(1.11, p=0.05), "none", "no_action", None, id="none-calibration-by-chance"),
    pytest.param(miscalibrated(1.15), "low", "no_action", None, id="low-calibration-exactly-1.15"),
    pytest.param(miscalibrated(0.85), "low", "no_action", None, id="low-calibration-exactly-0.85"),
    pytest.param(miscalibrated(1.16), "medium", "alert", None, id="medium-calibration-1.16"),
    pytest.param(miscalibrated(0.84), "medium", "alert", None, id="medium-calibration-0.84"),
    pytest.param(miscalibrated(1.30, p=0.01), "low", "no_action", None, id="low-calibration-p-exactly-0.01"),
    pytest.param(miscalibrated(1.26), "high", "retrain", "MEDIUM", id="high-calibration-1.26"),
    pytest.param(miscalibrated(1.50), "high", "retrain", "MEDIUM", id="high-calibration-exactly-1.50"),
    pytest.param(miscalibrated(1.51), "critical", "retrain", "HIGH", id="critical-calibration-1.51"),
    pytest.param(
        {"performance__auc": measure(0.65, 3000, interval=[0.63, 0.67])},
        *("none", "no_action", None),
        id="none-floor-exactly-0.65",
    ),
    pytest.param(
        {"performance__auc": measure(0.64, 3000, interval=[0.62, 0.66])},
        *("medium", "alert", None),
        id="medium-floor-below-but-the-interval-reaches-it",
    ),
    pytest.param(
        {"performance__auc": measure(0.60, 3000, interval=[0.55, 0.65])},
        *("medium", "alert", None),
        id="medium-floor-the-interval-ends-exactly-there",
    ),
    pytest.param(
        {"performance__auc": measure(0.60, 3000, interval=[0.56, 0.64])},
        *("critical", "retrain", "HIGH"),
        id="critical-floor-all-of-the-interval-below",
    ),
    pytest.param(
        estimated(0.64, estimate__limits=None), "high", "retrain", "MEDIUM", id="high-floor-by-the-estimate-alone"
    ),
    pytest.param(
        {"estimate__auc": measure(0.64, 2000), "estimate__limits": None},
        *("none", "no_action", None),
        id="none-estimate-below-the-floor-where-outcomes-speak",
    ),
    pytest.param(
        {"estimate__auc": measure(0.655, 2000), "estimate__drop": 0.045},
        *("medium", "alert", None),
        id="medium-estimate-below-its-limit-for-the-first-week",
    ),
    pytest.param(feature(0.60, share=0.019), "none", "no_action", None, id="none-a-feature-of-no-importance"),
    pytest.param(feature(0.24, share=0.02), "low", "no_action", None, id="low-a-feature-of-just-enough-importance"),
    pytest.param(feature(0.24), "low", "no_action", None, id="low-a-single-feature"),
    pytest.param(
        feature(0.11) | feature(0.11, 1) | feature(0.11, 2), "medium", "alert", None, id="medium-three-features-low"
    ),
    pytest.param(feature(0.11) | feature(0.11, 1), "low", "no_action", None, id="low-two-features"),
    pytest.param({"quality__findings": [finding("low")]}, "low", "no_action", None, id="low-quality"),
    pytest.param({"quality__findings": [finding("medium")]}, "medium", "alert", None, id="medium-quality"),
    pytest.param({"quality__findings": [finding("high")]}, "high", "alert", None, id="high-quality-never-retrains"),
    pytest.param({"quality__findings": [finding("critical")]}, "critical", "alert", None, id="critical-quality"),
    pytest.param(drifted(0.40) | decayed(0.06), "critical", "retrain", "IMMEDIATE", id="the-gravest-gives-priority"),
]


@pytest.mark.parametrize(("changes", "severity", "decision", "priority"), TABLE)
def test_the_severity_table(changes: Json, severity: str, decision: str, priority: str | None) -> None:
    verdict = judge(evidence(**changes), POLICY)
    assert (verdict["severity"], verdict["decision"], verdict["priority"]) == (severity, decision, priority)


@pytest.mark.parametrize("changes", [each.values[0] for each in TABLE] + [unknown("drift"), dict(FEW)])
def test_every_verdict_keeps_its_contract(changes: Any) -> None:
    verdict = judge(evidence(**changes), POLICY)
    whole = verdict | {"evidence": {"path": "e.json", "sha256": SHA}, "policy_sha256": SHA, "previous": None}
    assert complaints(document("verdict"), whole) == []


def test_a_healthy_week_is_an_explicit_no_action() -> None:
    verdict = judge(evidence(), POLICY)
    assert (verdict["reasons"], verdict["insufficient_data"]) == ([], False)
    assert (verdict["performance_score"], verdict["estimated"]) == (0.70, False)
    assert verdict["sentence"] == "No rule asks for action: drift 0.010, performance score 0.700"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"window__rows": 499}, "too few scores to judge drift: 499, performance score 0.700"),
        ({"performance__n": 999}, "drift 0.010, estimated performance score 0.700"),
        (
            {"performance__n": 999, "performance__bads": 60, "estimate__auc": measure(None, 2000)},
            "drift 0.010, too few loans with a known outcome to judge performance: 999, 60 of them bad",
        ),
    ],
    ids=["drift", "performance", "not even estimated"],
)
def test_what_could_not_be_judged_is_not_told_as_a_number_that_was(changes: Json, said: str) -> None:
    assert judge(evidence(**changes), POLICY)["sentence"] == f"No rule asks for action: {said}"


def test_critical_data_quality_blocks_and_sets_the_retraining_aside() -> None:
    verdict = judge(evidence(**drifted(0.6), quality__findings=[finding("critical")]), POLICY)
    assert (verdict["decision"], verdict["priority"], verdict["blocked_by"]) == ("alert", None, ["data_quality"])
    assert aside(verdict) == {"drift": "data_quality"}


class TestTooFewRows:
    def test_nothing_to_judge_is_no_health(self) -> None:
        verdict = judge(evidence(**FEW), POLICY)
        assert (verdict["decision"], verdict["insufficient_data"]) == ("no_action", True)
        assert aside(verdict) == {"drift": "too few rows", "concept": "too few rows"}
        few = "Too few scores to judge drift: 499 (and 1 more reason)"
        assert verdict["sentence"] == f"Too little can be judged to say that all is well: {few}"

    @pytest.mark.parametrize("bads", [199, 2801], ids=["bads", "goods"])
    def test_outcomes_need_both_kinds(self, bads: int) -> None:
        verdict = judge(evidence(**decayed(0.2), performance__bads=bads), POLICY)
        assert f"3000, {bads} of them bad" in verdict["set_aside"][0]["sentence"]
        assert (verdict["decision"], aside(verdict)["concept"]) == ("no_action", "too few rows")

    def test_calibration_needs_rows_alone_for_its_p_is_exact(self) -> None:
        assert judge(evidence(**miscalibrated(1.6), performance__bads=199), POLICY)["priority"] == "HIGH"
        few = evidence(**miscalibrated(1.6), performance__n=999, performance__bads=199)
        assert judge(few, POLICY)["decision"] == "no_action"

    def test_a_week_that_asks_for_a_retraining_or_for_mended_data_can_be_judged(self) -> None:
        grave = judge(evidence(window__rows=499, performance__bads=199, **miscalibrated(1.6)), POLICY)
        assert (grave["decision"], grave["insufficient_data"]) == ("retrain", False)
        poor = judge(evidence(**FEW, quality__findings=[finding("critical")]), POLICY)
        assert (poor["blocked_by"], poor["insufficient_data"]) == (["data_quality"], False)

    def test_an_estimate_of_all_rows_goes_before_the_ranking_of_a_few(self) -> None:
        verdict = judge(evidence(performance__n=999, estimate__auc=measure(0.69, 2000)), POLICY)
        assert (verdict["performance_score"], verdict["estimated"]) == (0.69, True)

    def test_a_young_model_is_judged_by_its_drift(self) -> None:
        verdict = judge(evidence(**estimated(0.69)), POLICY)
        assert (verdict["insufficient_data"], verdict["estimated"], verdict["performance_score"]) == (False, True, 0.69)


class TestUnknownSections:
    def test_one_is_listed_and_noted(self) -> None:
        verdict = judge(evidence(**unknown("concept", "vintages")), POLICY)
        assert (verdict["unknown"], verdict["severity"]) == (["concept", "vintages"], "low")

    def test_a_feed_that_was_not_blocked_is_not_blocked_by_an_unknown_quality(self) -> None:
        verdict = judge(evidence(**drifted(0.6), **unknown("quality")), POLICY)
        assert (verdict["decision"], verdict["blocked_by"]) == ("retrain", [])

    def test_all_of_them_alert(self) -> None:
        verdict = judge(evidence(**unknown("drift", "performance", "concept", "calibration", "quality")), POLICY)
        assert (verdict["decision"], aside(verdict)) == ("alert", {}), "unknown is not too few"

    def test_a_size_that_stands_alone_counts(self) -> None:
        for other in ("score", "weighted"):
            alone: Json = {"drift__weighted__value": 0.6, "drift__features__0__p_adjusted": 0.0} | drifted(0.6)
            assert judge(evidence(**alone | {f"drift__{other}__value": None}), POLICY)["decision"] == "retrain"

    def test_a_size_without_its_p_counts(self) -> None:
        assert judge(evidence(**drifted(0.6) | {"drift__score__p": None}), POLICY)["decision"] == "retrain"


class TestHints:
    def test_good_ranking_and_wrong_promises_ask_to_recalibrate(self) -> None:
        assert judge(evidence(**miscalibrated(1.2)), POLICY)["action_hint"] == "recalibrate"

    def test_bad_ranking_does_not(self) -> None:
        assert judge(evidence(**miscalibrated(1.2), **decayed(0.04)), POLICY)["action_hint"] is None
        below: Json = {"performance__auc": measure(0.64, 3000, interval=[0.62, 0.66])}
        assert judge(evidence(**miscalibrated(1.2), **below), POLICY)["action_hint"] is None

    def test_nor_does_ranking_that_could_not_be_judged(self) -> None:
        assert judge(evidence(**miscalibrated(1.2), performance__bads=199), POLICY)["action_hint"] is None
