"""What monitoring and the gates hold a model against: features as it learned them, scores and outcomes out of time."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from jobs.measures import bins, calibration, columns, drift, ranking, summary
from jobs.measures.counts import PairCounts, ScoreCounts, collapsed
from jobs.scorer import scorecard
from jobs.training_inference.dataset import CALIBRATION, OOT, SLICES, TRAIN, VALID
from jobs.training_inference.gates import Against, Facts
from jobs.training_inference.reasons import sampled

if TYPE_CHECKING:
    from collections.abc import Mapping

    import polars as pl

    from jobs.measures.counts import FloatArray, IntArray
    from jobs.measures.measure import Measure
    from jobs.protocol.contract import Column
    from jobs.scorer.scorer import Scorer
    from jobs.training_inference.dataset import Dataset

FORMAT = 1
MOST_IN_SAMPLE = 20_000
Json = dict[str, Any]


def labels_of(frame: pl.DataFrame) -> IntArray:
    return frame["y"].to_numpy().astype(np.int64)


@dataclass(frozen=True, slots=True)
class Scored:
    """The rows of each slice, their scores, and both as counts; of the rows that were fitted on a sample is enough."""

    frames: Mapping[str, pl.DataFrame]
    pd: Mapping[str, FloatArray]
    counts: Mapping[str, ScoreCounts]

    @classmethod
    def by(cls, scorer: Scorer, data: Dataset, threads: int) -> Scored:
        frames = {**data.frames, TRAIN: sampled(data.frames[TRAIN], MOST_IN_SAMPLE)}
        pd = {name: scorer.pd(frames[name], threads=threads) for name in SLICES}
        return cls(frames, pd, {name: ScoreCounts.of(pd[name], labels_of(frames[name])) for name in SLICES})


def performance(counts: ScoreCounts, at: float) -> dict[str, Json]:
    """Every figure of one slice, each with its rows and interval, or the reason why it is missing."""
    promised = {
        "observed_to_expected": calibration.observed_to_expected(counts),
        "calibration_error": calibration.calibration_error(calibration.reliability_bands(counts)),
    }
    return {**summary.performance(counts, at), **{name: asdict(measure) for name, measure in promised.items()}}


def cutoff_of(counts: ScoreCounts, approval_rate: float | None) -> float:
    """The probability from which on loans are refused, fixed before the out-of-time rows are seen.

    Below it lies the share of these loans that is to be approved; without one, as many lie above as turned bad.
    """
    approved = counts.n_good - 1 if approval_rate is None else round(approval_rate * counts.n)
    reached = int(np.searchsorted(counts.rows.cumsum(), approved, side="right"))
    return float(counts.scores[min(reached, counts.scores.size - 1)])


def rate_alone(frame: pl.DataFrame) -> Measure:
    """How well the lender's interest rate alone ranks these rows; rows without a rate are left out."""
    priced = frame.drop_nulls("int_rate")
    return ranking.auc(ScoreCounts.of(priced["int_rate"].to_numpy(), labels_of(priced)))


def facts(scored: Scored, at: float, violation: float) -> Facts:
    """The numbers that the gates judge."""
    counts = scored.counts
    found = {name: figure["value"] for name, figure in performance(counts[OOT], at).items()}
    area = ranking.auc(counts[OOT])
    in_time = ranking.auc(ScoreCounts.merged((counts[VALID], counts[CALIBRATION])))
    change = ranking.auc_change(in_time, area).interval
    return Facts(
        auc=area.value,
        auc_lower=area.interval[0] if area.interval else None,
        ks=found["ks"],
        oe=found["observed_to_expected"],
        ece=found["calibration_error"],
        rate_auc=rate_alone(scored.frames[OOT]).value,
        gini_in_time=None if in_time.value is None else 2 * in_time.value - 1,
        gini_change_upper=2 * change[1] if change else None,
        precision=found["precision"],
        recall=found["recall"],
        f1=found["f1"],
        worst_violation=violation,
    )


def against(champion: FloatArray, challenger: FloatArray, labels: IntArray) -> Against:
    """The champion and the new model on the same rows. Equal scores are no change, without any spread."""
    change = ranking.paired_auc_change(PairCounts.of(champion, challenger, labels))
    lower = change.value if change.variance == 0 else change.lower_bound()
    return Against(
        auc_change_lower=lower,
        log_loss=calibration.log_loss(ScoreCounts.of(challenger, labels)).value,
        champion_log_loss=calibration.log_loss(ScoreCounts.of(champion, labels)).value,
    )


def reference(data: Dataset, used: tuple[Column, ...], scored: Scored, contributions: FloatArray, at: float) -> Json:
    """The frozen reference: features by the train slice, scores and performance by the out-of-time slice."""
    counts = scored.counts
    names = [column.name for column in used]
    sentinels = {column.name: _numbers(column.sentinels) for column in used if column.sentinels}
    frozen = columns.freeze(data.frames[TRAIN], names, sentinels)
    of_goods, of_bads = (
        columns.count(data.frames[TRAIN].filter(data.frames[TRAIN]["y"] == label), frozen) for label in (0, 1)
    )
    learned = {name: of_goods[name] + of_bads[name] for name in names}
    shares = np.abs(contributions).mean(axis=0)
    shares = shares / (shares.sum() or 1.0)
    score_bins = bins.freeze_numbers(counts[OOT].unlabelled())
    rows = data.frames[TRAIN].height
    return {
        "format": FORMAT,
        "cutoff": at,
        "features": {
            column.name: {
                "bins": bins.to_json(frozen[column.name]),
                "rows": list(learned[column.name].rows),
                "missing": learned[column.name].part(bins.MISSING) / rows,
                "information_value": drift.information_value(
                    of_goods[column.name].rows, of_bads[column.name].rows
                ).value,
                "shap_share": float(shares[place]),
            }
            for place, column in enumerate(used)
        },
        "scores": {
            "bins": bins.to_json(score_bins),
            "rows": list(score_bins.count(counts[OOT].unlabelled()).rows),
            "mean": counts[OOT].unlabelled().mean(),
        },
        "score_counts": _listed(counts[OOT]),
        "deciles": [asdict(band) for band in calibration.reliability_bands(counts[OOT])],
        "grades": {
            grade: asdict(band)
            for grade, band in scorecard.grade_bands(scored.pd[OOT], labels_of(scored.frames[OOT])).items()
        },
        "performance": {name: performance(counts[name], at) for name in SLICES},
        "rate_alone": asdict(rate_alone(data.frames[OOT])),
    }


def _listed(counts: ScoreCounts) -> Json:
    """The out-of-time scores, to four decimals so that there are never more than 10,001, each with its outcomes."""
    scores, goods, bads = collapsed((counts.scores.round(4),), counts.goods, counts.bads)
    return {"scores": scores.tolist(), "goods": goods.tolist(), "bads": bads.tolist()}


def _numbers(sentinels: tuple[float | str, ...]) -> tuple[float, ...]:
    return tuple(float(each) for each in sentinels if not isinstance(each, str))
