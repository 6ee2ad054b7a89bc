"""The pool for trainings, as operations.md gives it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

ROOT = Path(__file__).parents[2]
SAY = """
from airflow.dag_processing.dagbag import DagBag
for dag in DagBag("dags").dags.values():
    for task in dag.tasks:
        print("pool of", task.task_id, task.pool)
"""


def test_the_settings_of_the_page_put_the_training_alone_into_its_pool(tmp_path: Path) -> None:
    page = (ROOT / "docs/operations.md").read_text("utf-8")
    (settings,) = re.findall(r"^ *```python\n(.*?)^ *```$", page, re.MULTILINE | re.DOTALL)
    (tmp_path / "config").mkdir()
    (tmp_path / "config/airflow_local_settings.py").write_text(dedent(settings))
    environment = os.environ | {"AIRFLOW_HOME": str(tmp_path)}
    words = [sys.executable, "-c", SAY]
    said = subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True, check=True).stdout
    pools = dict(re.findall(r"^pool of (\w+) (\w+)$", said, re.MULTILINE))
    assert len(pools) > 20
    assert {task for task, pool in pools.items() if pool != "default_pool"} == {"train_model_task"}
    assert pools["train_model_task"] in re.findall(r"airflow pools set (\w+) 1 ", page)
