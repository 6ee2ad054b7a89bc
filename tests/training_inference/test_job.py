"""The whole job on a small simulated root: decision to model to scores, and what a person's files do to it."""

from __future__ import annotations

import json
import shutil
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from jobs.protocol import judge, ledger, partitions, policies, policy
from jobs.protocol.files import Root
from jobs.protocol.store import FolderStore
from jobs.training_inference import dataset, job
from tests.monitoring.small_weeks import put_rows, rows
from tests.training_inference.small_root import EASY, FIRST, LAST, NEXT, run

if TYPE_CHECKING:
    from pathlib import Path

    from jobs.protocol.facts import State


def entries(root: Path) -> list[tuple[str, str]]:
    return [(entry.topic, entry.kind) for entry in ledger.read(FolderStore(Root(root))).entries]


def state(root: Path) -> State:
    return ledger.read(FolderStore(Root(root))).state


def ask(root: Path, reason: str = "by hand") -> None:
    """The original's four fields, saved by a person."""
    note = {"decision_date": str(LAST), "performance_score": 0.6, "retrain": True, "reason": reason}
    (root / "decisions/retraining_decision.json").write_text(json.dumps(note))


def scores(root: Path) -> pl.DataFrame:
    return partitions.scan(Root(root), partitions.existing(Root(root), "gold/predictions", LAST)).collect()


def edit_policy(root: Path, **changes: object) -> None:
    (root / "decisions/policy.json").write_text(json.dumps(EASY | changes))


def test_the_first_run_trains_a_model_and_scores_every_day_with_it(fresh: Path) -> None:
    assert run(fresh) == 0
    assert entries(fresh) == [("retraining", "proposed"), ("retraining", "claimed"), ("retraining", "completed")]
    model_id = state(fresh).model_id
    assert model_id is not None
    assert (fresh / "model_bank" / model_id / "manifest.json").is_file()
    assert json.loads((fresh / "decisions/serving_decision.json").read_bytes())["model_id"] == model_id
    assert not (fresh / "decisions/retraining_decision.json").exists()
    scored = partitions.existing(Root(fresh), "gold/predictions", LAST)
    rows = partitions.scan(Root(fresh), scored).collect()
    assert rows["pd"].is_between(0, 1, closed="none").all()
    assert rows["model_id"].unique().to_list() == [model_id]
    assert rows.height == partitions.existing(Root(fresh), "gold/feature_store", LAST).rows
    assert model_id in (fresh / "decisions/STATUS.txt").read_text()
    assert "promoted" in (fresh / "decisions/retraining_log_2016_08_22.txt").read_text()


def test_a_second_run_changes_nothing(fresh: Path) -> None:
    assert run(fresh) == 0
    before = {path: path.stat().st_mtime_ns for path in fresh.rglob("*") if path.is_file()}
    assert run(fresh) == 0
    assert {path: path.stat().st_mtime_ns for path in fresh.rglob("*") if path.is_file()} == before


def test_without_a_model_that_passes_the_gates_nothing_is_scored_and_every_reason_is_told(fresh: Path) -> None:
    edit_policy(fresh, gates={"profile": "credit", "credit": {"auc": 0.99}})
    assert run(fresh) == 0
    assert state(fresh).model_id is None
    assert "auc is" in (fresh / "decisions/retraining_log_2016_08_22.txt").read_text()
    assert not (fresh / "datamart/gold/predictions").exists()


def test_by_steps_too_what_is_waited_for_and_not_there_is_an_exit_code(root: Path) -> None:
    assert run(root, NEXT, "--step", "wait") == 0
    assert run(root, NEXT + timedelta(days=1), "--step", "wait") == 3


def block(root: Path) -> None:
    edit_policy(root, guards={"min_history_days": 120, "min_new_rows": 1_000_000})


def test_the_condition_itself_records_what_a_decision_waits_for(root: Path) -> None:
    ask(root)
    block(root)
    assert run(root, NEXT, "--step", "decide") == 99
    assert entries(root)[-2:] == [("retraining", "proposed"), ("retraining", "deferred")]
    assert run(root, NEXT, "--step", "decide") == 99
    assert entries(root)[-2:] == [("retraining", "proposed"), ("retraining", "deferred")]


def test_a_backfill_carries_out_no_decision(root: Path) -> None:
    ask(root)
    block(root)
    assert run(root, NEXT, "--step", "decide") == 99
    known = entries(root)
    edit_policy(root)
    assert run(root, LAST, "--step", "decide") == 99
    assert run(root, LAST, "--step", "train") == 0
    assert entries(root) == known
    assert run(root, NEXT, "--step", "decide") == 0


def test_a_note_of_sunday_is_executed_on_monday_and_the_new_model_serves(root: Path) -> None:
    first = state(root).model_id
    note = {
        "decision_date": str(LAST),
        "performance_score": 0.6,
        "retrain": True,
        "reason": "Performance below threshold",
    }
    (root / "decisions/retraining_decision.json").write_text(json.dumps(note))
    assert run(root, NEXT) == 0
    assert entries(root)[-3:] == [("retraining", "proposed"), ("retraining", "claimed"), ("retraining", "completed")]
    kept = state(root).ended[-1]
    assert kept.decision.source == "person"
    assert len(list((root / "model_bank").iterdir())) == 2
    assert partitions.existing(Root(root), "gold/predictions", NEXT).notes["model_id"] == state(root).model_id
    assert partitions.existing(Root(root), "gold/predictions", FIRST).notes["model_id"] == first


@pytest.mark.parametrize("text", ['{"decision_date": "2016-08-28", "retrain": false,,}', "{", ""])
def test_a_note_that_cannot_be_read_is_not_trained_over_and_scoring_goes_on(root: Path, text: str) -> None:
    (root / "decisions/retraining_decision.json").write_text(text)
    assert run(root) == 5
    assert entries(root)[-1] == ("retraining", "completed")
    assert (root / "decisions/retraining_decision.json").read_text() == text
    assert partitions.read(Root(root), "gold/predictions", LAST) is not None
    assert "PROBLEMS" in (root / "decisions/STATUS.txt").read_text()


def test_while_the_policy_cannot_be_read_nothing_is_claimed_and_scoring_goes_on(root: Path) -> None:
    ask(root)
    (root / "decisions/policy.json").write_text('{"mode": "auto",,}')
    assert run(root) == 5
    assert state(root).open is not None
    assert state(root).claim is None
    assert partitions.read(Root(root), "gold/predictions", LAST) is not None


@pytest.mark.parametrize("how", ["world-writable", "a link"])
def test_a_policy_that_is_not_to_be_trusted_claims_nothing_and_scoring_goes_on(
    root: Path, how: str, capsys: pytest.CaptureFixture[str]
) -> None:
    ask(root)
    name = root / "decisions/policy.json"
    if how == "a link":
        name = name.rename(root / "elsewhere.json")
        (root / "decisions/policy.json").symlink_to(name)
    else:
        name.chmod(0o666)
    assert run(root) == 5
    assert "where: decisions/policy.json" in capsys.readouterr().err
    assert state(root).open is not None
    assert state(root).claim is None
    assert partitions.read(Root(root), "gold/predictions", LAST) is not None


def test_rows_of_other_features_than_the_model_knows_wait_for_a_model_of_theirs(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    known = rows(root, "gold/feature_store", LAST)
    other = known.with_columns(pl.col("feature_set_version") + 1)
    put_rows(root, "gold/feature_store", LAST, other)
    assert run(root) == 3
    assert f"where: {partitions.folder('gold/feature_store', LAST)}" in capsys.readouterr().err
    assert partitions.read(Root(root), "gold/predictions", LAST) is None
    assert partitions.read(Root(root), "gold/predictions", LAST - timedelta(days=1)) is not None
    put_rows(root, "gold/feature_store", LAST, known)
    assert run(root) == 0
    assert scores(root)["id"].sort().equals(known["id"].sort())


def test_a_first_model_is_not_proposed_while_too_few_loans_are_bad_or_good(fresh: Path) -> None:
    early = FIRST + timedelta(days=200)
    assert run(fresh, early) == 0
    assert entries(fresh) == []
    (skipped,) = json.loads((fresh / f"decisions/receipts/training_inference/{early}/1.json").read_bytes())["skipped"]
    assert skipped["what"] == "a first model"
    assert f"{dataset.LEAST_CLASS} of each are needed" in skipped["why"]
    assert run(fresh, early) == 0
    assert [path.name for path in (fresh / f"decisions/receipts/training_inference/{early}").iterdir()] == ["1.json"]


def test_in_advise_mode_a_decision_waits_for_a_name(fresh: Path) -> None:
    edit_policy(fresh, mode="advise")
    assert run(fresh) == 0
    standing = state(fresh).open
    assert standing is not None
    assert standing.blocked_by == ("approval",)
    note = fresh / "decisions/retraining_decision.json"
    fields = json.loads(note.read_bytes())
    note.write_text(json.dumps({**fields, "approved_by": "a colleague"}, indent=2))
    assert run(fresh) == 0
    assert state(fresh).model_id is not None


def test_a_person_s_choice_of_a_model_stands(root: Path) -> None:
    ask(root)
    assert run(root) == 0
    other = next(path.name for path in (root / "model_bank").iterdir() if path.name != state(root).model_id)
    note = {"model_id": other, "reason": "rolled back by hand", "pinned": True}
    (root / "decisions/serving_decision.json").write_text(json.dumps(note))
    assert run(root, NEXT) == 0
    assert state(root).model_id == other
    assert partitions.existing(Root(root), "gold/predictions", NEXT).notes["model_id"] == other


def test_a_damaged_model_never_scores(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trees = root / "model_bank" / str(state(root).model_id) / "model.txt"
    trees.write_bytes(trees.read_bytes()[:-100])
    assert run(root) == 6
    assert "model.txt is not what the manifest says" in capsys.readouterr().err
    assert partitions.read(Root(root), "gold/predictions", LAST) is None


COMPLAINTS = judge.complaints


def of_notes(schema: Any, value: object, *, quoting: bool = False) -> list[judge.Complaint]:
    assert quoting, "a manifest was judged: a third of a second that hashes do not need"
    return COMPLAINTS(schema, value, quoting=quoting)


def test_a_damaged_model_is_told_by_every_run_and_by_the_status(
    root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(root) == 0
    trees = root / "model_bank" / str(state(root).model_id) / "model.txt"
    data = trees.read_bytes()
    trees.write_bytes(data[:500] + bytes([data[500] ^ 1]) + data[501:])
    monkeypatch.setattr(judge, "complaints", of_notes)
    capsys.readouterr()
    assert run(root) == 6  # with nothing to score
    assert capsys.readouterr().err.count("model.txt is not what the manifest says") == 1
    said = " ".join((root / "decisions/STATUS.txt").read_text().split())
    assert "PROBLEMS 1. model.txt is not what the manifest says where: model_bank/" in said
    assert "serves and is damaged, see PROBLEMS" in said
    trees.write_bytes(data)
    assert run(root) == 0
    assert "PROBLEMS" not in (root / "decisions/STATUS.txt").read_text()


def test_a_dry_run_names_the_days_that_would_be_scored_and_writes_nothing(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {path: path.stat().st_mtime_ns for path in root.rglob("*")}
    assert run(root, LAST, "--dry-run") == 0
    assert f'{{"event": "would_score", "date": "{LAST}"}}' in capsys.readouterr().out
    assert {path: path.stat().st_mtime_ns for path in root.rglob("*")} == before


def test_the_steps_one_by_one_give_what_the_whole_job_gives(fresh: Path, tmp_path: Path) -> None:
    shutil.copytree(fresh, tmp_path / "steps")
    names = [step.name for step in job.JOB.steps if not step.only_when_named]
    codes = [run(tmp_path / "steps", LAST, "--step", name) for name in names]
    assert codes == [0, 99, 0, 0, 0, 0, 0, 0]  # no model serves at first, so the first condition does not hold
    assert run(fresh) == 0
    assert scores(fresh).drop("ledger_seq").equals(scores(tmp_path / "steps").drop("ledger_seq"))


def test_a_day_without_features_is_not_there_yet(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(root, NEXT + timedelta(days=1)) == 3
    assert "the features of 2016-08-30 are not there yet" in capsys.readouterr().err


def test_the_default_policy_is_written_once(tmp_path: Path) -> None:
    assert run(tmp_path, LAST) == 3
    assert (tmp_path / "decisions/policy.json").read_bytes() == policy.default_bytes()


def test_scores_rank_by_risk(root: Path) -> None:
    assert run(root) == 0
    rows = pl.concat(
        partitions.scan(Root(root), partitions.existing(Root(root), "gold/predictions", LAST - timedelta(days=n)))
        for n in range(10)
    ).collect()
    assert rows.sort("pd")["score"].is_sorted(descending=True)
    assert rows.filter(pl.col("reason_1").is_not_null()).height > 0


def verdict(root: Path, week: str, *blocks: str) -> None:
    """A week's decision.json of monitoring, as far as training looks at it."""
    home = root / f"datamart/gold/monitoring/week={week}"
    home.mkdir(parents=True)
    (home / "decision.json").write_text(json.dumps({"sentence": "judged", "blocked_by": list(blocks)}))


def test_nothing_is_trained_on_a_broken_feed_until_a_better_week_clears_it(root: Path) -> None:
    ask(root)
    verdict(root, "2016-08-13")
    verdict(root, "2016-08-20", "data_quality")
    assert run(root) == 0
    assert entries(root)[-1] == ("retraining", "deferred")
    deferred = ledger.read(FolderStore(Root(root))).entries[-1]
    assert deferred.body["blocked_by"] == ["data_quality"]
    assert scores(root).height
    verdict(root, "2016-08-27")
    assert run(root, NEXT) == 0
    assert entries(root)[-1] == ("retraining", "completed")


def test_every_policy_is_copied_before_its_first_use_and_the_last_good_one_is_known(root: Path) -> None:
    assert run(root) == 0
    edit_policy(root, mode="advise")
    assert run(root) == 0
    store, copies = FolderStore(Root(root)), set((root / "decisions/policies").glob("????????????.json"))
    assert {json.loads(path.read_bytes()).get("mode", "auto") for path in copies} == {"auto", "advise"}
    (root / "decisions/policy.json").write_text("{")
    assert run(root) == 5
    assert policies.last_good(store).mode == "advise"
    assert policies.read(store)[0] is None
