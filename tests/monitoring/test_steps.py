"""What the first steps say of a root where there is nothing to judge yet."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from jobs.monitoring import deciding, delivering, job
from tests.monitoring.deciding import FIRST, serving
from tests.monitoring.evidences import WEEK
from tests.protocol.build import SUNDAY

if TYPE_CHECKING:
    from pathlib import Path


def run(root: Path, step: str) -> int:
    return job.main(["--root", str(root), "--date", str(SUNDAY), "--step", step])


@pytest.mark.parametrize(
    ("serves", "why"),
    [(False, "no model serves"), (True, "nothing had been scored by the end of the week")],
    ids=["no model", "no scores"],
)
def test_a_week_that_cannot_be_judged_yet_is_left_out_and_the_receipt_says_why(
    tmp_path: Path, serves: bool, why: str
) -> None:
    (tmp_path / "datamart/landing").mkdir(parents=True)
    if serves:
        serving(tmp_path)
    assert run(tmp_path, "check") == 99
    (receipt,) = (tmp_path / f"decisions/receipts/monitoring/{SUNDAY}").iterdir()
    left_out = {"what": f"datamart/gold/monitoring/week={WEEK}", "why": why}
    assert json.loads(receipt.read_bytes())["skipped"] == [left_out]
    assert run(tmp_path, "evidence") == 0
    assert not (tmp_path / "datamart/gold/monitoring").exists()


def test_on_a_root_where_nothing_ever_landed_a_week_is_not_passed_over(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert job.main(["--root", str(tmp_path), "--date", str(SUNDAY)]) == 3
    assert "nothing has ever landed under this root\n  where: datamart/landing" in capsys.readouterr().err
    (tmp_path / "datamart/landing").mkdir()
    assert job.main(["--root", str(tmp_path), "--date", str(SUNDAY)]) == 0


def test_the_week_and_the_model_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def said(step: str) -> dict[str, object]:
        assert run(tmp_path, step) == 0
        first: dict[str, object] = json.loads(capsys.readouterr().out.splitlines()[0])
        return first

    assert said("week") == {"event": "week", "week": str(WEEK)}
    assert said("model") == {"event": "no_model"}
    serving(tmp_path)
    (model,) = (tmp_path / "model_bank").iterdir()
    assert model.name.startswith(f"{FIRST:%Y%m%d}")
    assert said("model") == {"event": "model", "model_id": model.name, "ledger_seq": 1}


def test_a_dry_run_writes_no_note_and_sends_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    serving(tmp_path)
    monkeypatch.setattr(deciding, "decide", lambda _: pytest.fail("a note was written"))
    monkeypatch.setattr(delivering, "deliver", lambda _: pytest.fail("an alert was sent"))
    assert job.main(["--root", str(tmp_path), "--date", str(SUNDAY), "--dry-run"]) == 3
