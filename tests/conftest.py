"""What every test shares."""

from __future__ import annotations

import importlib.util
import os

import pytest

from jobs.protocol.errors import READ, TYPED_ROOT
from tests.built_once import forget

# These run in Airflow's own environment.
collect_ignore = [] if importlib.util.find_spec("airflow") else ["dags", "airflow"]


if importlib.util.find_spec("hypothesis"):
    from hypothesis import settings

    settings.register_profile("any machine", deadline=None)  # a law that holds late on a busy machine holds
    settings.load_profile("any machine")


@pytest.fixture(autouse=True)
def no_power_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test writes need not outlive the machine. Tests of durability watch `fsync` themselves."""
    monkeypatch.setattr(os, "fsync", lambda _handle: None)


@pytest.fixture(autouse=True)
def no_root_was_typed() -> None:
    """A process knows one command line; of the tests each has its own."""
    TYPED_ROOT[:] = ["."]
    READ.clear()


def pytest_sessionfinish(session: pytest.Session) -> None:
    if not hasattr(session.config, "workerinput"):  # the workers have stopped by then
        forget()
