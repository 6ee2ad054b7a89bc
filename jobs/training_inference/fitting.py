"""Fit the trees: the same rows and settings give the same bytes, whatever the number of threads."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import lightgbm as lgb

from jobs.training_inference.dataset import TRAIN, VALID

if TYPE_CHECKING:
    from collections.abc import Mapping

    import polars as pl

    from jobs.protocol.contract import Column
    from jobs.scorer.encoding import Encoding
    from jobs.training_inference.dataset import Dataset

MOST_ROUNDS, PATIENCE = 1500, 50
LEAF_ROWS, LEAVES_AT_LEAST = 200, 60  # on few rows a leaf may be smaller: always room for so many
SETTINGS: dict[str, Any] = {  # no class weights: they would break the probabilities
    "objective": "binary",
    "metric": "binary_logloss",
    "num_leaves": 8,  # risk of credit is nearly additive: deeper trees learnt the training rows, not the loans
    "max_depth": 3,
    "learning_rate": 0.05,
    "feature_fraction": 0.4,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "lambda_l2": 50.0,
    "max_cat_to_onehot": 8,
    "cat_smooth": 50.0,
    "monotone_constraints_method": "basic",  # the sweep caught "advanced" breaking its promise, see LightGBM 5358
    "deterministic": True,
    "force_row_wise": True,
    "seed": 20_110_101,
    "verbosity": -1,
}


@dataclass(frozen=True, slots=True)
class Fitted:
    """The model as text, and what to tell of how it came about."""

    text: bytes
    rounds: int
    stopped_early: bool
    settings: dict[str, Any]


def fit(data: Dataset, columns: tuple[Column, ...], encoding: Encoding, *, threads: int) -> Fitted:
    """Boost on the train slice until the valid slice has not gained for a while; keep the best round."""
    settings = settings_for(data.frames[TRAIN].height, columns)
    train = _lgb_dataset(data.frames[TRAIN], encoding)
    valid = _lgb_dataset(data.frames[VALID], encoding, reference=train)
    booster = lgb.train(
        {**settings, "num_threads": threads},
        train,
        num_boost_round=MOST_ROUNDS,
        valid_sets=[valid],
        callbacks=[lgb.early_stopping(PATIENCE, verbose=False)],
    )
    rounds = booster.best_iteration
    text = re.sub(r"\[num_threads: \d+\]", "[num_threads: 0]", booster.model_to_string(num_iteration=rounds))
    return Fitted(text.encode(), rounds, booster.current_iteration() < MOST_ROUNDS, settings)


def settings_for(rows: int, columns: tuple[Column, ...]) -> dict[str, Any]:
    """The settings of a fit, but for the number of threads; a monotone sign never meets a category: LightGBM aborts."""
    signs = [0 if column.dtype == "string" else column.monotone for column in columns]
    leaf = max(1, min(LEAF_ROWS, rows // LEAVES_AT_LEAST))
    return {**SETTINGS, "min_data_in_leaf": leaf, "monotone_constraints": signs}


def worst_violation(booster: lgb.Booster, columns: tuple[Column, ...]) -> float:
    """How far any split of any tree goes against the sign of its column, by the worst pair of leaves below it.

    Nothing found is a proof: no two rows that differ in a signed column alone are ranked against its sign.
    """
    signs = {column.name: column.monotone for column in columns}
    names = booster.feature_name()
    found = [_spread(tree["tree_structure"], names, signs) for tree in booster.dump_model()["tree_info"]]
    return max((violation for _, _, violation in found), default=0.0)


def _spread(node: dict[str, Any], names: list[str], signs: Mapping[str, int]) -> tuple[float, float, float]:
    """The lowest and the highest leaf below a node, and the worst violation in it."""
    if "leaf_value" in node:
        return node["leaf_value"], node["leaf_value"], 0.0
    left, right = (_spread(node[side], names, signs) for side in ("left_child", "right_child"))
    sign = signs[names[node["split_feature"]]]
    against = {1: left[1] - right[0], -1: right[1] - left[0], 0: 0.0}[sign]
    return min(left[0], right[0]), max(left[1], right[1]), max(left[2], right[2], against)


def _lgb_dataset(frame: pl.DataFrame, encoding: Encoding, reference: lgb.Dataset | None = None) -> lgb.Dataset:
    return lgb.Dataset(
        encoding.table(frame),
        label=frame["y"].to_numpy(),
        categorical_feature=list(encoding.vocabulary),
        reference=reference,
    )
