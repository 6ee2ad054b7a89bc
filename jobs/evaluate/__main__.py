"""Measure any file of scores and outcomes: `python -m jobs.evaluate SCORES --score COL --label COL`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from jobs.protocol.command import parser_of, tool
from jobs.protocol.errors import UsageError

ABOUT = """Measure a file of scores and outcomes, from any model.

Ranking (AUC with interval, Gini, KS, average precision, precision, recall and F1 at the KS cut-off), calibration
where the scores are probabilities (Brier, log-loss, observed/expected, Hosmer-Lemeshow, calibration line and error)
and a gains table. With a reference, the stability index (PSI) of the score and of every column both files have.
Rows without a score or without a label are left out and counted."""

MORE = """examples:
  python -m jobs.evaluate scored.csv --score pd --label defaulted
  python -m jobs.evaluate scored.parquet --score pd --label loan_status --bad "Charged Off" --json
  python -m jobs.evaluate march.csv --score pd --label y --reference january.csv --estimate

exit codes:
  0 done   2 usage   3 a file is not there   4 a file is not what it should be"""


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and tell; the exit code says how it went."""
    return tool(partial(_tell, _parser().parse_args(argv)))


def _tell(options: argparse.Namespace) -> int:
    if options.estimate and not options.reference:
        mend = "add --reference FILE, a file with labels"
        raise UsageError("an estimate needs a reference to calibrate on", where="--estimate", mend=mend)
    if options.score == options.label:
        raise UsageError("score and label are one column", where="--score, --label", mend="name two columns")
    from jobs.evaluate import measuring, reading, showing
    from jobs.protocol import strict_json

    columns = reading.Columns(options.score, options.label, options.bad, options.higher_is_safer)
    current = reading.read_scored(options.scores, columns, needs_labels=not options.estimate)
    reference = None
    if options.reference:
        reference = reading.read_scored(options.reference, columns, needs_labels=options.estimate)
    told = measuring.evaluate(current, reference, estimated=options.estimate)
    sys.stdout.write(strict_json.pretty(told).decode() if options.json else showing.as_text(told))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = parser_of("evaluate", ABOUT, MORE)
    parser.add_argument("scores", type=Path, metavar="SCORES", help="the scored file: .csv, .csv.gz or .parquet")
    parser.add_argument("--score", required=True, metavar="COL", help="column of the score; higher means riskier")
    parser.add_argument("--label", required=True, metavar="COL", help="column of the outcome: 1 for bad, 0 for good")
    parser.add_argument("--bad", metavar="VALUE", help="which of the label's two values means bad (default: 1)")
    parser.add_argument(
        "--higher-is-safer",
        action="store_true",
        help="a higher score means a safer loan, as with points (p is read as 1 - p, points s as -s)",
    )
    parser.add_argument("--reference", type=Path, metavar="FILE", help="an earlier scored file with the same columns")
    parser.add_argument(
        "--estimate",
        action="store_true",
        help="estimate the performance on all scored rows without their labels (CBPE), calibrated on the reference's",
    )
    parser.add_argument("--json", action="store_true", help="write JSON with every digit")
    return parser


if __name__ == "__main__":
    sys.exit(main())
