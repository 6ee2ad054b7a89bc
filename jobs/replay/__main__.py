"""`python -m jobs.replay`: the time machine."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from jobs.protocol import clock, files, policy
from jobs.protocol.command import iso_date, open_root, parser_of, tool
from jobs.protocol.errors import UsageError
from jobs.protocol.events import Events, amount, print_to
from jobs.protocol.files import Root
from jobs.protocol.store import POLICY, FolderStore

ABOUT = """Run the three jobs on their schedules over landed files, in simulated time and in a root of its own.

All that had landed before --start lands at once; from then on each day's files land at 00:30, and the jobs run at
01:00, 02:00 and on Sundays at 06:00 UTC. The original root is only read. The same seed gives the same mishaps. The
results are in DIR: story.html, diary.jsonl, and everything that the jobs write in any root."""

MORE = """example:
  python -m jobs.replay --root lender --start 2015-01-01 --end 2015-12-31 --into year --kill 0.05

exit codes:
  0 done   1 an invariant does not hold, or the system refused   2 usage   3 nothing landed from --start to --end
  5 the policy is invalid   143 stopped by SIGTERM or Ctrl-C"""


def main(argv: Sequence[str] | None = None, events: Events | None = None) -> int:
    """Replay; 0 when every invariant holds, 1 when one does not."""
    options = _parser().parse_args(argv)

    def answer() -> int:
        broken = _replayed(options, events or Events())
        print_to(sys.stderr, "".join(f"replay: {what}\n" for what in broken))
        return 1 if broken else 0

    return tool(answer)


def _replayed(options: argparse.Namespace, events: Events) -> list[str]:
    from jobs.monitoring import report
    from jobs.replay import replaying, story
    from jobs.replay.schedule import Chances

    _refuse(options)
    original, started = open_root(options.root), clock.seconds()
    given = options.policy.read_bytes() if options.policy else None
    policy.load(given, str(options.policy))
    chances = Chances(options.missed_ticks, options.duplicate_ticks, options.kill, options.seed)
    root = place(original, Path(options.into))
    played = replaying.Replay(original, root, chances)
    played.expect_files(options.start, options.end)
    files.make_folder(root, root.path)
    open_root(str(root.path))  # which refuses what no job could work in
    if given is not None:
        FolderStore(root).put_if_absent(POLICY, given)
    played.play(options.start, options.end, events)
    told = story.of(root, options.start, options.end, played.happenings)
    for week in told.of_interest:  # any other can be had by --step report
        report.write(root, week)
    lines = (json.dumps(one._asdict() | {"at": one.at.isoformat()}) + "\n" for one in played.happenings)
    files.write_whole(root, root.at("diary.jsonl"), "".join(lines).encode())
    files.write_whole(root, root.at("story.html"), story.page(told))
    broken = [*replaying.refused(played.happenings), *story.broken(root, options.start, options.end)]
    facts, seconds = {"mishaps": len(played.happenings), "kills": played.kills}, clock.seconds() - started
    said = ", ".join(amount(number, what[:-1]) for what, number in facts.items())
    sentence = f"replayed in {seconds:.0f} s, {said}; see {root.at('story.html')}"
    events.say("end", sentence, seconds=round(seconds, 1), **facts, broken=len(broken))
    return broken


def _refuse(options: argparse.Namespace) -> None:
    rates = (options.missed_ticks, options.duplicate_ticks, options.kill)
    named, adding = "--missed-ticks, --duplicate-ticks, --kill", "give rates from 0 on that add up to at most 1"
    lost = bool(options.policy) and not files.is_file(options.policy)
    for wrong, what, where, mend in (
        (not options.into.strip(), "the root is empty", "--into", "give a new folder"),
        (options.end < options.start, "it is before --start", "--end", "give an --end on or after --start"),
        (min(rates) < 0 or not sum(rates) <= 1, "these are not valid rates", named, adding),  # nor is a nan
        (options.seed < 0, "it is negative", "--seed", "give a whole number from 0 on"),
        (lost, "there is no such file", options.policy, "give the policy to replay under"),
        (options.end > clock.today(), "it is after today", "--end", "give a date up to today"),
    ):
        if wrong:
            raise UsageError(what, where=where, mend=mend)


def place(original: Root, into: Path) -> Root:
    """The folder of the replay: it must be empty, and outside the original root."""
    path = Path(os.path.realpath(into))  # unlike `resolve`, it bears links that lead in a circle
    kept = ((original.path / name).resolve() for name in ("datamart", "decisions", "model_bank"))
    if original.path.is_relative_to(path) or any(path.is_relative_to(folder) for folder in kept):
        raise UsageError("the new folder is within or around --root", where="--into", mend="name another folder")
    if os.path.lexists(path) and (not files.is_folder(path) or any(path.iterdir())):
        raise UsageError("the folder is not empty", where=path, mend="give a new folder, or remove it first")
    return Root(path, durable=False)


def _parser() -> argparse.ArgumentParser:
    parser = parser_of("replay", ABOUT, MORE)
    add = parser.add_argument
    add("--root", default=".", help="the root whose landed files are replayed; it is only read (default: .)")
    add("--start", type=iso_date, required=True, metavar="YYYY-MM-DD", help="first day of the schedules")
    add("--end", type=iso_date, required=True, metavar="YYYY-MM-DD", help="last day")
    add("--into", required=True, metavar="DIR", help="a new folder: the root of the replay")
    add("--policy", type=Path, metavar="FILE", help="the policy to replay under (default: as a first run writes it)")
    for flag, share in (
        ("--missed-ticks", "share of ticks that never come, and files late"),
        ("--duplicate-ticks", "share of ticks that come twice"),
        ("--kill", "share of runs that are killed at work, and run again"),
    ):
        add(flag, type=float, default=0.0, metavar="RATE", help=share)
    add("--seed", type=int, default=1, metavar="S", help="another seed, other mishaps (default: 1)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
