"""What a rule of retraining is made of: thresholds, what was seen, and how evidence is read. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Json = Mapping[str, Any]

NONE, LOW, MEDIUM, HIGH, CRITICAL = SEVERITIES = ("none", "low", "medium", "high", "critical")
DRIFT, FEATURE, MANY = "drift", "feature", "many_features"
FLOOR, CONCEPT, DECAY, CALIBRATION = "floor", "concept", "slow_decay", "calibration"
CBPE, ESTIMATED_FLOOR, UNKNOWN = "cbpe", "estimated_floor", "unknown"
BY_ROWS, BY_OUTCOMES = (DRIFT, FEATURE, MANY, CBPE, ESTIMATED_FLOOR), (FLOOR, CONCEPT, DECAY, CALIBRATION)
DECIDING = ("drift", "performance", "concept", "calibration", "quality")

TOO_FEW, SCHEMA, NOISE = "too few rows", "schema_change", "not significant"
SUPPRESSED = "suppressed after promotion"
MANY_FEATURES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Beyond this threshold a value has this severity."""

    threshold: float
    severity: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A number that a rule judges. `nominal` is where it would be noted if chance could not explain it."""

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
    given: Step | None = None  # of a finding that comes with its severity
    sentence: str | None = None

    def reached(self) -> Step | None:
        """The gravest step that the value lies beyond."""
        if self.given:
            return self.given
        return next((step for step in reversed(self.steps) if self.beyond(step.threshold)), None)

    def beyond(self, threshold: float | None) -> bool:
        if self.value is None or threshold is None:
            return False
        return self.value > threshold if self.sign > 0 else self.value < threshold


def rank(severity: str) -> int:
    return SEVERITIES.index(severity)


def part(evidence: Json, name: str) -> Json | None:
    """A section, if it could be computed."""
    found = evidence.get(name)
    return found if isinstance(found, dict) and "unknown" not in found else None


def number(found: Any, *path: str | int) -> float | None:  # noqa: ANN401 - whatever evidence holds there
    """The finite number at a path of names, or of places in lists; that of a measure is its value."""
    for step in path:
        if isinstance(step, str):
            found = found.get(step) if isinstance(found, dict) else None
        else:
            there = isinstance(found, list | tuple) and -len(found) <= step < len(found)
            found = found[step] if there else None
    if isinstance(found, dict):
        found = found.get("value")
    sound = isinstance(found, int | float) and not isinstance(found, bool) and math.isfinite(found)
    return found if sound else None


def count(found: Any, *path: str) -> int | None:  # noqa: ANN401
    rows = number(found, *path)
    return None if rows is None else int(rows)


def unknown(evidence: Json) -> list[str]:
    """Sections that broke, and those that decide and are not there."""
    broken = {name for name, found in evidence.items() if isinstance(found, dict) and "unknown" in found}
    return sorted(broken | {name for name in DECIDING if part(evidence, name) is None})
