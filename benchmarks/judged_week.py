"""`python -m benchmarks.judged_week ROOT SUNDAY FEATURES STEP...`: monitoring, with its own imports at their own time.

It judges by the first FEATURES features of the model's reference.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from jobs.monitoring import job
from jobs.protocol import command, model_bank

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jobs.protocol.command import Run

Json = dict[str, Any]


def main(root: str, sunday: str, features: int, steps: Sequence[str]) -> int:
    def evidence(run: Run) -> None:
        from jobs.monitoring import reading

        whole = reading.Reading._json  # noqa: SLF001

        def first_features(self: reading.Reading, name: str) -> Json:
            found = whole(self, name)
            if "features" in found and name == model_bank.REFERENCE:
                found["features"] = dict(islice(found["features"].items(), features))
            return found

        reading.Reading._json = first_features  # type: ignore[method-assign] # noqa: SLF001
        job.evidence(run)

    asked = [step for step in job.JOB.steps if step.name in steps]
    judged = tuple(replace(step, work=evidence) if step.name == "evidence" else step for step in asked)
    return command.main(replace(job.JOB, steps=judged), ["--root", root, "--date", sunday])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4:]))
