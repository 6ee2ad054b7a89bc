"""The vocabulary of retraining rules: names, severities, what was seen, sentences, and access to evidence. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from jobs.protocol.events import amount
from jobs.protocol.strict_json import Json

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

LONGEST = 1000
_FAR = "{value:.3f}, {side} {threshold:.3f}"
_WORDS = {
    (DRIFT, "score"): f"The scores have moved: PSI {_FAR}",
    (DRIFT, "features"): f"The features have moved, weighted by importance: PSI {_FAR}",
    FEATURE: "{subject} has moved: PSI " + _FAR,
    MANY: "{value:.0f} features have moved at once, more than {threshold:.0f}",
    FLOOR: "Performance score {value:.3f} below threshold {threshold:.3f}",
    ESTIMATED_FLOOR: "Estimated performance score {value:.3f} below threshold {threshold:.3f}",
    CONCEPT: f"The model ranks matured loans worse: AUC lost {_FAR}",
    DECAY: "The AUC has fallen week after week: CUSUM {value:.2f}, {side} {threshold:.2f}",
    CALIBRATION: "Observed over expected bad loans {value:.3f}, {side} {threshold:.3f}",
    CBPE: "The estimated AUC {value:.3f} is {side} {threshold:.3f}",
    UNKNOWN: "The section {subject} could not be computed",
}


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


def part(evidence: Json, name: str) -> Json | None:
    """A section of the evidence, if it could be computed."""
    found = evidence.get(name)
    return found if isinstance(found, dict) and "unknown" not in found else None


def at(of: object, path: str) -> Any:  # noqa: ANN401 - whatever evidence holds there
    """The value at a dotted path of names and list positions; None if there is none."""
    for key in path.split("."):
        if isinstance(of, list | tuple):
            place = int(key) if key.removeprefix("-").isdecimal() else len(of)
            of = of[place] if -len(of) <= place < len(of) else None
        else:
            of = of.get(key) if isinstance(of, dict) else None
    return of


def number(of: object, path: str) -> float | None:
    """The finite number at a path (of a measure, its value); None if there is none."""
    found = at(of, path)
    if isinstance(found, dict):
        found = found.get("value")
    sound = isinstance(found, int | float) and not isinstance(found, bool) and math.isfinite(found)
    return found if sound else None


def count(of: object, path: str) -> int | None:
    rows = number(of, path)
    return None if rows is None else int(rows)


def unknown(evidence: Json) -> list[str]:
    """The sections that failed, and deciding sections that are missing."""
    broken = {name for name, found in evidence.items() if isinstance(found, dict) and "unknown" in found}
    return sorted(broken | {name for name in DECIDING if part(evidence, name) is None})


def sentence_of(seen: Seen, severity: str, threshold: float | None) -> str:
    """A sentence about what was seen."""
    if seen.sentence:
        return seen.sentence.removesuffix(".")[:LONGEST]
    words = _WORDS.get((seen.rule, seen.subject)) or _WORDS.get(seen.rule, "{rule} of {subject}")
    side = "above" if seen.sign > 0 else "below"
    numbers = {"value": seen.value or 0.0, "threshold": threshold or 0.0}
    said = words.format(rule=seen.rule, subject=seen.subject, side=side, **numbers)
    doubt = ", but its confidence interval reaches above it" if (seen.rule, severity) == (FLOOR, MEDIUM) else ""
    return (said + doubt)[:LONGEST]


def verdict_sentence(verdict: Json, *, asking: Sequence[str], in_vain: Sequence[str], drift: float | None) -> str:
    """The verdict in one sentence; `asking` has the sentences of the findings that ask for something, gravest first."""
    if verdict["blocked_by"]:
        poor = [each["sentence"] for each in verdict["reasons"] if each["severity"] == CRITICAL]
        return _with_more("Nothing may be retrained on these data: ", poor or ["no clean week has cleared them"])
    if verdict["decision"] == "retrain":
        return _with_more("", asking)
    if in_vain:
        return _with_more("A retraining did not fix this, so a person must decide: ", in_vain)
    return _with_more("", asking) if asking else _calm(verdict, drift)


def _calm(verdict: Json, drift: float | None) -> str:
    """The sentence if nothing asks for action: it must not claim health if too little, or too little yet, is known."""
    few = {each["rule"]: each["sentence"] for each in verdict["set_aside"] if each["why"] == TOO_FEW}
    if verdict["insufficient_data"]:
        said = [*few.values()] or ["sections are unknown"]
        return _with_more("Too little can be judged to say that all is well: ", said)
    if new := [each["sentence"] for each in verdict["set_aside"] if each["why"] == SUPPRESSED]:
        return _with_more("The model was promoted less than two weeks ago, so this does not count yet: ", new)
    score, estimated = verdict["performance_score"], "estimated " if verdict["estimated"] else ""
    moved = [] if drift is None else [f"drift {drift:.3f}"]
    ranked = [] if score is None else [f"{estimated}performance score {score:.3f}"]
    known = [few[DRIFT].lower()] if DRIFT in few else moved
    known += [few[CONCEPT].lower()] if CONCEPT in few and not estimated else ranked
    return "No rule asks for action" + (": " if known else "") + ", ".join(known)


def _with_more(start: str, sentences: Sequence[str]) -> str:
    more = len(sentences) - 1
    others = f" (and {amount(more, 'more reason')})" if more else ""
    return (start + sentences[0])[: LONGEST - len(others)] + others
