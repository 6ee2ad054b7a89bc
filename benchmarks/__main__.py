"""`python -m benchmarks [--loans N] [--runs N] [--without-spark]`: what docs/performance.md says, measured again.

Every figure is a whole process: wall and CPU seconds (its children's too) and peak memory. Runs alternate with the
yardstick's, and ratios are of medians within this one call.
"""

from __future__ import annotations

import argparse
import compileall
import os
import resource
import shutil
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import checks, monitoring, preprocessing
from benchmarks.measuring import Figure, job, measured, show
from benchmarks.models import models


def days(scratch: Path) -> None:
    """A year of small days, then one more: what a run with nothing to do costs, and a day of 0.1 %."""
    root = scratch / "year"
    root.mkdir()
    lender = ["--root", str(root), "--start", "2016-01-04", "--loans-per-day"]
    measured(job("jobs.simulate", *lender, "3", "--end", "2017-01-03", "--seed", "1"))
    built = measured(job("jobs.preprocessing", "--root", str(root), "--date", "2017-01-03"))
    print(
        f"a year of daily partitions, built in one go: {built.wall:.1f} s wall, {1000 * built.wall / 366:.0f} ms a day"
    )
    again = job("jobs.preprocessing", "--root", str(root), "--date", "2017-01-03")
    show("nothing to do, a year of daily partitions", [measured(again) for _ in range(5)], target="0.4 s")
    for path in (root / "datamart/landing").rglob("*2017_01_03*"):
        path.unlink()
    day = scratch / "day"
    day.mkdir()
    span = ["--start", "2017-01-03", "--end", "2017-01-03", "--loans-per-day", "1000", "--seed", "2"]
    measured(job("jobs.simulate", "--root", str(day), *span))
    shutil.copytree(day / "datamart/landing", root / "datamart/landing", dirs_exist_ok=True)
    show("a day of 1,000 loans more", [measured(again)], target="1 s")


def weekly(scratch: Path, runs: int) -> None:
    """A million scored rows in a week, judged and shown; then what peers do of it."""
    root = scratch / "week"
    root.mkdir()
    print(f"a week of {monitoring.million_a_week(root, monitoring.ROWS):,} scored rows, {monitoring.FEATURES} features")
    figures: dict[str, list[Figure]] = {}
    for _ in range(runs):
        monitoring.forget(root)
        for what, argv in monitoring.processes(root, monitoring.FEATURES).items():
            figures.setdefault(what, []).append(measured(argv))
    for (what, found), target in zip(figures.items(), ("2 s of CPU", "5 s"), strict=True):
        show(f"{what}, whole process", found, target=target)
    monitoring.beside_peers(scratch, runs)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--loans", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--without-spark", action="store_true", help="where there is no Java")
    options = parser.parse_args()
    spark = not options.without_spark and shutil.which("java") is not None
    print(
        f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, Python {sys.version.split()[0]}, {time.strftime('%F')}"
    )
    if not spark:
        print("without PySpark: no java on the path")
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    compileall.compile_dir("jobs", quiet=1)  # as the first run leaves it, unless the environment forbids that
    with tempfile.TemporaryDirectory(prefix="benchmarks-") as folder:
        print(checks.contract_check())
        models(options.runs)
        weekly(Path(folder), options.runs)
        days(Path(folder))
        peers = ["pandas", *(["spark"] if spark else [])]
        preprocessing.equal_on_dirt(Path(folder), peers)
        preprocessing.preprocessing(Path(folder), options.loans, options.runs, peers)
        if options.loans >= 1_000_000:
            small = Path(folder) / "small"
            small.mkdir()
            preprocessing.preprocessing(small, options.loans // 10, options.runs, [])


if __name__ == "__main__":
    main()
