"""A small simulated lender with gold, with and without its first model; each test gets a copy of its own."""

from __future__ import annotations

import json
import shutil
from datetime import date, timedelta
from typing import TYPE_CHECKING

from jobs.preprocessing import job as preprocessing
from jobs.protocol import ledger, partitions
from jobs.protocol.files import Root
from jobs.protocol.store import FolderStore
from jobs.simulate.__main__ import main as simulate
from jobs.training_inference import job
from tests import stored
from tests.built_once import once

if TYPE_CHECKING:
    from pathlib import Path

    import polars as pl

    from jobs.protocol.state import State

FIRST, LAST = date(2015, 10, 1), date(2016, 8, 28)
EARLIER, NEXT = LAST - timedelta(days=7), LAST + timedelta(days=1)
EASY = {  # so that eight months of a few loans train, and pass
    "label": {"window_months": 5, "dpd": 30},
    "guards": {"min_history_days": 120, "min_new_rows": 1},
    "gates": {"profile": "fraud_001", "fraud_001": {"precision": 0.0, "recall": 0.0, "f1": 0.0}},
}


def simulated() -> Path:
    return once("lender", _simulate)


def trained() -> Path:
    """The same a week earlier, with its first model."""
    return once("trained", _train)


def _simulate(root: Path) -> None:
    (root / "decisions").mkdir()
    (root / "decisions/policy.json").write_text(json.dumps(EASY))
    arguments = ["--start", str(FIRST), "--end", str(NEXT), "--loans-per-day", "40", "--seed", "11"]
    assert simulate(["--root", str(root), *arguments]) == 0
    assert preprocessing.main(["--root", str(root), "--date", str(NEXT)]) == 0


def _train(root: Path) -> None:
    copy(simulated(), root)
    assert run(root, EARLIER) == 0


def copy(root: Path, into: Path) -> None:
    (into / "datamart/landing").mkdir(parents=True)  # some day something landed
    for below in ("datamart/gold", "decisions", "model_bank"):  # all that this job reads
        if (root / below).is_dir():
            shutil.copytree(root / below, into / below)


def run(root: Path, day: date = LAST, *arguments: str) -> int:
    return job.main(["--root", str(root), "--date", str(day), *arguments])


def entries(root: Path) -> list[tuple[str, str]]:
    return [(entry.topic, entry.kind) for entry in ledger.read(FolderStore(Root(root))).entries]


def state(root: Path) -> State:
    return ledger.read(FolderStore(Root(root))).state


def ask(root: Path, reason: str = "by hand") -> None:
    """The original's four fields, saved by a person."""
    note = {"decision_date": str(LAST), "performance_score": 0.6, "retrain": True, "reason": reason}
    (root / "decisions/retraining_decision.json").write_text(json.dumps(note))


def scores(root: Path) -> pl.DataFrame:
    return stored.scan(Root(root), partitions.existing(Root(root), "gold/predictions", LAST)).collect()


def edit_policy(root: Path, **changes: object) -> None:
    (root / "decisions/policy.json").write_text(json.dumps(EASY | changes))
