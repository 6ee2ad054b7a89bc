"""The command line that all jobs share: read the clock, parse, run the steps, write the receipt, exit."""

from __future__ import annotations

import argparse
import atexit
import errno
import gc
import os
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

from jobs.protocol import clock, files, receipts
from jobs.protocol.errors import READ, TYPED_ROOT, JobError, UsageError, as_job_error, gravest
from jobs.protocol.events import Events, print_to, reopen_closed
from jobs.protocol.files import Root
from jobs.protocol.receipts import Occasion, Report

SKIP_WHAT_FOLLOWS, _FIRST_YEAR = 99, 1900  # exit code, of a condition step only; earlier dates are typing errors
REPLAY_CLOCK = "replay_clock.txt"  # in a replay's root: its present instant
STOPPED = 128 + signal.SIGTERM
atexit.register(lambda: None if "duckdb" in sys.modules else gc.freeze())  # skip the final collection: it takes 0.1 s


@dataclass(slots=True)
class Run:
    """All that a step knows about its run: where, for which date, on which day, and where to report."""

    root: Root
    day: date
    today: date
    dry_run: bool
    events: Events
    options: argparse.Namespace
    now_seconds: float  # since the epoch, read once at the edge: only to tell a file still being copied
    report: Report = field(default_factory=Report)
    memo: dict[str, Any] = field(default_factory=dict)  # shared by the steps of one process
    goes_on: bool = True  # a condition step sets this to False to skip the steps after it

    def attempt(self, work: Callable[[], None]) -> None:
        """Do one piece of work out of many: a failure is recorded, and the others still run."""
        if error := failure_of(work):
            self.report.fail(error)


@dataclass(frozen=True, slots=True)
class Step:
    """A task of the job's DAG, and a `--step` of its command."""

    name: str
    about: str
    work: Callable[[Run], None]
    only_when_named: bool = False
    is_awaited: bool = False  # later steps wait for it: even when run by itself it exits with its failure's code


@dataclass(frozen=True, slots=True)
class Job:
    """A command: its steps, and the texts of its help."""

    name: str
    about: str
    steps: tuple[Step, ...]
    alone: bool = True  # no two runs of it on one root at a time
    arguments: tuple[tuple[str, dict[str, Any]], ...] = ()  # for steps that run only when named


class Stopped(BaseException):
    """SIGTERM: a clean stop. Not an Exception, so that no handler mistakes it for a failure."""


def failure_of(work: Callable[[], object]) -> JobError | None:
    """Run a piece of work and return its failure, or None. What stops the whole run is raised."""
    try:
        work()
    except (Stopped, KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # noqa: BLE001 - a library's panic is no Exception
        return as_job_error(error)
    return None


def main(job: Job, argv: Sequence[str] | None = None, at: datetime | None = None) -> int:
    """Run a job for a date; the exit code is the contract with schedulers. `at`: the instant, in a replay."""
    started = clock.seconds()
    signal.signal(signal.SIGTERM, stop)
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # threads that nothing here gives work to, and that spin
    gc.set_threshold(50_000, 20, 50)  # frames are freed as they are let go: what only a search finds is little

    def work() -> int:
        run = _parsed(job, sys.argv[1:] if argv is None else argv, at)
        lock, otherwise = run.root.at(f"datamart/.{job.name}.lock"), f"{job.name} already runs on this root"
        with files.locked(run.root, lock, otherwise) if job.alone and not run.dry_run else nullcontext():
            return _run(job, run, started)

    return tool(work, f"{job.name}: ", "; what is published is whole, and the next run goes on from there")


def _run(job: Job, run: Run, started: float) -> int:
    named, report = run.options.step, run.report
    for step in job.steps:
        if step.name == named or (named is None and not step.only_when_named):
            run.attempt(partial(step.work, run))
    if not run.dry_run:
        run.attempt(partial(_remember, job, run, started))
    print_to(sys.stderr, receipts.in_words(report.problems, f"{job.name}: "))
    code = _exit_code(job, run, named)
    done = {name: len(getattr(report, name)) for name in ("changed", "skipped", "problems")}
    said = receipts.summed(report) or ("nothing was written" if run.dry_run else "nothing to do")
    run.events.say("end", f"{job.name}: {said}", exit_code=code, **done)
    return code


def _remember(job: Job, run: Run, started: float) -> None:
    of = Occasion(job.name, run.day, run.options.step or receipts.WHOLE)
    receipts.write(run.root, of, run.report, at=clock.now(), seconds=clock.seconds() - started)
    if run.report.changed:
        receipts.prune(run.root, job.name, clock.now())


def _exit_code(job: Job, run: Run, named: str | None) -> int:
    """Of a run of all steps, its gravest problem. Run singly, a step exits 0 or 99, and the last sums up the date."""
    if named is None or run.report.code == 1:
        return run.report.code
    steps = [step.name for step in job.steps if not step.only_when_named]
    if named == steps[-1] and not run.dry_run:
        standing = receipts.standing(run.root, job.name, run.day, steps)
        if not run.report.problems:
            print_to(sys.stderr, receipts.in_words(standing, f"{job.name}: "))
        return gravest([problem.code for problem in standing])
    if any(step.name == named and (step.only_when_named or step.is_awaited) for step in job.steps):
        return run.report.code
    return 0 if run.goes_on else SKIP_WHAT_FOLLOWS


def _parsed(job: Job, argv: Sequence[str], at: datetime | None) -> Run:
    options = _parser(job).parse_args(argv)
    root = open_root(options.root)
    if at is not None:
        clock.stand_at(at)
    today = clock.today()
    day = options.date or today
    if day > today:
        mend = "give a date up to today: nothing landed later"
        raise UsageError(f"{day} is after today ({today}, UTC)", where="--date", mend=mend)
    unheard = [flag for flag, facts in job.arguments if getattr(options, facts.get("dest", flag.strip("-")))]
    if unheard and not any(step.name == options.step and step.only_when_named for step in job.steps):
        mend = "name its step by --step (--help says which), or leave it out"
        raise UsageError("no step of this run uses it", where=", ".join(unheard), mend=mend)
    return Run(root, day, today, options.dry_run, Events(), options, clock.now().timestamp())


def parser_of(name: str, about: str, more: str) -> argparse.ArgumentParser:
    """A parser for `python -m jobs.NAME` that prints its texts as written and accepts no abbreviated options."""
    texts: dict[str, Any] = {"description": about, "epilog": more}
    layout = argparse.RawDescriptionHelpFormatter
    return argparse.ArgumentParser(f"python -m jobs.{name}", **texts, formatter_class=layout, allow_abbrev=False)


def _parser(job: Job) -> argparse.ArgumentParser:
    said = ((step, " (only when named)" if step.only_when_named else "") for step in job.steps)
    steps = "\n".join(f"  {step.name:<10} {step.about}{when}" for step, when in said)
    more = f"steps, in order (all of them without --step):\n{steps}\n\n{_MORE.format(name=job.name)}"
    parser = parser_of(job.name, job.about, more)
    add = parser.add_argument
    add("--root", default=".", help="folder that holds datamart/, decisions/, model_bank/ (default: .)")
    add("--date", type=iso_date, metavar="YYYY-MM-DD", help="all that had landed up to this date (default: today, UTC)")
    add("--step", choices=[step.name for step in job.steps], help="run this step only")
    add("--dry-run", action="store_true", help="say what would be done; write nothing")
    for flag, facts in job.arguments:
        add(flag, **facts)
    return parser


_MORE = """example:
  python -m jobs.{name} --root R --date 2024-03-03

exit codes:
  0 done or nothing to do   1 a bug, or the system refused   2 usage   3 input not there yet   4 contract broken
  5 policy, note or configuration invalid   6 damaged store   75 this job already runs on this root
  99 from a condition step: skip what follows   143 stopped by SIGTERM or Ctrl-C"""


def tool(answer: Callable[[], int], name: str = "", once_stopped: str = "") -> int:
    """Run a command and return its exit code; report whatever ended it, and return the code for that."""
    reopen_closed()
    os.umask(os.umask(0o022) | 0o002)  # no job trusts what everybody may write
    try:
        code = answer()
        sys.stdout.flush()
    except (Stopped, KeyboardInterrupt):
        print_to(sys.stderr, f"{name}stopped{once_stopped}\n")
        return STOPPED
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        code = 0
    except SystemExit:
        raise
    except BaseException as error:  # noqa: BLE001 - a library's panic is no Exception
        refusal = as_job_error(error)
        print_to(sys.stderr, f"{name}{refusal}\n")
        code = refusal.exit_code
    print_to(sys.stdout, "")  # what could not be printed of an answer must not fail again at the exit
    return code


def iso_date(text: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = None
    if day is None or day.isoformat() != text or day.year < _FIRST_YEAR:
        raise argparse.ArgumentTypeError(f"{text!r} is not a date like 2024-01-31")
    return day


def open_root(text: str) -> Root:
    """A root is a folder, as a path or a file: URI. A replay's root says so itself."""
    scheme, separator, name = text.rpartition("://")
    if separator:
        from urllib.parse import unquote

        name = unquote(name)
    path = Path(name)
    if separator and scheme != "file":
        raise UsageError(f"a root of scheme {scheme!r} is not supported", where="--root", mend="give a folder")
    if not name.strip():  # an unset variable, mostly; it is not the current folder
        raise UsageError("the root is empty", where="--root", mend="give a folder; the current one is --root .")
    if not files.is_folder(path):
        raise UsageError("the root is not a folder", where=path, mend="create it, or give --root FOLDER")
    if any("\ud800" <= letter <= "\udfff" for letter in str(path.resolve())):
        mend = "rename the folder: libraries refuse it"
        raise UsageError("the root's path is not UTF-8", where=repr(text), mend=mend)
    if not os.access(path, os.X_OK):  # else whatever is looked for first in it would be told
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
    replayed = path / REPLAY_CLOCK
    TYPED_ROOT[:] = [text]
    READ.clear()
    clock.stand_at(clock.read(replayed) if files.is_file(replayed) else None)
    return Root(path.resolve(), durable=not files.is_file(replayed))


def stop(_signal: int, _frame: object) -> NoReturn:
    raise Stopped
