"""A week of a million scored rows: evidence, decision and report as processes; then the parts that peers share."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from jobs.measures import bins, drift
from jobs.measures.counts import ScoreCounts, ValueCounts
from jobs.measures.drift import ZeroPolicy
from jobs.monitoring import performance
from jobs.protocol import policy
from tests.monitoring import small_weeks

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from jobs.measures.bins import BinCounts, Bins

Json = dict[str, Any]
Measured = tuple[float, float]

ROWS, FEATURES, CUTOFF = 1_000_000, 60, 0.2
PEERS = Path(".venv-peers/bin/python")
DAYS = 7


def million_a_week(root: Path, rows: int) -> int:
    """The small lender of the tests, each loan of its last week many times, with noise of its own."""
    small_weeks.lender(root)
    week = [small_weeks.WEEK - timedelta(days=back) for back in range(DAYS)]
    scored = sum(small_weeks.rows(root, "gold/predictions", day).height for day in week)
    copies = -(-rows // scored)
    for number, day in enumerate(week):
        chance = np.random.default_rng(number)
        for table in ("gold/feature_store", "gold/predictions"):
            few = small_weeks.rows(root, table, day).sort("id")
            many = pl.concat([few] * copies).with_columns(id=pl.int_range(few.height * copies) + 10**9 * (number + 1))
            noise = pl.Series(np.exp(chance.normal(0, 0.05, many.height)))
            floats = [name for name, kind in few.schema.items() if kind == pl.Float64]
            many = many.with_columns((pl.col(name) * noise).alias(name) for name in floats)
            if "pd" in floats:
                many = many.with_columns(pl.col("pd").clip(1e-6, 1 - 1e-6))
            small_weeks.put_rows(root, table, day, many)
    return copies * scored


def processes(root: Path, features: int) -> dict[str, list[str]]:
    """What is measured as a process of its own."""
    begun = [sys.executable, "-m", "benchmarks.judged_week", str(root), str(small_weeks.SUNDAY), str(features)]
    return {"evidence and decision": [*begun, "check", "evidence", "decide"], "its report": [*begun, "report"]}


def forget(root: Path) -> None:
    for name in ("monitoring", "reports"):
        shutil.rmtree(root / "datamart/gold" / name, ignore_errors=True)


def beside_peers(scratch: Path, runs: int) -> None:
    """PSI of features, and the AUC that is estimated: ours from a frozen reference, theirs from both samples."""
    folder = scratch / "shared"
    folder.mkdir()
    samples = [_sample(seed, shift) for seed, shift in ((1, 0.0), (2, 0.1))]
    for name, sample in zip(("reference", "current"), samples, strict=True):
        sample.write_parquet(folder / f"{name}.parquet")
    before, now = samples
    names = [name for name in before.columns if name.startswith(("number", "level"))]
    frozen = bins.freeze(before, names)
    reference = bins.count(before, frozen)
    learned = ScoreCounts.of(before["pd"].to_numpy(), before["y"].to_numpy())
    rules = policy.load(None, "")
    ours = [_timed(lambda: _psi(reference, now, frozen)) for _ in range(runs)]
    _, both = _timed(lambda: _psi(bins.count(before, bins.freeze(before, names)), now, frozen))
    scores = lambda: performance.estimate(ValueCounts.of(now["pd"].to_numpy()), learned, CUTOFF, rules)  # noqa: E731
    estimates = [_timed(scores) for _ in range(runs)]
    _said(f"PSI of {len(names)} features, frozen reference", [each for _, each in ours])
    _said("   freezing the reference too (n=1)", [both])
    _said("estimated performance", [each for _, each in estimates])
    if PEERS.exists():
        _peers(folder, ours, both, estimates)
    else:
        print(f"without Evidently and NannyML: no {PEERS}")


def _peers(
    folder: Path, ours: list[tuple[Any, Measured]], both: Measured, estimates: list[tuple[Any, Measured]]
) -> None:
    argv = [str(PEERS), "-W", "ignore", "benchmarks/peers/drift.py", str(folder)]
    told = subprocess.run(argv, check=True, capture_output=True, text=True).stdout
    theirs: Json = json.loads(told.splitlines()[-1])
    best, of_estimate = ([median(each[at] for _, each in found) for at in (0, 1)] for found in (ours, estimates))
    _ratio("Evidently, PSI preset (n=1)", theirs["evidently"], best, "at least 50x")
    _ratio("   over ours with the reference frozen anew", theirs["evidently"], both, "")
    _ratio("NannyML, univariate drift (n=1)", theirs["univariate"], best, "")
    _ratio("NannyML, CBPE of the AUC (n=1)", theirs["cbpe"], of_estimate, "")
    index, found = ours[0][0], estimates[0][0]
    apart = max(abs(index[name] - value) for name, value in theirs["psi"].items())
    print(
        f"    largest difference: PSI of {len(theirs['psi'])} categories {apart:.1e} (numbers are binned otherwise),",
        end="",
    )
    print(f" estimated AUC {abs(found['auc']['value'] - theirs['auc']):.1e}")


def _sample(seed: int, shift: float) -> pl.DataFrame:
    chance = np.random.default_rng(seed)
    numbers = {f"number{n}": np.exp(chance.normal(shift * n / FEATURES, 0.5, ROWS)) for n in range(FEATURES - 5)}
    levels = np.array([f"l{n}" for n in range(6)])
    texts = {f"level{n}": levels[chance.integers(0, len(levels), ROWS)] for n in range(5)}
    pd = 1 / (1 + np.exp(-chance.normal(-1.6 + shift, 0.8, ROWS)))
    outcome = {"pd": pd, "y": (chance.random(ROWS) < pd).astype(np.int8), "approved": (pd >= CUTOFF).astype(np.int8)}
    return pl.DataFrame(numbers | texts | outcome)


def _psi(reference: dict[str, BinCounts], now: pl.DataFrame, frozen: dict[str, Bins]) -> dict[str, float]:
    counted = bins.count(now, frozen)
    return {name: drift.psi(reference[name], counted[name], ZeroPolicy.EPSILON).value or 0.0 for name in frozen}


def _timed(work: Callable[[], Any]) -> tuple[Any, Measured]:
    wall, cpu = time.perf_counter(), time.process_time()
    found = work()
    return found, (time.perf_counter() - wall, time.process_time() - cpu)


def _said(what: str, figures: Sequence[Measured]) -> None:
    walls, cpus = (sorted(each[at] for each in figures) for at in (0, 1))
    spread = (f"{each[len(each) // 2]:8.2f} ({each[0]:.2f}..{each[-1]:.2f})" for each in (walls, cpus))
    print("{:44} wall {}  cpu {}".format(what, *spread), flush=True)


def _ratio(what: str, theirs: Sequence[float], ours: Sequence[float], target: str) -> None:
    ratios = [their / our for their, our in zip(theirs, ours, strict=True)]
    line = f"{what:44} wall {theirs[0]:8.2f}  cpu {theirs[1]:8.2f}  {ratios[0]:6.1f}x wall {ratios[1]:6.1f}x cpu"
    print(line + (f"   target: {target}" if target else ""), flush=True)
