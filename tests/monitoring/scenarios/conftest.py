from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from jobs.protocol import ingest
from tests.built_once import once
from tests.monitoring import lenders
from tests.monitoring.lenders import ONE_DAY, SHORT, Lender

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingest, "BETWEEN_LOOKS", 0.0)


@pytest.fixture(scope="session")
def begun() -> Lender:
    """Half a year of the lender that all scenarios begin with."""
    return Lender(once("begun", _begin) / "root", SHORT)


@pytest.fixture(scope="session")
def calm(begun: Lender) -> Lender:
    return Lender(once("calm", _calm) / "root", SHORT)


@pytest.fixture(scope="session")
def steady(calm: Lender) -> Lender:
    """A week more in which nothing happens."""
    return Lender(once("steady", _steady) / "root", SHORT)


def _begin(into: Path) -> None:
    lenders.learnable(SHORT, into)


def _calm(into: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ingest, "BETWEEN_LOOKS", 0.0)
        lenders.calm(Lender(once("begun", _begin) / "root", SHORT), into)


def _steady(into: Path) -> None:
    lender = Lender(once("calm", _calm) / "root", SHORT).copied(into)
    lender.live(SHORT.shifted - ONE_DAY)
