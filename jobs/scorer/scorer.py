"""A model from the bank, ready to turn rows of the feature store into probabilities."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass

import lightgbm as lgb
import numpy as np
import polars as pl

from jobs.measures.counts import FloatArray
from jobs.measures.recalibration import chance
from jobs.protocol import strict_json
from jobs.protocol.errors import StoreDamaged
from jobs.protocol.model_bank import PREPARATION, TREES
from jobs.protocol.strict_json import Json
from jobs.protocol.workers import cores

SMALLEST = 1e-6  # probabilities stay this far away from 0 and 1
ROWS_A_THREAD = 1_000  # starting a thread for fewer rows costs more than it saves


@dataclass(frozen=True, slots=True)
class Encoding:
    """How rows become numbers: the columns in order, and the levels of categorical ones as seen in training."""

    columns: tuple[str, ...]
    vocabulary: Mapping[str, tuple[str, ...]]

    def table(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The rows as LightGBM takes them: it identifies columns by position.

        A level is encoded as its position in the vocabulary. A level not seen in training gets the code after the last,
        which no split names, so it takes the branch of "all other levels". Null stays null: missing.
        """
        codes = {
            name: pl.when(pl.col(name).is_not_null())
            .then(pl.col(name).replace_strict(levels, range(len(levels)), default=len(levels), return_dtype=pl.Int16))
            .alias(name)
            for name, levels in self.vocabulary.items()
        }
        return frame.select(codes.get(name, pl.col(name)) for name in self.columns).rechunk()


@dataclass(frozen=True, slots=True, kw_only=True)
class Platt:
    """pd = 1 / (1 + exp(-(intercept + slope * raw))).

    A line rather than isotonic steps: trees boosted on log-loss are off by little more than level and slope; a line
    needs few rows, preserves ranks, and is smooth beyond the scores that it was fitted on.
    """

    kind: str = "platt"
    intercept: float
    slope: float
    rows: int
    bads: int

    def __post_init__(self) -> None:
        if self.kind != "platt" or not (self.slope > 0 and np.isfinite([self.slope, self.intercept]).all()):
            raise ValueError("this is no calibration that keeps ranks")

    def __call__(self, raw: FloatArray) -> FloatArray:
        return np.clip(chance(self.intercept + self.slope * raw), SMALLEST, 1 - SMALLEST)


@dataclass(frozen=True, slots=True)
class Scorer:
    """Everything that turns rows of the feature store into scores, and the usual contributions for reasons."""

    booster: lgb.Booster
    encoding: Encoding
    calibration: Platt
    usual: Json
    feature_set_version: int

    def pd(self, frame: pl.DataFrame, *, threads: int) -> FloatArray:
        """Probability of default of each row, in the order given."""
        return self.calibration(predicted(self.booster, self.encoding.table(frame), threads=threads, raw_score=True))

    def preparation(self) -> bytes:
        """Everything of a model but its trees, as one file of the bank."""
        return strict_json.pretty(
            {
                "feature_set_version": self.feature_set_version,
                **asdict(self.encoding),
                "calibration": asdict(self.calibration),
                "reasons": self.usual,
            }
        )


def of(files: Mapping[str, bytes]) -> Scorer:
    """Load the scorer from a model's files, which must be verified first: LightGBM crashes on damaged ones."""
    found = strict_json.parse(files[PREPARATION], where=PREPARATION)
    booster = lgb.Booster(model_str=files[TREES].decode())
    if booster.feature_name() != found["columns"]:
        mend = "choose another model in serving_decision.json"
        raise StoreDamaged(f"the trees know other columns than {PREPARATION}", where=TREES, mend=mend)
    encoding = Encoding(tuple(found["columns"]), {name: tuple(levels) for name, levels in found["vocabulary"].items()})
    return Scorer(booster, encoding, Platt(**found["calibration"]), found["reasons"], found["feature_set_version"])


def predicted(booster: lgb.Booster, table: pl.DataFrame | FloatArray, *, threads: int, **what: bool) -> FloatArray:
    """The trees' predictions for encoded rows."""
    height, width = table.shape
    if not height:
        return np.empty((0, width + 1) if what.get("pred_contrib") else 0)
    worth = 1 + height // ROWS_A_THREAD
    return np.asarray(booster.predict(table, num_threads=min(threads, worth), **what), dtype=np.float64)


def threads_for(cores: int, load: float) -> int:
    """Fewer threads than free cores: with one more than that, LightGBM takes many times as long."""
    return max(1, min(cores - 1, math.floor(cores - load)))


def free_threads() -> int:
    """How many threads to start now, given the machine's present load and the CPU quota, which polars has looked up."""
    return min(threads_for(cores(), os.getloadavg()[0]), pl.thread_pool_size())
