"""Preprocessing of one large day beside raw conversion, and beside pandas and PySpark that do the same work."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

from benchmarks import checks
from benchmarks.measuring import Figure, job, measured, show
from benchmarks.peers.work import SNAPSHOT

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

BIG_DAY = str(SNAPSHOT)
MOST_A_DAY = 50_000  # of the simulator
TARGETS = {"pandas": "at least 4x ours", "spark": "at least 10x ours"}
DIRTY_LOANS, DIRT = 20_000, "0.01"  # of every kind of dirt


def one_big_day(scratch: Path, loans: int, dirt: str = "0") -> Path:
    """A root with one landing date: the simulator's days of a month, put together."""
    parts, root = scratch / "parts", scratch / "big"
    days = -(-loans // MOST_A_DAY)
    parts.mkdir()
    span = ["--start", "2016-01-04", "--end", f"2016-01-{3 + days:02}", "--loans-per-day", str(loans // days)]
    measured(job("jobs.simulate", "--root", str(parts), *span, "--seed", "1", "--dirt", dirt))
    for folder in sorted((parts / "datamart/landing").iterdir()):
        target = root / "datamart/landing" / folder.name / f"{folder.name}_{BIG_DAY.replace('-', '_')}.csv"
        target.parent.mkdir(parents=True)
        with target.open("wb") as out:
            for number, path in enumerate(sorted(folder.glob("*.csv"))):
                with path.open("rb") as file:
                    header = file.readline()
                    out.write(header if number == 0 else b"")
                    shutil.copyfileobj(file, out)
        os.utime(target, (1, 1))  # long since quiet
    shutil.rmtree(parts)
    return root


def forget(root: Path) -> None:
    for name in ("bronze", "silver", "gold", ".index"):
        shutil.rmtree(root / "datamart" / name, ignore_errors=True)
    shutil.rmtree(root / "decisions", ignore_errors=True)


def of_ours(root: Path) -> list[str]:
    return job("jobs.preprocessing", "--root", str(root), "--date", BIG_DAY)


def of_peer(name: str, root: Path, out: Path) -> list[str]:
    shutil.rmtree(out, ignore_errors=True)
    return job(f"benchmarks.peers.{name}_preprocessing", str(root / "datamart/landing"), str(out))


def equal_on_dirt(scratch: Path, peers: Sequence[str]) -> None:
    """Where every rule has something to refuse, too, a peer has to do what ours does."""
    folder = scratch / "dirty"
    folder.mkdir()
    root = one_big_day(folder, DIRTY_LOANS, DIRT)
    measured(of_ours(root))
    for name in peers:
        measured(of_peer(name, root, folder / name))
        print(f"{name}, {DIRTY_LOANS:,} dirty loans: {checks.equal(root, folder / name, BIG_DAY)}", flush=True)


def preprocessing(scratch: Path, loans: int, runs: int, peers: Sequence[str]) -> None:
    """In turns: the yardstick, ours, and each peer."""
    root = one_big_day(scratch, loans)
    landing = root / "datamart/landing"
    size = sum(path.stat().st_size for path in landing.rglob("*.csv")) / 1e9
    print(f"{loans:,} loans at one landing date, {size:.2f} GB of CSV, {runs} runs each")
    figures: dict[str, list[Figure]] = {name: [] for name in ("raw", "ours", *peers)}
    for _ in range(runs):
        figures["raw"].append(measured(job("benchmarks.raw", str(landing), str(scratch / "raw"))))
        forget(root)
        figures["ours"].append(measured(of_ours(root)))
        for name in peers:
            figures[name].append(measured(of_peer(name, root, scratch / name)))
    show("raw polars conversion (the yardstick)", figures["raw"])
    show("preprocessing, all layers, durable", figures["ours"], figures["raw"], "3.5x, 1.2 GB")
    for name in peers:
        show(f"{name}: the same work", figures[name], figures["ours"], TARGETS[name])
        print(f"    {checks.equal(root, scratch / name, BIG_DAY)}")
    show("nothing to do, one day", [measured(of_ours(root)) for _ in range(5)], target="0.4 s")
