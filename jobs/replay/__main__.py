"""`python -m jobs.replay`: the time machine."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from jobs.protocol import clock, files
from jobs.protocol.command import iso_date, open_root
from jobs.protocol.errors import JobError, UsageError, as_job_error
from jobs.protocol.events import Events

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jobs.replay.replaying import Replay

ABOUT = """Run the three jobs on their schedules over files that have landed, in a simulated time and a root of its own.

All that had landed before --start lands at once; from then on each day's files land at 00:30, and the jobs tick at
01:00, 02:00 and on Sundays at 06:00 UTC. The original root is only read. The same seed gives the same mishaps. What
came of it lies in DIR: story.html, diary.jsonl, and everything that the jobs leave in any root."""


def main(argv: Sequence[str] | None = None, events: Events | None = None) -> int:
    """Replay; 0 when every invariant holds, 1 when one does not."""
    options = _parser().parse_args(argv)
    try:
        return _replay(options, events or Events())
    except (JobError, OSError) as failure:
        error = as_job_error(failure)
        print(f"replay: {error}", file=sys.stderr)  # noqa: T201
        return error.exit_code


def _replay(options: argparse.Namespace, events: Events) -> int:
    from jobs.replay import invariants, page, replaying, story
    from jobs.replay.schedule import Chances
    from jobs.replay.source import Source

    chances = Chances(missed=options.missed_ticks, twice=options.duplicate_ticks, kill=options.kill, seed=options.seed)
    _refuse(options, chances.missed, chances.twice, chances.kill)
    original, started = open_root(options.root), clock.seconds()
    root = replaying.prepare(original, options.into, options.policy.read_bytes() if options.policy else None)
    played = replaying.Replay(root, Source(original, root), chances)
    replaying.replay(played, options.start, options.end, events)
    told = story.of(root, options.start, options.end, played.happenings)
    replaying.report(played, told.of_interest)
    files.write_whole(root, root.at("diary.jsonl"), replaying.diary(played.happenings).encode())
    files.write_whole(root, root.at("story.html"), page.rendered(told))
    broken = invariants.broken(root, options.start, options.end)
    _say(events, played, broken, clock.seconds() - started)
    return 1 if broken else 0


def _say(events: Events, played: Replay, broken: list[str], seconds: float) -> None:
    for what in broken:
        print(f"replay: {what}", file=sys.stderr)  # noqa: T201
    kills, told = played.kills, len(played.happenings)
    sentence = f"replayed in {seconds:.0f} s, {told} mishaps, {kills} kills; see {played.root.at('story.html')}"
    events.say("end", sentence, seconds=round(seconds, 1), mishaps=told, kills=kills, broken=len(broken))


def _refuse(options: argparse.Namespace, *rates: float) -> None:
    if options.end < options.start:
        raise UsageError("it is before --start", where="--end", mend="give an --end on or after --start")
    if min(rates) < 0 or sum(rates) > 1:
        mend = "give rates from 0 on that add up to at most 1"
        raise UsageError("these are no rates", where="--missed-ticks, --duplicate-ticks, --kill", mend=mend)
    if options.policy and not options.policy.is_file():
        raise UsageError("there is no such file", where=options.policy, mend="give the policy to replay under")
    if options.end > clock.today():
        raise UsageError("it is after today", where="--end", mend="give a date up to today")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m jobs.replay",
        description=ABOUT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--root", default=".", help="the root whose landed files are replayed; it is only read (default: .)")
    add("--start", type=iso_date, required=True, metavar="YYYY-MM-DD", help="first day of the schedules")
    add("--end", type=iso_date, required=True, metavar="YYYY-MM-DD", help="last day")
    add("--into", type=Path, required=True, metavar="DIR", help="a new folder: the root of the replay")
    add("--policy", type=Path, metavar="FILE", help="the policy to replay under (default: as a first run writes it)")
    add(
        "--missed-ticks", type=float, default=0.0, metavar="RATE", help="share of ticks that never come, and files late"
    )
    add("--duplicate-ticks", type=float, default=0.0, metavar="RATE", help="share of ticks that come twice")
    add("--kill", type=float, default=0.0, metavar="RATE", help="share of runs that are killed at work, and run again")
    add("--seed", type=int, default=1, metavar="S", help="another seed, other mishaps (default: 1)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
