"""Measure a new model: its reference profile for monitoring, the numbers for the gates, the trials for the card."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from itertools import product

import numpy as np
import polars as pl

from jobs.measures import bins, calibration, drift, ranking
from jobs.measures import performance as figures
from jobs.measures.counts import FloatArray, ScoreCounts, ValueCounts, collapsed
from jobs.measures.measure import Measure
from jobs.protocol.contract import Column
from jobs.protocol.layers import UNSEEN
from jobs.protocol.policy import Policy
from jobs.protocol.strict_json import Json
from jobs.scorer import scorecard
from jobs.scorer.scorer import Scorer, predicted
from jobs.training_inference.dataset import CALIBRATION, OOT, SLICES, TRAIN, VALID, sampled

FORMAT = 1
MOST_IN_SAMPLE = 20_000
LEAST_ROWS = 200  # in a segment: with fewer, a figure is noise and may reveal something about individuals
STRAINED, STRAINED_ROWS = 8, 2_000
STRAINS = {"tenth_more": 1.1, "tenth_less": 0.9, "missing": None}  # factors for a feature's values
PARTS = {  # the segments that are measured apart; income by quartiles, equal incomes together
    "term": pl.col("term").cast(pl.String) + pl.lit(" months"),
    "purpose": pl.col("purpose_grp"),
    "home": pl.col("home_grp"),
    "application": pl.col("is_joint").replace_strict({0: "individual", 1: "joint"}, return_dtype=pl.String),
    "income": ((pl.col("income_log").rank("min") - 1) * 4 // pl.col("income_log").count()).replace_strict(
        {0: "lowest", 1: "lower", 2: "higher", 3: "highest"}, return_dtype=pl.String
    ),
}
Counts = Mapping[str, ScoreCounts]  # by slice


def counted(rows: pl.DataFrame) -> ScoreCounts:
    """Counts of scored rows with outcomes."""
    return ScoreCounts.of(rows["pd"], rows["y"])


def performance(counts: ScoreCounts, at: float) -> dict[str, Json]:
    """All figures of one slice, each with its rows and interval, or the reason why it is missing."""
    promised = {
        "observed_to_expected": calibration.observed_to_expected(counts),
        "calibration_error": calibration.calibration_error(calibration.reliability_bands(counts)),
    }
    return {**figures.realised(counts, at), **{name: asdict(measure) for name, measure in promised.items()}}


def cutoff_of(counts: ScoreCounts, approval_rate: float | None) -> float:
    """The probability at and above which loans are refused, fixed before the out-of-time rows are seen.

    It approves the given share of these loans; without one, it refuses as many as turned bad.
    """
    approved = counts.n_good if approval_rate is None else round(approval_rate * counts.n)
    reached = int(np.searchsorted(counts.rows.cumsum(), approved, side="right"))
    return float(counts.scores[min(reached, counts.scores.size - 1)])


def alone(rows: pl.DataFrame, name: str) -> Measure:
    """How well the lender's interest rate (or grade) ranks these rows by itself; rows without one are left out."""
    priced = rows.filter(pl.col(name).cast(pl.String) != UNSEEN)
    return ranking.auc(ScoreCounts.of(priced[name].rank("dense"), priced["y"]))


def reference(
    train: pl.DataFrame, oot: pl.DataFrame, counts: Counts, used: Sequence[Column], pushes: FloatArray, policy: Policy
) -> Json:
    """The frozen reference: features from the train slice, scores and performance from the out-of-time slice."""
    sentinels = {c.name: tuple(float(each) for each in c.sentinels if not isinstance(each, str)) for c in used}
    at, parts = cutoff_of(counts[CALIBRATION], policy.cutoff.approval_rate), policy.drift.bins
    frozen = bins.freeze(train, sentinels, sentinels, parts)
    learned, of_bads = (bins.count(rows, frozen) for rows in (train, train.filter(train["y"] == 1)))
    shares = np.abs(pushes).mean(axis=0)
    shares = shares / (shares.sum() or 1.0)
    of_oot = counts[OOT]
    score_bins = bins.freeze_numbers(of_oot.unlabelled(), parts=parts)
    # Scores are rounded to four decimals, so that there are never more than 10,001.
    scores, goods, bads = collapsed(of_oot.scores.round(4), of_oot.goods, of_oot.bads)
    bands = scorecard.grade_bands(oot["pd"].to_numpy(), oot["y"].to_numpy())
    return {
        "format": FORMAT,
        "cutoff": at,
        "features": {
            name: _learned(learned[name], of_bads[name]) | {"shap_share": float(share)}
            for name, share in zip(frozen, shares, strict=True)
        },
        "scores": {
            "bins": bins.to_json(score_bins),
            "rows": list(score_bins.count(of_oot.unlabelled()).rows),
            "mean": of_oot.unlabelled().mean(),
        },
        "score_counts": {"scores": scores.tolist(), "goods": goods.tolist(), "bads": bads.tolist()},
        "deciles": [asdict(band) for band in calibration.reliability_bands(of_oot)],
        "grades": {grade: asdict(band) for grade, band in bands.items()},
        "performance": {name: performance(counts[name], at) for name in SLICES},
        "rate_alone": asdict(alone(oot, "int_rate")),
        "grade_alone": asdict(alone(oot, "grade")),
    }


def _learned(rows: bins.BinCounts, of_bads: bins.BinCounts) -> Json:
    """The reference of one feature, from the train slice."""
    of_goods = [n - bad for n, bad in zip(rows.rows, of_bads.rows, strict=True)]
    return {
        "bins": bins.to_json(rows.bins),
        "rows": list(rows.rows),
        "missing": rows.part(bins.MISSING) / rows.n,
        "information_value": drift.information_value(of_goods, of_bads.rows).value,
    }


def facts(counts: Counts, reference: Json, violation: float) -> dict[str, float | None]:
    """The numbers that the gates judge; from out-of-time rows unless noted. A new gate takes its number from here."""
    told = reference["performance"][OOT]
    found = {name: figure["value"] for name, figure in told.items()}
    in_time = ranking.auc(ScoreCounts.merged((counts[VALID], counts[CALIBRATION])))  # not rows that it was fitted on
    loss = ranking.auc_loss(in_time, ranking.auc(counts[OOT])).interval
    return {name: found[name] for name in ("auc", "ks", "precision", "recall", "f1")} | {
        "auc_lower": told["auc"]["interval"][0] if told["auc"]["interval"] else None,  # of the 95 % interval
        "oe": found["observed_to_expected"],
        "ece": found["calibration_error"],
        "rate_auc": reference["rate_alone"]["value"],
        "gini_in_time": None if in_time.value is None else 2 * in_time.value - 1,
        "gini_loss_lower": 2 * loss[0] if loss else None,  # of the 95 % interval: noise is not a loss
        "worst_violation": violation,
    }


def against(champion: FloatArray, rows: pl.DataFrame) -> dict[str, float | None]:
    """Compare the champion's scores of these rows with the new model's. Equal scores are no change, with no spread."""
    change = ranking.paired_auc_change(champion, rows["pd"], rows["y"])
    return {
        "auc_change_lower": change.value if change.variance == 0 else change.lower_bound(),  # one-sided, 95 %
        "log_loss": calibration.log_loss(counted(rows)).value,
        "champion_log_loss": calibration.log_loss(ScoreCounts.of(champion, rows["y"])).value,
    }


def trials(
    scorer: Scorer, rows: pl.DataFrame, champion: FloatArray | None, counts: Counts, reference: Json, threads: int
) -> Json:
    """What a validator asks beyond the gates, on out-of-time rows."""
    weights, some = {name: of["shap_share"] for name, of in reference["features"].items()}, sampled(rows, STRAINED_ROWS)
    scores = counts[OOT].unlabelled()
    return {
        "stability": stability(counts[TRAIN].unlabelled(), scores) | {"from": TRAIN, "to": OOT},
        "segments": segments(rows),
        "sensitivity": sensitivity(scorer, some, weights, threads),
        "psi_from_champion": None if champion is None else stability(ValueCounts.of(champion), scores)["value"],
        "swap_set": None if champion is None else swap_set(champion, rows),
    }


def segments(rows: pl.DataFrame) -> list[Json]:
    """Ranking and calibration in each segment of the out-of-time rows; small segments are only counted."""
    told, scored = [], rows.select("pd", "y")
    for name, part in PARTS.items():
        values = rows.select(part).to_series().cast(pl.String).fill_null("unknown")
        for value in sorted(values.unique()):
            mine = scored.filter(values == value)
            found: Json = {"segment": name, "value": value, "rows": mine.height}
            if mine.height >= LEAST_ROWS:
                counts = counted(mine)
                mean = float(mine["pd"].to_numpy().mean())
                found |= {"bads": counts.n_bad, "mean_pd": mean, "auc": ranking.auc(counts).value}
                found |= {"observed_to_expected": calibration.observed_to_expected(counts).value}
            told.append(found)
    return told


def swap_set(champion: FloatArray, rows: pl.DataFrame) -> list[Json]:
    """Which loans would switch between approved and refused if both models approved the share that turned good."""
    labels, rate = rows["y"].to_numpy(), rows["int_rate"].cast(pl.Float64).to_numpy()
    approved = round(float((labels == 0).mean()) * labels.size)
    both = (champion, rows["pd"].to_numpy())
    sides = [np.argsort(np.argsort(pd, kind="stable"), kind="stable") < approved for pd in both]
    told = []
    for name, before, after in (("in-in", 1, 1), ("in-out", 1, 0), ("out-in", 0, 1), ("out-out", 0, 0)):
        mine = (sides[0] == bool(before)) & (sides[1] == bool(after))
        shown = {
            "bad_rate": float(labels[mine].mean()) if mine.any() else None,
            "mean_rate": float(np.nanmean(rate[mine])) if np.isfinite(rate[mine]).any() else None,
        }
        told.append({"champion-challenger": name, "rows": int(mine.sum()), **shown})
    return told


def stability(before: ValueCounts, now: ValueCounts) -> Json:
    """Whether the distribution of scores has moved (PSI)."""
    frozen = bins.freeze_numbers(before)
    return asdict(drift.psi(frozen.count(before), frozen.count(now)))


def sensitivity(scorer: Scorer, rows: pl.DataFrame, weights: dict[str, float], threads: int) -> list[Json]:
    """How the mean probability changes if an important number is a tenth larger or smaller, or missing."""
    heaviest = sorted(weights, key=lambda name: (-weights[name], name))
    names = [name for name in heaviest if rows.schema[name].is_numeric()][:STRAINED]
    usual = scorer.encoding.table(rows)
    strains = list(product(map(usual.columns.index, names), STRAINS.values()))
    # Each row beside itself: it goes much the same way through the trees again, in half the time.
    beside = np.repeat(usual.cast(pl.Float64).to_numpy()[:, None], 1 + len(strains), axis=1)
    for turn, (place, by) in enumerate(strains, 1):
        beside[:, turn, place] *= by or np.nan
    raw = predicted(scorer.booster, beside.reshape(-1, usual.width), threads=threads, raw_score=True)
    mean, *means = np.ascontiguousarray(scorer.calibration(raw).reshape(len(beside), -1).T).mean(axis=1).tolist()
    moves = (np.reshape(means, (-1, len(STRAINS))) - mean).tolist()
    told = zip(names, moves, strict=True)
    return [{"feature": name, "mean_pd": mean, **dict(zip(STRAINS, moved, strict=True))} for name, moved in told]
