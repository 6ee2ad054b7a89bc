"""Every day at 02:00 UTC: new applications are scored, and a model is trained where a decision says so.

Each task is one command, `python -m jobs.training_inference --step ...`, with the run's date as its only argument. A
condition that does not hold exits with 99 and shows as skipped. Scoring waits for no training: it runs whatever became
of the decision. Exit codes are in the runbook (`docs/runbook.md`).
"""

from __future__ import annotations

from datetime import timedelta

import pendulum
from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG

# Where the program, its interpreter and its data lie comes from the environment of the Airflow worker.
COMMAND = 'cd "$P2P_HOME" && exec "$P2P_PYTHON" -m jobs.training_inference --root "$P2P_ROOT" --date "$P2P_DATE"'
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
    dag_id="P2PCreditScore_ModelTrainingInference",
    schedule="0 2 * * *",
    start_date=pendulum.datetime(2024, 1, 1, tz="UTC"),
    catchup=False,
    max_active_runs=1,
    default_args={
        "owner": "credit-models",
        "retries": 2,
        "retry_delay": timedelta(minutes=5),
        "execution_timeout": timedelta(hours=4),
    },
    tags=["p2pcreditscore", "training", "inference"],
    doc_md=__doc__,
):
    ready = step("wait_for_preprocessing", "wait")
    (
        ready
        >> step("check_retraining_needed", "decide")
        >> step("train_model_task", "train")
        >> step("get_model", "model", trigger_rule="all_done")
        >> step("check_inference_condition", "check")
        >> step("run_inference", "score")
        >> step("clear_decision", "clear", trigger_rule="all_done")
        >> step("log_retraining", "log", trigger_rule="all_done")
    )
