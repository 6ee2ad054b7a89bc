"""The trees of a model: loaded once they are vouched for, asked for raw scores with few enough threads."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import lightgbm as lgb
import numpy as np

if TYPE_CHECKING:
    import polars as pl

    from jobs.measures.counts import FloatArray
    from jobs.scorer.encoding import Encoding


ROWS_A_THREAD = 1_000  # to start one for fewer costs more than it saves


def threads_for(cores: int, load: float) -> int:
    """Fewer threads than free cores: one more than there are, and LightGBM takes many times as long."""
    return max(1, min(cores - 1, math.floor(cores - load)))


def booster_of(text: bytes) -> lgb.Booster:
    """The trees in a text whose hash has been verified: LightGBM survives no other."""
    return lgb.Booster(model_str=text.decode())


def raw_scores(booster: lgb.Booster, encoding: Encoding, frame: pl.DataFrame, *, threads: int) -> FloatArray:
    """Log-odds before calibration."""
    return predicted(booster, encoding, frame, threads=threads, raw_score=True) if frame.height else np.empty(0)


def predicted(
    booster: lgb.Booster, encoding: Encoding, frame: pl.DataFrame, *, threads: int, **what: bool
) -> FloatArray:
    """What the trees say. Columns go by the model's own names: in another order it would be silently wrong."""
    table = encoding.table(frame).select(booster.feature_name())
    worth = 1 + frame.height // ROWS_A_THREAD
    return np.asarray(booster.predict(table, num_threads=min(threads, worth), **what), dtype=np.float64)
