"""The judge: from one week's evidence, the policy and the verdicts before it to a verdict. Pure, and it never raises.

Each rule gives a severity by itself; then memory speaks (persistence, promotion, retrainings in vain), then
precedence: critical data quality blocks any retraining.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from jobs.monitoring import memory as memories
from jobs.monitoring import retraining_rules as rules
from jobs.monitoring import terms
from jobs.monitoring.terms import Seen, number, part, rank, unknown
from jobs.monitoring.weighing import NO_ACTION, RETRAIN, Bench, Finding, Weighed
from jobs.protocol.facts import DATA_QUALITY
from jobs.protocol.guards import waits
from jobs.protocol.policy import Policy

Json = Mapping[str, Any]

FORMAT = 1
_PRIORITIES = {terms.HIGH: "MEDIUM", terms.CRITICAL: "HIGH"}


def judge(evidence: Json, policy: Policy, past: Sequence[Json] = ()) -> dict[str, Any]:
    """The verdict on a week; `past` holds earlier verdicts, newest last."""
    memory = memories.Memory(evidence, policy, past)
    all_seen = rules.everything(evidence, policy)
    bench = Bench(all_seen, memory, policy, quality=part(evidence, "quality") is not None)
    weighed = bench.weigh()
    counted = [one for one in weighed.findings if one.why is None and one.severity != terms.NONE]
    counted.sort(key=lambda one: -rank(one.severity))
    verdict: dict[str, Any] = {
        "format": FORMAT,
        "week": evidence["week"],
        "decision": weighed.decision,
        "priority": _priority(weighed),
        "severity": max((one.severity for one in (*counted, *weighed.in_vain)), key=rank, default=terms.NONE),
        "insufficient_data": False,
        "blocked_by": [DATA_QUALITY] if weighed.blocked else [],
        "action_hint": _hint(weighed),
        "guards": _guards(memory, policy),
        **_score(evidence, all_seen),
        "sentence": "",
        "reasons": [_told(one) | {"flip_distance": bench.flip_distance(one, weighed.decision)} for one in counted],
        "set_aside": [_told(one) | {"why": one.why} for one in weighed.findings if one.why],
        "unknown": unknown(evidence),
        "model_id": (part(evidence, "model") or {}).get("model_id") or terms.UNKNOWN,
    }
    nothing = memories.unjudged_in(verdict)
    short = len(nothing) == 2 or memory.stands(nothing)  # noqa: PLR2004 - drift and performance are all there is
    verdict["insufficient_data"] = short and weighed.decision != RETRAIN and not weighed.blocked
    asking = sorted((one for one in counted if one.asks != NO_ACTION), key=lambda one: one.asks != RETRAIN)
    said = {"asking": asking, "in_vain": weighed.in_vain}
    sentences = {name: [_told(one)["sentence"] for one in found] for name, found in said.items()}
    verdict["sentence"] = terms.whole(verdict, drift=number(evidence, "drift.value"), **sentences)
    return verdict


def _guards(memory: memories.Memory, policy: Policy) -> dict[str, Any]:
    """What a retraining that is asked for on the Sunday after the week would meet besides the data's own quality."""
    sunday = memory.week + timedelta(days=1)
    until = waits((day for day, _ in memory.trainings), sunday, policy.guards)
    return {
        "waits": {name: day.isoformat() for name, day in until.items() if day > sunday},
        "min_new_rows": policy.guards.min_new_rows,
        "approval": policy.mode == "advise",
    }


def _priority(weighed: Weighed) -> str | None:
    asking = [one for one in weighed.findings if one.asks == RETRAIN]
    if any(one.seen.rule == terms.CONCEPT and one.severity == terms.CRITICAL for one in asking):
        return "IMMEDIATE"
    return _PRIORITIES[max((one.severity for one in asking), key=rank)] if asking else None


def _hint(weighed: Weighed) -> str | None:
    if weighed.in_vain and weighed.decision != RETRAIN:
        return "escalate"
    asking = {one.seen.rule for one in weighed.findings if one.asks != NO_ACTION}
    judged = any(one.seen.rule == terms.FLOOR for one in weighed.findings)
    fits = terms.CALIBRATION in asking and judged and not asking & {terms.FLOOR, terms.CONCEPT}
    return "recalibrate" if fits else None


def _score(evidence: Json, all_seen: Sequence[Seen]) -> dict[str, Any]:
    """The realised AUC if there are outcomes enough; else its estimate; else what outcomes there are say."""
    realised = next((seen.value for seen in all_seen if seen.rule == terms.FLOOR), None)
    estimate = number(part(evidence, "estimate"), "auc")
    few = number(part(evidence, "performance"), "auc")
    score = next((value for value in (realised, estimate, few) if value is not None), None)
    return {"performance_score": score, "estimated": realised is None and estimate is not None}


def _told(one: Finding) -> dict[str, Any]:
    seen = one.seen
    return {
        "rule": seen.rule,
        "subject": seen.subject,
        "severity": one.severity,
        "value": seen.value,
        "threshold": one.threshold,
        "p": seen.p,
        "n": seen.n,
        "flip_distance": None,
        "sentence": terms.told(seen, one.severity, one.threshold),
    }
