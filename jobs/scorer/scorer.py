"""A model of the bank, ready to turn rows of the feature store into probabilities."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jobs.protocol import strict_json
from jobs.protocol.errors import StoreDamaged
from jobs.scorer import calibration, trees
from jobs.scorer.encoding import Encoding

if TYPE_CHECKING:
    from collections.abc import Mapping

    import lightgbm as lgb
    import polars as pl

    from jobs.measures.counts import FloatArray
    from jobs.scorer.calibration import Platt

TREES, PREPARATION = "model.txt", "preparation.json"


@dataclass(frozen=True, slots=True)
class Scorer:
    """Everything that turns rows of the feature store into scores."""

    booster: lgb.Booster
    encoding: Encoding
    calibration: Platt
    feature_set_version: int

    def pd(self, frame: pl.DataFrame, *, threads: int) -> FloatArray:
        """Probability of default of each row, in the order given."""
        return self.calibration(trees.raw_scores(self.booster, self.encoding, frame, threads=threads))


def stored(files: Mapping[str, bytes]) -> dict[str, Any]:
    """All of a model but its trees."""
    found: dict[str, Any] = strict_json.parse(files[PREPARATION], where=PREPARATION)
    return found


def of(files: Mapping[str, bytes]) -> Scorer:
    """The scorer in the files of a model whose hashes have been verified."""
    found = stored(files)
    vocabulary = {name: tuple(levels) for name, levels in found["vocabulary"].items()}
    booster = trees.booster_of(files[TREES])
    if sorted(booster.feature_name()) != sorted(found["columns"]):
        mend = "choose another model in serving_decision.json"
        raise StoreDamaged(f"the trees know other columns than {PREPARATION}", where=TREES, mend=mend)
    return Scorer(
        booster,
        Encoding(tuple(found["columns"]), vocabulary),
        calibration.from_json(found["calibration"]),
        found["feature_set_version"],
    )
