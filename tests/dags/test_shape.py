"""A DAG's structure is its specification: ids, edges, trigger rules, schedule, commands."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

JOBS = ("preprocessing", "training_inference", "monitoring")

EDGES = {
    "preprocessing": {
        "source_data_checks": {"bronze_processing"},
        "bronze_processing": {"silver_processing"},
        "silver_processing": {"gold_processing"},
        "gold_processing": set(),
    },
    "training_inference": {
        "wait_for_preprocessing": {"check_inference_condition"},
        "check_inference_condition": {"skip_inference", "check_retraining_needed"},
        "skip_inference": {"run_inference"},
        "check_retraining_needed": {"train_model_task", "skip_retraining"},
        "train_model_task": {"get_model"},
        "skip_retraining": {"get_model"},
        "get_model": {"run_inference"},
        "run_inference": {"clear_decision"},
        "clear_decision": {"log_retraining"},
        "log_retraining": set(),
    },
    "monitoring": {
        "check_monitoring": {"get_week_end_date", "skip_monitoring"},
        "get_week_end_date": {"get_model"},
        "get_model": {"calculate_metrics"},
        "calculate_metrics": {"generate_report", "skip_report"},
        "generate_report": {"write_retraining_decision"},
        "skip_monitoring": {"write_retraining_decision"},
        "skip_report": {"write_retraining_decision"},
        "write_retraining_decision": {"send_alerts"},
        "send_alerts": set(),
    },
}
RULES = {
    "preprocessing": {},
    "training_inference": {
        "check_inference_condition": "all_done",
        "skip_inference": "all_skipped",
        "check_retraining_needed": "all_done",
        "skip_retraining": "all_skipped",
        "get_model": "all_done",
        "run_inference": "all_done",
        "clear_decision": "all_done",
        "log_retraining": "all_done",
    },
    "monitoring": {
        "skip_monitoring": "all_skipped",
        "skip_report": "all_skipped",
        "generate_report": "none_skipped",
        "write_retraining_decision": "all_done",
        "send_alerts": "all_done",
    },
}
STEPS = {
    "preprocessing": {
        "source_data_checks": "check",
        "bronze_processing": "bronze",
        "silver_processing": "silver",
        "gold_processing": "gold",
    },
    "training_inference": {
        "wait_for_preprocessing": "wait",
        "check_inference_condition": "check",
        "check_retraining_needed": "decide",
        "train_model_task": "train",
        "get_model": "model",
        "run_inference": "score",
        "clear_decision": "clear",
        "log_retraining": "log",
    },
    "monitoring": {
        "check_monitoring": "check",
        "get_week_end_date": "week",
        "get_model": "model",
        "calculate_metrics": "evidence",
        "generate_report": "report",
        "write_retraining_decision": "decide",
        "send_alerts": "alert",
    },
}
TICKS = {
    "preprocessing": ("P2PCreditScore_DataPreprocessing", "0 1 * * *"),
    "training_inference": ("P2PCreditScore_ModelTrainingInference", "0 2 * * *"),
    "monitoring": ("P2PCreditScore_ModelMonitoring", "0 6 * * 0"),
}


def test_there_are_three_dags_one_per_job(dags: dict[str, Any]) -> None:
    assert {job: dag.dag_id for job, dag in dags.items()} == {job: TICKS[job][0] for job in JOBS}


@pytest.mark.parametrize("job", JOBS)
def test_the_tasks_hang_together_like_this(dags: dict[str, Any], job: str) -> None:
    assert {task.task_id: task.downstream_task_ids for task in dags[job].tasks} == EDGES[job]
    rules = {task.task_id: task.trigger_rule for task in dags[job].tasks if task.trigger_rule != "all_success"}
    assert rules == RULES[job]


@pytest.mark.parametrize("job", JOBS)
def test_it_ticks_at_its_hour_in_utc_on_the_day_of_its_date_and_never_catches_up(
    dags: dict[str, Any], job: str
) -> None:
    from airflow.sdk import CronTriggerTimetable

    dag = dags[job]
    assert dag.timetable == CronTriggerTimetable(TICKS[job][1], timezone="UTC", interval=timedelta())
    assert (str(dag.timezone), dag.catchup, dag.max_active_runs) == ("UTC", False, 1)
    assert timedelta(0) < dag.dagrun_timeout < timedelta(days=1)
    assert dag.start_date == datetime(2007, 6, 1, tzinfo=UTC), "a backfill may go back to the first loan"
    assert dag.doc_md
    assert "p2pcreditscore" in dag.tags


@pytest.mark.parametrize("job", JOBS)
def test_every_task_is_one_command_with_the_date_as_its_only_argument(dags: dict[str, Any], job: str) -> None:
    steps = {}
    for task in dags[job].tasks:
        assert task.owner == ("credit-data" if job == "preprocessing" else "credit-models")
        if task.task_id.startswith("skip_"):
            assert task.task_type == "EmptyOperator"
            continue
        command, steps[task.task_id] = task.bash_command.rsplit(" --step ", 1)
        assert command == (
            'cd "${P2P_HOME:?}" && exec "${P2P_PYTHON:?}" '
            f'-m jobs.{job} --root "${{P2P_ROOT:?}}" --date "$P2P_DATE"'
        )
        assert (set(task.env), task.append_env, task.skip_on_exit_code) == ({"P2P_DATE"}, True, [99])
        assert task.retries == (6 if task.task_id == "wait_for_preprocessing" else 2)
        assert task.execution_timeout == timedelta(hours=4)
        assert task.pool == "default_pool"
    assert steps == STEPS[job]
