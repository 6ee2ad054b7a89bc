"""Small jobs, for tests of what every job has from its command line."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from jobs.protocol import command
from jobs.protocol.command import Job, Run, Step

if TYPE_CHECKING:
    from collections.abc import Callable


DAY = date(2024, 3, 1)


def failing(error: BaseException) -> Callable[[Run], None]:
    def work(_run: Run) -> None:
        raise error

    return work


def job(*works: Callable[[Run], None]) -> Job:
    return Job("toy", "A job for tests.", tuple(Step(f"s{n}", "a step", work) for n, work in enumerate(works)))


def nothing(_run: Run) -> None:
    pass


def changes(run: Run) -> None:
    run.report.change("some/table", rows=3)


def run(what: Job, root: Path, *arguments: str) -> int:
    return command.main(what, ["--root", str(root), "--date", str(DAY), *arguments])
