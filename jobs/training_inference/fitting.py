"""Fit the trees (same rows and settings, same bytes, whatever the number of threads) and calibrate their scores."""

from __future__ import annotations

import re
from collections.abc import Mapping

import lightgbm as lgb
import polars as pl

from jobs.measures.counts import FloatArray, IntArray, ScoreCounts
from jobs.measures.recalibration import calibration_line, chance
from jobs.protocol.contract import Column
from jobs.protocol.strict_json import Json
from jobs.scorer.scorer import Platt
from jobs.training_inference.dataset import TRAIN, VALID, Dataset

MOST_ROUNDS, PATIENCE = 1500, 50
LEAF_ROWS, LEAVES_AT_LEAST = 200, 60  # with few rows leaves may be smaller, to allow at least so many
LEAST_SLOPE, MOST_SLOPE = 0.1, 10.0
SETTINGS: Json = {  # no class weights: they would break the probabilities
    "objective": "binary",
    "metric": "binary_logloss",
    "num_leaves": 8,  # credit risk is nearly additive: deeper trees only overfit
    "max_depth": 3,
    "learning_rate": 0.05,
    "feature_fraction": 0.4,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "lambda_l2": 50.0,
    "max_cat_to_onehot": 8,
    "cat_smooth": 50.0,
    "monotone_constraints_method": "basic",  # "advanced" was seen to violate constraints, see LightGBM 5358
    "deterministic": True,
    "force_row_wise": True,
    "seed": 20_110_101,
    "verbosity": -1,
}


def fit(
    data: Dataset, columns: tuple[Column, ...], tables: Mapping[str, pl.DataFrame], *, threads: int
) -> tuple[bytes, Json]:
    """Boost on the train slice until the valid slice stops improving, and keep the best round.

    `tables` are the encoded slices. Returns the model as text, and facts about the fit for the card.
    """
    settings = settings_for(data.frames[TRAIN].height, columns)
    categories = [column.name for column in columns if column.dtype == "string"]
    labels = {name: data.frames[name]["y"].to_numpy() for name in (TRAIN, VALID)}
    train = lgb.Dataset(tables[TRAIN], label=labels[TRAIN], categorical_feature=categories)
    valid = lgb.Dataset(tables[VALID], label=labels[VALID], categorical_feature=categories, reference=train)
    booster = lgb.train(
        {**settings, "num_threads": threads},
        train,
        num_boost_round=MOST_ROUNDS,
        valid_sets=[valid],
        callbacks=[lgb.early_stopping(PATIENCE, verbose=False)],
    )
    rounds, stopped = booster.best_iteration, booster.current_iteration() < MOST_ROUNDS
    text = re.sub(r"\[num_threads: \d+\]", "[num_threads: 0]", booster.model_to_string(num_iteration=rounds))
    return text.encode(), {"rounds": rounds, "stopped_early": stopped, "settings": settings}


def settings_for(rows: int, columns: tuple[Column, ...]) -> Json:
    """The settings of a fit, without the number of threads; categories get no monotone sign, or LightGBM aborts."""
    signs = [0 if column.dtype == "string" else column.monotone for column in columns]
    leaf = max(1, min(LEAF_ROWS, rows // LEAVES_AT_LEAST))
    return {**SETTINGS, "min_data_in_leaf": leaf, "monotone_constraints": signs}


def worst_violation(booster: lgb.Booster, columns: tuple[Column, ...]) -> float:
    """The worst violation of a column's sign by any split of any tree, between the leaves on its two sides.

    Zero is a proof: no two rows that differ only in one signed column are ranked against its sign.
    """
    signs = {column.name: column.monotone for column in columns}
    names = booster.feature_name()
    found = [_spread(tree["tree_structure"], names, signs) for tree in booster.dump_model()["tree_info"]]
    return max((violation for _, _, violation in found), default=0.0)


def _spread(node: Json, names: list[str], signs: Mapping[str, int]) -> tuple[float, float, float]:
    """The lowest and the highest leaf below a node, and the worst violation in it."""
    if "leaf_value" in node:
        return node["leaf_value"], node["leaf_value"], 0.0
    left, right = (_spread(node[side], names, signs) for side in ("left_child", "right_child"))
    sign = signs[names[node["split_feature"]]]
    against = {1: left[1] - right[0], -1: right[1] - left[0], 0: 0.0}[sign]
    return min(left[0], right[0]), max(left[1], right[1]), max(left[2], right[2], against)


def calibrated(raw: FloatArray, labels: FloatArray | IntArray) -> Platt:
    """Fit the most likely calibration line; if it does not rise sensibly, fit only its level, so that ranks stay."""
    counts = ScoreCounts.of(chance(raw), labels)
    line = calibration_line(counts)
    if line.slope.value is not None and LEAST_SLOPE <= line.slope.value <= MOST_SLOPE:
        intercept, slope = line.intercept.known(), line.slope.known()
        return Platt(intercept=intercept, slope=slope, rows=counts.n, bads=counts.n_bad)
    low, high = -50.0, 50.0
    for _ in range(80):  # the mean probability rises with the shift: bisect until it equals the bad rate
        middle = (low + high) / 2
        low, high = (middle, high) if chance(raw + middle).mean() < labels.mean() else (low, middle)
    return Platt(intercept=(low + high) / 2, slope=1.0, rows=counts.n, bads=counts.n_bad)
