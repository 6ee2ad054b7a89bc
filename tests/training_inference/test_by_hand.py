"""What people do to the notes, at the worst of moments, and what the next run makes of it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from jobs.protocol import ledger, notes, partitions
from jobs.protocol.errors import StoreDamaged
from jobs.protocol.files import Root
from jobs.protocol.store import FolderStore
from tests.training_inference.small_root import EARLIER, LAST, NEXT, run

if TYPE_CHECKING:
    from pathlib import Path

    from jobs.protocol.state import Entry, State

NOTE, SERVING = "decisions/retraining_decision.json", "decisions/serving_decision.json"


def state(root: Path) -> State:
    return ledger.read(FolderStore(Root(root))).state


def kinds(root: Path) -> list[str]:
    return [entry.kind for entry in ledger.read(FolderStore(Root(root))).entries]


def last(root: Path, kind: str) -> Entry:
    return next(entry for entry in reversed(ledger.read(FolderStore(Root(root))).entries) if entry.kind == kind)


@pytest.fixture
def asked(root: Path) -> Path:
    """Sunday 06:00: monitoring has asked for a retraining, and no run has seen it yet."""
    fields = {
        "decision_date": str(LAST),
        "performance_score": 0.61,
        "retrain": True,
        "reason": "The scores have moved",
        "priority": "HIGH",
    }
    (root / NOTE).write_bytes(notes.retraining_bytes(fields))
    return root


def edit(root: Path, name: str, **changes: Any) -> None:
    fields = json.loads((root / name).read_bytes())
    (root / name).write_text(json.dumps({**fields, **changes}, indent=4))


def test_a_decision_waits_while_the_model_that_serves_is_damaged_and_uses_up_no_attempt(asked: Path) -> None:
    trees = asked / "model_bank" / str(state(asked).model_id) / "model.txt"
    whole = trees.read_bytes()
    trees.write_bytes(whole[:-100])
    for _ in range(4):
        assert run(asked, NEXT) == 6
    assert kinds(asked)[-2:] == ["proposed", "deferred"]
    assert last(asked, "deferred").body["blocked_by"] == ["readiness"]
    trees.write_bytes(whole)
    assert run(asked, NEXT) == 0
    assert kinds(asked)[-2:] == ["claimed", "completed"]


def test_a_decision_of_sunday_is_executed_on_monday(asked: Path) -> None:
    assert run(asked, NEXT) == 0
    assert last(asked, "proposed").body["source"] == "monitor"
    assert (last(asked, "completed").as_of, not (asked / NOTE).exists()) == (NEXT, True)


def test_an_edit_a_minute_before_the_run_is_honoured(asked: Path) -> None:
    edit(asked, NOTE, retrain=False, comment="the feed is being mended")
    before = len(list((asked / "model_bank").iterdir()))
    assert run(asked, NEXT) == 0
    assert run(asked, NEXT, "--step", "decide") == 99
    assert (last(asked, "proposed").body["source"], last(asked, "proposed").body["retrain"]) == ("person", False)
    assert len(list((asked / "model_bank").iterdir())) == before
    assert state(asked).open is not None


def test_a_note_that_is_deleted_after_it_was_read_is_a_veto(asked: Path) -> None:
    edit_policy_to_wait(asked)
    assert run(asked, LAST) == 0
    assert kinds(asked)[-1] == "deferred"
    (asked / NOTE).unlink()
    assert run(asked, NEXT) == 0
    assert kinds(asked)[-1] == "withdrawn"
    assert not (asked / NOTE).exists()


def edit_policy_to_wait(root: Path) -> None:
    policy = json.loads((root / "decisions/policy.json").read_bytes())
    policy["guards"] = {**policy["guards"], "min_new_rows": 1_000_000}
    (root / "decisions/policy.json").write_text(json.dumps(policy))


@pytest.mark.parametrize("kept", [0.3, 0.6, 0.95])
def test_a_note_that_was_seen_half_saved_is_read_when_it_is_whole(asked: Path, kept: float) -> None:
    whole = (asked / NOTE).read_bytes()
    half = whole[: int(len(whole) * kept)]
    (asked / NOTE).write_bytes(half)
    assert run(asked, LAST) == 5
    assert (asked / NOTE).read_bytes() == half
    assert "proposed" not in kinds(asked)[3:]
    (asked / NOTE).write_bytes(whole)
    assert run(asked, NEXT) == 0
    assert last(asked, "completed").as_of == NEXT


def test_two_runs_at_once_train_once(asked: Path) -> None:
    argv = [sys.executable, "-m", "jobs.training_inference", "--root", str(asked), "--date", str(NEXT)]
    running = [subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for _ in range(3)]
    assert {each.wait() for each in running} <= {0, 75}
    assert kinds(asked).count("completed") == 2  # the first model, and this one
    assert kinds(asked).count("claimed") == 2
    assert partitions.read(Root(asked), "gold/predictions", NEXT) is not None


def test_a_rollback_a_minute_after_the_run_stands(asked: Path) -> None:
    before = state(asked).model_id
    assert run(asked, LAST) == 0
    trained = last(asked, "completed").body["model_id"]
    edit(asked, SERVING, model_id=trained, reason="I trust it")
    assert run(asked, NEXT) == 0
    assert state(asked).model_id == trained
    edit(asked, SERVING, model_id=before, reason="it refuses too many")
    assert run(asked, NEXT) == 0
    assert state(asked).model_id == before
    assert partitions.existing(Root(asked), "gold/predictions", NEXT).notes["model_id"] == trained


@pytest.mark.parametrize(
    "field", [{"decision_date": "2061-08-28"}, {"valid_from": "2017-08-28"}, {"valid_until": "2061-09-01"}]
)
def test_a_mistyped_far_date_harms_nothing(
    asked: Path, field: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    edit(asked, NOTE, **field)
    saved = (asked / NOTE).read_bytes()
    assert run(asked, LAST) == 5
    assert (asked / NOTE).read_bytes() == saved
    assert kinds(asked)[-1] == "completed"
    assert next(iter(field)) in capsys.readouterr().err
    assert partitions.read(Root(asked), "gold/predictions", LAST) is not None


def test_a_decision_whose_days_have_passed_expires_and_is_not_executed(asked: Path) -> None:
    edit_policy_to_wait(asked)
    edit(asked, NOTE, valid_until=str(LAST))
    assert run(asked, LAST) == 0
    assert run(asked, NEXT) == 0
    assert kinds(asked)[-1] == "expired"


def test_a_date_before_the_newest_entry_changes_no_decision(asked: Path) -> None:
    assert run(asked, LAST) == 0
    (asked / NOTE).write_text(
        json.dumps({"decision_date": str(LAST), "performance_score": None, "retrain": True, "reason": "again"})
    )
    before, said = kinds(asked), (asked / "decisions/STATUS.txt").read_bytes()
    assert run(asked, date(2016, 8, 1)) == 0
    assert run(asked, EARLIER) == 0
    assert kinds(asked) == before
    assert (asked / "decisions/STATUS.txt").read_bytes() == said


def test_a_ledger_that_lost_its_newest_entry_stops_the_run_and_keeps_the_only_witness(asked: Path) -> None:
    assert run(asked, NEXT) == 0
    said = (asked / "decisions/STATUS.txt").read_bytes()
    newest = max((asked / "decisions/ledger").glob("*.json"))
    kept = newest.read_bytes()
    newest.unlink()
    assert run(asked, NEXT) == StoreDamaged.exit_code
    assert not newest.exists()
    assert (asked / "decisions/STATUS.txt").read_bytes() == said
    newest.write_bytes(kept)
    assert run(asked, NEXT) == 0


def test_a_status_that_cannot_be_read_is_told_of_and_keeps_no_day_from_its_scores(
    asked: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (asked / "decisions/STATUS.txt").chmod(0o666)
    assert run(asked, NEXT) == StoreDamaged.exit_code
    assert "decisions/STATUS.txt is world-writable" in capsys.readouterr().err
    assert partitions.read(Root(asked), "gold/predictions", NEXT)


def test_a_run_that_takes_up_what_a_person_wrote_says_so_and_leaves_a_receipt(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def receipts() -> set[Path]:
        return set(root.glob(f"decisions/receipts/training_inference/{LAST}/*"))

    assert run(root) == 0
    before = receipts()
    edit(root, SERVING, pinned=True)
    capsys.readouterr()
    assert run(root) == 0
    said = json.loads(capsys.readouterr().out.splitlines()[-1])
    [receipt] = receipts() - before
    told = {"name": ledger.name_of(state(root).head), "kind": "serving"}
    assert (said["changed"], json.loads(receipt.read_bytes())["changed"]) == (1, [told])
    assert run(root) == 0
    assert receipts() == before | {receipt}


def test_no_run_begins_another_ledger_beside_models_that_nobody_brought(
    asked: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    serving = (asked / SERVING).read_bytes()
    for lost in ("decisions", "datamart/gold/predictions"):
        shutil.rmtree(asked / lost)
    assert run(asked, NEXT) == StoreDamaged.exit_code
    told = "there are models, but no ledger or note names them\n  where: decisions/ledger"
    assert told in capsys.readouterr().err
    assert kinds(asked) == []
    (asked / SERVING).write_bytes(serving)
    assert run(asked, NEXT) == 0
    assert kinds(asked) == ["serving"]


@pytest.mark.parametrize("lost", ["all", "ledger and STATUS.txt", "ledger and trust in STATUS.txt"])
def test_no_run_begins_another_ledger_than_the_one_that_its_scores_cite(
    root: Path, lost: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before, backup = kinds(root), root.parent / "backup"
    shutil.copytree(root / "decisions", backup)
    shutil.rmtree(root / ("decisions" if lost == "all" else "decisions/ledger"))
    if lost != "all":
        status = root / "decisions/STATUS.txt"
        status.chmod(0o666) if "trust" in lost else status.unlink()  # refused, as everybody may write it
    for _ in range(2):
        assert run(root, NEXT) == StoreDamaged.exit_code
    assert (
        "there are scores, and the ledger that they cite is gone\n  where: decisions/ledger" in capsys.readouterr().err
    )
    assert kinds(root) == []
    assert (root / "decisions/policy.json").is_file() == (lost != "all")
    shutil.rmtree(root / "decisions", ignore_errors=True)
    shutil.copytree(backup, root / "decisions")
    assert run(root, NEXT) == 0
    assert kinds(root) == before
