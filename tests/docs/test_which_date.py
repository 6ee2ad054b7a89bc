"""What operations.md says of a run of monitoring for a Sunday that is gone."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from jobs.protocol import ingest, ledger
from jobs.protocol.files import Root
from jobs.protocol.state import SERVING, Fact
from jobs.protocol.store import RETRAINING_NOTE, FolderStore
from tests.monitoring import small_weeks
from tests.monitoring.small_weeks import SUNDAY, contents, run, verdict
from tests.protocol.build import desk

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

MONDAY, SATURDAY = SUNDAY + timedelta(days=1), SUNDAY + timedelta(days=6)


def test_run_for_a_sunday_before_the_newest_entry_it_judges_and_asks_for_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest, "BETWEEN_LOOKS", 0.0)
    root, store = small_weeks.lender(tmp_path), FolderStore(Root(tmp_path))
    body = {"model_id": ledger.read(store).state.model_id, "reason": "by hand", "pinned": True}
    ledger.append(store, desk(store, MONDAY).writer, lambda _: Fact(SERVING, "serving", body))
    before = contents(root / "decisions/ledger")

    assert run(root, SUNDAY) == 0
    judged = verdict(root)
    assert [*root.glob(f"datamart/gold/reports/*{judged['week']}*")]
    assert contents(root / "decisions/ledger") == before
    assert not (root / RETRAINING_NOTE).exists()

    assert run(root, SATURDAY) == 0
    assert verdict(root) == judged, "the same week"
    assert (root / RETRAINING_NOTE).exists()
    assert ledger.read(store).entries[-1].kind == "proposed"
