"""Drift and estimated performance by Evidently and NannyML: `python drift.py FOLDER`, in their environment.

The folder holds reference.parquet and current.parquet: features, and pd with y (of the reference). Reading them is not
timed. Prints one line of JSON: seconds of CPU and wall of each, and the numbers that are shared.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nannyml
import pandas as pd
from evidently import DataDefinition, Dataset, Report
from evidently.presets import DataDriftPreset

if TYPE_CHECKING:
    from collections.abc import Callable

SCORES = ["pd", "y", "approved"]


def timed(work: Callable[[], Any]) -> tuple[Any, list[float]]:
    wall, cpu = time.perf_counter(), time.process_time()
    found = work()
    return found, [time.perf_counter() - wall, time.process_time() - cpu]


def evidently(reference: pd.DataFrame, current: pd.DataFrame, numbers: list[str], texts: list[str]) -> dict[str, float]:
    columns = DataDefinition(numerical_columns=numbers, categorical_columns=texts)
    data = [Dataset.from_pandas(frame[numbers + texts], data_definition=columns) for frame in (current, reference)]
    preset = DataDriftPreset(num_method="psi", cat_method="psi")
    found = json.loads(Report([preset]).run(*data).json())["metrics"]
    named = (each for each in found if "column" in each.get("config", {}))
    return {each["config"]["column"]: float(each["value"]) for each in named}


def univariate(reference: pd.DataFrame, current: pd.DataFrame, numbers: list[str], texts: list[str]) -> None:
    drift = nannyml.UnivariateDriftCalculator(column_names=numbers + texts, treat_as_categorical=texts, chunk_number=1)
    drift.fit(reference).calculate(current)


def cbpe(reference: pd.DataFrame, current: pd.DataFrame) -> float:
    named = {"y_pred_proba": "pd", "y_pred": "approved", "y_true": "y"}
    peer = nannyml.CBPE(**named, problem_type="classification_binary", metrics=["roc_auc"], chunk_number=1)
    found = peer.fit(reference).estimate(current).filter(period="analysis").to_df()
    return float(found[("roc_auc", "value")].iloc[0])


def main(folder: Path) -> None:
    frames = [pd.read_parquet(folder / f"{name}.parquet") for name in ("reference", "current")]
    names = [name for name in frames[0].columns if name not in SCORES]
    texts = [name for name in names if name.startswith("level")]
    numbers = [name for name in names if name not in texts]
    index, of_evidently = timed(lambda: evidently(*frames, numbers, texts))
    _, of_univariate = timed(lambda: univariate(*frames, numbers, texts))
    auc, of_cbpe = timed(lambda: cbpe(*frames))
    shared = {"psi": {name: index.get(name) for name in texts}, "auc": auc}
    print(json.dumps({"evidently": of_evidently, "univariate": of_univariate, "cbpe": of_cbpe, **shared}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
