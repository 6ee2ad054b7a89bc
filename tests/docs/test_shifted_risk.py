"""The query of the runbook that moves probabilities to another rate of bads gives what is known of that formula."""

from __future__ import annotations

import json
import shlex
from datetime import date
from typing import TYPE_CHECKING

import pytest

from jobs.sql.__main__ import main as sql
from tests.docs.pages import ROOT, blocks
from tests.sql.built import build

if TYPE_CHECKING:
    from pathlib import Path

DAY = date(2024, 1, 9)


@pytest.mark.parametrize(
    ("promised", "came", "pds", "shifted"),
    [(0.5, 0.2, [0.5, 0.8], [0.2, 0.5]), (0.2, 0.15, [0.2, 0.5], [0.15, 0.4137931034])],
)
def test_probabilities_at_another_rate(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    promised: float,
    came: float,
    pds: list[float],
    shifted: list[float],
) -> None:
    build(tmp_path, "gold/predictions", DAY, {"id": [1, 2], "pd": pds})
    told = [block.text for block in blocks(ROOT / "docs/runbook.md") if "pd_at_b" in block.text]
    assert len(told) == 1
    query = shlex.split(told[0])[-1].replace("0.15 as a", f"{promised} as a").replace("0.18 as b", f"{came} as b")
    assert sql(["--root", str(tmp_path), "--date", str(DAY), "--format", "json", f"{query} order by id"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["pd_at_b"] for row in rows] == pytest.approx(shifted, abs=1e-10)
