"""The three DAGs on an asset instead of a cron line, the rest of each file as it is: such runs have no logical date."""

from __future__ import annotations

import re
import subprocess
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tests.airflow.client import IDS, Client
from tests.airflow.conftest import QUICK
from tests.airflow.local import PROJECT, Airflow, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    """An Airflow that reads the copies; files of yesterday, today and tomorrow have landed in its root."""
    root, dags = tmp_path / "root", tmp_path / "dags"
    root.mkdir()
    dags.mkdir()
    for path in (PROJECT / "dags").glob("*.py"):
        text, found = re.subn(r"schedule=CronTriggerTimetable\([^)]*\)", 'schedule=Asset("landed")', path.read_text())
        assert found == 1
        (dags / path.name).write_text(text.replace("import DAG, ", "import DAG, Asset, "))
    days = [str(datetime.now(UTC).date() + timedelta(days=more)) for more in (-1, 1)]
    span = ["--start", days[0], "--end", days[1], "--loans-per-day", "5"]
    words = [str(PROJECT / ".venv/bin/python"), "-m", "jobs.simulate", "--root", str(root), *span]
    subprocess.run(words, cwd=PROJECT, check=True, capture_output=True)
    told = {"AIRFLOW__CORE__DAGS_FOLDER": str(dags), "AIRFLOW__SCHEDULER__USE_JOB_SCHEDULE": "True"}
    with Airflow(tmp_path / "airflow", root, free_port(), **QUICK | told) as airflow:
        asking = Client(airflow.address)
        asking.unpause()
        yield asking


def test_an_event_of_an_asset_runs_each_dag_for_the_date_of_the_event(client: Client) -> None:
    client.asset_changed("landed")
    for job, dag_id in IDS.items():
        run = client.first_run(job, "asset_triggered")
        ran = client.ended(job, run["dag_run_id"])
        assert run["logical_date"] is None, dag_id
        assert ran.dates == {run["run_after"][:10]}, dag_id
        if job != "training_inference":  # which did not wait for preprocessing, or did
            assert ran.state == "success", dag_id
