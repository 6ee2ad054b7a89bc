from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from jobs.protocol import ingest
from tests.training_inference.small_root import copy, simulated, trained

if TYPE_CHECKING:
    from pathlib import Path

HOME = "of[1]"  # which polars by itself takes for a pattern


@pytest.fixture
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(ingest, "BETWEEN_LOOKS", 0.0)
    copy(simulated(), tmp_path / HOME)
    return tmp_path / HOME


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(ingest, "BETWEEN_LOOKS", 0.0)
    copy(trained(), tmp_path / HOME)
    return tmp_path / HOME
