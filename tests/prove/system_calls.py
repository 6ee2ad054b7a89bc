"""Kill a command, or fail it, at every system call with which it changes or reads files; then see what it does next.

strace traces one undisturbed run, and every such call of it becomes a case: the same command on a fresh copy of the
same root, with that one call killed or failed. strace counts calls per thread: commands run with one worker, and for a
call of the main thread no other thread is followed, so that this call is hit and no other.
"""

from __future__ import annotations

import compileall
import os
import re
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

CHANGING = (
    "write,pwrite64,writev,rename,renameat,renameat2,link,linkat,symlink,symlinkat,unlink,unlinkat,mkdir,mkdirat,rmdir,"
    "fsync,fdatasync,ftruncate,fallocate,chmod,fchmod,fchmodat,openat,open,copy_file_range"
)
READING = "read,pread64,openat,open,newfstatat,statx,getdents64,lseek,flock,fcntl"
CALL = re.compile(r"^(?P<thread>\d+)\s+(?P<name>\w+)\((?P<arguments>.*)$")
JOBS = Path(__file__).parents[2] / "jobs"
KILLED, HUNG = 137, 124
PATIENCE = 120.0  # seconds
TRIES = 5  # of a kill: libraries wake their threads by as many writes as it takes, so the last of a trace may not come
MEND = re.compile(r"^  mend:  \S", re.MULTILINE)
ERRORS = ("EIO", "ENOSPC", "EACCES", "EDQUOT", "EROFS", "EMFILE", "EEXIST")
CLOSE_ERRORS = ("EIO", "ENOSPC", "EDQUOT")  # a network file system tells them only then
READ_ERRORS = ("EIO", "ESTALE", "ENOMEM")


Tree = dict[str, str]  # what must be the same in the end, by name


@dataclass(frozen=True, slots=True)
class Subject:
    """A command, the root on which it does all its work, and what of the root counts.

    `else_too`: what the root may hold instead after a run that failed, given a root that did not run yet.
    """

    name: str
    land: Callable[[Path], None]
    argv: Callable[[Path], list[str]]
    observe: Callable[[Path], Tree]
    else_too: Callable[[Path, Tree], Tree] = lambda _, expected: expected


@dataclass(frozen=True, slots=True)
class Case:
    """The `ordinal`-th call of this name, counted in its thread; `own` is the main thread."""

    name: str
    ordinal: int
    error: str | None = None
    own: bool = True

    @property
    def injection(self) -> str:
        how = f"error={self.error}" if self.error else "signal=SIGKILL"
        return f"inject={self.name}:{how}:when={self.ordinal}"

    @property
    def may_fail(self) -> bool:
        """A library's own thread that cannot write waits for ever, and which of them it hits cannot be chosen."""
        return self.own or self.name != "write"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the command, and of the root after it had run again."""

    case: Case
    code: int
    output: str
    at_once: Tree | None  # only of a run that says it succeeded
    rerun_code: int
    tree: Tree


def environment() -> dict[str, str]:
    """One worker, and no byte code written: calls are counted, and come in the same order each time."""
    one = dict.fromkeys(("POLARS_MAX_THREADS", "OMP_NUM_THREADS", "P2P_WORKERS", "PYTHONDONTWRITEBYTECODE"), "1")
    return os.environ | one | {"PYTHONHASHSEED": "0"}


def command(job: str, root: Path, *arguments: str) -> list[str]:
    return [sys.executable, "-m", f"jobs.{job}", "--root", str(root), *arguments]


def cases(trace: str, root: Path, calls: str = CHANGING) -> list[Case]:
    """Every call in the trace that changed, or read, something below the root. strace counts for each thread by itself,
    so the same ordinal of two threads is one case: the first of them to come so far is hit.
    """
    counted: Counter[tuple[str, str]] = Counter()
    found: dict[Case, None] = {}
    main = trace.partition(" ")[0]
    for line in trace.splitlines():
        call = CALL.match(line)
        if not call or "resumed>" in line:
            continue
        name, arguments = call["name"], call["arguments"]
        counted[call["thread"], name] += 1
        creates = "O_CREAT" in arguments or "O_TRUNC" in arguments
        counts = name not in ("open", "openat") or creates == (calls == CHANGING)
        if counts and str(root) in arguments:
            found[Case(name, counted[call["thread"], name], own=call["thread"] == main)] = None
    return list(found)


def trace(argv: Sequence[str], log: Path, calls: str = CHANGING) -> str:
    """Run a command undisturbed under strace, with the paths behind descriptors shown.

    All of jobs/ is compiled by then: if another process compiled a module later, fewer files would be opened.
    """
    compileall.compile_dir(JOBS, quiet=2)
    subprocess.run(
        ["strace", "-f", "-y", "-s", "0", "-e", f"trace={calls}", "-o", str(log), *argv],
        check=True,
        capture_output=True,
        env=environment(),
    )
    return log.read_text("utf-8", errors="replace")


def fingerprint(root: Path, ignored: Sequence[str]) -> Tree:
    """Every file that counts, by its content. What differs by design from run to run is ignored by prefix."""
    import hashlib

    names = (path.relative_to(root).as_posix() for path in sorted(root.rglob("*")) if path.is_file())
    counted = (name for name in names if not name.startswith(tuple(ignored)))
    return {name: hashlib.sha256((root / name).read_bytes()).hexdigest() for name in counted}


def try_all(
    subject: Subject, template: Path, scratch: Path, found: Sequence[Case], workers: int = 1
) -> Iterator[Outcome]:
    """Run every case on a root of its own."""

    def try_one(case: Case) -> Outcome:
        root = scratch / f"{case.name}-{case.ordinal}-{case.error or 'kill'}-{case.own}"
        argv = subject.argv(root)
        for _ in range(TRIES):
            shutil.rmtree(root, ignore_errors=True)
            shutil.copytree(template, root)
            run = finished(injected(case, argv))
            if case.error or run.returncode != 0:
                break
        at_once = subject.observe(root) if run.returncode == 0 else None
        again = finished(argv)
        said = run.stdout + run.stderr + again.stdout + again.stderr
        outcome = Outcome(case, run.returncode, said, at_once, again.returncode, subject.observe(root))
        shutil.rmtree(root)
        return outcome

    with ThreadPoolExecutor(workers) as pool:
        yield from pool.map(try_one, found)


def injected(case: Case, argv: Sequence[str]) -> list[str]:
    """The command under strace, which kills it or fails its call there."""
    follow = [] if case.own else ["-f"]
    return ["strace", *follow, "-o", "/dev/null", "-e", f"trace={case.name}", "-e", case.injection, *argv]


def finished(argv: list[str]) -> subprocess.CompletedProcess[str]:
    """Run to the end; a command that hangs is killed, with all that it started."""
    with subprocess.Popen(
        argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(), start_new_session=True
    ) as process:
        try:
            output, errors = process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            return subprocess.CompletedProcess(argv, HUNG, *process.communicate())
    return subprocess.CompletedProcess(argv, process.returncode, output, errors)


def verdict(outcome: Outcome, expected: Tree, else_too: Tree | None = None) -> str:
    """What a case shows; anything that begins with WRONG must not be."""
    failed = outcome.case.error is not None
    wrong = {
        "it hung": HUNG in (outcome.code, outcome.rerun_code),
        "running again does not succeed": outcome.rerun_code != 0,
        "running again does not give the same": outcome.tree not in (expected, else_too if failed else expected),
        "a traceback": "Traceback" in outcome.output,
        "did not die": not failed and outcome.code not in (-9, KILLED),
        "a false success": outcome.code == 0 and outcome.at_once != expected,
        "no clear error": failed and outcome.code != 0 and not MEND.search(outcome.output),
    }
    for what, is_so in wrong.items():
        if is_so:
            return f"WRONG: {what}"
    if failed and outcome.code == 0:
        return "succeeded in truth"
    return "one clear error, mended by running again" if failed else "died, mended by running again"


def differences(outcome: Outcome, expected: Tree) -> list[str]:
    """Which names differ from what is expected, for whoever must find out why."""
    return sorted(name for name in {*outcome.tree, *expected} if outcome.tree.get(name) != expected.get(name))
