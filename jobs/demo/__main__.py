"""`python -m jobs.demo`: three years of a lender, eighteen months of the schedules, and the story of a drift."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from jobs.demo import telling
from jobs.protocol import strict_json
from jobs.protocol.command import open_root
from jobs.protocol.events import Events
from jobs.replay.__main__ import main as replay
from jobs.simulate.__main__ import main as simulate

FIRST, START, LAST = date(2015, 1, 1), date(2016, 7, 1), date(2017, 12, 31)
DRIFT = date(2016, 10, 1)
LOANS_A_DAY, SEED = "200", "1"
POLICY = {  # outcomes are known after seven months instead of thirteen, so that eighteen months hold a story
    "label": {"window_months": 6},
    "guards": {"min_new_rows": 3000},
    "concept": {"min_rows": 1000, "min_bads": 60},
}

PLAN = f"""A simulated lender, {LOANS_A_DAY} loans a day {FIRST} to {LAST}; from {DRIFT} on applicants are weaker.
The first half is built in one go; from {START} on the three jobs tick on their schedules, day by day.
The demo's policy: a loan is bad if it defaults within SIX months (default: twelve), so outcomes are known sooner.
"""
WHAT_NOW = """
Where things lie ({root} is a root like any other; its clock stands at the end of the replay):
  {root}/decisions/STATUS.txt           open this first: what serves, what is open, what comes next
  {root}/decisions                      the notes that people edit, the policy, the ledger
  {root}/datamart/gold/reports/index.html   every week's verdict, and the reports
  {root}/story.html                     what happened on which day, and why

Try next:
  {python} -m jobs.decisions explain {last} --root {root}
  {python} -m jobs.decisions check --root {root}
  edit "pinned" in {root}/decisions/serving_decision.json, then
  {python} -m jobs.training_inference --root {root} --date {last}      # and read STATUS.txt again
  {python} -m jobs.sql --root {root} "select grade, count(*) loans from gold_predictions group by all"
"""


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m jobs.demo", description=__doc__, allow_abbrev=False)
    parser.add_argument(
        "--root", type=Path, default=Path("demo"), help="folder of its own, created here (default: demo)"
    )
    home: Path = parser.parse_args(argv).root
    lender, root, events = home / "lender", home / "replay", Events(in_sentences=True)
    lender.mkdir(parents=True, exist_ok=True)
    events.say("plan", PLAN)
    code = _simulated(lender, events)
    if code == 0 and not (root / "story.html").is_file():
        code = _replayed(home, root, events)
    if code == 0:
        _tell(root, events)
    return code


def _simulated(lender: Path, events: Events) -> int:
    span = ["--start", str(FIRST), "--end", str(LAST), "--loans-per-day", LOANS_A_DAY, "--seed", SEED]
    return simulate(["--root", str(lender), *span, "--scenario", f"covariate-large@{DRIFT}"], events)


def _replayed(home: Path, root: Path, events: Events) -> int:
    policy = home / "policy.json"
    policy.write_bytes(strict_json.pretty(POLICY))
    span = ["--start", str(START), "--end", str(LAST), "--policy", str(policy)]
    return replay(["--root", str(home / "lender"), "--into", str(root), *span], events)


def _tell(root: Path, events: Events) -> None:
    from jobs.replay import story

    told = story.of(open_root(str(root)), START, LAST)
    events.say("story", "\nThe story in ten lines:\n" + "".join(f"  {line}\n" for line in telling.lines(told, DRIFT)))
    events.say("what_now", WHAT_NOW.format(root=root, last=LAST, python=os.path.relpath(sys.executable)))


if __name__ == "__main__":
    sys.exit(main())
