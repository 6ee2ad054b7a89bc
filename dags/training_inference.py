"""Every day at 02:00 UTC: new applications are scored, and a model is trained where a decision says so.

Each task is one command, `python -m jobs.training_inference --step ...`, with the run's date as its only argument. A
condition that does not hold exits with 99 and shows as skipped; the `skip_...` task beside it then says so.

- `wait_for_preprocessing` looks whether the features of the date are there. If not, it fails and is retried later, so
  that waiting holds no worker slot. When its retries are used up the run goes on with what is there: other days may be
  waiting for their scores. The last task then fails for the missing day.
- `check_inference_condition` comes before any training, so it cannot know of a *first* model that comes of this run.
  Therefore `run_inference` does not hang on it, nor on the training: it comes after `get_model` on every path, with
  whichever model serves by then. Where there is none, or nothing to score, it does nothing and is done in a second.
- `train_model_task` may fail, or pass no gate: the model that served before scores.
- `log_retraining`, last, fails for all that stands against the date.

Exit codes are in `docs/runbook.md`.
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
COMMAND = (
    'cd "${P2P_HOME:?}" && exec "${P2P_PYTHON:?}" -m jobs.training_inference --root "${P2P_ROOT:?}" --date "$P2P_DATE"'
)
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
    dag_id="P2PCreditScore_ModelTrainingInference",
    schedule=CronTriggerTimetable("0 2 * * *", timezone="UTC"),  # no cron string: what its date is, is a setting
    start_date=pendulum.datetime(2007, 6, 1, tz="UTC"),  # as far back as a backfill may go
    catchup=False,  # the jobs find and fill their own gaps
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=20),
    params={"date": ASKED_DATE},
    default_args={"owner": "credit-models", "retries": 2, "execution_timeout": timedelta(hours=4)},
    tags=["p2pcreditscore", "training", "inference"],
    doc_md=__doc__,
):
    ready = step("wait_for_preprocessing", "wait", retries=6)
    to_score = step("check_inference_condition", "check", trigger_rule="all_done")
    skip_inference = EmptyOperator(task_id="skip_inference", trigger_rule="all_skipped")
    to_train = step("check_retraining_needed", "decide", trigger_rule="all_done")
    skip_retraining = EmptyOperator(task_id="skip_retraining", trigger_rule="all_skipped")
    trained = step("train_model_task", "train")
    model = step("get_model", "model", trigger_rule="all_done")
    scored = step("run_inference", "score", trigger_rule="all_done")
    cleared = step("clear_decision", "clear", trigger_rule="all_done")
    logged = step("log_retraining", "log", trigger_rule="all_done")

    ready >> to_score >> [skip_inference, to_train]
    to_train >> [trained, skip_retraining] >> model
    [model, skip_inference] >> scored >> cleared >> logged
