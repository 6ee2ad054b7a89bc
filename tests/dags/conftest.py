"""Runs in Airflow's own environment (see the Makefile); needs no database."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

DAGS = Path(__file__).parents[2] / "dags"


@pytest.fixture(scope="session")
def dags() -> dict[str, Any]:
    """The three DAGs by the name of their job."""
    from airflow.dag_processing.dagbag import DagBag

    bag = DagBag(str(DAGS))
    assert bag.import_errors == {}
    return {Path(dag.fileloc).stem: dag for dag in bag.dags.values()}
