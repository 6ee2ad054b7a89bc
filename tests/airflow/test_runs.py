"""Real runs of the three DAGs in a real Airflow, every path of them, asserted by the states of their tasks."""

from __future__ import annotations

import json
import os
import signal
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.airflow.local import ours

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.airflow.client import Client
    from tests.airflow.local import Airflow

LAST, NEXT = "2016-08-28", "2016-08-29"  # a Sunday, on which monitoring ticks, and the Monday after
TRAINING = (
    "wait_for_preprocessing",
    "check_inference_condition",
    "skip_inference",
    "check_retraining_needed",
    "train_model_task",
    "skip_retraining",
    "get_model",
    "run_inference",
    "clear_decision",
    "log_retraining",
)
MONITORING = (
    "check_monitoring",
    "skip_monitoring",
    "get_week_end_date",
    "get_model",
    "calculate_metrics",
    "skip_report",
    "generate_report",
    "write_retraining_decision",
    "send_alerts",
)
fresh = pytest.mark.parametrize("root", ["fresh"], indirect=True)
trained = pytest.mark.parametrize("root", ["trained"], indirect=True)
landed = pytest.mark.parametrize("root", ["landed"], indirect=True)


def states(ids: Iterable[str], *, skipped: Iterable[str] = (), failed: Iterable[str] = ()) -> dict[str, str]:
    """All succeed but for these."""
    return dict.fromkeys(ids, "success") | dict.fromkeys(skipped, "skipped") | dict.fromkeys(failed, "failed")


def ledger(root: Path) -> list[dict[str, Any]]:
    return [json.loads(path.read_bytes()) for path in sorted((root / "decisions/ledger").glob("*.json"))]


def kinds(root: Path) -> list[str]:
    return [entry["kind"] for entry in ledger(root)]


def is_scored(root: Path, day: str) -> bool:
    return (root / f"datamart/gold/predictions/snapshot_date={day}/_manifest.json").is_file()


def ask_for_training(root: Path) -> None:
    note = {"decision_date": LAST, "performance_score": 0.6, "retrain": True, "reason": "by hand"}
    (root / "decisions/retraining_decision.json").write_text(json.dumps(note))


def edit_policy(root: Path, **changes: dict[str, Any]) -> None:
    path = root / "decisions/policy.json"
    path.write_text(json.dumps(json.loads(path.read_bytes()) | changes))


@fresh
def test_not_ready_a_run_without_a_date_waits_for_today_and_then_goes_on_without(client: Client, root: Path) -> None:
    before = datetime.now(UTC).date()
    ran = client.ended("training_inference", client.start("training_inference"))
    assert ran.dates <= {str(before), str(datetime.now(UTC).date())}
    skipped = ["check_inference_condition", "check_retraining_needed", "train_model_task"]
    failed = ["wait_for_preprocessing", "log_retraining"]
    assert (ran.state, ran.tasks) == ("failed", states(TRAINING, skipped=skipped, failed=failed))
    assert (ran.tries["wait_for_preprocessing"], ran.tries["log_retraining"]) == (7, 3)
    assert ledger(root) == []


@fresh
def test_a_first_model_scores_on_the_day_it_is_trained_and_then_there_is_nothing_to_do(
    client: Client, root: Path
) -> None:
    first = client.run("training_inference", LAST)
    assert first.dates == {LAST}
    skipped = ["check_inference_condition", "skip_retraining"]
    assert (first.state, first.tasks) == ("success", states(TRAINING, skipped=skipped))
    assert kinds(root) == ["proposed", "claimed", "completed"]
    assert is_scored(root, LAST)

    again = client.run("training_inference", LAST)
    skipped = ["check_inference_condition", "check_retraining_needed", "train_model_task"]
    assert (again.state, again.tasks) == ("success", states(TRAINING, skipped=skipped))
    assert kinds(root) == ["proposed", "claimed", "completed"]


@trained
def test_without_a_decision_the_model_that_serves_scores(client: Client, root: Path) -> None:
    known = kinds(root)
    ran = client.run("training_inference", LAST)
    skipped = ["skip_inference", "check_retraining_needed", "train_model_task"]
    assert (ran.state, ran.tasks) == ("success", states(TRAINING, skipped=skipped))
    assert (is_scored(root, LAST), kinds(root)) == (True, known)


@trained
def test_deferred_then_not_carried_out_by_a_backfill_then_retrained_though_its_trainer_is_killed(
    client: Client, airflow: Airflow, root: Path
) -> None:
    known = kinds(root)
    ask_for_training(root)
    edit_policy(root, guards={"min_history_days": 120, "min_new_rows": 1_000_000})
    deferred = client.run("training_inference", NEXT)
    skipped = ["skip_inference", "check_retraining_needed", "train_model_task"]
    assert (deferred.state, deferred.tasks) == ("success", states(TRAINING, skipped=skipped))
    assert kinds(root) == [*known, "proposed", "deferred"]
    assert is_scored(root, NEXT)

    edit_policy(root, guards={"min_history_days": 120, "min_new_rows": 1})
    backfilled = client.backfill("training_inference", LAST)
    assert backfilled.dates == {LAST}
    skipped = ["check_inference_condition", "check_retraining_needed", "train_model_task"]
    assert (backfilled.state, backfilled.tasks) == ("success", states(TRAINING, skipped=skipped))
    assert kinds(root) == [*known, "proposed", "deferred"]

    started = client.start("training_inference", date=NEXT)
    kill_the_trainer(airflow, root)
    retrained = client.ended("training_inference", started)
    skipped = ["check_inference_condition", "skip_retraining"]
    assert (retrained.state, retrained.tasks) == ("success", states(TRAINING, skipped=skipped))
    assert retrained.tries["train_model_task"] == 2
    assert kinds(root) == [*known, "proposed", "deferred", "claimed", "attempt_failed", "claimed", "completed"]


def kill_the_trainer(airflow: Airflow, root: Path) -> None:
    """As soon as it has claimed the decision."""
    until = time.monotonic() + 120
    while kinds(root)[-1] != "claimed":
        assert time.monotonic() < until, "nothing was claimed"
        time.sleep(0.05)
    for pid in ours(airflow.home):
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        if words[1:3] == [b"-m", b"jobs.training_inference"] and b"train" in words:
            os.kill(pid, signal.SIGKILL)
            return
    raise AssertionError("no process trains")


@trained
def test_a_model_that_fails_its_gates_is_kept_and_the_one_before_scores(client: Client, root: Path) -> None:
    ask_for_training(root)
    edit_policy(root, gates={"profile": "credit", "credit": {"auc": 0.99}})
    ran = client.run("training_inference", NEXT)
    assert (ran.state, ran.tasks) == ("success", states(TRAINING, skipped=("skip_inference", "skip_retraining")))
    assert (ledger(root)[-1]["kind"], ledger(root)[-1]["body"]["verdict"]) == ("completed", "kept")
    assert is_scored(root, NEXT)


@trained
def test_a_broken_note_is_told_and_scoring_goes_on(client: Client, root: Path) -> None:
    (root / "decisions/retraining_decision.json").write_text('{"retrain": tru')
    ran = client.run("training_inference", LAST)
    skipped = ["skip_inference", "check_retraining_needed", "train_model_task"]
    assert (ran.state, ran.tasks) == ("failed", states(TRAINING, skipped=skipped, failed=("log_retraining",)))
    assert is_scored(root, LAST)
    assert "retraining_decision.json" in (root / "decisions/STATUS.txt").read_text()


@fresh
def test_a_week_without_a_model_has_no_report_but_its_note_and_alerts_are_seen_to(client: Client, root: Path) -> None:
    ran = client.run("monitoring", LAST)
    skipped = ["check_monitoring", "get_week_end_date", "get_model", "calculate_metrics", "generate_report"]
    assert (ran.state, ran.tasks) == ("success", states(MONITORING, skipped=skipped))
    assert ledger(root) == []


@trained
def test_a_week_is_judged_and_judged_once(client: Client, root: Path) -> None:
    ran = client.run("monitoring", LAST)
    assert (ran.state, ran.tasks) == ("success", states(MONITORING, skipped=("skip_monitoring", "skip_report")))
    assert (root / "datamart/gold/reports/week=2016-08-27/report.html").is_file()
    known = kinds(root)

    started = client.start("monitoring", logical_date="2016-08-28T23:30:00-02:00")
    again = client.ended("monitoring", started)
    assert again.dates == {NEXT}, "the date is that of the run in UTC"
    skipped = ["check_monitoring", "get_week_end_date", "get_model", "calculate_metrics", "generate_report"]
    assert (again.state, again.tasks) == ("success", states(MONITORING, skipped=skipped))
    assert kinds(root) == known


@landed
def test_a_landed_day_is_built_and_one_that_has_not_landed_fails_at_the_end(client: Client, root: Path) -> None:
    layers = ("source_data_checks", "bronze_processing", "silver_processing", "gold_processing")
    ran = client.run("preprocessing", LAST)
    assert (ran.state, ran.tasks) == ("success", states(layers))
    assert (root / f"datamart/gold/feature_store/snapshot_date={LAST}/_manifest.json").is_file()

    missing = client.run("preprocessing", "2016-08-30")
    assert (missing.state, missing.tasks) == ("failed", states(layers, failed=("gold_processing",)))
    assert missing.tries["gold_processing"] == 3
