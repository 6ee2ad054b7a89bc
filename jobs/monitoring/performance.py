"""Performance, calibration and bad rate from known outcomes, and estimates before outcomes are known. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date, timedelta
from statistics import fmean

import numpy as np
import polars as pl

from jobs.measures import calibration as calibrated
from jobs.measures import drift, ranking, recalibration
from jobs.measures import performance as figures
from jobs.measures.calibration import Band
from jobs.measures.counts import ScoreCounts, ValueCounts
from jobs.measures.measure import missing
from jobs.measures.proportions import cumulative_share, jeffreys_interval, share_change
from jobs.monitoring import vintages
from jobs.monitoring.lookup import number, part
from jobs.monitoring.terms import CBPE, CUSUM_LIMIT, ESTIMATED_FLOOR
from jobs.monitoring.weeks import OUTCOME_DAYS
from jobs.protocol.policy import Policy
from jobs.protocol.strict_json import Json

Kept = tuple[date, Json, Json]  # a week, its evidence and its verdict

ENOUGH = 0.8  # of the rows of an estimate must have an outcome before the two are compared
EARLY_MONTHS = 4  # on book: a loan that never paid is 90 days past due by then


def realised(counts: ScoreCounts, cutoff: float) -> Json:
    """Performance on loans whose outcome is known."""
    skill = asdict(calibrated.log_loss_skill(counts))
    return {"n": counts.n, "bads": counts.n_bad, **figures.realised(counts, cutoff), "log_loss_skill": skill}


def cohorts(counts: Mapping[tuple[date, str], ScoreCounts]) -> list[Json]:
    """Realised AUC of the scores that a model stored in a week, to compare with that week's estimate."""
    return [
        {"week": week.isoformat(), "model_id": model_id, "n": of.n, "bads": of.n_bad, "auc": ranking.auc(of).value}
        for (week, model_id), of in sorted(counts.items(), key=lambda named: named[0])
    ]


def concept(reference: ScoreCounts, counts: ScoreCounts, past_drops: Sequence[float], policy: Policy) -> Json:
    """How much ranking power is lost, and how much of that is not explained by the mix of applicants.

    `past_drops` are earlier standardised drops of this model, oldest first, from windows that share no loans.
    """
    before, now = ranking.auc(reference), ranking.auc(counts)
    drop = ranking.auc_loss(before, now)
    adjusted = ranking.auc_with_mix_of(counts.unlabelled(), reference)
    known = adjusted.value is not None and now.value is not None
    standardised = drop.known() / math.sqrt(drop.variance) if drop.variance else None
    drops = past_drops if standardised is None else [*past_drops, standardised]
    path, alarm_at = drift.cusum(drops, limit=CUSUM_LIMIT)
    return {
        "drop": asdict(drop),
        "drop_lower": drop.lower_bound(policy.concept.one_sided_conf) if drop.variance else None,
        "standardised": standardised,
        "reference_auc": before.value,
        "adjusted_reference_auc": adjusted.value,
        "adjusted_drop": adjusted.known() - now.known() if known else None,
        "adjusted_reason": adjusted.reason or now.reason,
        "cusum": {"path": list(path), "alarm_at": alarm_at, "limit": CUSUM_LIMIT},
    }


def calibration(counts: ScoreCounts, by_grade: Mapping[str, Band]) -> Json:
    """Whether as many loans turned bad as the scores predict: overall, by grade, by decile and by a fitted line."""
    bands, line = calibrated.reliability_bands(counts), recalibration.calibration_line(counts)
    ratio = calibrated.observed_to_expected(counts)
    known = ratio.value is not None
    test = calibrated.jeffreys_test(counts.n, counts.n_bad, counts.unlabelled().mean()) if known else (None, None)
    return {
        "observed_to_expected": asdict(ratio),
        "p_too_low": test[0],
        "p_too_high": test[1],
        "grades": [_grade(grade, band) for grade, band in sorted(by_grade.items())],
        "slope": asdict(line.slope),
        "intercept": asdict(line.intercept),
        "ece": asdict(calibrated.calibration_error(bands)),
        "brier_parts": calibrated.brier_parts(bands),
        "hosmer_lemeshow": asdict(calibrated.hosmer_lemeshow(bands)),
        "deciles": [asdict(band) for band in bands],
    }


def estimate(scores: ValueCounts, reference: ScoreCounts, cutoff: float, policy: Policy) -> Json:
    """Performance estimated before outcomes are known, if the policy enables it and there are enough rows."""
    few, one_class = scores.n < policy.drift.n_min, reference.one_class()
    reason = f"there are fewer than {policy.drift.n_min} rows" if few else one_class and f"in the reference {one_class}"
    if not policy.cbpe.enabled:
        reason = "the policy switches estimates off"
    if reason:
        empty = {name: asdict(missing(reason, n=scores.n)) for name in figures.ESTIMATED}
        return {**empty, "limits": None, "drop": None, "n": scores.n}
    return figures.estimated(scores, reference, cutoff)


def track_record(past: Sequence[Kept], now: Json, policy: Policy) -> Json:
    """Compare each past estimate with the AUC of the same stored scores, once their loans have matured.

    Outcomes come from the `cohorts` in the performance section of each week, including this one (`now`).
    """
    known: dict[tuple[str, str], Json] = {}  # the fullest count of each week's scores by each model
    for section in (*(part(evidence, "performance") for _, evidence, _ in past), now):
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
    """Standardised drops of this model, oldest first, from windows that share no loans with each other or with now."""
    found: list[float] = []
    before = week
    for earlier, evidence, _ in sorted(past, key=lambda kept: kept[0], reverse=True):
        drop = number(part(evidence, "concept"), "standardised")
        if drop is not None and evidence["model"]["model_id"] == model_id and (before - earlier).days >= OUTCOME_DAYS:
            found.insert(0, drop)
            before = earlier
    return found


def _compared(week: date, evidence: Json, known: Mapping[tuple[str, str], Json]) -> Json | None:
    """An estimate and the realised AUC (over several weeks' scores, the mean weighted by rows)."""
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
    """Count alarms based on estimates: confirmed if the realised AUC is beyond the threshold too."""
    tally = {"confirmed": 0, "refuted": 0, "open": 0}
    for week, _, verdict in past:
        limits = [reason["threshold"] for reason in verdict["reasons"] if reason["rule"] in (CBPE, ESTIMATED_FLOOR)]
        if limits:
            came, known = realised.get(week.isoformat()), [limit for limit in limits if limit is not None]
            open_still = came is None or not known
            tally["open" if open_still else "confirmed" if came < max(known) else "refuted"] += 1
    judged = tally["confirmed"] + tally["refuted"]
    return {"raised": judged + tally["open"], **tally, "precision": tally["confirmed"] / judged if judged else None}


def target(reference: ScoreCounts, matured: pl.DataFrame, provisional: pl.DataFrame) -> Json:
    """Whether loans turn bad more often than those of the reference.

    `matured` has a row of [application_date, y] for each loan with a known outcome; `provisional` are counts from
    `vintages.count`, from which immature months are judged by their first months on book.
    """
    y = matured["y"].cast(pl.Int64)
    months = (
        matured.group_by(month=pl.col("application_date").dt.strftime("%Y-%m"))
        .agg(n=pl.len(), bads=pl.col("y").cast(pl.Int64).sum())
        .sort("month")
    )
    return {
        "change": asdict(share_change(reference.n_bad, reference.n, int(y.sum()), len(y))),
        "months": [
            {**row, "rate": row["bads"] / row["n"], "interval": jeffreys_interval(row["bads"], row["n"])}
            for row in months.iter_rows(named=True)
        ],
        "early": [
            _early(month, of) for (month,), of in vintages.immature(provisional).group_by("month", maintain_order=True)
        ],
    }


def curves(counts: ScoreCounts, reference: ScoreCounts) -> Json:
    """Points of the ROC, PR and KS curves, now and of the reference; none if there is only one class."""
    found: Json = {}
    for prefix, of in (("", counts), ("reference_", reference)):
        drawn = ranking.curves(of)
        for name in ("roc", "pr", "ks"):
            found[prefix + name] = np.column_stack(drawn[name]).round(6).tolist() if drawn else []
    return found


def _grade(grade: str, band: Band) -> Json:
    """Backtest of a grade: `p` is small where its PDs are too low."""
    too_low, too_high = calibrated.jeffreys_test(band.n, band.bads, band.mean_score)
    counted = {"grade": grade, "n": band.n, "bads": band.bads, "expected": band.expected}
    light = calibrated.light(band.n, band.bads, band.mean_score)
    return counted | {"p": too_low, "p_too_high": too_high, "light": light}


def _early(month: object, of: pl.DataFrame) -> Json:
    """Bads within the first months on book, as far as seen."""
    at_risk, bads = vintages.steps(of, EARLY_MONTHS)
    found = cumulative_share(at_risk, bads)[-1]
    rate = {"rate": found.value, "interval": found.interval, "reason": found.reason}
    return {"month": str(month), "loans": int(of["rows"].sum()), "n": found.n, "bads": sum(bads), **rate}
