"""Every Sunday at 06:00 UTC: the week that ended on Saturday is judged, and a note says whether to retrain.

Each task is one command, `python -m jobs.monitoring --step ...`, with the run's date as its only argument. A condition
that does not hold exits with 99 and shows as skipped, and so does all that rests on it: then `skip_monitoring` or
`skip_report` says so. The note and the alerts come on every path. Exit codes are in the runbook (`docs/runbook.md`).
"""

from __future__ import annotations

from datetime import timedelta

import pendulum
from airflow.providers.standard.operators.bash import BashOperator
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG

# Where the program, its interpreter and its data lie comes from the environment of the Airflow worker.
COMMAND = 'cd "$P2P_HOME" && exec "$P2P_PYTHON" -m jobs.monitoring --root "$P2P_ROOT" --date "$P2P_DATE"'
RUN_DATE = "{{ (dag_run.logical_date or dag_run.run_after) | ds }}"  # API and asset runs may have no logical date


def step(task_id: str, name: str, trigger_rule: str = "all_success") -> BashOperator:
    return BashOperator(
        task_id=task_id,
        bash_command=f"{COMMAND} --step {name}",
        env={"P2P_DATE": RUN_DATE},
        append_env=True,
        trigger_rule=trigger_rule,
    )


with DAG(
    dag_id="P2PCreditScore_ModelMonitoring",
    schedule="0 6 * * 0",
    start_date=pendulum.datetime(2024, 1, 1, tz="UTC"),
    catchup=False,
    max_active_runs=1,
    default_args={
        "owner": "credit-models",
        "retries": 2,
        "retry_delay": timedelta(minutes=5),
        "execution_timeout": timedelta(hours=4),
    },
    tags=["p2pcreditscore", "monitoring"],
    doc_md=__doc__,
):
    check = step("check_monitoring", "check")
    measured = step("calculate_metrics", "evidence")
    report = step("generate_report", "report", trigger_rule="none_skipped")  # also of a week that is known in part
    decided = step("write_retraining_decision", "decide", trigger_rule="all_done")
    skip_monitoring = EmptyOperator(task_id="skip_monitoring", trigger_rule="all_skipped")
    skip_report = EmptyOperator(task_id="skip_report", trigger_rule="all_skipped")
    check >> step("get_week_end_date", "week") >> step("get_model", "model") >> measured >> report
    check >> skip_monitoring
    measured >> skip_report
    [report, skip_monitoring, skip_report] >> decided >> step("send_alerts", "alert", trigger_rule="all_done")
