"""What every test shares."""

from __future__ import annotations

import importlib.util
import os

import pytest

collect_ignore = [] if importlib.util.find_spec("airflow") else ["dags"]  # these run in Airflow's own environment


@pytest.fixture(autouse=True)
def no_power_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test writes need not outlive the machine. Tests of durability watch `fsync` themselves."""
    monkeypatch.setattr(os, "fsync", lambda _handle: None)
