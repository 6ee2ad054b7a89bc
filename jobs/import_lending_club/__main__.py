"""`python -m jobs.import_lending_club FILE... --root R`: the public accepted-loans files become dated landing files."""

from __future__ import annotations

import argparse
import sys
import traceback
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from jobs.protocol import clock
from jobs.protocol.command import open_root
from jobs.protocol.errors import JobError
from jobs.protocol.events import Events

_ABOUT = """Turn Lending Club's public accepted-loans files (2007 to 2018) into dated landing files.

Accepted: comma-separated UTF-8 text, plain, .csv.gz or a .zip with one .csv in it; Parquet. Give all files of one
history in one run. Each loan lands the day after its application; how it ended lands on the day it would have become
known. The day before the last landing date is the cut-off: the end of the month of the last payment in the files."""
_AFTER = """what was skipped, and why, is told in ROOT/imports/NAME-HASH.json. The same files again: nothing is done.

exit codes:
  0 done or nothing to do   1 a bug   2 usage, or other files landed before   3 no such file
  4 not a file of accepted loans   75 an import already runs on this root"""


def main(argv: Sequence[str] | None = None) -> int:
    """Import the files; the exit code says what kind of failure it was."""
    options = _parser().parse_args(argv)
    try:
        from jobs.import_lending_club.job import Request, run  # loads polars: not for --help

        today = clock.today()
        run(open_root(options.root), Request(tuple(options.files), options.cut_off, options.member, today), Events())
    except JobError as error:
        sys.stderr.write(f"import_lending_club: {error}\n")
        return error.exit_code
    except OSError as error:
        sys.stderr.write(f"import_lending_club: the system refused: {error.strerror}\n  where: {error.filename}\n")
        return 1
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt | SystemExit):
            raise
        place = traceback.extract_tb(error.__traceback__)[-1]  # a library's message may quote a row
        sys.stderr.write(f"import_lending_club: a bug: {type(error).__name__} at {place.filename}:{place.lineno}\n")
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m jobs.import_lending_club",
        description=_ABOUT,
        epilog=_AFTER,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="an accepted-loans file")
    parser.add_argument("--root", default=".", help="folder that holds datamart/ (default: .)")
    parser.add_argument(
        "--cut-off",
        type=_date,
        metavar="YYYY-MM-DD",
        help="the last day of which the files know, if it is not the end of the month of their last payment",
    )
    parser.add_argument("--member", metavar="NAME", help="the file to read of a zip that holds several")
    return parser


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a date like 2019-03-31") from None


if __name__ == "__main__":
    sys.exit(main())
