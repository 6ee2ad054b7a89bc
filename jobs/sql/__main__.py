"""Ask the layers in SQL: `python -m jobs.sql "select ..."`."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence

from jobs.protocol import clock
from jobs.protocol.command import STOPPED, iso_date, open_root, parser_of, tool
from jobs.protocol.errors import UsageError
from jobs.protocol.events import print_to

ABOUT = """Query bronze, silver and gold in DuckDB's SQL, read-only, as of a date.

Every table is a view: bronze_loan_terms, silver_loan_performance, silver_rejects_financial, gold_label_store ...
Its snapshot_date is the day on which a row landed or became known; rows later than --date are not there.
Without a query: all views and columns, and what they mean."""

MORE = """examples:
  python -m jobs.sql | less
  python -m jobs.sql "select rule, count(*) from silver_rejects_financial group by all" --root demo
  python -m jobs.sql "from gold_label_store where y = 1" --date 2015-03-31 --format csv > bad.csv

exit codes:
  0 done   2 the query or the command line is wrong   3 nothing is built yet   6 damaged store"""


def main(argv: Sequence[str] | None = None) -> int:
    options = _options(argv)
    return tool(lambda: _answer(options))


def _answer(options: argparse.Namespace) -> int:
    root, today = open_root(options.root), clock.today()
    if options.date and options.date > today:
        what, mend = f"{options.date} is after today ({today}, UTC)", "give a date up to today"
        raise UsageError(what, where="--date", mend=mend)
    from jobs.protocol import contract
    from jobs.sql import asking

    if options.query is not None:
        show = {"table": asking.as_table, "csv": asking.as_csv, "json": asking.as_json}[options.format]
        show(*asking.ask(root, options.query, options.date or today), sys.stdout)
        return 0
    for view in asking.known():
        sys.stdout.write(f"{view.name}: {contract.load(view.contract).schema['description']}\n")
        for column in view.columns:
            sys.stdout.write(f"  {column.name:<35} {column.dtype:<8} {column.description}\n")
    return 0


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = parser_of("sql", ABOUT, MORE)
    parser.add_argument("query", nargs="?", help="one query, in quotes")
    parser.add_argument("--root", default=".", help="folder that holds datamart/ (default: .)")
    parser.add_argument("--date", type=iso_date, metavar="YYYY-MM-DD", help="as of this date (default: today, UTC)")
    parser.add_argument("--format", choices=("table", "csv", "json"), default="table", help="(default: table)")
    return parser.parse_args(argv)


def _stop(_signal: int, _frame: object) -> None:
    print_to(sys.stderr, "stopped\n")
    os._exit(STOPPED)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, _stop)  # exit at once: during a query the libraries may fail or crash
    sys.exit(main())
