"""Every kind of run gets the right date, and nothing but a date ever reaches a command."""

from __future__ import annotations

from typing import Any

import pendulum
import pytest


@pytest.mark.parametrize("job", ["preprocessing", "training_inference", "monitoring"])
@pytest.mark.parametrize(
    ("asked", "logical_date", "run_after", "expected"),
    [
        pytest.param(None, "2024-02-29T01:00:00", "2024-02-29T01:00:05", "2024-02-29", id="scheduled"),
        pytest.param(None, "2024-02-28T01:00:00", "2024-03-05T09:00:00", "2024-02-28", id="backfill"),
        pytest.param(None, None, "2024-03-01T23:59:59", "2024-03-01", id="no-logical-date"),
        pytest.param("2023-12-31", "2024-03-01T09:00:00", "2024-03-01T09:00:00", "2023-12-31", id="asked-for"),
        pytest.param("2023-12-31", None, "2024-03-01T09:00:00", "2023-12-31", id="asked-for-by-the-api"),
    ],
)
def test_the_date_is_the_one_asked_for_else_that_of_the_run(
    dags: dict[str, Any], job: str, asked: str | None, logical_date: str | None, run_after: str, expected: str
) -> None:
    facts = {
        "logical_date": pendulum.parse(logical_date) if logical_date else None,
        "run_after": pendulum.parse(run_after),
    }
    task = next(iter(dags[job].topological_sort()))
    template = dags[job].get_template_env().from_string(task.env["P2P_DATE"])
    assert template.render(dag_run=type("Run", (), facts), params={"date": asked}) == expected


@pytest.mark.parametrize(
    "asked",
    [
        "2024-1-2",
        "20240102",
        "2024-02-30",
        "2024-01-02\n",
        '2024-01-02"; true #',
        "$(id)",
        "",
        20240102,
        "\uff12024-01-02",
    ],
)
def test_what_is_no_date_is_refused_before_anything_runs(dags: dict[str, Any], asked: object) -> None:
    from airflow.sdk.exceptions import ParamValidationError

    for dag in dags.values():
        with pytest.raises(ParamValidationError):
            dag.params.get_param("date").resolve(asked)
        assert dag.params.get_param("date").resolve("2024-02-29") == "2024-02-29"
