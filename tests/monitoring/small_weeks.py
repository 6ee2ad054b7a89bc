"""A small lender with a model and four weeks in which loans mature that it did not learn from; each test has a copy."""

from __future__ import annotations

import json
import shutil
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from jobs.monitoring import job
from jobs.preprocessing import job as preprocessing
from jobs.protocol import contract, files, partitions
from jobs.protocol.files import Root
from jobs.protocol.partitions import Input, Manifest
from jobs.simulate.__main__ import main as simulate
from jobs.training_inference import job as training
from tests import stored
from tests.built_once import once

if TYPE_CHECKING:
    from pathlib import Path

    import polars as pl

Json = dict[str, Any]

FIRST, TRAINED, SUNDAY = date(2015, 10, 1), date(2016, 4, 17), date(2016, 5, 15)
WEEK = SUNDAY - timedelta(days=1)
EASY = {  # so that a few months of loans train, and a model of them passes
    "label": {"window_months": 4, "dpd": 30, "lag_days": 0},
    "guards": {"min_history_days": 60, "min_new_rows": 1},
    "gates": {"profile": "fraud_001", "fraud_001": {"precision": 0.0, "recall": 0.0, "f1": 0.0}},
}


def _lender() -> Path:
    return once("monitored", _simulate)


def _simulate(root: Path) -> None:
    (root / "decisions").mkdir()
    (root / "decisions/policy.json").write_text(json.dumps(EASY))
    arguments = ["--start", str(FIRST), "--end", str(SUNDAY), "--loans-per-day", "180", "--seed", "11"]
    assert simulate(["--root", str(root), *arguments]) == 0
    assert preprocessing.main(["--root", str(root), "--date", str(SUNDAY)]) == 0
    for day in (TRAINED, SUNDAY):
        assert training.main(["--root", str(root), "--date", str(day)]) == 0


def lender(into: Path) -> Path:
    """A copy of it, with as much of what landed as a week looks back upon."""
    for below in ("datamart/gold", "decisions", "model_bank"):
        shutil.copytree(_lender() / below, into / below)
    for below in ("datamart/bronze", "datamart/silver"):
        shutil.copytree(_lender() / below, into / below, ignore=_older)
    return into


def _older(_: str, names: list[str]) -> list[str]:
    oldest = f"snapshot_date={SUNDAY - timedelta(days=45)}"
    return [name for name in names if name.startswith("snapshot_date=") and name < oldest]


def run(root: Path, day: date = SUNDAY, *arguments: str) -> int:
    return job.main(["--root", str(root), "--date", str(day), *arguments])


def folder(root: Path, week: date = WEEK) -> Path:
    return root / f"datamart/gold/monitoring/week={week}"


def verdict(root: Path, week: date = WEEK) -> Json:
    found: Json = json.loads((folder(root, week) / "decision.json").read_bytes())
    return found


def evidence(root: Path, week: date = WEEK) -> Json:
    found: Json = json.loads((root / verdict(root, week)["evidence"]["path"]).read_bytes())
    return found


def tree(root: Path) -> dict[str, tuple[int, bytes]]:
    """Every file with its time and bytes."""
    paths = (path for path in root.rglob("*") if path.is_file())
    return {str(path.relative_to(root)): (path.stat().st_mtime_ns, path.read_bytes()) for path in paths}


def contents(path: Path) -> dict[str, bytes]:
    """What lies there, whenever it was written."""
    return {name: data for name, (_, data) in tree(path).items()}


def rows(root: Path, table: str, day: date) -> pl.DataFrame:
    return stored.scan(Root(root), partitions.existing(Root(root), table, day)).collect()


def put_rows(root: Path, table: str, day: date, frame: pl.DataFrame) -> None:
    """Replace a partition, or land a new one."""
    home, agreed = Root(root), contract.load(table)
    with files.draft(home, partitions.drafts_folder(home, table)) as path:
        frame.write_parquet(path)
        before = partitions.read(home, table, day)
        manifest = Manifest(
            table=table,
            date=day,
            contract=agreed.name,
            contract_version=agreed.version,
            contract_sha256=agreed.sha256,
            layer_version=before.layer_version if before else 1,
            parts=(partitions.part_of(path, frame.height),),
            inputs=before.inputs if before else (Input("a test", "0" * 64),),
            counts=before.counts if before else {},
            notes=before.notes if before else {},
        )
        partitions.publish(home, manifest, [path])
