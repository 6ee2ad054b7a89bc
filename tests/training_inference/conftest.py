from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from jobs.protocol import ingest
from tests.training_inference.small_root import copy, simulated, trained

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(ingest, "BETWEEN_LOOKS", 0.0)
    copy(simulated(), tmp_path / "root")
    return tmp_path / "root"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(ingest, "BETWEEN_LOOKS", 0.0)
    copy(trained(), tmp_path / "root")
    return tmp_path / "root"
