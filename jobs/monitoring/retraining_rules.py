"""The rules of retraining: what each sees in one week's evidence, by itself; `retraining` then applies memory. Pure.

A bound is breached beyond it, not at it. A breach counts if it is significant; if p or margin could not be computed,
its size alone decides, so that missing numbers never make a verdict healthier.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace

from jobs.monitoring import quality_bounds, terms
from jobs.monitoring.lookup import count, number, part, unknown
from jobs.monitoring.terms import Seen, Step
from jobs.protocol.policy import Policy, Severities
from jobs.protocol.strict_json import Json

SHARE_OF_HIGH = 0.05  # share of importance that a feature needs to ask for a retraining alone
NEAR = 0.8  # part of a bound beyond which an open alert stays open
LOW_PART, MEDIUM_PART = 0.4, 0.6  # parts of the policy's auc_drop: 0.02 and 0.03 of 0.05
CBPE_DROP = 0.03
ALERT_P, NOTE_P = 0.01, 0.05  # for calibration


def everything(evidence: Json, policy: Policy) -> list[Seen]:
    outcomes = list(_outcomes(evidence, policy))
    realised = any(seen.rule == terms.FLOOR for seen in outcomes)
    lost = [name for name in unknown(evidence) if name in terms.DECIDING]
    severity = terms.MEDIUM if len(lost) == len(terms.DECIDING) else terms.LOW
    nothing = [Seen(rule=terms.UNKNOWN, subject=name, given=Step(threshold=0.0, severity=severity)) for name in lost]
    estimates = _estimates(evidence, policy, realised=realised)
    return [*_drift(evidence, policy), *outcomes, *estimates, *_quality(evidence), *nothing]


def _drift(evidence: Json, policy: Policy) -> Iterator[Seen]:
    section = part(evidence, "drift")
    if section is None:
        return
    rows = count(evidence, "window.rows")
    rows = count(section, "score.n") if rows is None else rows
    features = [each for each in section.get("features") or () if isinstance(each, dict)]
    score, weighted = number(section, "score"), number(section, "weighted")
    if rows is None or rows < policy.drift.n_min or (score is None and weighted is None):
        few = f"Too few scores to judge drift: {rows or 0}"
        yield Seen(rule=terms.DRIFT, subject="score", n=rows, why=terms.TOO_FEW, sentence=few)
        return
    psi, alpha = policy.drift.psi, policy.drift.alpha
    steps = _steps(asdict(psi))
    moved = Seen(rule=terms.DRIFT, subject="score", n=rows, nominal=psi.low, kept_open=_round(NEAR * psi.medium))
    least = min((p for each in features if (p := number(each, "p_adjusted")) is not None), default=None)
    for subject, value, p in (("score", score, number(section, "score.p")), ("features", weighted, least)):
        yield replace(moved, subject=subject, value=value, p=p, steps=steps if p is None or p <= alpha else ())
    for each in features:
        share, p, value = number(each, "share") or 0.0, number(each, "p_adjusted"), number(each, "csi")
        if share >= terms.LEAST_SHARE:
            own = () if p is not None and p > policy.drift.fdr_q else steps[: 3 if share >= SHARE_OF_HIGH else 2]
            why = terms.SCHEMA if each.get("schema_change") is True else None
            of = replace(moved, rule=terms.FEATURE, subject=str(each.get("name")), n=count(each, "csi.n"))
            yield replace(of, value=value, p=p, steps=own, why=why)


def _outcomes(evidence: Json, policy: Policy) -> Iterator[Seen]:
    """Floor, concept and calibration, all on loans with known outcomes."""
    found, concept, calibration = (part(evidence, name) for name in ("performance", "concept", "calibration"))
    if found is concept is calibration is None:
        return
    of_concept = count(concept, "drop.n")
    n, bads = (of_concept, None) if found is None else (count(found, "n"), count(found, "bads"))
    asked = policy.concept
    least = min((bads, (n or 0) - bads)) if bads is not None else asked.min_bads
    ratio = number(calibration, "observed_to_expected")
    if ratio is not None and n is not None and n >= asked.min_rows:  # few bads do not matter: its p is exact
        yield _calibration(ratio, number(calibration, "observed_to_expected.p"), n, policy.calibration)
    if n is None or n < asked.min_rows or least < asked.min_bads:
        turned = "" if bads is None else f", {bads} of them bad"
        few = f"Too few loans with a known outcome to judge performance: {n or 0}{turned}"
        yield Seen(rule=terms.CONCEPT, subject="auc", n=n, why=terms.TOO_FEW, sentence=few)
        return
    if (auc := number(found, "auc")) is not None:
        upper, floor = number(found, "auc.interval.1"), policy.performance_floor.auc
        margin = 0.0 if upper is None else upper - auc
        bounds = {terms.MEDIUM: floor, terms.CRITICAL: _round(floor - margin)}
        yield Seen(rule=terms.FLOOR, subject="auc", value=auc, n=n, sign=-1, steps=_steps(bounds))
    yield from _concept(concept or {}, n, policy)


def _concept(section: Json, n: int, policy: Policy) -> Iterator[Seen]:
    """The part of the drop that the mix of applicants does not explain, with the margin of the whole drop."""
    drop, lower, adjusted = (number(section, name) for name in ("drop", "drop_lower", "adjusted_drop"))
    value, limit = drop if adjusted is None else adjusted, policy.concept.auc_drop
    if value is not None:
        margin = 0.0 if drop is None or lower is None else _round(drop - lower)
        bounds = {terms.LOW: _round(LOW_PART * limit), terms.MEDIUM: _round(MEDIUM_PART * limit), terms.CRITICAL: limit}
        steps = _steps({name: max(bound, margin) for name, bound in bounds.items()})
        low, kept = bounds[terms.LOW], _round(NEAR * bounds[terms.MEDIUM])
        yield Seen(rule=terms.CONCEPT, subject="auc", value=value, n=n, steps=steps, nominal=low, kept_open=kept)
    if (total := number(section, "cusum.path.-1")) is not None:
        yield Seen(rule=terms.DECAY, subject="auc", value=total, n=n, steps=_steps({terms.LOW: terms.CUSUM_LIMIT}))


def _calibration(ratio: float, p: float | None, n: int, bounds: Severities) -> Seen:
    sign = 1 if ratio >= 1 else -1
    allowed = [name for name in asdict(bounds) if p is None or p < (NOTE_P if name == terms.LOW else ALERT_P)]
    steps = _steps({name: 1 + sign * getattr(bounds, name) for name in allowed})
    seen = Seen(rule=terms.CALIBRATION, subject="portfolio", value=ratio, n=n, p=p, sign=sign, steps=steps)
    return replace(seen, nominal=1 + sign * bounds.low, kept_open=1 + sign * _round(NEAR * bounds.medium))


def _estimates(evidence: Json, policy: Policy, *, realised: bool) -> Iterator[Seen]:
    """Rules on the estimated AUC; the floor only if there are no outcomes to judge by."""
    section = part(evidence, "estimate")
    auc = number(section, "auc")
    n = count(section, "n")
    if not policy.cbpe.enabled or auc is None or n is None or n < policy.drift.n_min:
        return
    low, drop = number(section, "limits.0"), number(section, "drop")
    if low is not None:
        bounds = {terms.MEDIUM: low}
        if drop is not None:
            bounds[terms.HIGH] = _round(min(low, auc + drop - CBPE_DROP))
        yield Seen(rule=terms.CBPE, subject="auc", value=auc, n=n, sign=-1, steps=_steps(bounds))
    if not realised:
        steps = _steps({terms.HIGH: policy.performance_floor.auc})
        yield Seen(rule=terms.ESTIMATED_FLOOR, subject="auc", value=auc, n=n, sign=-1, steps=steps)


def _quality(evidence: Json) -> Iterator[Seen]:
    for found in (part(evidence, "quality") or {}).get("findings") or ():
        if isinstance(found, dict) and found.get("severity") in terms.SEVERITIES[1:]:
            rule, severity = str(found.get("rule")), found["severity"]
            value, at = number(found, "value"), number(found, "threshold") or 0.0
            yield Seen(
                rule=rule,
                subject=str(found.get("subject")),
                value=value,
                n=count(found, "n"),
                p=number(found, "p"),
                given=Step(threshold=at, severity=severity),
                steps=tuple(Step(*bound) for bound in quality_bounds.ladder(rule, at, severity)),
                sign=1 if value is None or value >= at else -1,
                sentence=found.get("sentence"),
            )


def _steps(bounds: Mapping[str, float]) -> tuple[Step, ...]:
    return tuple(Step(threshold=bound, severity=name) for name, bound in bounds.items())


def _round(bound: float) -> float:
    """A computed bound, without its floating-point noise."""
    return round(bound, 12)
