"""Weeks in a row, judged one after the other, and what to look for in their verdicts."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from jobs.monitoring.retraining import judge
from jobs.protocol import policy
from tests.monitoring.evidences import WEEK, Json, evidence, measure

POLICY = policy.load(None, "policy.json")
DAYS = timedelta(days=7)


def feature(csi: float, number: int = 0, *, share: float = 0.30) -> Json:
    """The changes of a week in which one feature has moved."""
    at = f"drift__features__{number}"
    return {f"{at}__csi__value": csi, f"{at}__p_adjusted": 0.0, f"{at}__share": share}


def estimated(auc: float, **changes: Any) -> Json:
    """The changes of a week in which no outcome speaks and the estimate is this."""
    few = {"performance__n": 0, "performance__bads": 0, "performance__auc": measure(None, 0)}
    return few | {"estimate__auc": measure(auc, 2000), "estimate__drop": 0.70 - auc} | changes


def weeks(*changes: Json, rules: policy.Policy = POLICY) -> list[Json]:
    """The verdicts on weeks in a row that end with the ordinary one, each with those before it as its past."""
    past: list[Json] = []
    for number, changed in enumerate(changes, start=1 - len(changes)):
        past.append(judge(evidence(WEEK + number * DAYS, **changed), rules, past))
    return past


def aside(verdict: Json) -> dict[str, str]:
    return {each["rule"]: each["why"] for each in verdict["set_aside"]}
