"""Every Sunday at 06:00 UTC: the week that ended on Saturday is judged, and a note says whether to retrain.

Each task is one command, `python -m jobs.monitoring --step ...`, with the run's date as its only argument. A condition
that does not hold exits with 99 and shows as skipped, and so does all that rests on it: then `skip_monitoring` and
`skip_report` say so. A week of which only a part could be computed has a report all the same. The note and the alerts
come on every path: what could not be delivered earlier is tried again though the week is judged. `send_alerts`, last,
fails for all that stands against the date. Exit codes are in `docs/runbook.md`.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pendulum
from airflow.providers.standard.operators.bash import BashOperator
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, CronTriggerTimetable, Param

# Where the program, its interpreter and its data lie comes from the worker's environment; so does the date: no shell
# ever reads it as code. It is the date asked for; else that of the run: API and asset runs may have no logical date.
COMMAND = 'cd "${P2P_HOME:?}" && exec "${P2P_PYTHON:?}" -m jobs.monitoring --root "${P2P_ROOT:?}" --date "$P2P_DATE"'
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
    dag_id="P2PCreditScore_ModelMonitoring",
    schedule=CronTriggerTimetable("0 6 * * 0", timezone="UTC"),  # no cron string: what its date is, is a setting
    start_date=pendulum.datetime(2007, 6, 1, tz="UTC"),  # as far back as a backfill may go
    catchup=False,  # the jobs find and fill their own gaps
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=20),
    params={"date": ASKED_DATE},
    default_args={"owner": "credit-models", "retries": 2, "execution_timeout": timedelta(hours=4)},
    tags=["p2pcreditscore", "monitoring"],
    doc_md=__doc__,
):
    to_judge = step("check_monitoring", "check")
    skip_monitoring = EmptyOperator(task_id="skip_monitoring", trigger_rule="all_skipped")
    week = step("get_week_end_date", "week")
    model = step("get_model", "model")
    measured = step("calculate_metrics", "evidence")
    skip_report = EmptyOperator(task_id="skip_report", trigger_rule="all_skipped")
    report = step("generate_report", "report", trigger_rule="none_skipped")
    decided = step("write_retraining_decision", "decide", trigger_rule="all_done")
    alerted = step("send_alerts", "alert", trigger_rule="all_done")

    to_judge >> [skip_monitoring, week]
    week >> model >> measured >> [skip_report, report]
    [skip_monitoring, skip_report, report] >> decided >> alerted
