"""What all rules together come to after memory and precedence, and how far each is from turning it. Pure.

`flip_distance` is found by judging again with one value moved to each bound of its rule and just beyond, all else held
as it is, its p included: the nearest that turns the decision.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

from jobs.monitoring import memory as memories
from jobs.monitoring import terms
from jobs.monitoring.memory import Memory
from jobs.monitoring.terms import Seen, Step, rank
from jobs.protocol.policy import Policy

NO_ACTION, ALERT, RETRAIN = DECISIONS = ("no_action", "alert", "retrain")
# Judged against what came with the model:
_REFERENCED = {*terms.BY_ROWS, *terms.BY_OUTCOMES} - {terms.FLOOR, terms.ESTIMATED_FLOOR}


@dataclass(frozen=True, slots=True)
class Finding:
    """What was seen and how grave it is; or why it does not count as that."""

    seen: Seen
    severity: str
    why: str | None = None

    @property
    def threshold(self) -> float | None:
        """The bound that gave it this severity; where chance explains the size, the bound it would have passed."""
        if self.seen.value is None:
            return None
        step = next((each for each in self.seen.steps if each.severity == self.severity), self.seen.reached())
        return step.threshold if step else self.seen.nominal

    @property
    def asks(self) -> str:
        """What it asks for by itself; data quality and lost sections never for a retraining."""
        if self.why or rank(self.severity) < rank(terms.MEDIUM):
            return NO_ACTION
        return RETRAIN if rank(self.severity) >= rank(terms.HIGH) and self.seen.given is None else ALERT


@dataclass(frozen=True, slots=True)
class Weighed:
    """All findings after memory and precedence, and what they come to."""

    findings: tuple[Finding, ...]
    blocked: bool

    @property
    def in_vain(self) -> list[Finding]:
        return [one for one in self.findings if (one.why or "").startswith(memories.NOT_MENDED)]

    @property
    def decision(self) -> str:
        least = ALERT if self.blocked or self.in_vain else NO_ACTION
        return max((least, *(one.asks for one in self.findings)), key=DECISIONS.index)


@dataclass(frozen=True)
class Bench:
    """What one week is judged with."""

    all_seen: list[Seen]
    memory: Memory
    policy: Policy
    quality: bool  # whether the section of data quality could be computed

    def weigh(self, without: Seen | None = None, moved: Seen | None = None) -> Weighed:
        """What all numbers come to; or without one, or with it moved elsewhere."""
        known = [(seen, found) for seen, found in self._remembered_each if seen is not without]
        if moved:
            known.append((moved, [*self._remembered(moved)]))
        judged = (seen for seen, _ in known if seen.rule == terms.FEATURE and seen.why is None)
        features = [seen.n or 0 for seen in judged if seen.reached() is not None]
        found = [one for _, each in known for one in each]
        if len(features) >= terms.MANY_FEATURES and not (without and without.rule == terms.MANY):
            step = Step(threshold=float(terms.MANY_FEATURES - 1), severity=terms.MEDIUM)
            rows, many = max(features), float(len(features))
            found += self._remembered(Seen(rule=terms.MANY, subject="features", value=many, n=rows, steps=(step,)))
        poor = any(one.severity == terms.CRITICAL and one.seen.given for one in found)
        blocked = poor or (self.memory.was_blocked and not self.quality)
        return Weighed(tuple(self._preceded(one, blocked=blocked) for one in found), blocked)

    def flip_distance(self, finding: Finding, decision: str) -> float | None:
        seen, now = finding.seen, finding.seen.value
        if now is None:
            return None
        if seen.rule == terms.MANY or seen.given:  # counted from others, or judged elsewhere: it is there or not
            stays = finding.threshold is None or self.weigh(seen).decision == decision
            return None if stays or finding.threshold is None else _apart(now, finding.threshold)
        bounds = [step.threshold for step in seen.steps]
        tried = {*bounds, *(math.nextafter(bound, end) for bound in bounds for end in (math.inf, -math.inf))}
        nearest = sorted(tried, key=lambda each: abs(each - now))
        turning = (each for each in nearest if self.weigh(seen, replace(seen, value=each)).decision != decision)
        return next((_apart(each, now) for each in turning), None)

    @cached_property
    def _remembered_each(self) -> list[tuple[Seen, list[Finding]]]:
        return [(seen, [*self._remembered(seen)]) for seen in self.all_seen]

    def _remembered(self, seen: Seen) -> Iterator[Finding]:
        """What a rule sees, as far as the weeks before bear it out, and the promotion lies long enough ago."""
        step, estimated, doubt = seen.reached(), seen.rule in (terms.CBPE, terms.ESTIMATED_FLOOR), None
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
        """A retraining that data quality forbids, or that was tried in vain, is set aside."""
        if one.asks == RETRAIN and blocked:
            return replace(one, why=memories.BROKEN_FEED)
        if one.asks == RETRAIN and (day := self.memory.in_vain(one.seen)):
            return replace(one, why=f"{memories.NOT_MENDED}: {day}, and there is nothing new to learn from yet")
        return one


def _apart(value: float, other: float) -> float:
    return float(round(abs(value - other), 12))
