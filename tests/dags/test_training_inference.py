"""The DAG's structure is its specification. Runs in Airflow's own environment (see the Makefile)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="module")
def dag() -> Any:
    from airflow.dag_processing.dagbag import DagBag

    return DagBag(str(Path(__file__).parents[2] / "dags")).dags["P2PCreditScore_ModelTrainingInference"]


def test_training_and_inference_run_their_steps_in_this_order(dag: Any) -> None:
    assert {task.task_id: task.downstream_task_ids for task in dag.tasks} == {
        "wait_for_preprocessing": {"check_retraining_needed"},
        "check_retraining_needed": {"train_model_task"},
        "train_model_task": {"get_model"},
        "get_model": {"check_inference_condition"},
        "check_inference_condition": {"run_inference"},
        "run_inference": {"clear_decision"},
        "clear_decision": {"log_retraining"},
        "log_retraining": set(),
    }


def test_scoring_and_the_log_come_whatever_became_of_the_training(dag: Any) -> None:
    joins = {task.task_id for task in dag.tasks if task.trigger_rule == "all_done"}
    assert joins == {"get_model", "clear_decision", "log_retraining"}


def test_it_ticks_daily_at_two_utc_after_preprocessing_and_never_catches_up(dag: Any) -> None:
    assert (dag.schedule, str(dag.timezone), dag.catchup, dag.max_active_runs) == ("0 2 * * *", "UTC", False, 1)


def test_every_task_is_one_command_with_the_date_as_its_only_argument(dag: Any) -> None:
    steps = []
    for task in dag.topological_sort():
        command, name = task.bash_command.rsplit(" --step ", 1)
        assert command == (
            'cd "$P2P_HOME" && exec "$P2P_PYTHON" -m jobs.training_inference --root "$P2P_ROOT" --date "$P2P_DATE"'
        )
        assert task.retries >= 1
        steps.append(name)
    assert steps == ["wait", "decide", "train", "model", "check", "score", "clear", "log"]
