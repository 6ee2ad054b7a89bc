"""Every way a run can go, by the trigger rules alone; tests/airflow walks the important ones in a real Airflow."""

from __future__ import annotations

from itertools import pairwise, product
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

RAN = {"success", "failed"}
CONDITIONS = {"check_inference_condition", "check_retraining_needed", "check_monitoring"}


def state(rule: str, upstream: Sequence[str], outcome: str) -> str:
    """What Airflow makes of a task whose upstream tasks are all done."""
    bad, skipped = {"failed", "upstream_failed"} & set(upstream), "skipped" in upstream
    if rule == "all_success":
        return "upstream_failed" if bad else "skipped" if skipped else outcome
    if rule == "all_skipped":
        return "skipped" if bad or "success" in upstream else outcome
    if rule == "none_skipped":
        return "skipped" if skipped else outcome
    assert rule == "all_done"
    return outcome


def paths(dag: Any) -> Iterator[dict[str, str]]:
    tasks = list(dag.topological_sort())
    outcomes = [
        ["success"]
        if task.task_id.startswith("skip_")
        else ["success", "failed", "skipped"][: 2 + (task.task_id in CONDITIONS)]
        for task in tasks
    ]
    for chosen in product(*outcomes):
        states: dict[str, str] = {}
        for task, outcome in zip(tasks, chosen, strict=True):
            upstream = [states[name] for name in task.upstream_task_ids]
            states[task.task_id] = state(task.trigger_rule.value, upstream, outcome)
        yield states


@pytest.mark.parametrize(
    ("job", "skip", "condition"),
    [
        ("training_inference", "skip_inference", "check_inference_condition"),
        ("training_inference", "skip_retraining", "check_retraining_needed"),
        ("monitoring", "skip_monitoring", "check_monitoring"),
        ("monitoring", "skip_report", "calculate_metrics"),
    ],
)
def test_a_skip_shows_exactly_when_its_condition_did_not_hold(
    dags: dict[str, Any], job: str, skip: str, condition: str
) -> None:
    told = {(states[condition], states[skip]) for states in paths(dags[job])}
    assert told == {(was, "success" if was == "skipped" else "skipped") for was, _ in told}
    assert ("skipped", "success") in told


@pytest.mark.parametrize(
    ("job", "task"),
    [
        ("training_inference", "check_inference_condition"),
        ("training_inference", "check_retraining_needed"),
        ("training_inference", "get_model"),
        ("training_inference", "run_inference"),
        ("training_inference", "clear_decision"),
        ("training_inference", "log_retraining"),
        ("monitoring", "write_retraining_decision"),
        ("monitoring", "send_alerts"),
    ],
)
def test_it_runs_on_every_path(dags: dict[str, Any], job: str, task: str) -> None:
    assert {states[task] for states in paths(dags[job])} - RAN - {"skipped"} == set()
    assert all(states[task] in RAN or task in CONDITIONS for states in paths(dags[job]))


def test_a_model_is_trained_exactly_when_a_decision_asks_for_it(dags: dict[str, Any]) -> None:
    for states in paths(dags["training_inference"]):
        assert (states["train_model_task"] in RAN) == (states["check_retraining_needed"] == "success")


def test_a_report_comes_unless_there_is_nothing_to_judge(dags: dict[str, Any]) -> None:
    for states in paths(dags["monitoring"]):
        assert (states["generate_report"] in RAN) == (states["check_monitoring"] != "skipped")


def test_a_layer_is_built_exactly_when_the_one_below_it_is(dags: dict[str, Any]) -> None:
    ids = ["source_data_checks", "bronze_processing", "silver_processing", "gold_processing"]
    for states in paths(dags["preprocessing"]):
        for below, above in pairwise(ids):
            assert (states[above] in RAN) == (states[below] == "success")
