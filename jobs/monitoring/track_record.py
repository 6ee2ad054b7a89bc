"""How right estimates, and alarms that rest on them, were once outcomes came. Pure, from what is kept of weeks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from statistics import fmean
from typing import Any

from jobs.monitoring.terms import CBPE, ESTIMATED_FLOOR, number, part
from jobs.monitoring.weeks import OUTCOME_DAYS
from jobs.protocol.policy import Policy

Json = dict[str, Any]
Kept = tuple[date, Json, Json]  # a week, its evidence and its verdict

ON_ESTIMATES = (CBPE, ESTIMATED_FLOOR)
ENOUGH = 0.8  # of the rows estimated for must have an outcome before the two are compared


def track_record(past: Sequence[Kept], now_performance: Json, policy: Policy) -> Json:
    """Hold each past estimate against the AUC of the same scores, stored then, when their loans have matured.

    Outcomes come as `cohorts` of the performance section of each week, and of this one.
    """
    known: dict[tuple[str, str], Json] = {}  # the fullest count of each week's scores by each model
    for section in (*(part(evidence, "performance") for _, evidence, _ in past), now_performance):
        for cohort in (section or {}).get("cohorts") or ():
            key = (cohort["week"], cohort["model_id"])
            if key not in known or cohort["n"] >= known[key]["n"]:
                known[key] = cohort
    estimates = [found for week, evidence, _ in past if (found := _compared(week, evidence, known))]
    errors = [abs(found["estimated"] - found["realised"]) for found in estimates]
    mean_error = fmean(errors) if errors else None
    return {
        "estimates": estimates,
        "mean_error": mean_error,
        "reason": None if errors else "no estimate has met its outcomes yet",
        "n": len(estimates),
        "unreliable": mean_error is not None and mean_error > policy.cbpe.max_mae,
        "alarms": _alarms(past, {found["week"]: found["realised"] for found in estimates}),
    }


def past_drops(past: Sequence[Kept], week: date, model_id: str) -> list[float]:
    """Standardised drops of this model, oldest first, of windows that share no loan with one another or with now."""
    found: list[float] = []
    before = week
    for earlier, evidence, _ in sorted(past, key=lambda kept: kept[0], reverse=True):
        drop = number(part(evidence, "concept"), "standardised")
        if drop is not None and evidence["model"]["model_id"] == model_id and (before - earlier).days >= OUTCOME_DAYS:
            found.insert(0, drop)
            before = earlier
    return found


def _compared(week: date, evidence: Json, known: Mapping[tuple[str, str], Json]) -> Json | None:
    """An estimate and what came: over several weeks' scores, the mean of their AUCs by rows."""
    estimated, window = number(part(evidence, "estimate"), "auc"), part(evidence, "window")
    if estimated is None or window is None:
        return None
    saturdays = [(week - timedelta(days=before)).isoformat() for before in range(0, window["days"], 7)]
    mine = [known.get((saturday, evidence["model"]["model_id"])) for saturday in saturdays]
    came = [cohort for cohort in mine if cohort and cohort["auc"] is not None]
    n = sum(cohort["n"] for cohort in came)
    if not n or n < ENOUGH * evidence["estimate"]["n"]:
        return None
    realised = sum(cohort["auc"] * cohort["n"] for cohort in came) / n
    return {"week": week.isoformat(), "estimated": estimated, "realised": realised, "n": n}


def _alarms(past: Sequence[Kept], realised: Mapping[str, float]) -> Json:
    """Alarms that rested on estimates: confirmed where the AUC that came lies beyond the threshold as well."""
    tally = {"confirmed": 0, "refuted": 0, "open": 0}
    for week, _, verdict in past:
        limits = [reason["threshold"] for reason in verdict["reasons"] if reason["rule"] in ON_ESTIMATES]
        if limits:
            came, known = realised.get(week.isoformat()), [limit for limit in limits if limit is not None]
            open_still = came is None or not known
            tally["open" if open_still else "confirmed" if came < max(known) else "refuted"] += 1
    judged = tally["confirmed"] + tally["refuted"]
    return {"raised": judged + tally["open"], **tally, "precision": tally["confirmed"] / judged if judged else None}
