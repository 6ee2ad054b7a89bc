"""What a verdict tells of each rule: its numbers, where its bound lies, how far the decision is, and a sentence."""

from __future__ import annotations

import pytest

from jobs.monitoring.retraining import judge
from tests.monitoring.evidences import MODEL, Json, decayed, drifted, evidence, finding, measure, miscalibrated, unknown
from tests.monitoring.judging import POLICY, estimated, feature

NAMES = ("rule", "subject", "severity", "value", "threshold", "p", "n", "flip_distance", "sentence")


def numbers(first: Json) -> tuple[object, ...]:
    assert first.keys() - {"why"} == {*NAMES}
    return tuple(pytest.approx(first[name]) if name == "flip_distance" else first[name] for name in NAMES)


@pytest.mark.parametrize(
    ("changes", "told", "sentence"),
    [
        (
            drifted(0.4123, p=0.001),
            ("drift", "score", "high", 0.4123, 0.3, 0.001, 2000, 0.1123),
            "The scores have moved: PSI 0.412, above 0.300",
        ),
        (
            unknown("window") | drifted(0.41, p=0.001) | {"drift__score__n": 1960},
            ("drift", "score", "high", 0.41, 0.3, 0.001, 1960, 0.11),
            "The scores have moved: PSI 0.410, above 0.300",
        ),
        (
            {"drift__weighted__value": 0.31, "drift__features__0__p_adjusted": 0.001},
            ("drift", "features", "high", 0.31, 0.3, 0.001, 2000, 0.01),
            "The features have moved, weighted by importance: PSI 0.310, above 0.300",
        ),
        (
            feature(0.24, 2) | {"drift__features__2__csi__n": 1990},
            ("feature", "int_rate", "low", 0.24, 0.1, 0.0, 1990, None),
            "int_rate has moved: PSI 0.240, above 0.100",
        ),
        (
            feature(0.11) | feature(0.11, 1) | feature(0.11, 2) | {"drift__features__1__csi__n": 2050},
            ("many_features", "features", "medium", 3.0, 2.0, None, 2050, 1.0),
            "3 features have moved at once, more than 2",
        ),
        (
            {"performance__auc": measure(0.64, 3000, interval=[0.62, 0.66]), "performance__n": 2990},
            ("floor", "auc", "medium", 0.64, 0.65, None, 2990, 0.01),
            "Performance score 0.640 below threshold 0.650, but its confidence interval reaches above it",
        ),
        (
            decayed(0.051) | {"performance__n": 2980},
            ("concept", "auc", "critical", 0.051, 0.05, None, 2980, 0.001),
            "The model ranks matured loans worse: AUC lost 0.051, above 0.050",
        ),
        (
            {"concept__cusum": {"path": [9.0, 4.1]}, "performance__n": 2970},
            ("slow_decay", "auc", "low", 4.1, 4.0, None, 2970, None),
            "The AUC has fallen week after week: CUSUM 4.10, above 4.00",
        ),
        (
            miscalibrated(0.84) | {"performance__n": 2960},
            ("calibration", "portfolio", "medium", 0.84, 0.85, 1e-6, 2960, 0.01),
            "Observed over expected bad loans 0.840, below 0.850",
        ),
        (
            {"estimate__auc": measure(0.655, 2000), "estimate__drop": 0.045, "estimate__n": 1980},
            ("cbpe", "auc", "medium", 0.655, 0.66, None, 1980, 0.005),
            "The estimated AUC 0.655 is below 0.660",
        ),
        (
            estimated(0.64, estimate__limits=None, estimate__n=1970),
            ("estimated_floor", "auc", "high", 0.64, 0.65, None, 1970, 0.01),
            "Estimated performance score 0.640 below threshold 0.650",
        ),
        (
            estimated(0.64, estimate__limits=None, track_record__mean_error=0.031),
            ("estimated_floor", "auc", "low", 0.64, 0.65, None, 2000, None),
            "Estimated performance score 0.640 below threshold 0.650",
        ),
        (
            unknown("concept"),
            ("unknown", "concept", "low", None, None, None, None, None),
            "The section concept could not be computed",
        ),
        (
            {"quality__findings": [{**finding("medium"), "value": 0.02, "threshold": 0.01, "p": 0.001}]},
            ("DQ-2", "revol_util", "medium", 0.02, 0.01, 0.001, 1000, 0.01),
            "DQ-2 on revol_util",
        ),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else " ",
)
def test_a_reason_gives_its_numbers_and_a_sentence(changes: Json, told: tuple[object, ...], sentence: str) -> None:
    verdict = judge(evidence(**changes), POLICY)
    assert numbers(verdict["reasons"][0]) == (*told, sentence)
    assert verdict["model_id"] == MODEL


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"window__rows": 499}, ("drift", "score", 499, "Too few scores to judge drift: 499")),
        (
            {"performance__n": 999},
            ("concept", "auc", 999, "Too few loans with a known outcome to judge performance: 999, 600 of them bad"),
        ),
        (
            unknown("performance") | {"concept__drop__n": 998},
            ("concept", "auc", 998, "Too few loans with a known outcome to judge performance: 998"),
        ),
    ],
)
def test_a_rule_with_too_few_rows_is_set_aside_with_their_number(changes: Json, told: tuple[object, ...]) -> None:
    (aside,) = judge(evidence(**changes), POLICY)["set_aside"]
    assert tuple(aside[name] for name in ("rule", "subject", "n", "sentence")) == told
    assert [aside[name] for name in ("severity", "value", "threshold", "why")] == ["none", None, None, "too few rows"]


def test_as_many_rows_as_the_policy_asks_for_are_enough_and_one_less_is_not() -> None:
    rows, outcomes, bads = POLICY.drift.n_min, POLICY.concept.min_rows, POLICY.concept.min_bads
    bad: Json = {**drifted(0.6), **decayed(0.2), **miscalibrated(1.6), "estimate__auc": measure(0.5, rows)}
    enough: Json = {"window__rows": rows, "performance__n": outcomes, "performance__bads": bads, "estimate__n": rows}

    def rules(**changes: int) -> set[str]:
        return {each["rule"] for each in judge(evidence(**bad, **(enough | changes)), POLICY)["reasons"]}

    every = rules()
    assert every == {"drift", "floor", "concept", "calibration", "cbpe"}
    assert rules(window__rows=rows - 1) == every - {"drift"}
    assert rules(estimate__n=rows - 1) == every - {"cbpe"}
    assert rules(performance__bads=bads - 1) == (every - {"floor", "concept"}) | {"estimated_floor"}
    assert rules(performance__bads=outcomes - bads + 1) == rules(performance__bads=bads - 1)
    assert rules(performance__n=outcomes - 1) == rules(performance__bads=bads - 1) - {"calibration"}
