"""One Airflow a database, on sqlite and on PostgreSQL, for all tests; each test has a root of its own."""

from __future__ import annotations

import shutil
import signal
import subprocess
from contextlib import nullcontext
from typing import TYPE_CHECKING

import pytest

from tests.airflow import postgres
from tests.airflow.client import Client
from tests.airflow.local import PROJECT, Airflow, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

QUICK = {
    "AIRFLOW__SCHEDULER__USE_JOB_SCHEDULE": "False",  # only what a test asks for runs
    "AIRFLOW__CORE__DEFAULT_TASK_RETRY_DELAY": "0",
    "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.2",
    "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "600",
    "POLARS_MAX_THREADS": "2",
}

signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that a test run that is stopped stops its Airflow


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("roots")
    interpreter = PROJECT / ".venv/bin/python"
    subprocess.run([interpreter, "-m", "tests.airflow.roots", folder], cwd=PROJECT, check=True, capture_output=True)
    return folder


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def airflow(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Airflow]:
    home = tmp_path_factory.mktemp(request.param)
    server: AbstractContextManager[str | None]
    if request.param == "sqlite":
        server = nullcontext()
    elif binaries := postgres.binaries():
        server = postgres.database(binaries)
    else:
        pytest.skip("no PostgreSQL server is installed")
    with server as database:
        with Airflow(home, home / "root", free_port(), database, **QUICK) as running:
            yield running
        assert running.alive() == set(), "processes outlived their Airflow"


@pytest.fixture(scope="session")
def client(airflow: Airflow) -> Client:
    found = Client(airflow.address)
    found.unpause()
    return found


@pytest.fixture
def root(request: pytest.FixtureRequest, made: Path, airflow: Airflow, tmp_path: Path) -> Path:
    """A copy of the root that the test names, in the place that the DAGs work on."""
    copied = tmp_path / "root"
    shutil.copytree(made / request.param, copied)
    place = airflow.home / "root"
    place.unlink(missing_ok=True)
    place.symlink_to(copied)
    return copied
