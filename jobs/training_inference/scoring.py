"""Score applications with a model from the bank: probability, points, grade, reasons."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from jobs.protocol import strict_json
from jobs.training_inference import calibrating, fitting, reasons, scorecard
from jobs.training_inference.dataset import Encoding

if TYPE_CHECKING:
    from collections.abc import Mapping

    import lightgbm as lgb

    from jobs.measures.counts import FloatArray
    from jobs.training_inference.calibrating import Platt
    from jobs.training_inference.reasons import Background

TREES, PREPARATION = "model.txt", "preparation.json"


@dataclass(frozen=True, slots=True)
class Scorer:
    """Everything that turns rows of the feature store into scores."""

    booster: lgb.Booster
    encoding: Encoding
    calibration: Platt
    usual: Background
    feature_set_version: int

    def pd(self, frame: pl.DataFrame, *, threads: int) -> FloatArray:
        return self.calibration(fitting.raw_scores(self.booster, self.encoding, frame, threads=threads))

    def scores(self, frame: pl.DataFrame, *, threads: int, most_explained: int = reasons.MOST_ROWS) -> pl.DataFrame:
        """One row per application, in the order given: id, pd, points, grade and reasons.

        Reasons cost some half a millisecond a row on one core, hundreds of times the score itself, so at most
        `most_explained` rows get them, the riskiest first; in the others they are null.
        """
        pd = self.pd(frame, threads=threads)
        places = reasons.riskiest(pd, most_explained)
        parts = reasons.contributions(self.booster, self.encoding, frame[places], threads=threads)
        why = reasons.reasons(parts, self.usual).with_columns(pl.Series("_place", places, dtype=pl.Int64))
        scored = frame.select("id", "application_date").with_columns(
            pl.Series("pd", pd, dtype=pl.Float64),
            pl.Series("score", scorecard.points(pd), dtype=pl.Int16),
            pl.Series("grade", scorecard.grades(pd), dtype=pl.String),
            pl.int_range(pl.len(), dtype=pl.Int64).alias("_place"),
        )
        return scored.join(why, on="_place", how="left", maintain_order="left").drop("_place")


def preparation(encoding: Encoding, calibration: Platt, usual: Background, feature_set_version: int) -> bytes:
    """All of a scorer but its trees, as one file of the bank."""
    return strict_json.pretty(
        {
            "feature_set_version": feature_set_version,
            "columns": list(encoding.columns),
            "vocabulary": {name: list(levels) for name, levels in encoding.vocabulary.items()},
            "calibration": calibration.to_json(),
            "reasons": usual.to_json(),
        }
    )


def scorer(files: Mapping[str, bytes]) -> Scorer:
    """The scorer in the files of a model whose hashes have been verified."""
    stored: dict[str, Any] = strict_json.parse(files[PREPARATION], where=PREPARATION)
    vocabulary = {name: tuple(levels) for name, levels in stored["vocabulary"].items()}
    return Scorer(
        fitting.booster_of(files[TREES]),
        Encoding(tuple(stored["columns"]), vocabulary),
        calibrating.from_json(stored["calibration"]),
        reasons.from_json(stored["reasons"]),
        stored["feature_set_version"],
    )
