"""The judge: from one week's evidence, the policy and past verdicts to a verdict. Pure, and it never raises.

First each rule gives a severity by itself; then memory is applied (persistence, promotion, retrainings in vain), then
precedence: critical data quality blocks any retraining. `flip_distance` is found by judging again with one value moved
to either side of each bound of its rule, all else (also its p) unchanged: the nearest that changes the decision.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

from jobs.monitoring import memory as memories
from jobs.monitoring import retraining_rules as rules
from jobs.monitoring import terms, wording
from jobs.monitoring.lookup import number, part, unknown
from jobs.monitoring.memory import Memory
from jobs.monitoring.terms import Seen, Step, rank
from jobs.protocol.guards import waits
from jobs.protocol.policy import Policy
from jobs.protocol.state import DATA_QUALITY
from jobs.protocol.strict_json import Json

FORMAT = 1
_PRIORITIES = {terms.HIGH: "MEDIUM", terms.CRITICAL: "HIGH"}
NO_ACTION, ALERT, RETRAIN = DECISIONS = ("no_action", "alert", "retrain")
# Rules that compare with the model's own reference:
_REFERENCED = {*terms.BY_ROWS, *terms.BY_OUTCOMES} - {terms.FLOOR, terms.ESTIMATED_FLOOR}
_ESTIMATED = {terms.CBPE, terms.ESTIMATED_FLOOR}  # both use the estimated AUC


@dataclass(frozen=True, slots=True)
class Finding:
    """What a rule saw and how grave it is, or why it does not count (`why`)."""

    seen: Seen
    severity: str
    why: str | None = None

    @property
    def threshold(self) -> float | None:
        """The bound that gave it this severity; if it may be chance, the bound that it would have passed."""
        if self.seen.value is None:
            return None
        step = next((each for each in self.seen.steps if each.severity == self.severity), self.seen.reached())
        return step.threshold if step else self.seen.nominal

    @property
    def sentence(self) -> str:
        return wording.of_finding(self.seen, self.severity, self.threshold)

    @property
    def asks(self) -> str:
        """What it asks for by itself. Data quality and lost sections never ask for a retraining."""
        if self.why or rank(self.severity) < rank(terms.MEDIUM):
            return NO_ACTION
        return RETRAIN if rank(self.severity) >= rank(terms.HIGH) and self.seen.given is None else ALERT


@dataclass(frozen=True, slots=True)
class Weighed:
    """All findings after memory and precedence, and what follows from them."""

    findings: tuple[Finding, ...]
    blocked: bool

    @property
    def in_vain(self) -> list[Finding]:
        return [one for one in self.findings if (one.why or "").startswith(memories.NOT_MENDED)]

    @property
    def decision(self) -> str:
        least = ALERT if self.blocked or self.in_vain else NO_ACTION
        return max((least, *(one.asks for one in self.findings)), key=DECISIONS.index)

    @property
    def priority(self) -> str | None:
        asking = [one for one in self.findings if one.asks == RETRAIN]
        if any(one.seen.rule == terms.CONCEPT and one.severity == terms.CRITICAL for one in asking):
            return "IMMEDIATE"
        return _PRIORITIES[max((one.severity for one in asking), key=rank)] if asking else None

    @property
    def action_hint(self) -> str | None:
        if self.in_vain and self.decision != RETRAIN:
            return "escalate"
        asking = {one.seen.rule for one in self.findings if one.asks != NO_ACTION}
        judged = any(one.seen.rule == terms.FLOOR for one in self.findings)
        fits = terms.CALIBRATION in asking and judged and not asking & {terms.FLOOR, terms.CONCEPT}
        return "recalibrate" if fits else None


@dataclass(frozen=True)
class Bench:
    """Everything needed to judge one week, possibly several times."""

    all_seen: list[Seen]
    memory: Memory
    policy: Policy
    quality: bool  # whether the section of data quality could be computed
    _known: dict[Seen, list[Finding]] = field(default_factory=dict)  # for each flip distance all is weighed again

    def weigh(self, all_seen: Sequence[Seen], *, many: bool = True) -> Weighed:
        """Apply memory and precedence to what the rules saw; `many`: also to the number of features that moved."""
        found = [one for seen in all_seen for one in self._findings(seen)]
        features = [seen.n or 0 for seen in all_seen if seen.rule == terms.FEATURE and not seen.why and seen.reached()]
        if many and len(features) >= terms.MANY_FEATURES:
            step = Step(threshold=float(terms.MANY_FEATURES - 1), severity=terms.MEDIUM)
            value, rows = float(len(features)), max(features)
            found += self._findings(Seen(rule=terms.MANY, subject="features", value=value, n=rows, steps=(step,)))
        poor = any(one.severity == terms.CRITICAL and one.seen.given for one in found)
        blocked = poor or (self.memory.was_blocked and not self.quality)
        return Weighed(tuple(self._preceded(one, blocked=blocked) for one in found), blocked)

    def flip_distance(self, finding: Finding, decision: str) -> float | None:
        seen, now = finding.seen, finding.seen.value
        if now is None:
            return None
        if seen.rule == terms.MANY:  # derived from others: all or nothing
            turns = self.weigh(self.all_seen, many=False).decision != decision
            return _apart(now, finding.threshold) if turns and finding.threshold is not None else None
        same = [each for each in self.all_seen if each is seen or {each.rule, seen.rule} <= _ESTIMATED]
        bounds = {step.threshold for each in same for step in each.steps}
        tried = {math.nextafter(bound, end) for bound in bounds for end in (math.inf, -math.inf)}
        for value in sorted(tried, key=lambda each: abs(each - now)):
            if self.weigh([one.at(value) if one in same else one for one in self.all_seen]).decision != decision:
                return _apart(value, now)
        return None

    def _findings(self, seen: Seen) -> list[Finding]:
        if seen not in self._known:
            self._known[seen] = [*self._remembered(seen)]
        return self._known[seen]

    def _remembered(self, seen: Seen) -> Iterator[Finding]:
        """The findings from what a rule saw, given the weeks before and the time since the promotion."""
        step, estimated, doubt = seen.reached(), seen.rule in _ESTIMATED, None
        severity = step.severity if step else terms.NONE
        if seen.why:
            yield Finding(seen, severity, seen.why)
            return
        if seen.rule in (terms.FEATURE, terms.CBPE) and not self.memory.saw(seen, weeks=1):
            severity = min(severity, terms.MEDIUM, key=rank)
        if estimated:
            severity = min(severity, self.policy.cbpe.max_severity, key=rank)
        if rank(severity) > rank(terms.LOW):
            doubt = memories.UNRELIABLE if estimated and self.memory.unreliable else None
            if seen.rule == terms.FEATURE and not self.memory.saw(seen, weeks=2):
                doubt = memories.PERSISTENCE
        counts = terms.LOW if doubt else severity
        quiet = counts != terms.NONE and seen.rule in _REFERENCED and self.memory.is_quiet
        yield Finding(seen, counts, terms.SUPPRESSED if quiet else None)
        if doubt:
            yield Finding(seen, severity, doubt)
        elif rank(severity) < rank(terms.MEDIUM) and seen.beyond(seen.kept_open) and self.memory.is_open(seen):
            yield Finding(seen, severity, memories.HYSTERESIS)
        elif severity == terms.NONE and seen.beyond(seen.nominal):
            yield Finding(seen, severity, terms.NOISE)

    def _preceded(self, one: Finding, *, blocked: bool) -> Finding:
        """Set a request for retraining aside if data quality forbids it, or if it was already tried in vain."""
        if one.asks == RETRAIN and blocked:
            return replace(one, why=memories.BROKEN_FEED)
        if one.asks == RETRAIN and (day := self.memory.in_vain(one.seen)):
            return replace(one, why=f"{memories.NOT_MENDED}: {day}, and there is nothing new to learn from yet")
        return one


def judge(evidence: Json, policy: Policy, past: Sequence[Json] = ()) -> Json:
    """The verdict on a week; `past` holds earlier verdicts, newest last."""
    memory = Memory(evidence, policy, past)
    all_seen = rules.everything(evidence, policy)
    bench = Bench(all_seen, memory, policy, quality=part(evidence, "quality") is not None)
    weighed = bench.weigh(all_seen)
    counted = [one for one in weighed.findings if one.why is None and one.severity != terms.NONE]
    counted.sort(key=lambda one: -rank(one.severity))
    verdict: Json = {
        "format": FORMAT,
        "week": evidence["week"],
        "decision": weighed.decision,
        "priority": weighed.priority,
        "severity": max((one.severity for one in (*counted, *weighed.in_vain)), key=rank, default=terms.NONE),
        "insufficient_data": False,
        "blocked_by": [DATA_QUALITY] if weighed.blocked else [],
        "action_hint": weighed.action_hint,
        "guards": _guards(memory, policy),
        **_score(evidence, all_seen),
        "sentence": "",
        "reasons": [_as_json(one) | {"flip_distance": bench.flip_distance(one, weighed.decision)} for one in counted],
        "set_aside": [_as_json(one) | {"why": one.why} for one in weighed.findings if one.why],
        "unknown": unknown(evidence),
        "model_id": (part(evidence, "model") or {}).get("model_id") or terms.UNKNOWN,
    }
    nothing = memories.unjudged_in(verdict)
    short = len(nothing) == 2 or memory.stands(nothing)  # noqa: PLR2004 - drift and performance are all there is
    verdict["insufficient_data"] = short and weighed.decision != RETRAIN and not weighed.blocked
    asking = [one for one in counted if one.asks != NO_ACTION]
    said, vain = ([one.sentence for one in some] for some in (asking, weighed.in_vain))
    verdict["sentence"] = wording.of_verdict(verdict, said, vain, number(evidence, "drift.value"))
    return verdict


def _guards(memory: Memory, policy: Policy) -> Json:
    """The guards that a retraining requested on the Sunday after the week would meet, besides data quality."""
    sunday = memory.week + timedelta(days=1)
    until = waits((day for day, _ in memory.trainings), sunday, policy.guards)
    return {
        "waits": {name: day.isoformat() for name, day in until.items() if day > sunday},
        "min_new_rows": policy.guards.min_new_rows,
        "approval": policy.mode == "advise",
    }


def _score(evidence: Json, all_seen: Sequence[Seen]) -> Json:
    """The realised AUC if there are enough outcomes; else its estimate; else the AUC of the few outcomes."""
    realised = next((seen.value for seen in all_seen if seen.rule == terms.FLOOR), None)
    estimate = number(part(evidence, "estimate"), "auc")
    few = number(part(evidence, "performance"), "auc")
    score = next((value for value in (realised, estimate, few) if value is not None), None)
    return {"performance_score": score, "estimated": realised is None and estimate is not None}


def _as_json(one: Finding) -> Json:
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
        "sentence": one.sentence,
    }


def _apart(value: float, other: float) -> float:
    return float(round(abs(value - other), 12))
