"""Roots that take long to build: once for all processes of a test run."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


RUN = os.environ.setdefault("P2P_TEST_RUN", str(os.getpid()))  # workers inherit that of the process that starts them


def home() -> Path:
    """A folder of this test run alone."""
    return Path(tempfile.gettempdir()) / f"p2pcreditscore-tests-{RUN}"


@cache
def once(name: str, build: Callable[[Path], object]) -> Path:
    """The folder of this name, built by the first who asks; the others wait. Nobody changes it: tests take copies."""
    home().mkdir(exist_ok=True)
    into, done = home() / name, home() / f"{name}.done"
    with (home() / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            shutil.rmtree(into, ignore_errors=True)
            into.mkdir()
            build(into)
            done.touch()
    return into


def scratch() -> Path:
    """A new folder of this process, which is gone when the test run is."""
    home().mkdir(exist_ok=True)
    return Path(tempfile.mkdtemp(dir=home()))


def forget() -> None:
    shutil.rmtree(home(), ignore_errors=True)
