"""The sentences of findings and verdicts. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from jobs.monitoring import terms
from jobs.monitoring.terms import Seen
from jobs.protocol.events import amount
from jobs.protocol.strict_json import Json

LONGEST = 1000
_FAR = "{value:.3f}, {side} {threshold:.3f}"
_WORDS = {
    (terms.DRIFT, "score"): f"The scores have moved: PSI {_FAR}",
    (terms.DRIFT, "features"): f"The features have moved, weighted by importance: PSI {_FAR}",
    terms.FEATURE: "{subject} has moved: PSI " + _FAR,
    terms.MANY: "{value:.0f} features have moved at once, more than {threshold:.0f}",
    terms.FLOOR: "Performance score {value:.3f} below threshold {threshold:.3f}",
    terms.ESTIMATED_FLOOR: "Estimated performance score {value:.3f} below threshold {threshold:.3f}",
    terms.CONCEPT: f"The model ranks matured loans worse: AUC lost {_FAR}",
    terms.DECAY: "The AUC has fallen week after week: CUSUM {value:.2f}, {side} {threshold:.2f}",
    terms.CALIBRATION: "Observed over expected bad loans {value:.3f}, {side} {threshold:.3f}",
    terms.CBPE: "The estimated AUC {value:.3f} is {side} {threshold:.3f}",
    terms.UNKNOWN: "The section {subject} could not be computed",
}


def of_finding(seen: Seen, severity: str, threshold: float | None) -> str:
    """A sentence about what was seen."""
    if seen.sentence:
        return seen.sentence.removesuffix(".")[:LONGEST]
    words = _WORDS.get((seen.rule, seen.subject)) or _WORDS.get(seen.rule, "{rule} of {subject}")
    side = "above" if seen.sign > 0 else "below"
    numbers = {"value": seen.value or 0.0, "threshold": threshold or 0.0}
    said = words.format(rule=seen.rule, subject=seen.subject, side=side, **numbers)
    if (seen.rule, severity) == (terms.FLOOR, terms.MEDIUM):
        said += ", but its confidence interval reaches above it"
    return said[:LONGEST]


def of_verdict(verdict: Json, asking: Sequence[str], in_vain: Sequence[str], drift: float | None) -> str:
    """The verdict in one sentence; `asking` has the sentences of the findings that ask for something, gravest first."""
    if verdict["blocked_by"]:
        poor = [each["sentence"] for each in verdict["reasons"] if each["severity"] == terms.CRITICAL]
        return _with_more("Nothing may be retrained on these data: ", poor or ["no clean week has cleared them"])
    if in_vain and verdict["decision"] != "retrain":
        return _with_more("A retraining did not fix this, so a person must decide: ", in_vain)
    return _with_more("", asking) if asking else _calm(verdict, drift)


def _calm(verdict: Json, drift: float | None) -> str:
    """The sentence if nothing asks for action: it must not claim health if too little, or too little yet, is known."""
    few = {each["rule"]: each["sentence"] for each in verdict["set_aside"] if each["why"] == terms.TOO_FEW}
    if verdict["insufficient_data"]:
        said = [*few.values()] or ["sections are unknown"]
        return _with_more("Too little can be judged to say that all is well: ", said)
    if new := [each["sentence"] for each in verdict["set_aside"] if each["why"] == terms.SUPPRESSED]:
        return _with_more("The model was promoted less than two weeks ago, so this does not count yet: ", new)
    score, estimated = verdict["performance_score"], "estimated " if verdict["estimated"] else ""
    moved = [] if drift is None else [f"drift {drift:.3f}"]
    ranked = [] if score is None else [f"{estimated}performance score {score:.3f}"]
    known = [few[terms.DRIFT].lower()] if terms.DRIFT in few else moved
    known += [few[terms.CONCEPT].lower()] if terms.CONCEPT in few and not estimated else ranked
    return "No rule asks for action" + (": " if known else "") + ", ".join(known)


def _with_more(start: str, sentences: Sequence[str]) -> str:
    more = len(sentences) - 1
    others = f" (and {amount(more, 'more reason')})" if more else ""
    return (start + sentences[0])[: LONGEST - len(others)] + others
