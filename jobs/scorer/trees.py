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


def threads_for(cores: int, load: float) -> int:
    """Fewer threads than free cores: one more than there are, and LightGBM takes many times as long."""
    return max(1, min(cores - 1, math.floor(cores - load)))


def booster_of(text: bytes) -> lgb.Booster:
    """The trees in a text whose hash has been verified: LightGBM survives no other."""
    return lgb.Booster(model_str=text.decode())


def raw_scores(booster: lgb.Booster, encoding: Encoding, frame: pl.DataFrame, *, threads: int) -> FloatArray:
    """Log-odds before calibration. Columns go by the model's own names: in another order it would be silently wrong."""
    if not frame.height:
        return np.empty(0)
    table = encoding.table(frame).select(booster.feature_name())
    return np.asarray(booster.predict(table, raw_score=True, num_threads=threads), dtype=np.float64)
