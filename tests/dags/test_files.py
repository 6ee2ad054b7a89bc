"""A DAG file is a schedule, names and a command line: no logic, and tied to nothing by an import."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

DAGS = Path(__file__).parents[2] / "dags"
FILES = sorted(DAGS.rglob("*.py"))
WITHIN_SECONDS = 0.025
TRIES = 5  # the quickest of them: what the file costs, not what else the machine does


def test_there_are_three_files() -> None:
    assert [path.stem for path in FILES] == ["monitoring", "preprocessing", "training_inference"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_dag_file_imports_only_airflow_and_the_clockwork(path: Path) -> None:
    tree = ast.parse(path.read_text("utf-8"))
    names = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    assert {name.split(".")[0] for name in names} <= {"__future__", "airflow", "datetime", "pendulum", "typing"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_dag_file_holds_no_logic(path: Path) -> None:
    text = path.read_text("utf-8")
    banned = (ast.If, ast.For, ast.While, ast.Try, ast.Lambda, ast.AsyncFunctionDef, ast.ClassDef, ast.IfExp)
    assert [type(node).__name__ for node in ast.walk(ast.parse(text)) if isinstance(node, banned)] == []
    for word in ("xcom", "Variable", "TriggerDagRun", "ExternalTask", "Sensor"):
        assert word.lower() not in text.lower()


def test_what_the_three_share_is_the_same_in_each() -> None:
    """Each stands alone, so that a DAG folder may hold any one of them; what they share is held together here."""
    shared = []
    for path in FILES:
        text = path.read_text("utf-8")
        found = text[text.index("# Where the program") : text.index("with DAG(")].replace(f"jobs.{path.stem}", "jobs.x")
        shared.append(ast.dump(ast.parse(found)))
    assert len(set(shared)) == 1


def test_a_file_is_parsed_within_25_milliseconds_once_airflow_is_imported() -> None:
    from airflow.dag_processing.dagbag import DagBag

    slowest: dict[str, float] = {}
    for _ in range(TRIES):
        for stat in DagBag(str(DAGS)).dagbag_stats:
            seconds = stat.duration.total_seconds()
            slowest[stat.file] = min(seconds, slowest.get(stat.file, seconds))
    assert len(slowest) == len(FILES)
    assert max(slowest.values()) <= WITHIN_SECONDS
