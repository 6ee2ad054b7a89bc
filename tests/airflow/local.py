"""A whole Airflow on a folder of its own, for `make airflow` and the tests; every process of it is stopped at the end.

It listens on 127.0.0.1 only and lets everyone in as an administrator: for a person's own machine. It starts no
triggerer, since nothing in the three DAGs is deferred.
"""

from __future__ import annotations

import argparse
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import suppress
from pathlib import Path
from typing import NoReturn, Self

PROJECT = Path(__file__).parents[2]
MARK = "P2P_AIRFLOW"
PARTS = {"api-server": (), "scheduler": ("--skip-serve-logs",), "dag-processor": ()}  # logs are read where they lie
STARTED = """Airflow: {address}
  three DAGs on the root {root}, paused: {try_this}
  Ctrl-C stops it and all its processes"""
TICKS = "unpause one to let it tick, or trigger it with a date of the data"
STANDS = "trigger one with a date up to {date}, where the clock of this replay stands; nothing ticks by itself"
STARTS_WITHIN, STOPS_WITHIN = 180.0, 15.0  # seconds


def environment(home: Path, root: Path, port: int, database: str | None = None) -> dict[str, str]:
    """All that the processes are told; the jobs among them inherit it, and by `MARK` each is known as ours."""
    settings = {
        "CORE__DAGS_FOLDER": PROJECT / "dags",
        "CORE__LOAD_EXAMPLES": False,
        "CORE__EXECUTOR": "LocalExecutor",
        "CORE__PARALLELISM": 4,
        "CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{port}/execution/",
        "CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": True,
        "DATABASE__SQL_ALCHEMY_CONN": database or f"sqlite:///{home / 'airflow.db'}",
        **({"DATABASE__SQL_ALCHEMY_CONN_ASYNC": database} if database else {}),
        "API__HOST": "127.0.0.1",
        "API__PORT": port,
        "API__BASE_URL": f"http://127.0.0.1:{port}",
        "API__WORKERS": 1,
        "API__SECRET_KEY": secrets.token_hex(),
        "API_AUTH__JWT_SECRET": secrets.token_hex(),
        "CORE__DEFAULT_TASK_RETRY_DELAY": 30,
        "SCHEDULER__USE_JOB_SCHEDULE": standing_clock(root) is None,  # a tick of today would be after its every day
        "USAGE_DATA_COLLECTION__ENABLED": False,
    }
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
    places = {"P2P_HOME": PROJECT, "P2P_PYTHON": PROJECT / ".venv/bin/python", "P2P_ROOT": root.absolute()}
    airflow = {f"AIRFLOW__{name}": value for name, value in settings.items()} | {"AIRFLOW_HOME": home, MARK: home}
    return inherited | {name: str(value) for name, value in (airflow | places).items()}


def standing_clock(root: Path) -> str | None:
    """The date at which the clock of a replay's root stands still; None for any other root."""
    clock = root / "replay_clock.txt"
    return clock.read_text("utf-8")[: len("2017-12-31")] if clock.is_file() else None


class Airflow:
    """Its processes. `with Airflow(...)` starts it and waits until it answers; whatever happens, it is stopped."""

    def __init__(self, home: Path, root: Path, port: int, database: str | None = None, **more: str) -> None:
        self.home = home.absolute()
        self.address = f"http://127.0.0.1:{port}"
        self.environment = environment(self.home, root, port, database) | more
        self.parts: dict[str, subprocess.Popen[bytes]] = {}
        self.sessions: set[int] = set()  # a worker that names itself loses its mark, but not its session

    def __enter__(self) -> Self:
        self.home.mkdir(parents=True, exist_ok=True)
        if left := ours(self.home):
            raise SystemExit(f"an Airflow on {self.home} runs already: processes {sorted(left)}")
        try:
            self._command("db", "migrate")
            for part in PARTS:
                self.start(part)
            self._wait()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self, part: str) -> None:
        log = (self.home / f"{part}.log").open("ab")
        words = [sys.executable, "-m", "airflow", part, *PARTS[part]]
        self.parts[part] = subprocess.Popen(
            words,
            env=self.environment,
            cwd=self.home,
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        log.close()
        self.sessions.add(self.parts[part].pid)

    def stop(self) -> None:
        """Ask each part to end, then every process that is left, then insist. Each by its own id."""
        for process in self.parts.values():
            process.terminate()
        for sent in (signal.SIGTERM, signal.SIGKILL):
            until = time.monotonic() + STOPS_WITHIN
            while time.monotonic() < until and self.alive():
                time.sleep(0.1)
            for pid in self.alive():
                _send(pid, sent)
        for process in self.parts.values():
            process.wait()

    def alive(self) -> set[int]:
        for process in self.parts.values():
            process.poll()  # so that no dead part lingers
        return ours(self.home) | members(self.sessions)

    def _command(self, *words: str) -> None:
        with (self.home / "setup.log").open("ab") as log:
            subprocess.run(
                [sys.executable, "-m", "airflow", *words],
                env=self.environment,
                cwd=self.home,
                check=True,
                stdout=log,
                stderr=log,
            )

    def _wait(self) -> None:
        """Until the server answers and the three DAGs can be seen."""
        until = time.monotonic() + STARTS_WITHIN
        while time.monotonic() < until:
            if dead := [part for part, process in self.parts.items() if process.poll() is not None]:
                raise SystemExit(f"{dead[0]} ended: see {self.home / dead[0]}.log")
            try:
                with urllib.request.urlopen(f"{self.address}/api/v2/version", timeout=5):
                    return
            except OSError:
                time.sleep(0.3)
        raise SystemExit(f"Airflow does not answer: see the logs in {self.home}")


def ours(home: Path) -> set[int]:
    """Every living process that was started for this home, children of children that lost their parent included."""
    mark, found = f"{MARK}={home.absolute()}".encode(), set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                if mark in (entry / "environ").read_bytes().split(b"\0"):
                    found.add(int(entry.name))
            except OSError:  # ended meanwhile, or another user's
                continue
    return found


def members(sessions: set[int]) -> set[int]:
    """Every living process of these sessions."""
    found = set()
    for entry in Path("/proc").iterdir():
        with suppress(OSError):
            if entry.name.isdigit():
                state, _, _, session = (entry / "stat").read_text().rpartition(")")[2].split()[:4]
                if state != "Z" and int(session) in sessions:
                    found.add(int(entry.name))
    return found


def free_port(wanted: int = 0) -> int:
    """The port if it is free, else another."""
    with socket.socket() as tried:
        try:
            tried.bind(("127.0.0.1", wanted))
        except OSError:
            return free_port()
        port: int = tried.getsockname()[1]
        return port


def _send(pid: int, sent: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, sent)


def _stopped(_signal: int, _frame: object) -> NoReturn:
    raise KeyboardInterrupt


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--home", type=Path, required=True, help="where Airflow keeps its own things")
    parser.add_argument("--root", type=Path, required=True, help="the root of the data that the DAGs work on")
    options = parser.parse_args()
    if not options.root.is_dir():
        mend = "`make run` makes the demo's, `make airflow ROOT=FOLDER` takes another"
        raise SystemExit(f"{options.root} is no folder: {mend}")
    date = standing_clock(options.root)
    try_this = STANDS.format(date=date) if date else TICKS
    signal.signal(signal.SIGTERM, _stopped)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background work is begun deaf to Ctrl-C
    print("Airflow starts, which takes half a minute ...", flush=True)
    try:
        with Airflow(options.home, options.root, free_port(8080)) as airflow:
            print(STARTED.format(address=airflow.address, root=options.root, try_this=try_this), flush=True)
            while all(process.poll() is None for process in airflow.parts.values()):
                time.sleep(0.5)
            raise SystemExit(f"a part of it ended: see the logs in {airflow.home}")
    except KeyboardInterrupt:
        print("stopped, with all its processes")


if __name__ == "__main__":
    main()
