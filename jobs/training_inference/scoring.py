"""Score applications: probability, points, grade, and the reasons why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from jobs.protocol import strict_json
from jobs.scorer import scorecard
from jobs.scorer import scorer as scorers
from jobs.scorer.scorer import Scorer
from jobs.training_inference import reasons
from jobs.training_inference.reasons import Background


@dataclass(frozen=True, slots=True)
class Explainer:
    """A scorer, and what is usual for it: against that a loan's score has reasons."""

    scorer: Scorer
    usual: Background

    def scores(self, frame: pl.DataFrame, *, threads: int, most_explained: int = reasons.MOST_ROWS) -> pl.DataFrame:
        """One row per application, in the order given: id, pd, points, grade and reasons.

        Reasons cost some half a millisecond a row on one core, hundreds of times the score itself, so at most
        `most_explained` rows get them, the riskiest first; in the others they are null.
        """
        pd = self.scorer.pd(frame, threads=threads)
        places = reasons.riskiest(pd, most_explained)
        parts = reasons.contributions(self.scorer.booster, self.scorer.encoding, frame[places], threads=threads)
        why = reasons.reasons(parts, self.usual).with_columns(pl.Series("_place", places, dtype=pl.Int64))
        scored = frame.select("id", "application_date").with_columns(
            pl.Series("pd", pd, dtype=pl.Float64),
            pl.Series("score", scorecard.points(pd), dtype=pl.Int16),
            pl.Series("grade", scorecard.grades(pd), dtype=pl.String),
            pl.int_range(pl.len(), dtype=pl.Int64).alias("_place"),
        )
        return scored.join(why, on="_place", how="left", maintain_order="left").drop("_place")


def explainer(files: Mapping[str, bytes]) -> Explainer:
    """All that scores and explains, from the files of a model whose hashes have been verified."""
    return Explainer(scorers.of(files), reasons.from_json(scorers.stored(files)["reasons"]))


def preparation(scorer: Scorer, usual: Background) -> bytes:
    """All of a model but its trees, as one file of the bank."""
    return strict_json.pretty(
        {
            "feature_set_version": scorer.feature_set_version,
            "columns": list(scorer.encoding.columns),
            "vocabulary": {name: list(levels) for name, levels in scorer.encoding.vocabulary.items()},
            "calibration": scorer.calibration.to_json(),
            "reasons": usual.to_json(),
        }
    )
