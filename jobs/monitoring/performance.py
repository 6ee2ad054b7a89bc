"""What outcomes say of the model: realised performance, what it lost, calibration, and the bad rate. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from jobs.measures import calibration as calibrated
from jobs.measures import curves as points
from jobs.measures import drift, grades, ranking, recalibration, summary
from jobs.measures.bands import Band
from jobs.measures.counts import ScoreCounts
from jobs.measures.measure import Comparison, Measure
from jobs.measures.proportions import jeffreys_interval, share_change
from jobs.measures.survival import cumulative_share
from jobs.monitoring import vintages
from jobs.protocol.policy import Policy

Json = dict[str, Any]

SLACK, LIMIT = 0.5, 4.0  # of the cumulative sum, in standard errors
EARLY_MONTHS = 4  # on book: the first in which a loan that never paid is 90 days past due


def realised(counts: ScoreCounts, cutoff: float) -> Json:
    """Performance on loans whose outcome is known."""
    skill = asdict(calibrated.log_loss_skill(counts))
    return {"n": counts.n, "bads": counts.n_bad, **summary.performance(counts, cutoff), "log_loss_skill": skill}


def cohorts(counts: Mapping[tuple[date, str], ScoreCounts]) -> list[Json]:
    """AUC of the scores that were stored in a week by a model, which estimates made in that week are held against."""
    return [
        {"week": week.isoformat(), "model_id": model_id, "n": of.n, "bads": of.n_bad, "auc": ranking.auc(of).value}
        for (week, model_id), of in sorted(counts.items(), key=lambda named: named[0])
    ]


def concept(reference: ScoreCounts, counts: ScoreCounts, past_drops: Sequence[float], policy: Policy) -> Json:
    """How much ranking power is lost, and how much of that the mix of applicants does not explain.

    `past_drops` are earlier standardised drops of this model, oldest first, of windows that share no loan.
    """
    before, now = ranking.auc(reference), ranking.auc(counts)
    drop = _lost(ranking.auc_change(before, now))
    adjusted = ranking.auc_with_mix_of(counts.unlabelled(), reference)
    known = adjusted.value is not None and now.value is not None
    standardised = drop.known() / math.sqrt(drop.variance) if drop.variance else None
    summed = drift.cusum([*past_drops, *(() if standardised is None else (standardised,))], slack=SLACK, limit=LIMIT)
    return {
        "drop": asdict(drop),
        "drop_lower": drop.lower_bound(policy.concept.one_sided_conf) if drop.variance else None,
        "standardised": standardised,
        "reference_auc": before.value,
        "adjusted_reference_auc": adjusted.value,
        "adjusted_drop": adjusted.known() - now.known() if known else None,
        "adjusted_reason": adjusted.reason or now.reason,
        "cusum": {"path": list(summed.path), "alarm_at": summed.alarm_at, "limit": LIMIT},
    }


def calibration(counts: ScoreCounts, by_grade: Mapping[str, Band]) -> Json:
    """Whether the scores promise as many bads as came: all in all, by grade, by decile and along a line."""
    bands, line = calibrated.reliability_bands(counts), recalibration.calibration_line(counts)
    ratio = calibrated.observed_to_expected(counts)
    test = None
    if ratio.value is not None:
        test = calibrated.jeffreys_test(counts.n, counts.n_bad, counts.unlabelled().mean())
    parts = calibrated.brier_parts(bands)
    return {
        "observed_to_expected": asdict(ratio),
        "p_too_low": test and test.too_low,
        "p_too_high": test and test.too_high,
        "grades": [_grade(grade, band) for grade, band in sorted(by_grade.items())],
        "slope": asdict(line.slope),
        "intercept": asdict(line.intercept),
        "ece": asdict(calibrated.calibration_error(bands)),
        "brier_parts": parts and asdict(parts),
        "hosmer_lemeshow": asdict(calibrated.hosmer_lemeshow(bands)),
        "deciles": [asdict(band) for band in bands],
    }


def target(reference_bads: int, reference_n: int, matured: pl.DataFrame, provisional: pl.DataFrame) -> Json:
    """Whether loans turn bad more often than those of the reference.

    `matured` has a row of [application_date, y] for each loan whose outcome is known; `provisional` are the counts of
    `vintages.count`, of which the months that are not mature are told by how they start.
    """
    y = matured["y"].cast(pl.Int64)
    months = (
        matured.group_by(month=pl.col("application_date").dt.strftime("%Y-%m"))
        .agg(n=pl.len(), bads=pl.col("y").cast(pl.Int64).sum())
        .sort("month")
    )
    return {
        "change": asdict(share_change(reference_bads, reference_n, int(y.sum()), len(y))),
        "months": [
            {**row, "rate": row["bads"] / row["n"], "interval": jeffreys_interval(row["bads"], row["n"])}
            for row in months.iter_rows(named=True)
        ],
        "early": [
            _early(month, of) for (month,), of in vintages.immature(provisional).group_by("month", maintain_order=True)
        ],
    }


def curves(counts: ScoreCounts, reference: ScoreCounts) -> Json:
    """Points of the pictures of ranking, now and of the reference; none with one class only."""
    found: Json = {}
    for prefix, of in (("", counts), ("reference_", reference)):
        roc, pr, ks = points.roc_curve(of), points.precision_recall_curve(of), points.ks_curve(of)
        found[f"{prefix}roc"] = _listed(roc.x, roc.y) if roc else []
        found[f"{prefix}pr"] = _listed(pr.x, pr.y) if pr else []
        found[f"{prefix}ks"] = _listed(ks.scores, ks.goods, ks.bads) if ks else []
    return found


def _lost(change: Comparison) -> Comparison:
    """A change, told as a loss."""
    if change.value is None:
        return change
    interval = change.interval and (-change.interval[1], -change.interval[0])
    return replace(change, value=-change.value, interval=interval)


def _grade(grade: str, band: Band) -> Json:
    """Backtest of a grade: `p` is small where its PDs are too low."""
    return {
        "grade": grade,
        "n": band.n,
        "bads": band.bads,
        "expected": band.expected,
        "p": calibrated.jeffreys_test(band.n, band.bads, band.mean_score).too_low,
        "p_too_high": calibrated.jeffreys_test(band.n, band.bads, band.mean_score).too_high,
        "light": grades.light(band.n, band.bads, band.mean_score),
    }


def _early(month: object, of: pl.DataFrame) -> Json:
    """Bads within the first months on book, by what has been seen of them so far."""
    at_risk, bads = vintages.steps(of, EARLY_MONTHS)
    found: Measure = cumulative_share(at_risk, bads)[-1]
    rate = {"rate": found.value, "interval": found.interval, "reason": found.reason}
    return {"month": str(month), "loans": int(of["rows"].sum()), "n": found.n, "bads": sum(bads), **rate}


def _listed(*axes: npt.NDArray[np.float64]) -> list[list[float]]:
    together: list[list[float]] = np.column_stack(axes).round(6).tolist()
    return together
