"""Every day at 01:00 UTC: what has landed becomes bronze, silver and gold.

Each task is one command, `python -m jobs.preprocessing --step ...`, with the run's date as its only argument; it finds
everything else in files and may be run again at any time. A step that leaves work possible succeeds even where it
refused a file; `gold_processing` fails for all that stands against the date. Exit codes are in `docs/runbook.md`.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pendulum
from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG, CronTriggerTimetable, Param

# Where the program, its interpreter and its data lie comes from the worker's environment; so does the date: no shell
# ever reads it as code. It is the date asked for; else that of the run: API and asset runs may have no logical date.
COMMAND = 'cd "${P2P_HOME:?}" && exec "${P2P_PYTHON:?}" -m jobs.preprocessing --root "${P2P_ROOT:?}" --date "$P2P_DATE"'
DATE = "{{ params.date or (dag_run.logical_date or dag_run.run_after) | ds }}"
ASKED_DATE = Param(
    None,
    type=["null", "string"],
    format="date",
    pattern="^[0-9]{4}-[0-9]{2}-[0-9]{2}$",
    description="All that had landed up to this date (UTC). Empty: the date of the run.",
)


def step(task_id: str, name: str, **options: Any) -> BashOperator:  # noqa: ANN401 - whatever an operator takes
    command = f"{COMMAND} --step {name}"
    return BashOperator(task_id=task_id, bash_command=command, env={"P2P_DATE": DATE}, append_env=True, **options)


with DAG(
    dag_id="P2PCreditScore_DataPreprocessing",
    schedule=CronTriggerTimetable("0 1 * * *", timezone="UTC"),  # no cron string: what its date is, is a setting
    start_date=pendulum.datetime(2007, 6, 1, tz="UTC"),  # as far back as a backfill may go
    catchup=False,  # the jobs find and fill their own gaps
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=20),
    params={"date": ASKED_DATE},
    default_args={"owner": "credit-data", "retries": 2, "execution_timeout": timedelta(hours=4)},
    tags=["p2pcreditscore", "preprocessing"],
    doc_md=__doc__,
):
    (
        step("source_data_checks", "check")
        >> step("bronze_processing", "bronze")
        >> step("silver_processing", "silver")
        >> step("gold_processing", "gold")
    )
