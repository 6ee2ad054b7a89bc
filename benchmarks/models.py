"""Training beside `lightgbm.train` alone, and scoring beside `Booster.predict` alone: same rows, settings and threads.

In one process, alternating, so that imports and the state of the machine are the same for both. Once on an idle
machine, once with half the cores kept busy by others.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from datetime import date
from typing import TYPE_CHECKING, Any

import lightgbm as lgb

from jobs.scorer import scorer as scorers
from jobs.simulate.settings import Settings
from jobs.training_inference import dataset, fitting, scoring
from jobs.training_inference.dataset import TRAIN, VALID
from jobs.training_inference.scoring import MOST_ROWS
from tests.training_inference import population

if TYPE_CHECKING:
    from collections.abc import Callable

    from jobs.training_inference.training import Trained

LOANS_A_DAY = 400


def models(runs: int) -> None:
    population.SETTINGS = Settings(date(2015, 1, 2), date(2016, 5, 20), LOANS_A_DAY, 11, 0.0)
    data = population.data()
    sizes = {name: frame.height for name, frame in data.frames.items()}
    columns = dataset.features(population.POLICY.feature_profile)
    print(f"models on {sum(sizes.values()):,} matured loans ({sizes}), {len(columns)} features, {runs} runs each")
    trained = population.trained(_threads())
    for busy in (0, (os.cpu_count() or 2) // 2):
        with _Busy(busy):
            _training(runs, f"{busy} cores busy")
            _scoring(runs, trained, f"{busy} cores busy")


def _threads() -> int:
    return scorers.threads_for(os.cpu_count() or 1, os.getloadavg()[0])


def _training(runs: int, when: str) -> None:
    data = population.data()
    columns = dataset.features(population.POLICY.feature_profile)
    encoding = dataset.encoding(data.frames[TRAIN], columns)
    tables = {name: (encoding.table(data.frames[name]), data.frames[name]["y"].to_numpy()) for name in (TRAIN, VALID)}
    settings = {**fitting.settings_for(data.frames[TRAIN].height, columns), "num_threads": _threads()}
    stopping = [lgb.early_stopping(fitting.PATIENCE, verbose=False)]

    def alone() -> None:
        kinds: dict[str, Any] = {"categorical_feature": list(encoding.vocabulary)}
        rows = lgb.Dataset(tables[TRAIN][0], label=tables[TRAIN][1], **kinds)
        held = lgb.Dataset(tables[VALID][0], label=tables[VALID][1], reference=rows, **kinds)
        lgb.train(settings, rows, num_boost_round=fitting.MOST_ROUNDS, valid_sets=[held], callbacks=stopping)

    _beside(f"training, {when}", lambda: population.train(_threads(), None), "lightgbm.train", alone, runs, "1.15x")


def _scoring(runs: int, trained: Trained, when: str) -> None:
    scorer, rows, threads = scorers.of(trained.files), population.loans()[0], _threads()
    table = scorer.encoding.table(rows)

    def alone() -> None:
        scorer.booster.predict(table, raw_score=True, num_threads=threads)

    what = f"scoring {rows.height:,} loans, {when}"
    without = lambda: scoring.scores(scorer, rows, threads=threads, most_explained=0)  # noqa: E731
    _beside(what, without, "predict", alone, runs, "at most 1.11x")
    few = rows.head(MOST_ROWS)
    _beside(
        f"scoring {few.height:,} with reasons, {when}",
        lambda: scoring.scores(scorer, few, threads=threads),
        "predict with pred_contrib",
        lambda: scorer.booster.predict(table.slice(0, few.height), pred_contrib=True, num_threads=threads),
        1,
        "",
    )


def _beside(
    what: str, ours: Callable[[], object], name: str, theirs: Callable[[], object], runs: int, target: str
) -> None:
    seconds: tuple[list[float], list[float]] = ([], [])
    for _ in range(runs):
        for kept, work in zip(seconds, (theirs, ours), strict=True):
            started = time.perf_counter()
            work()
            kept.append(time.perf_counter() - started)
    alone, whole = (statistics.median(each) for each in seconds)
    spread = " ".join(f"{min(each):.2f}..{max(each):.2f}" for each in seconds)
    print(
        f"{what:44} {whole:7.2f} s, {name} alone {alone:7.2f} s ({spread})  {whole / alone:5.2f}x   target: {target}",
        flush=True,
    )


class _Busy:
    """Other processes that keep some cores busy."""

    def __init__(self, cores: int) -> None:
        self.cores = cores
        self.others: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> None:
        self.others = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(self.cores)]
        if self.others:
            time.sleep(45)  # until the machine's load says so

    def __exit__(self, *_: object) -> None:
        for other in self.others:
            other.kill()
            other.wait()
