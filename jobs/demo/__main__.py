"""`python -m jobs.demo`: a small lender's files, simulated and preprocessed, and where to look at what came of them."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from jobs.preprocessing import job as preprocessing
from jobs.simulate.__main__ import main as simulate

if TYPE_CHECKING:
    from collections.abc import Sequence

FIRST, LAST = "2016-01-01", "2017-03-31"  # long enough for the first cohorts to mature
LOANS_A_DAY, DIRT, SEED = "20", "0.001", "1"

WHAT_NOW = """
{days} days of a lender's files have become bronze, silver and gold under {root}:

  datamart/landing     what the lender dropped, a file a table a day
  datamart/silver      typed and clean; _rejects holds every cell that was refused, and why
  datamart/gold        the features of every application, and the labels on the day they became known
  decisions            policy.json, yours to edit, and a receipt of every run
  truth                what the simulation knows and no job reads: each loan's true PD

Try next:
  {python} -m jobs.sql --root {root} "select label_kind, count(*) loans from gold_label_store group by all"
  {python} -m jobs.preprocessing --root {root} --date {last}            # again: nothing to do, nothing touched
  drop the last row of a landed file and its .sha256, then run with --dry-run: it lists what depends on that file
"""


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m jobs.demo", description=__doc__, allow_abbrev=False)
    parser.add_argument(
        "--root", type=Path, default=Path("demo"), help="folder of its own, created here (default: demo)"
    )
    root: Path = parser.parse_args(argv).root
    root.mkdir(parents=True, exist_ok=True)
    lender = ["--start", FIRST, "--end", LAST, "--loans-per-day", LOANS_A_DAY, "--dirt", DIRT, "--seed", SEED]
    code = simulate(["--root", str(root), *lender]) or preprocessing.main(["--root", str(root), "--date", LAST])
    if code == 0:
        days = len(list((root / "datamart/landing/loan_terms").glob("*.csv")))
        print(WHAT_NOW.format(days=days, root=root, last=LAST, python=os.path.relpath(sys.executable)))  # noqa: T201
    return code


if __name__ == "__main__":
    sys.exit(main())
