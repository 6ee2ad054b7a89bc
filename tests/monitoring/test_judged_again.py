"""A week that is judged again: when it comes back as it was, when not, and what is shown of it then."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from datetime import date, timedelta
from typing import TYPE_CHECKING

import pytest

from jobs.decisions.__main__ import main as decisions
from jobs.monitoring import storing
from jobs.protocol import ingest, ledger, model_bank, receipts, strict_json
from jobs.protocol.claims import claim, complete
from jobs.protocol.errors import StoreDamaged
from jobs.protocol.files import Root
from jobs.protocol.ingest import begin
from jobs.protocol.store import RETRAINING_NOTE, FolderStore
from tests.monitoring import small_weeks
from tests.monitoring.small_weeks import SUNDAY, TRAINED, WEEK, contents, folder, run, tree, verdict
from tests.protocol.build import OPEN_RULES, PASSED, READY, desk, person

if TYPE_CHECKING:
    from pathlib import Path

MONDAY = SUNDAY + timedelta(days=1)


@pytest.fixture
def lender(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(ingest, "BETWEEN_LOOKS", 0.0)
    return small_weeks.lender(tmp_path)


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


def train(root: Path, day: date = MONDAY) -> str:
    """Another model comes to serve, on Monday mostly: it scores as the one before did, and is another all the same."""
    home, at_desk = Root(root), desk(FolderStore(Root(root)), day, job="training_inference")
    before = ledger.read(at_desk.store).state.model_id or ""
    made = model_bank.put(home, day, {**model_bank.get(home, before).files, "card.html": b"<p>another</p>"})
    (root / RETRAINING_NOTE).write_bytes(person(day))
    begin(at_desk)
    _, entry = claim(at_desk, OPEN_RULES, READY, "")
    assert entry
    passed = replace(PASSED, model_id=made.model_id, model_sha256=made.sha256)
    complete(at_desk, entry.seq, passed)
    return made.model_id


def test_a_lost_week_comes_back_byte_for_byte_for_its_sunday_whatever_was_trained_since(judged: Path) -> None:
    before = {name: data for name, (_, data) in tree(folder(judged)).items()}
    train(judged)
    shutil.rmtree(folder(judged))
    assert run(judged) == 0
    assert {name: data for name, (_, data) in tree(folder(judged)).items()} == before


def test_a_week_is_not_judged_again_by_a_model_that_serves_since(judged: Path) -> None:
    before = contents(folder(judged))
    train(judged)
    assert run(judged, MONDAY, "--step", "check") == 99
    assert run(judged, MONDAY) == 0
    assert contents(folder(judged)) == before
    assert not (judged / RETRAINING_NOTE).exists(), "nothing is asked of the new model"


def test_a_model_promoted_on_the_sunday_itself_is_not_judged_by_a_week_that_it_did_not_score(lender: Path) -> None:
    before = ledger.read(FolderStore(Root(lender))).state.model_id
    after = train(lender, SUNDAY)
    (lender / RETRAINING_NOTE).write_bytes(person(SUNDAY, reason="My own"))
    assert run(lender) == 0
    assert (verdict(lender)["model_id"], small_weeks.evidence(lender)["window"]["backscored"]) == (before, 0)
    assert "My own" in (lender / RETRAINING_NOTE).read_text()
    told = (lender / "decisions/STATUS.txt").read_text()
    assert (after in told, "would now say" in told) == (True, False)
    (lender / RETRAINING_NOTE).unlink()
    assert run(lender) == 0
    assert not (lender / RETRAINING_NOTE).exists()
    receipt = receipts.latest_by_step(Root(lender), "monitoring", SUNDAY)[receipts.WHOLE]
    skipped = {"what": RETRAINING_NOTE, "why": "the model that was judged no longer serves"}
    assert receipt["skipped"] == [skipped]


def test_a_model_promoted_on_the_saturday_is_judged_by_the_week_for_it_serves_when_that_ends(lender: Path) -> None:
    after = train(lender, WEEK)
    assert run(lender) == 0
    assert verdict(lender)["model_id"] == after


def test_the_week_before_the_first_model_is_judged_by_it_for_it_has_scored_that_too(lender: Path) -> None:
    train(lender, SUNDAY)
    assert run(lender, TRAINED, "--step", "check") == 0
    assert run(lender, TRAINED, "--step", "evidence") == 0
    found = small_weeks.evidence(lender, TRAINED - timedelta(days=1))
    assert (found["model"]["since"], found["window"]["backscored"]) == (str(TRAINED), 0)


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
    assert ["comes back the same; otherwise a decision that cites it" in one["mend"] for one in found] == [True]


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


def test_a_report_made_again_shows_the_policy_that_judged_or_todays_where_that_is_kept_no_more(judged: Path) -> None:
    page, policy = judged / f"datamart/gold/reports/week={WEEK}/report.html", judged / "decisions/policy.json"
    before = page.read_bytes()
    policy.write_bytes(strict_json.pretty(json.loads(policy.read_bytes()) | {"cbpe": {"max_mae": 0.0123456}}))
    page.unlink()
    assert run(judged, SUNDAY, "--step", "report") == 0
    assert page.read_bytes() == before
    (judged / f"decisions/policies/{verdict(judged)['policy_sha256'][:12]}.json").unlink()
    page.unlink()
    assert run(judged, SUNDAY, "--step", "report") == 0
    assert (b"0.0123456" in page.read_bytes(), b"0.0123456" in before) == (True, False)
