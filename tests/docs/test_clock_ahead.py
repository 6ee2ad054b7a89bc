"""The runbook's way back from a ledger that was written under a clock far ahead."""

from __future__ import annotations

import json
import shutil
from datetime import date
from typing import TYPE_CHECKING

from freezegun import freeze_time

from jobs.decisions.__main__ import main as decisions
from jobs.training_inference import job
from tests.training_inference.small_root import NEXT, ask, copy, edit_policy, entries, trained

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

AHEAD = date(2031, 1, 1)


def wish(root: Path, day: date) -> None:
    ask(root)
    path = root / "decisions/retraining_decision.json"
    path.write_text(json.dumps(json.loads(path.read_bytes()) | {"decision_date": str(day)}))


def test_a_root_restored_from_before_a_clock_far_ahead_decides_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root, backup = tmp_path / "R", tmp_path / "B"
    copy(trained(), root)
    edit_policy(root)
    shutil.copytree(root, backup)
    with freeze_time(AHEAD):
        wish(root, AHEAD)
        assert job.main(["--root", str(root), "--step", "decide"]) in (0, 99)
    assert entries(root)[-1][1] in ("proposed", "deferred"), "an entry of that day"
    with freeze_time(NEXT):
        known = entries(root)
        wish(root, NEXT)
        assert job.main(["--root", str(root)]) == 6
        assert f"the ledger has an entry dated {AHEAD}, but today is {NEXT}" in capsys.readouterr().err
        assert entries(root) == known, "no note counts"

        shutil.rmtree(root)
        shutil.copytree(backup, root)
        wish(root, NEXT)
        assert job.main(["--root", str(root)]) == 0
        assert [kind for _, kind in entries(root)[-3:]] == ["proposed", "claimed", "completed"]
        assert decisions(["lint", "--root", str(root)]) == 0
