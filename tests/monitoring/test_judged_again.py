"""A week that is judged again: when it comes back as it was, when not, and what is shown of it then."""

from __future__ import annotations

import json
import shutil
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from jobs.decisions.__main__ import main as decisions
from jobs.monitoring import storing
from jobs.protocol import ingest, strict_json
from jobs.protocol.claims import claim, complete
from jobs.protocol.errors import StoreDamaged
from jobs.protocol.files import Root
from jobs.protocol.ingest import begin
from jobs.protocol.store import RETRAINING_NOTE, FolderStore
from tests.monitoring import small_weeks
from tests.monitoring.small_weeks import SUNDAY, WEEK, folder, run, tree, verdict
from tests.protocol.build import OPEN_RULES, PASSED, READY, desk, person

if TYPE_CHECKING:
    from pathlib import Path

MONDAY = SUNDAY + timedelta(days=1)


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The lender with its week judged, not to be changed."""
    root = small_weeks.lender(tmp_path_factory.mktemp("lender"))
    assert run(root) == 0
    return root


@pytest.fixture
def judged(once: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(ingest, "BETWEEN_LOOKS", 0.0)
    return shutil.copytree(once, tmp_path / "root")


def train(root: Path) -> None:
    """On Monday another model comes to serve."""
    at_desk = desk(FolderStore(Root(root)), MONDAY, job="training_inference")
    (root / RETRAINING_NOTE).write_bytes(person(MONDAY))
    begin(at_desk)
    _, entry = claim(at_desk, OPEN_RULES, READY, "")
    assert entry
    complete(at_desk, entry.seq, PASSED, lambda _: None)


def test_a_lost_week_comes_back_byte_for_byte_for_its_sunday_whatever_was_trained_since(judged: Path) -> None:
    before = {name: data for name, (_, data) in tree(folder(judged)).items()}
    train(judged)
    shutil.rmtree(folder(judged))
    assert run(judged) == 0
    assert {name: data for name, (_, data) in tree(folder(judged)).items()} == before


def test_a_lost_week_whose_policy_has_changed_is_another_and_check_says_that_the_old_one_is_gone(
    judged: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert verdict(judged)["sentence"].encode() in (judged / RETRAINING_NOTE).read_bytes()
    shutil.rmtree(folder(judged))
    policy = judged / "decisions/policy.json"
    policy.write_bytes(strict_json.pretty(json.loads(policy.read_bytes()) | {"cbpe": {"max_mae": 0.011}}))
    assert run(judged, SUNDAY, "--step", "evidence") == 0
    capsys.readouterr()
    assert decisions(["check", "--json", "--root", str(judged)]) == 6
    found = [one for one in json.loads(capsys.readouterr().out) if "the evidence of decision" in one["what"]]
    assert ["comes back; else a decision that cites the old" in one["mend"] for one in found] == [True]


def test_the_mend_of_damaged_evidence_promises_no_more_than_that(judged: Path) -> None:
    (judged / verdict(judged)["evidence"]["path"]).write_bytes(b"{}")
    with pytest.raises(StoreDamaged, match="restore it from a backup") as refused:
        storing.judged(Root(judged), WEEK)
    assert "stays without it" in refused.value.mend


def test_a_verdict_that_changes_over_the_same_evidence_is_shown(judged: Path) -> None:
    path = folder(judged) / "decision.json"
    path.write_bytes(strict_json.pretty(verdict(judged) | {"sentence": "It is otherwise"}))
    assert run(judged, SUNDAY, "--step", "report") == 0
    assert "It is otherwise" in (judged / f"datamart/gold/reports/week={WEEK}/report.html").read_text()
