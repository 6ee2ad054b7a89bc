"""`python -m tests.prove`: the long proofs. Each prints what it yielded, and any failure makes the exit code 1."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections import Counter
from itertools import cycle
from pathlib import Path

from tests.prove import preprocessing
from tests.prove.system_calls import ERRORS, Case, cases, fingerprint, trace, try_all, verdict


def killed_anywhere_and_run_again(scratch: Path) -> int:
    """Preprocessing, killed or failed at each call that changes a file and run again, gives the undisturbed bytes."""
    template, whole = scratch / "template", scratch / "whole"
    preprocessing.land(template)
    shutil.copytree(template, whole)
    log = trace(preprocessing.argv(whole), scratch / "trace")
    expected = fingerprint(whole, preprocessing.IGNORED)
    found = cases(log, whole)
    wrong = 0
    ours = [case for case in found if case.name != "write"]  # which thread's write fails cannot be chosen
    errors = [Case(case.name, case.ordinal, error) for case, error in zip(ours, cycle(ERRORS), strict=False)]
    for label, tried in (("kill -9", found), ("an error", errors)):
        tally: Counter[str] = Counter()
        for outcome in try_all(template, scratch / "roots", preprocessing.argv, preprocessing.IGNORED, tried):
            shown = verdict(outcome, expected)
            tally[shown] += 1
            if shown.startswith("WRONG"):
                wrong += 1
                print(f"  {outcome.case}: {shown}\n{outcome.output[-600:]}", file=sys.stderr)
        print(f"{label:8} {len(tried):5} cases: {dict(sorted(tally.items()))}", flush=True)
    return wrong


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="prove-") as scratch:
        wrong = killed_anywhere_and_run_again(Path(scratch))
    print("proved" if wrong == 0 else f"{wrong} cases are wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
