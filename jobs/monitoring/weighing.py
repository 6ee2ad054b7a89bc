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

    def weigh(self, all_seen: list[Seen] | None = None) -> Weighed:
        found = self.all_seen if all_seen is None else all_seen
        features = [seen.n or 0 for seen in found if _is_moved(seen)]
        many = [_together(len(features), max(features))] if len(features) >= terms.MANY_FEATURES else []
        single = [each for seen in (*found, *many) for each in self._remembered(seen)]
        poor = any(one.severity == terms.CRITICAL and one.seen.given for one in single)
        blocked = poor or (self.memory.was_blocked and not self.quality)
        return Weighed(tuple(self._preceded(one, blocked=blocked) for one in single), blocked)

    def flip_distance(self, finding: Finding, decision: str) -> float | None:
        seen, now = finding.seen, finding.seen.value
        if now is None:
            return None
        if seen not in self.all_seen or seen.given:  # counted from others, or judged elsewhere: it is there or not
            without = self._decided(seen)
            return None if finding.threshold is None or without == decision else _apart(now, finding.threshold)
        tried = {each for step in seen.steps for each in (step.threshold, math.nextafter(step.threshold, math.inf))}
        tried |= {math.nextafter(step.threshold, -math.inf) for step in seen.steps}
        nearest = sorted(tried, key=lambda each: abs(each - now))
        turning = (each for each in nearest if self._decided(seen, replace(seen, value=each)) != decision)
        return next((_apart(each, now) for each in turning), None)

    def _decided(self, without: Seen, *moved: Seen) -> str:
        """The decision without a number, or with it moved; only a critical finding changes what is blocked."""
        if without.given and without.given.severity == terms.CRITICAL:
            return self.weigh([each for each in self.all_seen if each != without]).decision
        gone = [place for place, each in enumerate(self.all_seen) if each == without][: 1 if moved else None]
        known = [each for place, each in enumerate(self._each) if place not in gone] + [*map(self._alone, moved)]
        features = sum(is_moved for _, is_moved in known)
        if features >= terms.MANY_FEATURES and without.rule != terms.MANY:
            known.append(self._alone(_together(features)))
        return DECISIONS[max((ask for ask, _ in known), default=int(self._blocked))]

    @cached_property
    def _each(self) -> list[tuple[int, bool]]:
        return [self._alone(seen) for seen in self.all_seen]

    @cached_property
    def _blocked(self) -> bool:
        return self.weigh().blocked

    def _alone(self, seen: Seen) -> tuple[int, bool]:
        """What one number asks for by itself while what blocks stays as it is, and whether it counts among many."""
        found = tuple(self._preceded(one, blocked=self._blocked) for one in self._remembered(seen))
        return DECISIONS.index(Weighed(found, self._blocked).decision), _is_moved(seen)

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


def _is_moved(seen: Seen) -> bool:
    return seen.rule == terms.FEATURE and seen.why is None and seen.reached() is not None


def _together(features: int, rows: int | None = None) -> Seen:
    step = Step(threshold=float(terms.MANY_FEATURES - 1), severity=terms.MEDIUM)
    return Seen(rule=terms.MANY, subject="features", value=float(features), n=rows, steps=(step,))


def _apart(value: float, other: float) -> float:
    return float(round(abs(value - other), 12))
