"""`python -m tests.model`: every world within the full bounds, every mutant, and the protocol that was replaced."""

from __future__ import annotations

import sys
import time
from dataclasses import replace

import pytest

from tests.model import replaced, replay
from tests.model.mutants import MUTANTS, atomic_store
from tests.model.search import Findings, search
from tests.model.things import Bounds

WEEK = (("monitor", 0), ("train", 1))
TRAINERS = (("train", 1), ("train", 1))
MONITORS = (("monitor", 0), ("monitor", 2))
FULL = {
    "a week, two acts on the note, one crash": Bounds(starts=WEEK, edits=2, crashes=1, serving=False),
    "a week, two acts on any note": Bounds(starts=WEEK, edits=2, crashes=0),
    "a week, one act on any note, one crash": Bounds(starts=WEEK, edits=1, crashes=1),
    "a week, one act, two crashes, a rerun": Bounds(starts=WEEK, edits=1, crashes=2, reruns=1, serving=False),
    "a week, four crashes: the attempts are used up": Bounds(starts=WEEK, edits=0, crashes=4, reruns=4, together=1),
    "two trainers, two acts, one crash": Bounds(starts=TRAINERS, edits=2, crashes=1, serving=False),
    "two monitors, two acts, one crash": Bounds(starts=MONITORS, edits=2, crashes=1, serving=False),
    "two weeks, all four in turn, one act on any note, one crash": Bounds(edits=1, crashes=1, together=1),
    "two weeks, two of four at once, one crash": Bounds(edits=0, crashes=1, serving=False),
}


def told(name: str, findings: Findings, seconds: float) -> bool:
    """Print one line, and the way to whatever was found; True if all is well."""
    print(f"{name}: {findings.told()}, {seconds:.0f} s", flush=True)
    for what, way in {**findings.violations, **findings.dead_ends}.items():
        print(f"  {what}:", *way, sep="\n    ")
    return findings.exhausted and not findings.violations and not findings.dead_ends


def main() -> int:
    well, states, steps = True, 0, 0
    for kind in ("folder", "object store, at most one act and one crash"):
        for name, given in FULL.items():
            with pytest.MonkeyPatch.context() as patch:
                replay.install(patch)
                bounds = given
                if kind != "folder":
                    atomic_store(patch)
                    bounds = replace(given, locked=False, crashes=min(given.crashes, 1), edits=min(given.edits, 1))
                start = time.monotonic()
                findings = search(bounds)
                well &= told(f"{kind}, {name}", findings, time.monotonic() - start)
                states, steps = states + findings.states, steps + findings.steps
    print(f"in all: {states:,} states, {steps:,} steps")
    for name, (spoil, bounds) in MUTANTS.items():
        with pytest.MonkeyPatch.context() as patch:
            replay.install(patch)
            spoil(patch)
            found = search(bounds, until_violation=True)
        caught = [*found.violations, *found.dead_ends]
        print(f"mutant, {name}: {'caught: ' + caught[0] if caught else 'NOT CAUGHT'}")
        well &= bool(caught)
    for name, shifted in (("in one ISO week", False), ("by its schedule", True)):
        number, wrong = replaced.search(sunday_to_monday=shifted)
        print(f"the replaced protocol, {name}: {number:,} states, of them {dict(wrong)}")
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
