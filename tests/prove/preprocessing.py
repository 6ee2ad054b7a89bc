"""The smallest root on which preprocessing does all its work: two days of three loans, one of them restated."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.simulate.__main__ import main as simulate
from tests.prove import system_calls

if TYPE_CHECKING:
    from pathlib import Path

IGNORED = ("datamart/.index/", "decisions/receipts/")  # they tell of runs, not of data
LAST = "2016-01-05"


def land(root: Path) -> None:
    root.mkdir()
    simulate(["--root", str(root), "--start", "2016-01-04", "--end", LAST, "--loans-per-day", "3", "--seed", "7"])


def argv(root: Path) -> list[str]:
    return system_calls.command("preprocessing", root, "--date", LAST)
