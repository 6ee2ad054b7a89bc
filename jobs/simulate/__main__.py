"""Simulate a lender: `python -m jobs.simulate --start DATE --end DATE --loans-per-day N`."""

from __future__ import annotations

import argparse
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from jobs.protocol import clock
from jobs.protocol.errors import JobError, UsageError, as_job_error
from jobs.protocol.events import Events
from jobs.protocol.files import Root
from jobs.simulate import scenarios
from jobs.simulate.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import Future

    from jobs.simulate.portfolio import Day
    from jobs.simulate.scenarios import Shift

ABOUT = """Write the landing files of a simulated lender, with the columns of the public Lending Club file.

The applications of a day land in all four tables on the day after; a loan whose servicing status changes lands
again in loan_terms. The same settings give the same bytes: a second run does nothing, and a later --end only adds
files. What is true of each loan (its probability of default, when it defaults) and which cells were spoiled lies
in ROOT/truth, which no job reads.

A scenario changes the files from one landing date on, and leaves all files of earlier dates as they are:
"""
EARLIEST, LATEST = date(2007, 1, 2), date(2034, 5, 1)  # of landing; ids are reckoned from 2007 and must keep 9 digits
MOST_LOANS, MOST_DIRT = 50_000, 0.5


def main(argv: Sequence[str] | None = None, events: Events | None = None) -> int:
    """Simulate; 0 done or nothing to do, otherwise the code of what stood against it."""
    try:
        root, settings = _asked(argv)
        simulate(root, settings, events or Events())
    except (JobError, OSError) as failure:
        error = as_job_error(failure)
        print(error, file=sys.stderr)  # noqa: T201
        return error.exit_code
    return 0


def simulate(root: Root, settings: Settings, events: Events) -> int:
    """Write the files that are missing, once it is sure that no other stands in their way; return how many."""
    from jobs.simulate import landing

    started = clock.seconds()
    landing.refuse_other_forms(root, settings)
    landing.sweep(root)
    dates = [settings.start + timedelta(days=each) for each in range((settings.end - settings.start).days + 1)]
    there = {day: [root.at(name).exists() for name in landing.names(settings, day)] for day in dates}
    touched = {day for day in dates if any(there[day])}
    missing = {day for day in dates if not all(there[day])}
    facts: dict[str, object] = {"start": settings.start, "end": settings.end, "loans_per_day": settings.loans_per_day}
    if settings.shifts:
        facts["scenarios"] = [f"{shift.name}@{shift.since}" for shift in settings.shifts]
    events.say("start", f"{len(dates)} dates, {settings.loans_per_day} loans a day", seed=settings.seed, **facts)

    def compare(day: Day) -> int:
        landing.refuse_other_bytes(root, landing.contents(settings, day))
        return 0

    def write(day: Day) -> int:
        return landing.write_missing(root, landing.contents(settings, day))

    _for_each_day(settings, touched, compare, events, "compare")
    written = _for_each_day(settings, missing, write, events, "write")
    seconds = round(clock.seconds() - started, 1)
    events.say("end", f"{written} files written in {seconds} s", written=written, seconds=seconds)
    return written


def _for_each_day(settings: Settings, wanted: set[date], work: Callable[[Day], int], events: Events, label: str) -> int:
    """Draw a month while the files of the month before are worked on; return the sum of what `work` says."""
    from jobs.simulate.portfolio import months

    if not wanted:
        return 0
    total = 0
    before: list[Future[int]] = []
    with ThreadPoolExecutor(os.cpu_count()) as pool, events.progress(label, len(wanted)) as advance:
        for days in months(settings):
            now = [pool.submit(work, day) for day in days if day.landed in wanted]
            total += sum(each.result() for each in before)
            advance(len(before))
            before = now
        total += sum(each.result() for each in before)
        advance(len(before))
    return total


def _asked(argv: Sequence[str] | None) -> tuple[Root, Settings]:
    options = _parser().parse_args(argv)
    wrong = (
        (options.end < options.start, "--end", "it is before --start", "give an --end on or after --start"),
        (options.start < EARLIEST, "--start", "it is too early", f"give dates from {EARLIEST} on"),
        (options.end > LATEST, "--end", "it is too late", f"give dates up to {LATEST}"),
        (not 1 <= options.loans_per_day <= MOST_LOANS, "--loans-per-day", "out of range", f"give 1 to {MOST_LOANS}"),
        (not 0 <= options.dirt <= MOST_DIRT, "--dirt", "out of range", f"give a rate from 0 to {MOST_DIRT}"),
        (options.seed < 0, "--seed", "it is negative", "give a whole number from 0 on"),
        (not Path(options.root).is_dir(), "--root", "it is not a folder", "create it, or give --root FOLDER"),
    )
    for is_wrong, where, what, mend in wrong:
        if is_wrong:
            raise UsageError(what, where=where, mend=mend)
    given = (options.start, options.end, options.loans_per_day, options.seed, options.dirt, options.format)
    shifts = tuple(_shift(text, options.start) for text in options.scenario)
    return Root(Path(options.root).resolve(), durable=False), Settings(*given, shifts)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m jobs.simulate",
        description=ABOUT + "\n".join(f"  {name:16} {each.sentence}" for name, each in scenarios.SCENARIOS.items()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--root", default=".", help="folder that gets datamart/landing and truth (default: .)")
    add("--start", type=_date, required=True, metavar="YYYY-MM-DD", help="first landing date")
    add("--end", type=_date, required=True, metavar="YYYY-MM-DD", help="last landing date")
    add("--loans-per-day", type=int, required=True, metavar="N", help="mean number of applications a day")
    add("--seed", type=int, default=1, metavar="S", help="another seed, another portfolio (default: 1)")
    add(
        "--dirt", type=float, default=0.0, metavar="RATE", help="share of rows that each kind of dirt hits (default: 0)"
    )
    add(
        "--format", choices=("csv", "csv.gz", "parquet", "jsonl"), default="csv", help="of landing files (default: csv)"
    )
    add(
        "--scenario",
        action="append",
        default=[],
        metavar="NAME[@YYYY-MM-DD]",
        help="what goes otherwise from that date on (default: --start); may be given several times",
    )
    return parser


def _shift(text: str, start: date) -> Shift:
    try:
        return scenarios.parse(text, start)
    except ValueError as error:
        raise UsageError(str(error), where="--scenario", mend="give NAME or NAME@YYYY-MM-DD; see --help") from None


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a date like 2016-01-31") from None


if __name__ == "__main__":
    sys.exit(main())
