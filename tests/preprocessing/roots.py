"""Small roots that the tests of the whole job share: simulated once, copied for whoever wants to change one."""

from __future__ import annotations

import hashlib
import shutil
from datetime import date
from functools import cache
from pathlib import Path

from jobs.preprocessing import job
from jobs.simulate.__main__ import main as simulate
from tests.built_once import scratch

FIRST, LAST = date(2016, 1, 4), date(2016, 1, 9)
TABLES = ("loan_terms", "demographic", "credit_history", "financial")
BY_DESIGN = ("datamart/.index/", "decisions/receipts/")  # these tell of runs, not of data


@cache
def _simulated() -> Path:
    root = scratch()
    arguments = ["--start", str(FIRST), "--end", str(LAST), "--loans-per-day", "8", "--seed", "7", "--dirt", "0.02"]
    assert simulate(["--root", str(root), *arguments]) == 0
    return root


def landed(into: Path) -> Path:
    """A root in which six days have landed, and nothing is built."""
    shutil.copytree(_simulated() / "datamart", into / "datamart")
    return into


def preprocess(root: Path, day: date = LAST, *arguments: str) -> int:
    return job.main(["--root", str(root), "--date", str(day), *arguments])


def built(into: Path) -> Path:
    landed(into)
    assert preprocess(into) == 0
    return into


def landing(root: Path, table: str, day: date) -> Path:
    return root / f"datamart/landing/{table}/{table}_{day.isoformat().replace('-', '_')}.csv"


def land(path: Path, data: bytes) -> None:
    """Put a whole file there, with its checksum beside it, as a good source does."""
    path.write_bytes(data)
    path.with_name(path.name + ".sha256").write_text(f"{hashlib.sha256(data).hexdigest()}  {path.name}\n")


def tree(root: Path, *below: str) -> dict[str, str]:
    """Every file by its content, but for those that differ from run to run by design and what old builds left."""
    names = (path.relative_to(root).as_posix() for path in sorted(root.rglob("*")) if path.is_file())
    kept = (name for name in names if not name.startswith(BY_DESIGN) and name.startswith(below or ("",)))
    return {name: hashlib.sha256((root / name).read_bytes()).hexdigest() for name in kept}


def current(root: Path, *below: str) -> dict[str, str]:
    """The manifests alone: they name all that counts, and nothing that a newer build replaced."""
    return {name: digest for name, digest in tree(root, *below).items() if name.endswith("/_manifest.json")}


def tables_of(root: Path, day: date, *below: str) -> set[str]:
    """The tables that have a partition of a day."""
    return {name.split("/snapshot_date=")[0] for name in current(root, *below) if f"snapshot_date={day}" in name}


def shorter(path: Path) -> bytes:
    """The file without its last row."""
    return "\n".join(path.read_text("utf-8").splitlines()[:-1]).encode() + b"\n"
