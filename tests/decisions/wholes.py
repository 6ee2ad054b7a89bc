"""A small root with something of everything that can be damaged."""

from __future__ import annotations

import hashlib
import json
from datetime import date, timedelta
from typing import TYPE_CHECKING

import polars as pl

from jobs.decisions.__main__ import main
from jobs.protocol import (
    clock,
    files,
    ledger,
    model_bank,
    partitions,
    policy,
    policy_in_force,
    receipts,
    status,
    strict_json,
)
from jobs.protocol.claims import Outcome, claim, complete
from jobs.protocol.ingest import begin, place
from jobs.protocol.partitions import Input, Manifest
from jobs.protocol.receipts import Occasion, Report
from jobs.protocol.state import RETRAINING, Fact
from jobs.protocol.store import FolderStore
from tests.protocol.build import OPEN_RULES, READY, SUNDAY, desk, machine

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pytest

    from jobs.protocol.files import Root


def _cited(name: str, data: bytes) -> dict[str, str]:
    return {"path": name, "sha256": hashlib.sha256(data).hexdigest()}


LANDED = "datamart/landing/toy/toy_2024_01_14.csv"
DETAILS = "datamart/gold/monitoring/week=2024-01-13/decision.json"
TABLE, EVIDENCE = (f"{DETAILS.rpartition('/')[0]}/{name}" for name in ("bins.parquet", "evidence.json"))
RESTS_ON = {TABLE: b"PAR1", EVIDENCE: strict_json.pretty({"files": {"bins": _cited(TABLE, b"PAR1")}})}
ONE_DAY = timedelta(days=1)
POLICY_SHA256 = policy.load(None, "").sha256
VERDICT = {
    "format": 1,
    "week": "2024-01-13",
    "decision": "alert",
    "priority": None,
    "severity": "medium",
    "insufficient_data": False,
    "blocked_by": [],
    "action_hint": None,
    "performance_score": 0.65,
    "estimated": False,
    "sentence": "It is near the floor.",
    "reasons": [],
    "set_aside": [],
    "unknown": [],
    "model_id": "20240107-0123456789ab",
    "evidence": _cited(EVIDENCE, RESTS_ON[EVIDENCE]),
    "policy_sha256": POLICY_SHA256,
    "previous": None,
}


def publish(
    root: Root, table: str, values: list[int], inputs: Sequence[Input], day: date = SUNDAY, **notes: object
) -> Manifest:
    """A partition of one column."""
    with files.draft(root, partitions.drafts_folder(root, table)) as path:
        pl.DataFrame({"id": values}).write_parquet(path)
        manifest = Manifest(
            table=table,
            date=day,
            contract=table,
            contract_version=1,
            contract_sha256="c" * 64,
            layer_version=1,
            parts=(partitions.part_of(path, len(values)),),
            inputs=tuple(inputs),
            counts={"rows": len(values), "refused": 0},
            notes=notes or {"columns_absent": ["dti", "grade"]},
        )
        partitions.publish(root, manifest, [path])
    return manifest


def cited(manifest: Manifest) -> Input:
    return Input(partitions.folder(manifest.table, manifest.date), manifest.content_sha256)


def land(root: Root, text: str = "id\n1\n") -> Input:
    files.write_whole(root, root.at(LANDED), text.encode())
    return Input(LANDED, files.sha256_of(root.at(LANDED)))


def whole(root: Root) -> str:
    """Landing, a replaced bronze and its silver, evidence, a model that serves, a receipt, STATUS.txt."""
    store = FolderStore(root)
    policy_in_force.begin(store, dry_run=False)
    publish(root, "bronze/toy", [1], [land(root)])
    bronze = publish(root, "bronze/toy", [1, 2], [land(root, "id\n1\n2\n")])
    publish(root, "silver/toy", [1, 2], [cited(bronze)])
    for name, data in {**RESTS_ON, DETAILS: strict_json.pretty(VERDICT)}.items():
        files.write_whole(root, root.at(name), data)
    model = model_bank.put(root, SUNDAY, {"recipe.json": strict_json.pretty({"policy_sha256": POLICY_SHA256})})
    trainer = desk(store, job="training_inference")
    details = {"path": DETAILS, "sha256": files.sha256_of(root.at(DETAILS))}
    place(trainer, machine(details=details), begin(trainer))
    _, entry = claim(trainer, OPEN_RULES, READY, "")
    assert entry
    outcome = Outcome(promote=True, model_id=model.model_id, model_sha256=model.sha256, metrics={"auc": 0.7})
    complete(trainer, entry.seq, outcome)
    place(desk(store), machine(reason="Next week", details=details), begin(desk(store)))
    ledger.append(
        store,
        desk(store).writer,
        lambda _: Fact(RETRAINING, "deferred", {"decision": 4, "blocked_by": ["week"], "retry_after": None}),
    )
    report = Report()
    report.change("datamart/silver/toy/snapshot_date=2024-01-14", rows=2, why="new")
    receipts.write(root, Occasion("preprocessing", SUNDAY, "all"), report, at=clock.now(), seconds=1)
    status.refresh(desk(store))
    return model.model_id


def checked(root: Root, capsys: pytest.CaptureFixture[str]) -> tuple[int, list[dict[str, str]]]:
    code = main(["check", "--json", "--root", str(root.path)])
    return code, json.loads(capsys.readouterr().out)
