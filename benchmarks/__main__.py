"""`python -m benchmarks [--loans N] [--runs N] [--without-spark]`: what docs/performance.md says, measured again.

Every figure is a whole process: wall and CPU seconds (its children's too) and peak memory. Runs alternate with the
yardstick's, and ratios are of medians within this one call.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks import checks, monitoring
from benchmarks.models import models

BIG_DAY = "2016-02-01"
MOST_A_DAY = 50_000  # of the simulator


@dataclass(frozen=True, slots=True)
class Figure:
    """One finished process."""

    wall: float
    cpu: float
    memory_gb: float


def measured(argv: list[str]) -> Figure:
    code = (
        "import resource, subprocess, sys, time\n"
        "started = time.perf_counter()\n"
        "done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)\n"
        "used = resource.getrusage(resource.RUSAGE_CHILDREN)\n"
        "print(time.perf_counter() - started, used.ru_utime + used.ru_stime, used.ru_maxrss / 1e6, done.returncode)\n"
        "sys.stderr.write(done.stderr.decode()[-2000:])"
    )
    told = subprocess.run([sys.executable, "-c", code, *argv], check=True, capture_output=True, text=True)
    *figures, status = told.stdout.split()
    if int(status) != 0:
        raise SystemExit(f"{argv} ended with {status}\n{told.stderr}")
    return Figure(*map(float, figures))


def together(processes: list[Figure]) -> Figure:
    """One after another, as steps of a schedule run."""
    wall, cpu = (sum(getattr(figure, name) for figure in processes) for name in ("wall", "cpu"))
    return Figure(wall, cpu, max(figure.memory_gb for figure in processes))


def job(name: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", name, *arguments]


def show(what: str, figures: list[Figure], against: list[Figure] | None = None, target: str = "") -> None:
    def spread(name: str) -> str:
        values = sorted(getattr(figure, name) for figure in figures)
        return f"{statistics.median(values):8.2f} ({values[0]:.2f}..{values[-1]:.2f})"

    line = f"{what:44} wall {spread('wall')}  cpu {spread('cpu')}  {max(f.memory_gb for f in figures):5.2f} GB"
    if against:
        walls, cpus = (
            statistics.median(getattr(f, n) for f in figures) / statistics.median(getattr(f, n) for f in against)
            for n in ("wall", "cpu")
        )
        line += f"  {walls:6.2f}x wall {cpus:6.2f}x cpu"
    print(line + (f"   target: {target}" if target else ""), flush=True)


def one_big_day(scratch: Path, loans: int) -> Path:
    """A root with one landing date: the simulator's days of a month, put together."""
    parts, root = scratch / "parts", scratch / "big"
    days = -(-loans // MOST_A_DAY)
    parts.mkdir()
    span = ["--start", "2016-01-04", "--end", f"2016-01-{3 + days:02}", "--loans-per-day", str(loans // days)]
    measured(job("jobs.simulate", "--root", str(parts), *span, "--seed", "1"))
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


def preprocessing(scratch: Path, loans: int, runs: int, *, spark: bool) -> None:
    root = one_big_day(scratch, loans)
    landing = root / "datamart/landing"
    size = sum(path.stat().st_size for path in landing.rglob("*.csv")) / 1e9
    print(f"{loans:,} loans at one landing date, {size:.2f} GB of CSV, {runs} runs each")
    run = job("jobs.preprocessing", "--root", str(root), "--date", BIG_DAY)
    ours, to_silver, raw = [], [], []
    for _ in range(runs):
        raw.append(measured(job("benchmarks.raw", str(landing), str(scratch / "raw"))))
        forget(root)
        to_silver.append(together([measured([*run, "--step", step]) for step in ("bronze", "silver")]))
        forget(root)
        ours.append(measured(run))
    show("raw polars conversion (the yardstick)", raw)
    show("preprocessing, all layers, durable", ours, raw, "3.5x, 1.2 GB")
    show("preprocessing, bronze and silver alone", to_silver, raw)
    peers = {"pandas": "at least 4x ours"} | ({"spark": "at least 10x ours"} if spark else {})
    for name, target in peers.items():
        out = scratch / name
        peer = job(f"benchmarks.peers.{name}_preprocessing", str(landing), str(out))
        done = [measured(peer) for _ in range(runs)]
        show(f"{name}: bronze and silver without rules", done, to_silver, target)
        print(f"    {checks.equal_silver(root, out, BIG_DAY)}")
    show("nothing to do, one day", [measured(run) for _ in range(5)], target="0.4 s")


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
    with tempfile.TemporaryDirectory(prefix="benchmarks-") as folder:
        print(checks.contract_check())
        models(options.runs)
        weekly(Path(folder), options.runs)
        days(Path(folder))
        preprocessing(Path(folder), options.loans, options.runs, spark=spark)
        if options.loans >= 1_000_000:
            small = Path(folder) / "small"
            small.mkdir()
            preprocessing(small, options.loans // 10, options.runs, spark=False)


if __name__ == "__main__":
    main()
