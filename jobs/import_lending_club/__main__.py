"""`python -m jobs.import_lending_club FILE... --root R`: the public accepted-loans files become dated landing files."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from jobs.protocol import clock
from jobs.protocol.command import iso_date, open_root, parser_of, tool
from jobs.protocol.events import Events

_ABOUT = """Turn Lending Club's public accepted-loans files (2007 to 2018) into dated landing files.

Accepted: comma-separated UTF-8 text, plain, .csv.gz or a .zip with one .csv in it; Parquet. Give all files of one
history in one run. Each loan lands the day after its application; how it ended lands on the day it would have become
known. The day before the last landing date is the cut-off: the end of the month of the last payment in the files."""
_AFTER = """ROOT/imports/NAME-HASH.json says what was skipped, and why. Importing the same files again does nothing.

example:
  python -m jobs.import_lending_club accepted_2007_to_2018Q4.csv.gz --root club

exit codes:
  0 done or nothing to do   1 a bug, or the system refused   2 usage, or other files landed before   3 no such file
  4 not a file of accepted loans   75 an import already runs on this root   143 stopped by Ctrl-C"""


def main(argv: Sequence[str] | None = None) -> int:
    """Import the files; the exit code says what kind of failure it was."""
    options = _parser().parse_args(argv)

    def answer() -> int:
        from jobs.import_lending_club.job import run  # loads polars: not for --help

        run(open_root(options.root), options.files, options.cut_off, options.member, clock.today(), Events())
        return 0

    return tool(answer)


def _parser() -> argparse.ArgumentParser:
    parser = parser_of("import_lending_club", _ABOUT, _AFTER)
    add, until = parser.add_argument, "the last day that the files cover, if it is not the end of the month of their"
    add("files", nargs="+", type=Path, metavar="FILE", help="an accepted-loans file")
    add("--root", default=".", help="folder that holds datamart/ (default: .)")
    add("--cut-off", type=iso_date, metavar="YYYY-MM-DD", help=f"{until} last payment")
    add("--member", metavar="NAME", help="the file to read of a zip that holds several")
    return parser


if __name__ == "__main__":
    sys.exit(main())
