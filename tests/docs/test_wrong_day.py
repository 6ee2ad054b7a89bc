"""What the runbook says of a file of another day, by the question that it prints."""

from __future__ import annotations

import os
import re
import shutil
from typing import TYPE_CHECKING

from jobs.preprocessing.job import main as preprocessing
from jobs.simulate.__main__ import main as simulate
from jobs.sql.__main__ import main as sql
from tests.docs.pages import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_the_question_of_the_runbook_finds_a_day_that_landed_with_the_rows_of_another(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    days = ["--start", "2015-10-01", "--end", "2015-11-10", "--loans-per-day", "20"]
    assert simulate(["--root", str(tmp_path), *days]) == 0
    landed = [*tmp_path.glob("datamart/landing/*/*_2015_10_02.csv")]
    assert len(landed) == 4
    for path in landed:
        shutil.copy2(path, path.with_name(path.name.replace("2015_10_02", "2015_11_11")))
        os.utime(path.with_name(path.name.replace("2015_10_02", "2015_11_11")), (0, 0))
    assert preprocessing(["--root", str(tmp_path), "--date", "2015-11-11"]) == 0, "nothing tells it from late loans"

    page = (ROOT / "docs/runbook.md").read_text("utf-8")
    (question,) = re.findall(r'^python -m jobs\.sql --root R "(.* having newest .*)"$', page, re.MULTILINE)
    capsys.readouterr()
    assert sql(["--root", str(tmp_path), question]) == 0
    assert re.findall(r"\d{4}-\d\d-\d\d", capsys.readouterr().out) == ["2015-11-11", "2015-10-01"]
