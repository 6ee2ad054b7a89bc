"""Performance that the scores promise before outcomes are known. It cannot see concept drift. Pure."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from jobs.measures.counts import ScoreCounts, ValueCounts
from jobs.measures.estimate import control_limits, estimated_auc, estimated_confusion
from jobs.measures.measure import Measure, missing
from jobs.measures.recalibration import isotonic
from jobs.protocol.policy import Policy

FIGURES = ("auc", "precision", "recall", "f1")


def estimate(scores: ValueCounts, reference: ScoreCounts, cutoff: float, policy: Policy) -> dict[str, Any]:
    """Estimate for these scores by the outcomes of the reference, with the limits that chance keeps to.

    `drop` is the AUC lost against the same estimate for the scores of the reference.
    """
    if reason := _no_estimate(scores, reference, policy):
        empty = {name: asdict(missing(reason, n=scores.n)) for name in FIGURES}
        return {**empty, "limits": None, "drop": None, "n": scores.n}
    curve = isotonic(reference)
    area, before = estimated_auc(scores, curve), estimated_auc(reference.unlabelled(), curve)
    table = estimated_confusion(scores, curve, cutoff)
    found: dict[str, Measure] = dict(zip(FIGURES, (area, table.precision(), table.recall(), table.f1()), strict=True))
    return {
        **{name: asdict(measure) for name, measure in found.items()},
        "limits": control_limits(reference, scores.n),
        "drop": None if area.value is None else before.known() - area.value,
        "n": scores.n,
    }


def _no_estimate(scores: ValueCounts, reference: ScoreCounts, policy: Policy) -> str | None:
    if not policy.cbpe.enabled:
        return "the policy switches estimates off"
    if scores.n < policy.drift.n_min:
        return f"there are fewer than {policy.drift.n_min} rows"
    reason = reference.one_class()
    return f"in the reference {reason}" if reason else None
