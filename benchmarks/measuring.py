"""Whole processes, measured: wall and CPU seconds (their children's too) and peak memory."""

from __future__ import annotations

import statistics
import subprocess
import sys
from dataclasses import dataclass


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
