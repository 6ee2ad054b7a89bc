"""Every day at 01:00 UTC: what has landed becomes bronze, silver and gold.

Each task is one command, `python -m jobs.preprocessing --step ...`, with the run's date as its only argument; it finds
everything else in files and may be run again at any time. Exit codes are in the runbook (`docs/runbook.md`).
"""

from __future__ import annotations

from datetime import timedelta

import pendulum
from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG

# Where the program, its interpreter and its data lie comes from the environment of the Airflow worker.
COMMAND = 'cd "$P2P_HOME" && exec "$P2P_PYTHON" -m jobs.preprocessing --root "$P2P_ROOT" --date "$P2P_DATE"'
RUN_DATE = "{{ (dag_run.logical_date or dag_run.run_after) | ds }}"  # API and asset runs may have no logical date


def step(task_id: str, name: str) -> BashOperator:
    command = f"{COMMAND} --step {name}"
    return BashOperator(task_id=task_id, bash_command=command, env={"P2P_DATE": RUN_DATE}, append_env=True)


with DAG(
    dag_id="P2PCreditScore_DataPreprocessing",
    schedule="0 1 * * *",
    start_date=pendulum.datetime(2024, 1, 1, tz="UTC"),
    catchup=False,
    max_active_runs=1,
    default_args={
        "owner": "credit-data",
        "retries": 2,
        "retry_delay": timedelta(minutes=5),
        "execution_timeout": timedelta(hours=2),
    },
    tags=["p2pcreditscore", "preprocessing"],
    doc_md=__doc__,
):
    (
        step("source_data_checks", "check")
        >> step("bronze_processing", "bronze")
        >> step("silver_processing", "silver")
        >> step("gold_processing", "gold")
    )
