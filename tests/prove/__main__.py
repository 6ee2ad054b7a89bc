"""`python -m tests.prove [PROOF ...]`: the long proofs. Each prints what it yielded; any failure makes it exit 1."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections import Counter
from dataclasses import replace
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING

from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from tests.model.__main__ import main as models
from tests.protocol.test_story import Story
from tests.prove import damage as damages
from tests.prove import knowledge, monitoring, preprocessing, tools, training
from tests.prove.false_alarms import false_alarms
from tests.prove.races import RACERS, monitor_trainer_and_editor, race_for_numbers
from tests.prove.ranking import ranking
from tests.prove.scenarios import scenarios
from tests.prove.system_calls import (
    CHANGING,
    CLOSE_ERRORS,
    ERRORS,
    READ_ERRORS,
    READING,
    Case,
    Subject,
    Tree,
    cases,
    differences,
    trace,
    try_all,
    verdict,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence


def killed_anywhere_and_run_again(subject: Subject, scratch: Path, options: argparse.Namespace) -> int:
    """A job killed or failed at each call that changes a file, and run again, gives what an undisturbed run gives."""
    every, known = _undisturbed(subject, scratch, CHANGING)
    found = every[:: options.every]
    fail = [case for case in found if case.may_fail]
    pairs = [(case, error) for case in fail for error in ERRORS] if options.each_error else zip(fail, cycle(ERRORS))
    errors = [replace(case, error=_failure(case, error)) for case, error in pairs]
    return _tried(subject, scratch, {"kill -9": found, "an error": errors}, known, options.workers)


def failed_once(calls: str, errors_of: Sequence[str], scratch: Path, options: argparse.Namespace) -> int:
    """A job whose calls that read, or close, a file fail, each in its turn and once, fails plainly; the next mends it.

    Of monitoring the conclusion counts: what it could not read is unknown in a verdict that is kept and told.
    """
    wrong, subjects = 0, {name: SUBJECTS[name] for name in ("preprocessing", "training", "cold-start")}
    for name, subject in (subjects | {"monitoring": monitoring.READ}).items():
        (home := scratch / name).mkdir()
        found, known = _undisturbed(subject, home, calls)
        own = [case for case in found if case.own][:: options.every]
        errors = [replace(case, error=error) for case, error in zip(own, cycle(errors_of))]
        wrong += _tried(subject, home, {f"a failed {calls.partition(',')[0]}": errors}, known, options.workers)
    return wrong


def _undisturbed(subject: Subject, scratch: Path, calls: str) -> tuple[list[Case], tuple[Tree, Tree]]:
    """The cases that an undisturbed run gives, and what of the root counts after it, or after a run that failed."""
    template, whole, other = scratch / "template", scratch / "whole", scratch / "other"
    subject.land(template)
    shutil.copytree(template, whole)
    shutil.copytree(template, other)
    found = cases(trace(subject.argv(whole), scratch / "trace", calls), whole, calls)
    expected = subject.observe(whole)
    return found, (expected, subject.else_too(other, expected))


def _tried(subject: Subject, scratch: Path, of: dict[str, list[Case]], known: tuple[Tree, Tree], workers: int) -> int:
    """Try cases of each kind, print what they came to, and return how many are wrong."""
    template, (expected, else_too), wrong = scratch / "template", known, 0
    for label, tried in of.items():
        tally: Counter[str] = Counter()
        for outcome in try_all(subject, template, scratch / "roots", tried, workers):
            shown = verdict(outcome, expected, else_too)
            tally[shown] += 1
            if shown.startswith("WRONG"):
                wrong += 1
                print(
                    f"  {outcome.case}: {shown} {differences(outcome, expected)}\n{outcome.output[-900:]}", flush=True
                )
            told = f"{tally.total()} of {len(tried)}"
            print(f"\r{subject.name}, {label}: {told}", end="", file=sys.stderr, flush=True)
        print(f"\n{subject.name}, {label}: {len(tried)} cases: {dict(sorted(tally.items()))}", flush=True)
    return wrong


def _failure(case: Case, error: str) -> str:
    """Of a link EEXIST is no failure but an answer, that another was quicker; and the job is right to believe it."""
    return "EIO" if error == "EEXIST" and case.name in ("link", "linkat") else error


def races(scratch: Path, options: argparse.Namespace) -> int:
    """Sixteen processes for each number; monitors, a trainer and an editor at once. What fails, fails loudly."""
    rounds, roots = 500 // options.every, 20 // min(options.every, 20)
    (scratch / "numbers").mkdir()
    won = race_for_numbers(scratch / "numbers", rounds)
    print(f"races: {rounds} numbers, {RACERS} processes each time, one winner each; racers that won any: {len(won)}")
    tally: Counter[str] = Counter()
    for number in range(roots):
        (scratch / str(number)).mkdir()
        tally += monitor_trainer_and_editor(scratch / str(number), 150)
    print(f"races: monitors, trainer and editor at once on {roots} roots: {dict(sorted(tally.items()))}", flush=True)
    return 0


def model(*_: object) -> int:
    """Every order of acts, crashes and edits within the bounds, every mutant, and the protocol that was replaced."""
    return models()


def stories(_: Path, options: argparse.Namespace) -> int:
    """Any sequence of acts on notes and ledger, against a reference that keeps all in memory."""
    examples, steps = 2_000 // options.every, 60
    run_state_machine_as_test(Story, settings=settings(max_examples=examples, stateful_step_count=steps, deadline=None))
    print(f"stories: {examples} of up to {steps} acts each agree with the reference", flush=True)
    return 0


def damage(scratch: Path, options: argparse.Namespace) -> int:
    """Every damage to ledger and models is found, and no damaged or mutated file is the end of a job."""
    root = scratch / "root"
    damages.trained(root)
    wrong = 0
    for what, came_to in _damages(root, scratch, options.every):
        tally = Counter(came_to)
        wrong += sum(count for said, count in tally.items() if said.startswith("WRONG"))
        print(f"damage: {what}: {tally.total()}: {dict(sorted(tally.items()))}", flush=True)
    return wrong


def _damages(root: Path, scratch: Path, every: int) -> Iterator[tuple[str, Iterable[str]]]:
    found = ("found" if seen else f"WRONG: not found: {what}" for what, seen in damages.damages(root, 64 // every))
    yield "flips, cuts, deletions and swaps in ledger and model bank", found
    yield "mutated files of a model, each loaded twice", damages.models(root, 2_001 // every).elements()
    yield "mutated trees under hashes that fit", damages.forgeries(root, 100 // every).elements()
    for name in damages.BY_HAND:
        yield f"mutations of {name}", damages.by_hand(root, scratch, name, 3_000 // every)


SUBJECTS = {
    "preprocessing": preprocessing.SUBJECT,
    "training": training.SUBJECT,
    "cold-start": training.COLD,
    "monitoring": monitoring.SUBJECT,
    **tools.SUBJECTS,
}
PROOFS: dict[str, Callable[[Path, argparse.Namespace], int]] = {
    **{name: partial(killed_anywhere_and_run_again, subject) for name, subject in SUBJECTS.items()},
    "reads": partial(failed_once, READING, READ_ERRORS),
    "closes": partial(failed_once, "close", CLOSE_ERRORS),
    "races": races,
    "model": model,
    "stories": stories,
    "damage": damage,
    "scenarios": scenarios,
    "false-alarms": false_alarms,
    "ranking": ranking,
    "future": knowledge.future,
    "day-by-day": knowledge.day_by_day,
}


def main() -> int:
    parser = argparse.ArgumentParser("python -m tests.prove", description=__doc__)
    parser.add_argument("proofs", nargs="*", metavar="PROOF", help=f"of {', '.join(PROOFS)} (default: all)")
    parser.add_argument("--workers", type=int, default=2, help="cases tried at a time (default: 2)")
    parser.add_argument("--every", type=int, default=1, help="do an N-th only of each proof (default: all)")
    parser.add_argument("--each-error", action="store_true", help="fail each call with every error, not one in turn")
    options = parser.parse_args()
    wrong = 0
    for name in options.proofs or PROOFS:
        with tempfile.TemporaryDirectory(prefix="prove-") as scratch:
            wrong += PROOFS[name](Path(scratch), options)
    print("proved" if wrong == 0 else f"{wrong} cases are wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
