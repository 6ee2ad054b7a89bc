"""Three weeks of the schedule at speed, with the scheduler and the jobs killed at random: `make soak-airflow`."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import threading
import time
from contextlib import suppress
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from typing_extensions import override

from tests.airflow import postgres
from tests.airflow.client import Client
from tests.airflow.conftest import QUICK
from tests.airflow.local import PROJECT, Airflow, free_port, ours

if TYPE_CHECKING:
    from collections.abc import Iterator


FIRST, DAYS, SUNDAY, MONDAY = date(2016, 8, 8), 21, 6, 0
EVERY_SECONDS, SCHEDULER_EVERY, SEED = (3.0, 9.0), 8, 5  # between kills; each eighth is one of the scheduler
ENDS_WITHIN = 1800.0  # seconds, of a run that is killed again and again on a machine that has other work
NOTICED = {  # soon, so that a dead scheduler costs seconds
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "20",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "5",
    "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "5",
    "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": "10",
}


class Killer(threading.Thread):
    """Kills a job, now and then the scheduler, until told to stop."""

    def __init__(self, airflow: Airflow) -> None:
        super().__init__(daemon=True)
        self.airflow, self.over, self.killed = airflow, threading.Event(), {"jobs": 0, "schedulers": 0}

    @override
    def run(self) -> None:
        chance = random.Random(SEED)
        while not self.over.wait(chance.uniform(*EVERY_SECONDS)):
            if chance.randrange(SCHEDULER_EVERY) == 0:
                self._kill_the_scheduler()
            elif found := jobs_of(self.airflow):
                with suppress(ProcessLookupError):
                    os.kill(chance.choice(found), signal.SIGKILL)
                    self.killed["jobs"] += 1

    def _kill_the_scheduler(self) -> None:
        """With its workers, as a machine or a container dies: one that outlives it keeps its lock in the database."""
        scheduler = self.airflow.parts["scheduler"]
        os.killpg(scheduler.pid, signal.SIGKILL)
        scheduler.wait()
        self.airflow.start("scheduler")
        self.killed["schedulers"] += 1


def jobs_of(airflow: Airflow) -> list[int]:
    """The processes of jobs that Airflow runs at this moment."""
    found = []
    for pid in sorted(ours(airflow.home)):
        with suppress(OSError):
            if b"\0-m\0jobs." in Path(f"/proc/{pid}/cmdline").read_bytes():
                found.append(pid)
    return found


def days() -> Iterator[date]:
    return (FIRST + timedelta(days=number) for number in range(DAYS))


def lender(folder: Path) -> Path:
    """Eight months of files have landed; all but the last three weeks are built, and no model serves yet."""
    interpreter = PROJECT / ".venv/bin/python"
    made = "from tests.training_inference import small_root; print('ROOT', small_root.simulated())"
    said = subprocess.run([interpreter, "-c", made], cwd=PROJECT, check=True, capture_output=True, text=True).stdout
    root = folder / "root"
    shutil.copytree(next(line[5:] for line in said.splitlines() if line.startswith("ROOT ")), root)
    for partition in (root / "datamart").glob("[bsg]*/**/snapshot_date=*"):
        if partition.name >= f"snapshot_date={FIRST}":
            shutil.rmtree(partition)
    for kept in ("datamart/.index", "decisions/receipts"):
        shutil.rmtree(root / kept, ignore_errors=True)
    return root


def test_three_weeks_of_kills_score_every_day_and_end_every_decision_once(tmp_path: Path) -> None:
    root = lender(tmp_path)
    binaries = postgres.binaries()
    assert binaries, "install PostgreSQL: sqlite is not for schedulers that are killed"
    home, port = tmp_path / "airflow", free_port()
    with postgres.database(binaries) as database, Airflow(home, root, port, database, **QUICK, **NOTICED) as airflow:
        client = Client(airflow.address, ENDS_WITHIN)
        client.unpause()
        killer, started = Killer(airflow), time.monotonic()
        killer.start()
        for day in days():
            live(client, root, day)
            print(f"{day}: lived after {time.monotonic() - started:.0f} s, killed {killer.killed}", flush=True)
        killer.over.set()
        killer.join()
        live(client, root, FIRST + timedelta(days=DAYS))
    print(f"killed {killer.killed}; {len(list((root / 'decisions/ledger').iterdir()))} entries")
    assert min(killer.killed.values()) > 0
    assert [day for day in days() if not (root / f"datamart/gold/predictions/snapshot_date={day}").is_dir()] == []
    assert set(endings(root).values()) == {1}
    check = [str(PROJECT / ".venv/bin/python"), "-m", "jobs.decisions", "check", "--root", str(root)]
    assert subprocess.run(check, cwd=PROJECT, check=False).returncode == 0


def live(client: Client, root: Path, day: date) -> None:
    """A day as the schedule has it; on Mondays a person asks for a retraining."""
    client.run("preprocessing", str(day))
    if day.weekday() == MONDAY:
        note = {"decision_date": str(day), "performance_score": None, "retrain": True, "reason": "as every Monday"}
        (root / "decisions/retraining_decision.json").write_text(json.dumps(note))
    client.run("training_inference", str(day))
    if day.weekday() == SUNDAY:
        client.run("monitoring", str(day))


def endings(root: Path) -> dict[int, int]:
    """How often each decision ended; the one that is open at the end counts as ended by the end."""
    entries = [json.loads(path.read_bytes()) for path in sorted((root / "decisions/ledger").glob("*.json"))]
    claims = {entry["seq"]: entry["body"]["decision"] for entry in entries if entry["kind"] == "claimed"}
    ended: dict[int, int] = {entry["seq"]: 0 for entry in entries if entry["kind"] == "proposed"}
    for entry in entries:
        body = entry["body"]
        if entry["kind"] == "completed":
            ended[claims[body["claim"]]] += 1
        elif entry["kind"] in {"declined", "expired", "withdrawn"}:
            ended[body["decision"]] += 1
        elif entry["kind"] == "proposed" and body["supersedes"]:
            ended[body["supersedes"]] += 1
    last = max(ended)
    return ended | {last: ended[last] or 1}
