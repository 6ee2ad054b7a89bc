"""The DAG's structure is its specification. Runs in Airflow's own environment (see the Makefile)."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest

DAGS = Path(__file__).parents[2] / "dags"
FILES = sorted(DAGS.glob("*.py"))


@pytest.fixture(scope="module")
def bag() -> Any:
    from airflow.dag_processing.dagbag import DagBag

    return DagBag(str(DAGS))


def test_every_dag_file_loads(bag: Any) -> None:
    assert bag.import_errors == {}
    assert sorted(bag.dags) == ["P2PCreditScore_DataPreprocessing", "P2PCreditScore_ModelTrainingInference"]


def test_preprocessing_runs_its_steps_in_this_order(bag: Any) -> None:
    dag = bag.dags["P2PCreditScore_DataPreprocessing"]
    edges = {task.task_id: task.downstream_task_ids for task in dag.tasks}
    assert edges == {
        "source_data_checks": {"bronze_processing"},
        "bronze_processing": {"silver_processing"},
        "silver_processing": {"gold_processing"},
        "gold_processing": set(),
    }


def test_preprocessing_ticks_daily_at_one_utc_and_never_catches_up(bag: Any) -> None:
    dag = bag.dags["P2PCreditScore_DataPreprocessing"]
    assert dag.schedule == "0 1 * * *"
    assert str(dag.timezone) == "UTC"
    assert (dag.catchup, dag.max_active_runs) == (False, 1)


def test_every_task_is_one_command_with_the_date_as_its_only_argument(bag: Any) -> None:
    steps = []
    for task in bag.dags["P2PCreditScore_DataPreprocessing"].topological_sort():
        command, name = task.bash_command.rsplit(" --step ", 1)
        assert command == (
            'cd "$P2P_HOME" && exec "$P2P_PYTHON" -m jobs.preprocessing --root "$P2P_ROOT" --date "$P2P_DATE"'
        )
        assert task.retries >= 1
        assert task.execution_timeout is not None
        steps.append(name)
    assert steps == ["check", "bronze", "silver", "gold"]


@pytest.mark.parametrize(
    ("logical_date", "run_after", "expected"),
    [
        pytest.param("2024-02-29T01:00:00", "2024-02-29T01:00:05", "2024-02-29", id="scheduled"),
        pytest.param(None, "2024-03-01T23:59:59", "2024-03-01", id="no-logical-date"),
    ],
)
def test_the_date_is_the_run_s_in_utc(bag: Any, logical_date: str | None, run_after: str, expected: str) -> None:
    import pendulum

    task = bag.dags["P2PCreditScore_DataPreprocessing"].get_task("bronze_processing")
    facts = {
        "logical_date": pendulum.parse(logical_date) if logical_date else None,
        "run_after": pendulum.parse(run_after),
    }
    environment = task.dag.get_template_env()
    run = type("Run", (), facts)
    assert environment.from_string(task.env["P2P_DATE"]).render(dag_run=run) == expected


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_dag_file_imports_only_airflow_and_the_clockwork(path: Path) -> None:
    tree = ast.parse(path.read_text("utf-8"))
    names = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    assert {name.split(".")[0] for name in names} <= {"__future__", "airflow", "datetime", "pendulum"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_dag_file_holds_no_logic(path: Path) -> None:
    tree = ast.parse(path.read_text("utf-8"))
    banned = (ast.If, ast.For, ast.While, ast.Try, ast.Lambda, ast.AsyncFunctionDef, ast.ClassDef)
    assert [type(node).__name__ for node in ast.walk(tree) if isinstance(node, banned)] == []
    assert not any(word in path.read_text("utf-8") for word in ("xcom", "Variable", "TriggerDagRun", "ExternalTask"))
