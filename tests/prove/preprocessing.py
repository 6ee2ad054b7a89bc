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


def observed(root: Path) -> system_calls.Tree:
    """All files that count. A partition that was built without a day that failed is built again when that day is
    there, and its first manifest is kept beside the new one: rightly, and only after an error.
    """
    found = system_calls.fingerprint(root, IGNORED)
    return {name: content for name, content in found.items() if "/_manifest-" not in name}


SUBJECT = system_calls.Subject("preprocessing", land, argv, observed)
