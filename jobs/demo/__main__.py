"""`python -m jobs.demo`: three years of a lender, eighteen months of the schedules, and the story of a drift."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from datetime import date
from itertools import takewhile
from pathlib import Path

from jobs.protocol import strict_json
from jobs.protocol.command import REPLAY_CLOCK, open_root, parser_of, tool
from jobs.protocol.events import Events
from jobs.replay import story
from jobs.replay.__main__ import main as replay
from jobs.replay.story import NO_ACTION, Story
from jobs.simulate.__main__ import main as simulate

FIRST, START, LAST = date(2015, 1, 1), date(2016, 7, 1), date(2017, 12, 31)
DRIFT = date(2016, 10, 1)
LOANS_A_DAY, SEED = "200", "1"
POLICY = {  # outcomes are known after seven months instead of thirteen, so that eighteen months hold a story
    "label": {"window_months": 6},
    "guards": {"min_new_rows": 3000},
    "concept": {"min_rows": 1000, "min_bads": 60},
}

ABOUT = "Three years of a simulated lender, eighteen months of the schedules, and the story of a drift: 2 to 6 minutes."
MORE = """example:
  python -m jobs.demo --root demo

exit codes:
  0 done   1 an invariant does not hold, or the system refused   2 usage: the folder holds something else
  6 damaged store   75 another demo is at work there   143 stopped by SIGTERM or Ctrl-C"""
PLAN = f"""A simulated lender, {LOANS_A_DAY} loans a day {FIRST} to {LAST}; from {DRIFT} on applicants are weaker.
The first half is built in one go; from {START} on the three jobs run on their schedules.
The demo's policy: a loan is bad if it defaults within SIX months (default: twelve), so outcomes are known sooner.
"""
WHAT_NOW = """
Where things are ({root} is a root like any other; its clock is set to the end of the replay):
  {root}/decisions/STATUS.txt               open this first: what serves, what is open, what comes next
  {root}/decisions                          the notes that people edit, the policy, the ledger
  {root}/datamart/gold/reports/index.html   every week's verdict, and the reports
  {root}/story.html                         what happened on which day, and why

Try next:
  {python} -m jobs.decisions explain {last} --root {root}
  {python} -m jobs.decisions check --root {root}
  edit "pinned" in {root}/decisions/serving_decision.json, then
  {python} -m jobs.training_inference --root {root} --date {last}      # and read STATUS.txt again
  {python} -m jobs.sql --root {root} "select grade, count(*) loans from gold_predictions group by all order by all"
"""

MOVED = 0.25  # a stability index above it is told as drift
RECOVERED = "recovered: the scores match the reference of the serving model again"
IN_VAIN = (
    "not fixed: no loan of the new kind had matured, so no training could learn from one; from now on monitoring "
    "asks a person to decide instead of training again"
)


def main(argv: Sequence[str] | None = None) -> int:
    parser = parser_of("demo", ABOUT, MORE)
    parser.add_argument("--root", default="demo", help="folder of its own, created here (default: demo)")
    given = parser.parse_args(argv).root
    root = (home := Path(given)) / "replay"

    def answer() -> int:
        events = Events(in_sentences=True)
        if not given.strip():
            open_root(given)  # which refuses it
        events.say("plan", PLAN)
        if not _is_whole(root) and (code := _played(home / "lender", root, events)):
            return code
        ten = "".join(f"  {line}\n" for line in lines(story.of(open_root(str(root)), START, LAST), DRIFT))
        events.say("story", f"\nThe story in ten lines:\n{ten}")
        events.say("what_now", WHAT_NOW.format(root=root, last=LAST, python=os.path.relpath(sys.executable)))
        return 0

    return tool(answer)


def _is_whole(root: Path) -> bool:
    """Whether a replay has finished there without any run ended by a bug or by the system."""
    diary = root / "diary.jsonl"
    failed = diary.is_file() and '"code": 1}' in diary.read_text("utf-8")
    return (root / "story.html").is_file() and not failed


def _played(lender: Path, root: Path, events: Events) -> int:
    """Simulate three years of a lender and replay them; a replay that was interrupted starts again."""
    lender.mkdir(parents=True, exist_ok=True)
    span = ["--start", str(FIRST), "--end", str(LAST), "--loans-per-day", LOANS_A_DAY, "--seed", SEED]
    if code := simulate(["--root", str(lender), *span, "--scenario", f"covariate-large@{DRIFT}"], events):
        return code
    if (root / REPLAY_CLOCK).is_file():
        events.say("anew", "An earlier replay did not finish here; it starts again.")
        # the clock last: it marks the folder as a replay, which may be removed
        for path in sorted(root.iterdir(), key=lambda path: path.name == REPLAY_CLOCK):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    policy = lender.parent / "policy.json"
    policy.write_bytes(strict_json.pretty(POLICY))
    span = ["--start", str(START), "--end", str(LAST), "--policy", str(policy)]
    return replay(["--root", str(lender), "--into", str(root), *span], events)


def lines(story: Story, drift: date) -> Iterator[str]:
    """What happened, sorted by day, with a line only for what did happen."""
    for day, text in sorted(_dated_lines(story, drift), key=lambda line: line[0]):
        yield f"{day}  {text}"


def _dated_lines(story: Story, drift: date) -> Iterator[tuple[date, str]]:
    before, since = ([week for week in story.weeks if (week.week < drift) == is_before] for is_before in (True, False))
    known = [week.score_psi for week in before if week.score_psi is not None]
    psi = f"{min(known):.3f} to {max(known):.3f}" if known else "not known"
    calm = sum(week.decision == NO_ACTION for week in before)
    quiet = f"{calm} of {len(before)} weeks before it called for no action"
    yield drift, f"drift began: weaker applicants and longer terms, from one day to the next; {quiet}, score PSI {psi}"
    for week in [week for week in since if week.decision != NO_ACTION][:1]:
        yield week.week, f"noticed by monitoring, severity {week.severity}: {week.sentence}"
    events = [event for event in story.events if event.day >= drift]
    for event in [event for event in events if event.what.startswith("decided: a retr")][:1]:
        yield event.day, event.what
    trained = [event for event in events if event.what.startswith("trained")]
    for event in trained[:4]:
        yield event.day, event.what + (f" ({event.why})" if event.what.endswith("kept") else "")
    for week in [week for week in story.weeks if trained and week.action_hint == "escalate"][:1]:
        yield week.week, IN_VAIN
    mended = list(takewhile(lambda week: week.score_psi is not None and week.score_psi <= MOVED, reversed(since)))
    for week in mended[-1:]:  # the first from which on the scores lay where their reference has them
        yield week.week, f"{RECOVERED}, PSI {week.score_psi:.3f}"
    for week in story.weeks[-1:]:
        if week.decision != NO_ACTION:
            yield week.week, f"monitoring still says: {week.sentence}"


if __name__ == "__main__":
    sys.exit(main())
