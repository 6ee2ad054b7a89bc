"""`python -m jobs.decisions`: what is decided, whether all is whole, and why."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import Any

from jobs.decisions import checking, collecting, doctoring, explaining, showing
from jobs.protocol import ledger
from jobs.protocol.command import iso_date, open_root, parser_of, tool
from jobs.protocol.events import print_to
from jobs.protocol.files import Root
from jobs.protocol.store import FolderStore

EXIT_CODES = """exit codes:
  0 done   1 the system refused   2 usage   5 a note or the policy is invalid   6 something is damaged
  75 a job is at work on this root   143 stopped by SIGTERM or Ctrl-C"""
EXAMPLES = """examples:
  python -m jobs.decisions lint --root R                  after every edit of a note or the policy
  python -m jobs.decisions explain 2024-01-14 --root R
  python -m jobs.decisions withdraw --reason "not before the holidays" --root R"""
ABOUT = "What is decided and why, whether every file is as it was written, and what the next run will do."

COMMANDS: dict[str, tuple[Callable[[Root, argparse.Namespace], tuple[int, str]], str]] = {
    "show": (showing.show, "the state of every decision and model, and the runs with problems"),
    "check": (checking.check, "whether ledger, notes, receipts, models and partitions are whole"),
    "explain": (explaining.explain, "the chain of a date: runs, decision, evidence, inputs, the model that scored it"),
    "lint": (showing.lint, "what the next run will do with the notes and the policy as they stand"),
    "withdraw": (showing.withdraw, "end the open decision: a person's veto"),
    "gc": (collecting.collect, "list replaced files that no model, decision, score or report rests on"),
    "doctor": (doctoring.doctor, "permissions, disk, locks, the file system, missing days, stale claims, the clock"),
}
GIVEN = {"explain": " 2024-01-14", "withdraw": ' --reason "not before the holidays"'}  # arguments in the examples
EXAMINING = ("check", "doctor")  # they work on a damaged ledger; the other commands refuse it


def main(argv: Sequence[str] | None = None) -> int:
    options = _options(argv)

    def answer() -> int:
        root = open_root(options.root)
        if options.command not in EXAMINING:
            ledger.refuse_loss(FolderStore(root))
        code, said = COMMANDS[options.command][0](root, options)
        print_to(sys.stdout, said, is_answer=True)
        return code

    return tool(answer)


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    layout: Any = {"formatter_class": argparse.RawDescriptionHelpFormatter, "allow_abbrev": False}  # as parser_of
    parser = parser_of("decisions", ABOUT, f"{EXAMPLES}\n\n{EXIT_CODES}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, (_, about) in COMMANDS.items():
        more = f"example:\n  python -m jobs.decisions {name}{GIVEN.get(name, '')} --root R\n\n{EXIT_CODES}"
        add = commands.add_parser(name, help=about, description=about, epilog=more, **layout).add_argument
        add("--root", default=".", help="folder that holds datamart/, decisions/, model_bank/ (default: .)")
        if name in ("show", "check", "lint"):
            add("--json", action="store_true", help="print JSON")
        if name == "gc":
            add("--delete", action="store_true", help="remove them (default: only list them)")
        if name == "explain":
            add("date", type=iso_date, metavar="DATE", help="YYYY-MM-DD")
        if name == "withdraw":
            add("--reason", required=True, help="why, in a sentence; it is kept in the ledger")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
