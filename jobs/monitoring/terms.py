"""The vocabulary of retraining rules: their names, severities, and what a rule saw. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

NONE, LOW, MEDIUM, HIGH, CRITICAL = SEVERITIES = ("none", "low", "medium", "high", "critical")
DRIFT, FEATURE, MANY = "drift", "feature", "many_features"
FLOOR, CONCEPT, DECAY, CALIBRATION = "floor", "concept", "slow_decay", "calibration"
CBPE, ESTIMATED_FLOOR, UNKNOWN = "cbpe", "estimated_floor", "unknown"
BY_ROWS, BY_OUTCOMES = (DRIFT, FEATURE, MANY, CBPE, ESTIMATED_FLOOR), (FLOOR, CONCEPT, DECAY, CALIBRATION)
DECIDING = ("drift", "performance", "concept", "calibration", "quality")

TOO_FEW, SCHEMA, NOISE = "too few rows", "schema_change", "not significant"
SUPPRESSED = "suppressed after promotion"
MANY_FEATURES = 3
LEAST_SHARE = 0.02  # of importance, for a feature to be looked at alone
CUSUM_LIMIT = 4.0  # in standard errors


class Step(NamedTuple):
    """A severity, and the threshold beyond which a value has it."""

    threshold: float
    severity: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A number that a rule judges. `nominal` is the bound at which it would be noted if it were significant."""

    rule: str
    subject: str
    value: float | None = None
    n: int | None = None
    p: float | None = None
    steps: tuple[Step, ...] = ()
    sign: int = 1  # +1: bad above its thresholds, -1: bad below
    nominal: float | None = None
    kept_open: float | None = None  # an open alert stays open beyond this
    why: str | None = None  # why it does not count, whatever its value
    given: Step | None = None  # for a finding that comes with its severity
    sentence: str | None = None

    def reached(self) -> Step | None:
        """The gravest step whose threshold the value exceeds."""
        if self.given:
            return self.given
        return next((step for step in reversed(self.steps) if self.beyond(step.threshold)), None)

    def at(self, value: float) -> Seen:
        """The same with another value: a severity that it came with follows the steps, too."""
        there = replace(self, value=value, given=None)
        return replace(there, given=there.reached()) if self.given else there

    def beyond(self, threshold: float | None) -> bool:
        if self.value is None or threshold is None:
            return False
        return self.value > threshold if self.sign > 0 else self.value < threshold


def rank(severity: str) -> int:
    return SEVERITIES.index(severity)
