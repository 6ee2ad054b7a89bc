"""What a validator asks of a model beyond the gates: parts of the population, strained inputs, who changes sides."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Any

import numpy as np
import polars as pl

from jobs.measures import bins, calibration, drift, ranking
from jobs.measures.counts import FloatArray, IntArray, ScoreCounts
from jobs.scorer.scorer import Scorer
from jobs.training_inference.dataset import OOT, TRAIN
from jobs.training_inference.profile import Scored

Json = dict[str, Any]

LEAST_ROWS = 200  # of a part of the population: below it a figure is noise, and may tell of persons
STRAINED, STRAINED_ROWS = 8, 2_000
PARTS = {  # what loans are told apart by; income by its quarters
    "term": pl.col("term").cast(pl.String) + pl.lit(" months"),
    "purpose": pl.col("purpose_grp"),
    "home": pl.col("home_grp"),
    "application": pl.when(pl.col("is_joint") == 1).then(pl.lit("joint")).otherwise(pl.lit("individual")),
    "income": ((pl.col("income_log").rank("ordinal") - 1) * 4 // pl.col("income_log").count()).replace_strict(
        {0: "lowest", 1: "lower", 2: "higher", 3: "highest"}, return_dtype=pl.String
    ),
}


def segments(rows: pl.DataFrame, pd: FloatArray, labels: IntArray) -> list[Json]:
    """Ranking and calibration in each part of the out-of-time population; parts that are too small are only counted."""
    return [row for name, part in PARTS.items() for row in _parts(name, rows.select(part).to_series(), pd, labels)]


def _parts(name: str, named: pl.Series, pd: FloatArray, labels: IntArray) -> Iterator[Json]:
    values = named.cast(pl.String).fill_null("unknown")
    for value in sorted(values.unique()):
        mine = (values == value).to_numpy()
        found: Json = {"segment": name, "value": value, "rows": int(mine.sum())}
        if found["rows"] >= LEAST_ROWS:
            counts = ScoreCounts.of(pd[mine], labels[mine])
            found |= {"bads": counts.n_bad, "mean_pd": float(pd[mine].mean())}
            found |= {"auc": ranking.auc(counts).value}
            found |= {"observed_to_expected": calibration.observed_to_expected(counts).value}
        yield found


def swap_set(champion: FloatArray, challenger: FloatArray, labels: IntArray, rate: FloatArray) -> list[Json]:
    """Who would change sides if both models approved the same share: that of the loans that turned good."""
    approved = round(float((labels == 0).mean()) * labels.size)
    sides = [np.argsort(np.argsort(pd, kind="stable"), kind="stable") < approved for pd in (champion, challenger)]
    told = []
    for name, before, after in (("in-in", 1, 1), ("in-out", 1, 0), ("out-in", 0, 1), ("out-out", 0, 0)):
        mine = (sides[0] == bool(before)) & (sides[1] == bool(after))
        shown = {
            "bad_rate": float(labels[mine].mean()) if mine.any() else None,
            "mean_rate": float(np.nanmean(rate[mine])) if np.isfinite(rate[mine]).any() else None,
        }
        told.append({"champion-challenger": name, "rows": int(mine.sum()), **shown})
    return told


def stability(scored: Scored) -> Json:
    """Whether out-of-time scores lie where those of the training rows did."""
    frozen = bins.freeze_numbers(scored.counts[TRAIN].unlabelled())
    reference, now = (frozen.count(scored.counts[name].unlabelled()) for name in (TRAIN, OOT))
    return asdict(drift.psi(reference, now)) | {"from": TRAIN, "to": OOT}


def sensitivity(scorer: Scorer, rows: pl.DataFrame, weights: dict[str, float], threads: int) -> list[Json]:
    """What the mean probability does when a weighty number is a tenth larger or smaller, or is missing."""
    heaviest = sorted(weights, key=lambda name: (-weights[name], name))
    numbers = [name for name in heaviest if rows.schema[name].is_numeric()][:STRAINED]
    usual = float(scorer.pd(rows, threads=threads).mean()) if rows.height else 0.0
    strains: dict[str, Callable[[str], pl.Expr]] = {
        "tenth_more": lambda name: pl.col(name) * 1.1,
        "tenth_less": lambda name: pl.col(name) * 0.9,
        "missing": lambda name: pl.lit(None, rows.schema[name]).alias(name),
    }
    return [
        {"feature": name, "mean_pd": usual}
        | {
            what: float(scorer.pd(rows.with_columns(strain(name)), threads=threads).mean()) - usual
            for what, strain in strains.items()
        }
        for name in numbers
    ]
