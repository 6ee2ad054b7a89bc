"""What `make airflow` tells its processes of the root that it is given."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from tests.airflow.local import PROJECT, environment

if TYPE_CHECKING:
    from pathlib import Path

TICKS = "AIRFLOW__SCHEDULER__USE_JOB_SCHEDULE"


def test_nothing_ticks_on_a_root_whose_clock_stands_still(tmp_path: Path) -> None:
    assert environment(tmp_path, tmp_path, 0)[TICKS] == "True"
    (tmp_path / "replay_clock.txt").write_text("2017-12-31T06:00:00+00:00\n", "utf-8")
    assert environment(tmp_path, tmp_path, 0)[TICKS] == "False"


def test_a_root_that_is_not_there_is_refused_and_not_made(tmp_path: Path) -> None:
    where = ["--home", str(tmp_path / "home"), "--root", str(tmp_path / "none")]
    words = [sys.executable, "-m", "tests.airflow.local", *where]
    done = subprocess.run(words, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert (done.returncode, [*tmp_path.iterdir()]) == (1, [])
    assert "is no folder: `make run` makes the demo's" in done.stderr
