"""The whole job on a small simulated root: decision to model to scores."""

from __future__ import annotations

import json
import shutil
from datetime import timedelta
from typing import TYPE_CHECKING

import polars as pl
import pytest

from jobs.protocol import ledger, partitions, schemas
from jobs.protocol.files import Root
from jobs.protocol.index import Index
from jobs.protocol.store import FolderStore
from jobs.training_inference import job
from tests import stored
from tests.training_inference.small_root import (
    EARLIER,
    FIRST,
    LAST,
    NEXT,
    ask,
    edit_policy,
    entries,
    run,
    scores,
    state,
)

if TYPE_CHECKING:
    from pathlib import Path


def test_the_first_run_trains_a_model_and_scores_every_day_with_it(fresh: Path) -> None:
    assert run(fresh) == 0
    assert entries(fresh) == [("retraining", "proposed"), ("retraining", "claimed"), ("retraining", "completed")]
    model_id = state(fresh).model_id
    assert model_id is not None
    assert (fresh / "model_bank" / model_id / "manifest.json").is_file()
    assert json.loads((fresh / "decisions/serving_decision.json").read_bytes())["model_id"] == model_id
    assert not (fresh / "decisions/retraining_decision.json").exists()
    scored = partitions.existing(Root(fresh), "gold/predictions", LAST)
    rows = stored.scan(Root(fresh), scored).collect()
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


def test_a_week_whose_run_died_before_its_log_gets_it_from_the_next_run(root: Path) -> None:
    ask(root)
    log = root / "decisions/retraining_log_2016_08_22.txt"
    assert run(root, LAST, "--step", "train") == 0
    assert run(root, NEXT, "--dry-run") == 0
    assert not log.exists()
    assert run(root, NEXT) == 0
    assert log.read_text().startswith(f"{LAST}  model {LAST:%Y%m%d}-")
    assert log.stat().st_mode & 0o777 == 0o640
    assert not (root / "decisions/retraining_log_2016_08_29.txt").exists()


def test_a_dry_run_names_the_days_that_would_be_scored_and_writes_nothing(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (root / "decisions/STATUS.txt").unlink()  # whatever puts the desk in order writes it again
    before = {path: path.stat().st_mtime_ns for path in root.rglob("*")}
    assert run(root, LAST, "--dry-run") == 0
    assert f'{{"event": "would_score", "date": "{LAST}"}}' in capsys.readouterr().out
    assert {path: path.stat().st_mtime_ns for path in root.rglob("*")} == before


def test_a_dry_run_says_what_would_become_of_the_note(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ask(root)
    before = {path: path.stat().st_mtime_ns for path in root.rglob("*")}
    assert run(root, LAST, "--dry-run") == 0
    said = [line for line in capsys.readouterr().out.splitlines() if "would_decide" in line]
    assert any("is recorded as a decision of a person for a retraining" in line for line in said)
    assert any("may be claimed by the next training run" in line for line in said)
    assert {path: path.stat().st_mtime_ns for path in root.rglob("*")} == before
    assert run(root, FIRST, "--dry-run") == 0  # a backfill does nothing with notes
    assert "would_decide" not in capsys.readouterr().out


def test_the_steps_one_by_one_give_what_the_whole_job_gives(fresh: Path, tmp_path: Path) -> None:
    shutil.copytree(fresh, tmp_path / "steps")
    names = [step.name for step in job.JOB.steps if not step.only_when_named]
    codes = [run(tmp_path / "steps", LAST, "--step", name) for name in names]
    assert codes == [0, 99, 0, 0, 0, 0, 0, 0]  # no model serves at first, so the first condition does not hold
    assert run(fresh) == 0
    assert scores(fresh).drop("ledger_seq").equals(scores(tmp_path / "steps").drop("ledger_seq"))


def test_where_every_day_is_scored_there_is_nothing_to_score(root: Path) -> None:
    assert run(root) == 0
    assert run(root, LAST, "--step", "check") == 99


def test_the_model_that_scores_the_date_is_named(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(root, LAST, "--step", "model") == 0
    said = json.loads(capsys.readouterr().out.splitlines()[0])
    serving = state(root).serving
    assert serving is not None
    assert said == {"event": "model", "model_id": serving.model_id, "ledger_seq": serving.seq}


def test_where_no_model_serves_that_is_said(fresh: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(fresh, LAST, "--step", "model") == 0
    assert json.loads(capsys.readouterr().out.splitlines()[0]) == {"event": "no_model"}


def test_a_day_without_features_is_not_there_yet(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(root, NEXT + timedelta(days=1)) == 3
    assert "the features of 2016-08-30 are not there yet" in capsys.readouterr().err


def test_what_a_run_scored_the_next_one_need_not_read(root: Path) -> None:
    assert run(root, LAST, "--step", "score") == 0
    known = Index(Root(root), "training_inference").files
    assert partitions.manifest_name("gold/predictions", LAST) in known


def test_scores_rank_by_risk(root: Path) -> None:
    assert run(root) == 0
    rows = pl.concat(
        stored.scan(Root(root), partitions.existing(Root(root), "gold/predictions", LAST - timedelta(days=n)))
        for n in range(10)
    ).collect()
    assert rows.sort("pd")["score"].is_sorted(descending=True)
    assert rows.filter(pl.col("reason_1").is_not_null()).height > 0


def verdict(root: Path, week: str, *blocks: str) -> None:
    """A week's decision.json of monitoring, with what training looks at in it."""
    home = root / f"datamart/gold/monitoring/week={week}"
    home.mkdir(parents=True)
    said = {"sentence": "judged", "blocked_by": list(blocks), "model_id": state(root).model_id}
    nothing = dict.fromkeys(schemas.document("verdict")["required"])
    (home / "decision.json").write_text(json.dumps(nothing | said))


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


def test_what_a_dead_run_left_is_swept_but_not_by_a_dry_run(root: Path) -> None:
    left = [root / "datamart/gold/.draft-1-dead", root / "datamart/.index/.draft-1-dead"]
    for path in left:
        path.parent.mkdir(exist_ok=True)
        path.touch()
    for more, is_there in ((["--dry-run"], True), ([], False)):
        assert run(root, EARLIER, "--step", "clear", *more) == 0
        assert [path.exists() for path in left] == [is_there, is_there]
