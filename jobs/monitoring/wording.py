"""The judge's sentences, for people. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from jobs.monitoring import terms
from jobs.monitoring.terms import Seen

Json = Mapping[str, Any]

LONGEST = 1000
_FAR = "{value:.3f}, {side} {threshold:.3f}"
_WORDS = {
    (terms.DRIFT, "score"): f"The scores have moved: stability index {_FAR}",
    (terms.DRIFT, "features"): f"The features have moved by their importance: stability index {_FAR}",
    terms.FEATURE: "{subject} has moved: stability index " + _FAR,
    terms.MANY: "{value:.0f} features have moved at once, more than {threshold:.0f}",
    terms.FLOOR: "Performance score {value:.3f} below threshold {threshold:.3f}",
    terms.ESTIMATED_FLOOR: "Estimated performance score {value:.3f} below threshold {threshold:.3f}",
    terms.CONCEPT: f"The model ranks matured loans worse: AUC lost {_FAR}",
    terms.DECAY: "The AUC has sunk week after week: cumulative sum {value:.2f}, {side} {threshold:.2f}",
    terms.CALIBRATION: "For each bad loan expected {value:.3f} came, {side} {threshold:.3f}",
    terms.CBPE: "The estimated AUC {value:.3f} is {side} {threshold:.3f}",
    terms.UNKNOWN: "The section {subject} could not be computed",
}


def of(seen: Seen, severity: str, threshold: float | None) -> str:
    """What was seen, in a sentence."""
    if seen.sentence:
        return seen.sentence.removesuffix(".")[:LONGEST]
    words = _WORDS.get((seen.rule, seen.subject)) or _WORDS.get(seen.rule, "{rule} of {subject}")
    side = "above" if seen.sign > 0 else "below"
    numbers = {"value": seen.value or 0.0, "threshold": threshold or 0.0}
    said = words.format(rule=seen.rule, subject=seen.subject, side=side, **numbers)
    doubt = ", yet its interval reaches above it" if (seen.rule, severity) == (terms.FLOOR, terms.MEDIUM) else ""
    return (said + doubt)[:LONGEST]


def whole(verdict: Json, *, asking: Sequence[str], in_vain: Sequence[str], drift: float | None) -> str:
    """The verdict in one sentence; the sentences of what asks come gravest first."""
    if verdict["blocked_by"]:
        poor = [each["sentence"] for each in verdict["reasons"] if each["severity"] == terms.CRITICAL]
        return _with_more("Nothing may be retrained on these data: ", poor or ["no clean week has cleared them"])
    if verdict["decision"] == "retrain":
        return _with_more("", asking)
    if in_vain:
        return _with_more("A person must decide, for a retraining did not mend this: ", in_vain)
    return _with_more("", asking) if asking else _calm(verdict, drift)


def _calm(verdict: Json, drift: float | None) -> str:
    """Nothing asks for action; that is no health where too little is known, or too new."""
    if verdict["insufficient_data"]:
        few = [each["sentence"] for each in verdict["set_aside"] if each["why"] == terms.TOO_FEW]
        return _with_more("Too little can be judged to say that all is well: ", few or ["sections are unknown"])
    if new := [each["sentence"] for each in verdict["set_aside"] if each["why"] == terms.SUPPRESSED]:
        return _with_more("The model was promoted less than two weeks ago, so this does not count yet: ", new)
    score, estimated = verdict["performance_score"], "estimated " if verdict["estimated"] else ""
    known = [] if drift is None else [f"drift {drift:.3f}"]
    known += [] if score is None else [f"{estimated}performance score {score:.3f}"]
    return "No rule asks for action" + (": " if known else "") + ", ".join(known)


def _with_more(start: str, sentences: Sequence[str]) -> str:
    more = len(sentences) - 1
    others = f" (and {more} more reason{'s' if more > 1 else ''})" if more > 0 else ""
    return (start + sentences[0])[: LONGEST - len(others)] + others
