"""Simulate a lender: `python -m jobs.simulate --start DATE --end DATE --loans-per-day N`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from jobs.protocol.command import iso_date, open_root, parser_of, tool
from jobs.protocol.errors import UsageError
from jobs.protocol.events import Events
from jobs.simulate.settings import SCENARIOS, Settings, shift

ABOUT = """Write the landing files of a simulated lender, with the columns of the public Lending Club file.

The applications of a day land in all four tables on the day after; a loan whose servicing status changes lands
again in loan_terms. The same settings give the same bytes: a second run does nothing, and a later --end only adds
files. The truth about each loan (its probability of default, when it defaults) and which cells were spoiled are
in ROOT/truth, which no job reads.

A scenario changes the files from one landing date on, and leaves all files of earlier dates as they are:
"""
EARLIEST, LATEST = date(2007, 1, 2), date(2034, 5, 1)  # of landing; ids are reckoned from 2007 and must keep 9 digits
MOST_LOANS, MOST_DIRT = 50_000, 0.5

MORE = """example:
  python -m jobs.simulate --root lender --start 2015-01-01 --end 2016-12-31 --loans-per-day 200

exit codes:
  0 done or nothing to do   1 the system refused   2 usage, or other files landed before
  75 a simulation already runs on this root   143 stopped by Ctrl-C"""


def main(argv: Sequence[str] | None = None, events: Events | None = None) -> int:
    """Simulate; 0 done or nothing to do, otherwise the code of what stood against it."""
    options = _parser().parse_args(argv)

    def answer() -> int:
        settings = _settings(options)
        root = replace(open_root(options.root), durable=False)
        from jobs.simulate.landing import simulate  # loads polars

        simulate(root, settings, events or Events())
        return 0

    return tool(answer)


def _settings(options: argparse.Namespace) -> Settings:
    wrong = (
        (options.end < options.start, "--end", "it is before --start", "give an --end on or after --start"),
        (options.start < EARLIEST, "--start", "it is too early", f"give dates from {EARLIEST} on"),
        (options.end > LATEST, "--end", "it is too late", f"give dates up to {LATEST}"),
        (not 1 <= options.loans_per_day <= MOST_LOANS, "--loans-per-day", "out of range", f"give 1 to {MOST_LOANS}"),
        (not 0 <= options.dirt <= MOST_DIRT, "--dirt", "out of range", f"give a rate from 0 to {MOST_DIRT}"),
        (options.seed < 0, "--seed", "it is negative", "give a whole number from 0 on"),
    )
    for is_wrong, where, what, mend in wrong:
        if is_wrong:
            raise UsageError(what, where=where, mend=mend)
    given = (options.start, options.end, options.loans_per_day, options.seed, options.dirt)
    return Settings(*given, tuple(shift(text, options.start) for text in options.scenario))


def _parser() -> argparse.ArgumentParser:
    scenarios = "\n".join(f"  {name:16} {each.sentence}" for name, each in SCENARIOS.items())
    parser = parser_of("simulate", ABOUT + scenarios, MORE)
    add, day = parser.add_argument, "YYYY-MM-DD"
    add("--root", default=".", help="folder that gets datamart/landing and truth (default: .)")
    add("--start", type=iso_date, required=True, metavar=day, help="first landing date")
    add("--end", type=iso_date, required=True, metavar=day, help="last landing date")
    add("--loans-per-day", type=int, required=True, metavar="N", help="mean number of applications a day")
    add("--seed", type=int, default=1, metavar="S", help="another seed, another portfolio (default: 1)")
    dirt = "share of rows that each kind of dirt hits (default: 0)"
    add("--dirt", type=float, default=0.0, metavar="RATE", help=dirt)
    otherwise = "what changes from that date on (default: --start); may be given several times, and adds up"
    add("--scenario", action="append", default=[], metavar=f"NAME[@{day}]", help=otherwise)
    return parser


if __name__ == "__main__":
    sys.exit(main())
