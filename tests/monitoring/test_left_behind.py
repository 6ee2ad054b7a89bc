"""What a run of monitoring leaves beside evidence and verdict: a note, a receipt, and an index of what it read."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import pytest

from jobs.protocol import ingest, receipts
from jobs.protocol.files import Root
from jobs.protocol.index import Index
from jobs.protocol.layers import SOURCES
from tests.monitoring import small_weeks
from tests.monitoring.small_weeks import SUNDAY, WEEK, run

if TYPE_CHECKING:
    from pathlib import Path


def test_each_step_leaves_what_others_look_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingest, "BETWEEN_LOOKS", 0.0)
    lender = small_weeks.lender(tmp_path)
    assert run(lender, SUNDAY, "--step", "evidence") == 0
    known = Index(Root(lender), "monitoring").files
    feed = {f"datamart/bronze/{table}/snapshot_date={WEEK}/_manifest.json" for table in SOURCES}
    assert known.keys() >= feed, "read for data quality alone, and not read again by the next week"
    assert run(lender) == 0
    told = receipts.latest_by_step(Root(lender), "monitoring", SUNDAY, changes=True)["all"]
    assert f"datamart/gold/reports/week={WEEK}/report.html" in [each["name"] for each in told["changed"]]
    verdict = f"datamart/gold/monitoring/week={WEEK}/decision.json"
    note = json.loads((lender / "decisions/retraining_decision.json").read_bytes())
    assert note["details"] == {"path": verdict, "sha256": hashlib.sha256((lender / verdict).read_bytes()).hexdigest()}
