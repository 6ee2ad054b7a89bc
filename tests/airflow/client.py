"""What the tests ask of a running Airflow, by its REST API: runs, and what became of their tasks."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any

IDS = {
    "preprocessing": "P2PCreditScore_DataPreprocessing",
    "training_inference": "P2PCreditScore_ModelTrainingInference",
    "monitoring": "P2PCreditScore_ModelMonitoring",
}
ENDS_WITHIN, SEEN_WITHIN = 400.0, 90.0  # seconds
BEING_RUN = ("queued", "running")


@dataclass(frozen=True, slots=True)
class Ran:
    """A run that has ended: its state, the state and last try of each task, and the dates that they were given."""

    state: str
    tasks: dict[str, str]
    tries: dict[str, int]
    dates: set[str]


class Client:
    def __init__(self, address: str, ends_within: float = ENDS_WITHIN) -> None:
        self.address, self.ends_within = address, ends_within
        self.token = ""
        self.token = self.ask("GET", "/auth/token")["access_token"]

    def ask(self, method: str, path: str, body: object = None) -> Any:
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self.token}"}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.address + path, method=method, data=data, headers=headers)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def unpause(self) -> None:
        """As soon as each DAG was read."""
        until = time.monotonic() + SEEN_WITHIN
        for dag_id in IDS.values():
            while True:
                try:
                    self.ask("PATCH", f"/api/v2/dags/{dag_id}", {"is_paused": False})
                    break
                except urllib.error.HTTPError:
                    assert time.monotonic() < until, f"{dag_id} was not read: {self.ask('GET', '/api/v2/importErrors')}"
                    time.sleep(0.3)

    def start(self, job: str, logical_date: str | None = None, date: str | None = None) -> str:
        body = {"logical_date": logical_date, "conf": {"date": date} if date else {}}
        run_id: str = self.ask("POST", f"/api/v2/dags/{IDS[job]}/dagRuns", body)["dag_run_id"]
        return run_id

    def ended(self, job: str, run_id: str) -> Ran:
        path = f"/api/v2/dags/{IDS[job]}/dagRuns/{run_id.replace('+', '%2B')}"
        until = time.monotonic() + self.ends_within
        while (state := self.ask("GET", path)["state"]) in BEING_RUN:
            assert time.monotonic() < until, f"{run_id} does not end"
            time.sleep(0.3)
        tasks = self.ask("GET", f"{path}/taskInstances")["task_instances"]
        return Ran(
            state,
            {task["task_id"]: task["state"] for task in tasks},
            {task["task_id"]: task["try_number"] for task in tasks},
            {task["rendered_fields"]["env"]["P2P_DATE"] for task in tasks if task["rendered_fields"].get("env")},
        )

    def run(self, job: str, date: str) -> Ran:
        """By hand, for a date of the data."""
        return self.ended(job, self.start(job, date=date))

    def backfill(self, job: str, date: str) -> Ran:
        body = {"dag_id": IDS[job], "from_date": f"{date}T00:00:00Z", "to_date": f"{date}T23:00:00Z"}
        self.ask("POST", "/api/v2/backfills", body)
        run = self.first_run(job, "backfill")
        assert run["logical_date"][:10] == date
        return self.ended(job, run["dag_run_id"])

    def asset_changed(self, name: str) -> None:
        known = self.ask("GET", f"/api/v2/assets?name_pattern={name}")["assets"]
        self.ask("POST", "/api/v2/assets/events", {"asset_id": known[0]["id"]})

    def first_run(self, job: str, kind: str) -> dict[str, Any]:
        """The one run of its kind, as soon as Airflow has made it."""
        until = time.monotonic() + SEEN_WITHIN
        while not (runs := self.ask("GET", f"/api/v2/dags/{IDS[job]}/dagRuns?run_type={kind}")["dag_runs"]):
            assert time.monotonic() < until, f"there is no {kind} run of {job}"
            time.sleep(0.3)
        [run] = runs
        return dict(run)
