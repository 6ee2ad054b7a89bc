"""Kill a command, or fail it, at every system call with which it changes files; then see what running it again gives.

strace traces one undisturbed run, and every mutating call of it becomes a case: the same command on a fresh copy of
the same root, with that one call killed or failed. strace counts calls per thread, so commands run with one worker.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

CHANGING = (
    "write,pwrite64,writev,rename,renameat,renameat2,link,linkat,symlink,symlinkat,unlink,unlinkat,mkdir,mkdirat,rmdir,"
    "fsync,fdatasync,ftruncate,fallocate,chmod,fchmod,fchmodat,openat,open,copy_file_range"
)
CALL = re.compile(r"^(?P<thread>\d+)\s+(?P<name>\w+)\((?P<arguments>.*)$")
KILLED = 137
PATIENCE = 120.0  # seconds
ERRORS = ("EIO", "ENOSPC", "EACCES", "EDQUOT", "EMFILE", "EEXIST")


@dataclass(frozen=True, slots=True)
class Case:
    """The `ordinal`-th call of this name, counted in its thread."""

    name: str
    ordinal: int
    error: str | None = None

    @property
    def injection(self) -> str:
        how = f"error={self.error}" if self.error else "signal=SIGKILL"
        return f"inject={self.name}:{how}:when={self.ordinal}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the command, and of the root after it had run again."""

    case: Case
    code: int
    output: str
    at_once: dict[str, str]
    rerun_code: int
    tree: dict[str, str]


def environment() -> dict[str, str]:
    return os.environ | {"POLARS_MAX_THREADS": "1", "OMP_NUM_THREADS": "1", "P2P_WORKERS": "1", "PYTHONHASHSEED": "0"}


def command(job: str, root: Path, *arguments: str) -> list[str]:
    return [sys.executable, "-m", f"jobs.{job}", "--root", str(root), *arguments]


def cases(trace: str, root: Path) -> list[Case]:
    """Every call in the trace that changed something below the root. strace counts for each thread by itself, so the
    same ordinal of two threads is one case: the first of them to come so far is hit.
    """
    counted: Counter[tuple[str, str]] = Counter()
    found: dict[Case, None] = {}
    for line in trace.splitlines():
        call = CALL.match(line)
        if not call or "resumed>" in line:
            continue
        name, arguments = call["name"], call["arguments"]
        counted[call["thread"], name] += 1
        is_change = name not in ("open", "openat") or "O_CREAT" in arguments or "O_TRUNC" in arguments
        if is_change and str(root) in arguments:
            found[Case(name, counted[call["thread"], name])] = None
    return list(found)


def trace(argv: Sequence[str], log: Path) -> str:
    """Run a command undisturbed under strace, with the paths behind descriptors shown."""
    subprocess.run(
        ["strace", "-f", "-y", "-s", "0", "-e", f"trace={CHANGING}", "-o", str(log), *argv],
        check=True,
        capture_output=True,
        env=environment(),
    )
    return log.read_text("utf-8", errors="replace")


def fingerprint(root: Path, ignored: Sequence[str]) -> dict[str, str]:
    """Every file that counts, by its content. What differs by design from run to run is ignored by prefix."""
    import hashlib

    names = (path.relative_to(root).as_posix() for path in sorted(root.rglob("*")) if path.is_file())
    counted = (name for name in names if not name.startswith(tuple(ignored)))
    return {name: hashlib.sha256((root / name).read_bytes()).hexdigest() for name in counted}


def try_all(
    template: Path, scratch: Path, argv_for: Callable[[Path], list[str]], ignored: Sequence[str], found: Sequence[Case]
) -> Iterator[Outcome]:
    """Run every case on a root of its own, a few at a time."""

    def try_one(case: Case) -> Outcome:
        root = scratch / f"{case.name}-{case.ordinal}-{case.error or 'kill'}"
        shutil.copytree(template, root)
        argv = argv_for(root)
        strace = ["strace", "-f", "-o", "/dev/null", "-e", f"trace={case.name}", "-e", case.injection, *argv]
        run = _finished(strace)
        at_once = fingerprint(root, ignored)
        again = _finished(argv)
        said, now = run.stdout + run.stderr, fingerprint(root, ignored)
        outcome = Outcome(case, run.returncode, said, at_once, again.returncode, now)
        shutil.rmtree(root)
        return outcome

    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        yield from pool.map(try_one, found)


def _finished(argv: list[str]) -> subprocess.CompletedProcess[str]:
    """Run to the end; a command that hangs is killed and counts as one that did not do what it should."""
    try:
        return subprocess.run(argv, check=False, capture_output=True, text=True, env=environment(), timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(argv, 124, "", "Traceback: it hung")


def verdict(outcome: Outcome, expected: dict[str, str]) -> str:
    """What a case shows; anything that begins with WRONG must not be."""
    if outcome.tree != expected or outcome.rerun_code != 0:
        return "WRONG: running again does not give the same bytes"
    if "Traceback" in outcome.output:
        return "WRONG: a traceback"
    if outcome.case.error is None:
        return "died, mended by running again" if outcome.code in (-9, KILLED) else "WRONG: did not die"
    if outcome.code == 0:
        return "succeeded in truth" if outcome.at_once == expected else "WRONG: a false success"
    return "one clear error, mended by running again"
