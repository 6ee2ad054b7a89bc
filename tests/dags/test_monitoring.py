"""The DAG's structure is its specification. Runs in Airflow's own environment (see the Makefile)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

SKIPS = {"skip_monitoring", "skip_report"}


@pytest.fixture(scope="module")
def dag() -> Any:
    from airflow.dag_processing.dagbag import DagBag

    return DagBag(str(Path(__file__).parents[2] / "dags")).dags["P2PCreditScore_ModelMonitoring"]


def test_monitoring_runs_its_steps_in_this_order(dag: Any) -> None:
    assert {task.task_id: task.downstream_task_ids for task in dag.tasks} == {
        "check_monitoring": {"get_week_end_date", "skip_monitoring"},
        "get_week_end_date": {"get_model"},
        "get_model": {"calculate_metrics"},
        "calculate_metrics": {"generate_report", "skip_report"},
        "generate_report": {"write_retraining_decision"},
        "skip_monitoring": {"write_retraining_decision"},
        "skip_report": {"write_retraining_decision"},
        "write_retraining_decision": {"send_alerts"},
        "send_alerts": set(),
    }


def test_the_note_and_the_alerts_come_on_every_path_and_a_skip_shows(dag: Any) -> None:
    rules = {task.task_id: task.trigger_rule for task in dag.tasks if task.trigger_rule != "all_success"}
    assert rules == dict.fromkeys(SKIPS, "all_skipped") | {
        "generate_report": "none_skipped",
        "write_retraining_decision": "all_done",
        "send_alerts": "all_done",
    }


def test_it_ticks_on_sundays_at_six_utc_and_never_catches_up(dag: Any) -> None:
    assert (dag.schedule, str(dag.timezone), dag.catchup, dag.max_active_runs) == ("0 6 * * 0", "UTC", False, 1)


def test_every_task_is_one_command_with_the_date_as_its_only_argument(dag: Any) -> None:
    steps = []
    for task in dag.topological_sort():
        if task.task_id in SKIPS:
            continue
        command, name = task.bash_command.rsplit(" --step ", 1)
        assert command == (
            'cd "$P2P_HOME" && exec "$P2P_PYTHON" -m jobs.monitoring --root "$P2P_ROOT" --date "$P2P_DATE"'
        )
        assert task.retries >= 1
        steps.append(name)
    assert steps == ["check", "week", "model", "evidence", "report", "decide", "alert"]
