"""Verdicts and ledger entries that somebody has edited or made: damage with its place and mend, and never a bug."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from jobs.decisions.__main__ import main as decisions
from jobs.protocol import ingest, ledger, partitions, strict_json, verdicts
from jobs.protocol.errors import StoreDamaged
from jobs.protocol.files import Root
from jobs.training_inference import job as training
from tests.monitoring import small_weeks
from tests.monitoring.small_weeks import SUNDAY, WEEK, run

if TYPE_CHECKING:
    from pathlib import Path

NEWEST = verdicts.name_of(WEEK)
ASKED = {"decision_date": str(SUNDAY), "performance_score": None, "retrain": True, "reason": "by hand"}


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = small_weeks.lender(tmp_path_factory.mktemp("lender"))
    assert run(root) == 0
    shutil.rmtree(root / partitions.folder("gold/predictions", SUNDAY))
    return root


@pytest.fixture
def judged(once: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A week is judged, and the Sunday after it waits for its scores."""
    monkeypatch.setattr(ingest, "BETWEEN_LOOKS", 0.0)
    return shutil.copytree(once, tmp_path / "root")


def forge_verdict(root: Path, **changes: Any) -> None:
    verdict = json.loads((root / NEWEST).read_bytes())
    (root / NEWEST).write_bytes(strict_json.pretty({**verdict, **changes}))


def forge_entry(root: Path, number: int, **changes: Any) -> str:
    """Another body, and the chain after it computed anew."""
    (root / "decisions/STATUS.txt").unlink()
    prev = ""
    for seq, path in enumerate(sorted((root / ledger.FOLDER).iterdir()), start=1):
        entry = json.loads(path.read_bytes())
        entry["body"] |= changes if seq == number else {}
        data = strict_json.canonical({**entry, "prev": prev})
        prev = hashlib.sha256(data).hexdigest()
        path.unlink()
        path.write_bytes(data)
    return ledger.name_of(number)


def train(root: Path) -> int:
    return training.main(["--root", str(root), "--date", str(SUNDAY)])


def test_a_verdict_that_keeps_training_from_its_guards_is_damage_and_scores_come_all_the_same(
    judged: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (judged / "decisions/retraining_decision.json").write_text(json.dumps(ASKED))
    forge_verdict(judged, blocked_by=None)
    assert train(judged) == StoreDamaged.exit_code
    told = "the verdict does not keep its contract: blocked_by is of type null, but may be a list of"
    assert (
        f"{told} {json.dumps('data_quality')}, each once\n  where: {NEWEST}\n  mend:  restore it"
        in capsys.readouterr().err
    )
    assert partitions.read(Root(judged), "gold/predictions", SUNDAY)


@pytest.mark.parametrize("changes", [{"evidence": 3}, {"reasons": [{}]}, {"performance_score": []}], ids=str)
def test_a_verdict_of_wrong_types_is_damage_to_monitoring(
    judged: Path, changes: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    forge_verdict(judged, **changes)
    assert run(judged) == StoreDamaged.exit_code
    said = capsys.readouterr().err
    assert f"where: {NEWEST}\n  mend:  {verdicts.LOST[:20]}" in said
    assert "a bug" not in said


@pytest.mark.parametrize(
    ("number", "changes"),
    [(3, {"model_sha256": None, "metrics": 3}), (4, {"note": "[]"}), (4, {"note": "{"}), (4, {"about": []})],
    ids=str,
)
def test_an_entry_that_no_job_wrote_is_damage_to_all_who_stumble_on_it(
    judged: Path, number: int, changes: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    name = forge_entry(judged, number, **changes)
    codes = {train(judged), run(judged), *(decisions([one, "--root", str(judged)]) for one in ("show", "check"))}
    said = capsys.readouterr()
    assert codes <= {0, StoreDamaged.exit_code}
    assert StoreDamaged.exit_code in codes
    assert re.search(rf"where: {name}(, its note.*)?\n  mend:  restore this file", said.err + said.out)
    assert "a bug" not in said.err + said.out
    assert partitions.read(Root(judged), "gold/predictions", SUNDAY)
