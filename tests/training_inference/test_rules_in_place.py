"""What a person's notes and policy, as they lie there, do to the whole job."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from jobs.protocol import claims, clock, ledger, model_bank, partitions, policy, policy_in_force
from jobs.protocol.files import Root
from jobs.protocol.ingest import begin
from jobs.protocol.store import FolderStore
from jobs.training_inference import gates, training
from tests.protocol.build import OPEN_RULES, READY, desk
from tests.protocol.faults import forbid
from tests.training_inference.small_root import LAST, NEXT, ask, edit_policy, entries, run, scores, state

if TYPE_CHECKING:
    from pathlib import Path

FAR = '{"decision_date": "2106-08-28", "performance_score": null, "retrain": false, "reason": "not yet"}'


def block(root: Path) -> None:
    edit_policy(root, guards={"min_history_days": 120, "min_new_rows": 1_000_000})


def test_the_condition_itself_records_what_a_decision_waits_for(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ask(root)
    block(root)
    for _ in range(2):
        assert run(root, NEXT, "--step", "decide") == 99
        assert {"event": "deferred", "blocked_by": ["new_rows"]} in map(
            json.loads, capsys.readouterr().out.splitlines()
        )
        assert entries(root)[-2:] == [("retraining", "proposed"), ("retraining", "deferred")]
        (receipt,) = (root / f"decisions/receipts/training_inference/{NEXT}").iterdir()
        (skipped,) = json.loads(receipt.read_bytes())["skipped"]
        assert skipped == {"what": "a retraining", "why": "blocked by new_rows"}


def test_the_step_train_by_itself_records_what_blocks_a_decision_and_trains_nothing(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "learn", lambda *_: pytest.fail("it trained"))
    ask(root)
    block(root)
    assert run(root, NEXT, "--step", "train") == 0
    assert entries(root)[-2:] == [("retraining", "proposed"), ("retraining", "deferred")]


def test_a_backfill_carries_out_no_decision(root: Path) -> None:
    ask(root)
    block(root)
    assert run(root, NEXT, "--step", "decide") == 99
    known = entries(root)
    edit_policy(root)
    assert run(root, LAST, "--step", "decide") == 99
    assert run(root, LAST, "--step", "train") == 0
    assert entries(root) == known
    assert run(root, NEXT, "--step", "decide") == 0


def test_a_run_whose_clock_is_before_the_ledger_says_so_scores_and_touches_no_decision(
    root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(root)
    block(root)
    assert run(root, NEXT) == 0
    assert run(root, LAST) == 0, "a backfill"
    known = entries(root)
    edit_policy(root)
    capsys.readouterr()
    monkeypatch.setattr(clock, "today", lambda: LAST)
    assert run(root, LAST) == 6
    assert f"the ledger has an entry dated {NEXT}, but today is {LAST}\n" in capsys.readouterr().err
    assert scores(root).height
    assert entries(root) == known


@pytest.mark.parametrize("text", ['{"decision_date": "2016-08-28", "retrain": false,,}', "{", ""])
def test_a_note_that_cannot_be_read_is_not_trained_over_and_scoring_goes_on(root: Path, text: str) -> None:
    (root / "decisions/retraining_decision.json").write_text(text)
    assert run(root) == 5
    assert entries(root)[-1] == ("retraining", "completed")
    assert (root / "decisions/retraining_decision.json").read_text() == text
    assert partitions.read(Root(root), "gold/predictions", LAST) is not None
    assert "PROBLEMS" in (root / "decisions/STATUS.txt").read_text()


@pytest.mark.parametrize("text", ['{"decision_date": "2016-08-28", "retrain": false,,}', FAR])
def test_a_note_that_cannot_be_used_is_not_trained_over_where_no_model_serves_either(fresh: Path, text: str) -> None:
    (fresh / "decisions/retraining_decision.json").write_text(text)
    assert run(fresh) == 5
    assert entries(fresh) == []
    assert (fresh / "decisions/retraining_decision.json").read_text() == text
    (fresh / "decisions/retraining_decision.json").unlink()
    assert run(fresh) == 0
    assert state(fresh).model_id is not None


def test_while_the_policy_cannot_be_read_nothing_is_claimed_and_scoring_goes_on(root: Path) -> None:
    ask(root)
    (root / "decisions/policy.json").write_text('{"mode": "auto",,}')
    assert run(root) == 5
    assert state(root).claim is None
    assert partitions.read(Root(root), "gold/predictions", LAST) is not None
    waiting = state(root).open
    assert waiting is not None
    assert waiting.blocked_by == ("policy",)
    assert "blocked by   policy: policy.json cannot be read" in (root / "decisions/STATUS.txt").read_text()


def test_a_policy_that_breaks_during_a_training_lets_it_promote_nothing(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, put = state(root).model_id, model_bank.put

    def broken_meanwhile(*args: Any) -> model_bank.Model:
        (root / "decisions/policy.json").write_text('{"mode": "auto",,}')
        return put(*args)

    monkeypatch.setattr(gates.Gate, "passed", True)
    monkeypatch.setattr(model_bank, "put", broken_meanwhile)
    ask(root)
    assert run(root) == 5
    assert state(root).model_id == before
    ended = ledger.read(FolderStore(Root(root))).entries[-1].body
    told = ["it passed its gates, but there is no policy that can be used"]
    assert (ended["verdict"], ended["reasons"]) == ("kept", told)


@pytest.mark.parametrize("how", ["world-writable", "a link"])
def test_a_policy_that_is_not_to_be_trusted_claims_nothing_and_scoring_goes_on(
    root: Path, how: str, capsys: pytest.CaptureFixture[str]
) -> None:
    ask(root)
    name = root / "decisions/policy.json"
    if how == "a link":
        name = name.rename(root / "elsewhere.json")
        (root / "decisions/policy.json").symlink_to(name)
    else:
        name.chmod(0o666)
    assert run(root) == 5
    assert "where: decisions/policy.json" in capsys.readouterr().err
    assert state(root).open is not None
    assert state(root).claim is None
    assert partitions.read(Root(root), "gold/predictions", LAST) is not None


@pytest.mark.parametrize(("name", "code"), [("policy.json", 5), ("retraining_decision.json", 5), ("STATUS.txt", 1)])
def test_what_the_system_lets_nobody_read_in_decisions_keeps_no_day_from_its_scores(
    root: Path, name: str, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ask(root)
    forbid(monkeypatch, name)
    assert run(root) == code
    said = capsys.readouterr().err
    assert f"the system refused: Permission denied\n  where: decisions/{name}\n" in said
    assert partitions.read(Root(root), "gold/predictions", LAST) is not None


def test_in_advise_mode_a_decision_waits_for_a_name(fresh: Path) -> None:
    edit_policy(fresh, mode="advise")
    assert run(fresh) == 0
    standing = state(fresh).open
    assert standing is not None
    assert standing.blocked_by == ("approval",)
    note = fresh / "decisions/retraining_decision.json"
    fields = json.loads(note.read_bytes())
    assert fields["approved_by"] is None, "there to be filled in"
    note.write_text(json.dumps({**fields, "approved_by": "a colleague"}, indent=2))
    assert run(fresh) == 0
    assert state(fresh).model_id is not None


def test_a_first_model_that_was_vetoed_is_proposed_again_on_another_day_unless_a_person_says_no(fresh: Path) -> None:
    edit_policy(fresh, mode="advise")
    note = fresh / "decisions/retraining_decision.json"
    assert run(fresh) == 0
    note.unlink()
    for _ in range(2):
        assert run(fresh) == 0
        assert [kind for _, kind in entries(fresh)] == ["proposed", "deferred", "withdrawn"]
    assert not note.exists()
    assert run(fresh, NEXT) == 0
    said = json.loads(note.read_bytes())
    assert (said["decision_date"], said["retrain"]) == (str(NEXT), True)
    note.write_text(json.dumps({**said, "retrain": False, "reason": "not before the feed is mended"}))
    for _ in range(2):
        assert run(fresh, NEXT) == 0
        standing = state(fresh).open
        assert standing is not None
        assert (standing.source, standing.retrain) == ("person", False)


def test_a_decision_is_carried_out_on_the_last_day_that_it_is_valid(root: Path) -> None:
    note = {
        "decision_date": str(LAST),
        "performance_score": 0.6,
        "retrain": True,
        "reason": "x",
        "valid_until": str(NEXT),
    }
    (root / "decisions/retraining_decision.json").write_text(json.dumps(note))
    assert run(root, NEXT) == 0
    assert entries(root)[-1] == ("retraining", "completed")


def test_a_claim_whose_trainer_is_gone_is_given_back_and_carried_out_by_the_next_run(root: Path) -> None:
    ask(root)
    killed = desk(FolderStore(Root(root)), LAST, job="training_inference")
    begin(killed)
    _, claimed = claims.claim(killed, OPEN_RULES, READY, "")
    assert claimed
    assert run(root, NEXT) == 0
    assert [kind for _, kind in entries(root)[-4:]] == ["claimed", "attempt_failed", "claimed", "completed"]


def test_a_person_s_choice_of_a_model_stands(root: Path) -> None:
    ask(root)
    assert run(root) == 0
    other = next(path.name for path in (root / "model_bank").iterdir() if path.name != state(root).model_id)
    note = {"model_id": other, "reason": "rolled back by hand", "pinned": True}
    (root / "decisions/serving_decision.json").write_text(json.dumps(note))
    assert run(root, NEXT) == 0
    assert state(root).model_id == other
    assert partitions.existing(Root(root), "gold/predictions", NEXT).notes["model_id"] == other


def test_the_default_policy_is_written_once(tmp_path: Path) -> None:
    assert run(tmp_path, LAST) == 3
    assert (tmp_path / "decisions/policy.json").read_bytes() == policy.default_bytes()


def test_every_policy_is_copied_before_its_first_use_and_the_last_good_one_is_known(root: Path) -> None:
    assert run(root) == 0
    edit_policy(root, mode="advise")
    assert run(root) == 0
    store, copies = FolderStore(Root(root)), set((root / "decisions/policies").glob("????????????.json"))
    assert {json.loads(path.read_bytes()).get("mode", "auto") for path in copies} == {"auto", "advise"}
    (root / "decisions/policy.json").write_text("{")
    assert run(root) == 5
    assert policy_in_force.last_good(store).mode == "advise"
    assert policy_in_force.read(store)[0] is None
