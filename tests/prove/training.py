"""The smallest root on which training does all its work: a model serves, and a person's note asks for another."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
from datetime import date, timedelta
from typing import TYPE_CHECKING

import polars as pl

from jobs.protocol import contract, files, ingest, ledger, partitions
from jobs.protocol.errors import JobError
from jobs.protocol.files import DRAFT, Root
from jobs.protocol.folder import ASIDE
from jobs.protocol.layers import FEATURES, LABELS, PREDICTIONS
from jobs.protocol.partitions import Manifest
from jobs.protocol.store import RETRAINING_NOTE, FolderStore, quarantine_name
from jobs.training_inference import job
from tests import stored
from tests.prove import system_calls
from tests.training_inference import population

if TYPE_CHECKING:
    from pathlib import Path

FIRST, EARLIER = date(2015, 7, 10), date(2015, 10, 20)
LAST = EARLIER + timedelta(days=1)
SOME = 60  # rows in all partitions but the first
POLICY = {
    "label": {"window_months": 3, "lag_days": 0},
    "guards": {"cooldown_days": 0, "min_history_days": 30, "min_new_rows": 0, "max_per_iso_week": 7},
    "gates": {"profile": "fraud_001", "fraud_001": {"precision": 0.0, "recall": 0.0, "f1": 0.0}},
}
NOTE = {"decision_date": str(EARLIER), "performance_score": 0.6, "retrain": True, "reason": "by hand"}
KEPT = re.compile(rb" its note was found again and moved to decisions/quarantine/[0-9a-f]{12}[.]json")
COUNTED = re.compile(rb"(entry )\d+|(sha256 )[0-9a-f]{64}")


def land(root: Path) -> None:
    """A root of three days, with the model of the day before the last, and a note that nobody has read."""
    cold(root)
    looks, ingest.BETWEEN_LOOKS = ingest.BETWEEN_LOOKS, 0.0
    try:
        assert job.main(["--root", str(root), "--date", str(EARLIER)]) == 0
    finally:
        ingest.BETWEEN_LOOKS = looks
    (root / RETRAINING_NOTE).write_text(json.dumps(NOTE))


def cold(root: Path) -> None:
    """Rows and a policy: no model, no decision."""
    (root / "decisions").mkdir(parents=True)
    (root / "decisions/policy.json").write_text(json.dumps(POLICY))
    store, truth = population.loans()
    rows = store.filter(pl.col("application_date") < FIRST).gather_every(8).sort("id")
    chance = (pl.col("id") * 7_919 % 1_000) / 1_000  # so that a few rows hold enough bads to learn from
    known = truth.select("id", (pl.col("true_pd") * 3 > chance).cast(pl.Int8).alias("y"))
    mature = pl.col("application_date").dt.offset_by("3mo")
    labels = rows.select("id", "application_date", policy_exception=False, mature_date=mature).join(known, on="id")
    labels = labels.with_columns(pl.lit(1, pl.Int16).alias("label_version"), pl.lit(None, pl.Date).alias("event_date"))
    whole = Root(root, durable=False)
    cuts = {FIRST: (2 * SOME, rows.height), EARLIER: (0, SOME), LAST: (SOME, SOME)}
    for day, (start, count) in cuts.items():
        _publish(whole, FEATURES, day, rows.slice(start, count))
        _publish(whole, LABELS, day, labels.slice(start, count))


def argv(root: Path) -> list[str]:
    return system_calls.command("training_inference", root, "--date", str(LAST))


def observed(root: Path) -> system_calls.Tree:
    """All that must be the same however often a run died: not the numbers of entries, times, processes, attempts.

    A run that died between completing the decision and removing its note leaves it to the next, which cannot know that
    no person put it back: it keeps the bytes in quarantine, and says so. That is allowed.
    """
    try:
        known = ledger.read(FolderStore(Root(root)))
    except JobError as error:
        return {"ledger": error.what}
    kept = tuple(quarantine_name(ending.decision.note) for ending in known.state.ended)
    seen = {"ledger": told(known), "check": checked(root)}
    for place in ("model_bank", "decisions"):
        for path in sorted((root / place).rglob("*")):
            name = path.relative_to(root).as_posix()
            if path.is_file() and not name.startswith(("decisions/ledger/", "decisions/receipts/", *kept)):
                seen[name] = hashed(path)
    for day in (FIRST, EARLIER, LAST):
        seen[f"scores of {day}"] = _scores(root, day)
    left = [path for path in root.rglob("*") if path.name.startswith((DRAFT, ASIDE))]
    return seen | {f"left: {path.relative_to(root)}": "" for path in left}


def without_a_training(root: Path, expected: dict[str, str]) -> dict[str, str]:
    """What is expected if a failed training left the last day to be scored by the model before."""
    (root / RETRAINING_NOTE).unlink()
    assert job.main(["--root", str(root), "--date", str(LAST)]) == 0
    return expected | {f"scores of {LAST}": _scores(root, LAST)}


def _publish(root: Root, table: str, day: date, rows: pl.DataFrame) -> None:
    agreed = contract.load(table)
    rows = rows.with_columns(pl.lit(day).alias("snapshot_date"))
    with files.draft(root, partitions.drafts_folder(root, table)) as path:
        rows.write_parquet(path)
        manifest = Manifest(
            table=table,
            date=day,
            contract=agreed.name,
            contract_version=agreed.version,
            contract_sha256=agreed.sha256,
            layer_version=1,
            parts=(partitions.part_of(path, rows.height),),
            inputs=(),
        )
        partitions.publish(root, manifest, [path])


def told(known: ledger.Ledger) -> str:
    """The fold, but for numbers and attempts. Each proposal that is not open ended once: else it would be ignored."""
    state = known.state
    proposed = sum(entry.kind == "proposed" for entry in known.entries)
    told = {
        "open": state.open.note.decode() if state.open else None,
        "claimed": state.claim is not None,
        "ended": [(one.decision.note.decode(), one.decision.source, one.how) for one in state.ended],
        "served": [(one.as_of.isoformat(), one.model_id, one.reason, one.pinned) for one in state.served],
        "trained": [day.isoformat() for day in state.trained],
        "ignored": list(state.ignored),
        "not ended": proposed - len(state.ended),
    }
    return json.dumps(told)


def _scores(root: Path, day: date) -> str:
    whole = Root(root)
    manifest = partitions.read(whole, PREDICTIONS, day)
    if manifest is None:
        return "none"
    rows = stored.scan(whole, manifest).collect().drop("ledger_seq")
    return f"{manifest.notes['model_id']} {hashlib.sha256(rows.write_json().encode()).hexdigest()}"


def checked(root: Path) -> str:
    """What the fsck says of it; remarks are no damage."""
    check = subprocess.run(
        [sys.executable, "-m", "jobs.decisions", "check", "--root", str(root)],
        check=False,
        capture_output=True,
        text=True,
    )
    return "whole" if check.returncode == 0 else f"{check.returncode} {check.stdout}"


def hashed(path: Path) -> str:
    data = path.read_bytes()
    if path.suffix == ".txt" and path.parent.name == "decisions":  # a longer number wraps a line elsewhere
        data = COUNTED.sub(rb"\1\2", KEPT.sub(b"", b" ".join(data.split())))
    return hashlib.sha256(data).hexdigest()


SUBJECT = system_calls.Subject("training_inference", land, argv, observed, without_a_training)
COLD = system_calls.Subject("training_inference without a model", cold, argv, observed)
