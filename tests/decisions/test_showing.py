from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from jobs.decisions.__main__ import main
from jobs.monitoring import job as monitoring
from jobs.preprocessing import job as preprocessing
from jobs.protocol import clock, ledger, model_bank, receipts, schemas, status, verdicts
from jobs.protocol.claims import Outcome, claim, complete
from jobs.protocol.errors import InputMissing, UsageError
from jobs.protocol.ingest import begin
from jobs.protocol.receipts import Occasion, Report
from jobs.protocol.store import POLICY, RETRAINING_NOTE, SERVING_NOTE, FolderStore
from jobs.training_inference import job as training_inference
from tests.decisions.commands import TODAY, opened, said
from tests.protocol.build import OPEN_RULES, PASSED, READY, desk, machine, person

if TYPE_CHECKING:
    from pathlib import Path

    from jobs.protocol.command import Job


def everything(root: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_show_tells_the_state_and_the_runs_with_problems(
    store: FolderStore, capsys: pytest.CaptureFixture[str]
) -> None:
    opened(store)
    report = Report()
    report.fail(InputMissing("no file has landed", where="datamart/landing", mend="wait"))
    receipts.write(store.root, Occasion("preprocessing", TODAY, "all"), report, at=clock.now(), seconds=1)
    slip = Report()
    slip.fail(UsageError("a scored date is never overwritten", where="--step rescore", mend="add --verify to compare"))
    receipts.write(store.root, Occasion("training_inference", TODAY, "rescore"), slip, at=clock.now(), seconds=1)
    store.root.at("decisions/receipts/preprocessing/.DS_Store").touch()  # as some systems leave them
    before = everything(store.root.path)
    code, text = said(capsys, store, "show")
    assert code == 0
    assert "because      Performance score 0.650 below threshold" in text
    assert f"preprocessing {TODAY}: no file has landed" in text
    assert "RUNS WITH PROBLEMS, each listed until its job runs again for that date\n  preprocessing" in text
    assert "a scored date" not in text, "a slip of the command line was told, and is over"
    code, given = said(capsys, store, "show", "--json")
    facts = json.loads(given)
    assert (code, facts["head"], facts["open"]["seq"], facts["problems"][0]["mend"]) == (0, 1, 1, "wait")
    assert everything(store.root.path) == before


@pytest.mark.parametrize("job", [preprocessing.JOB, training_inference.JOB, monitoring.JOB], ids=lambda job: job.name)
def test_show_lists_a_run_of_all_steps_until_its_steps_are_begun_anew(
    store: FolderStore, capsys: pytest.CaptureFixture[str], job: Job
) -> None:
    failed = Report()
    failed.fail(InputMissing("no file has landed", where="datamart/landing", mend="wait"))
    shown = []
    for step, report in (("all", failed), (job.steps[-1].name, Report()), (job.steps[0].name, Report())):
        receipts.write(store.root, Occasion(job.name, TODAY, step), report, at=clock.now(), seconds=1)
        shown.append(len(json.loads(said(capsys, store, "show", "--json")[1])["problems"]))
    assert shown == [1, 1, 0]


def test_show_goes_on_with_a_problem_that_only_a_run_for_another_date_came_after(
    store: FolderStore, capsys: pytest.CaptureFixture[str]
) -> None:
    failed = Report()
    failed.fail(InputMissing("no file has landed", where="datamart/landing", mend="wait"))
    told = []
    for day, report in ((TODAY - timedelta(days=1), failed), (TODAY, Report()), (TODAY - timedelta(days=1), Report())):
        report.change("a")
        receipts.write(store.root, Occasion("preprocessing", day, "all"), report, at=clock.now(), seconds=1)
        told.append(f"preprocessing {TODAY - timedelta(days=1)}: no file" in said(capsys, store, "show")[1])
    assert told == [True, True, False]


def test_show_tells_what_monitoring_would_now_say_as_the_status_does(
    store: FolderStore, capsys: pytest.CaptureFixture[str]
) -> None:
    store.root.at(RETRAINING_NOTE).write_bytes(person(TODAY))
    begin(desk(store, TODAY))
    home = store.root.at(verdicts.folder(TODAY - timedelta(days=1)))
    home.mkdir(parents=True)
    verdict = dict.fromkeys(schemas.document("verdict")["required"]) | {"sentence": "Leave the model"}
    home.joinpath("decision.json").write_text(json.dumps(verdict))
    assert "monitoring   would now say: Leave the model" in said(capsys, store, "show")[1]


@pytest.mark.parametrize(
    ("note", "code", "expected"),
    [
        pytest.param(person(TODAY), 0, "recorded as a decision of a person", id="valid"),
        pytest.param(b'{"retrain": ', 5, "line 1, column", id="half-saved"),
        pytest.param(person(TODAY, retrain="yes"), 5, "may be true or false", id="invalid"),
        pytest.param(person(TODAY, decision_date="2020-01-01"), 5, "before it was first seen", id="out-of-date"),
        pytest.param(None, 0, "The note is gone: decision 1 is withdrawn", id="deleted"),
        pytest.param(machine(TODAY), 0, "The note brings nothing new", id="the-open-one"),
    ],
)
def test_lint_tells_what_the_next_run_will_do_and_changes_nothing(
    store: FolderStore, capsys: pytest.CaptureFixture[str], note: bytes | None, code: int, expected: str
) -> None:
    opened(store)
    path = store.root.at(RETRAINING_NOTE)
    path.unlink()
    if note is not None:
        path.write_bytes(note)
    before = everything(store.root.path)
    assert said(capsys, store, "lint")[0] == code
    told = said(capsys, store, "lint")[1]
    assert expected in told
    assert ("PROBLEMS\n" in told) == bool(code)
    facts = json.loads(said(capsys, store, "lint", "--json")[1])
    assert bool(facts["problems"]) == bool(code)
    assert everything(store.root.path) == before


def test_lint_says_that_a_note_does_nothing_while_the_clock_is_before_the_ledger(
    store: FolderStore, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened(store)
    monkeypatch.setattr(clock, "today", lambda: TODAY - timedelta(days=1))
    store.root.at(RETRAINING_NOTE).write_bytes(person(TODAY - timedelta(days=1)))
    code, told = said(capsys, store, "lint")
    today, tomorrow = told.split("If the next run is tomorrow's:")
    assert (code, f"the ledger has an entry dated {TODAY}, but today is" in today) == (6, True)
    assert f"It only writes outputs, whatever the notes say: its day is before {TODAY}, see PROBLEMS." in today
    assert "it is recorded as a decision" not in today
    assert "it is recorded as a decision" in tomorrow


def test_lint_names_every_guard_that_blocks_a_wish_to_retrain_and_until_when(
    store: FolderStore, capsys: pytest.CaptureFixture[str]
) -> None:
    at_desk = opened(store)
    _, entry = claim(at_desk, OPEN_RULES, READY, "")
    assert entry
    complete(at_desk, entry.seq, PASSED)
    store.root.at(POLICY).write_bytes(b'{"guards": {"cooldown_days": 9}}')
    last = TODAY + timedelta(days=20)
    store.root.at(RETRAINING_NOTE).write_bytes(person(TODAY, reason="Once more", valid_until=str(last)))
    told = said(capsys, store, "lint")[1]
    after, monday = TODAY + timedelta(days=9), TODAY + timedelta(days=7 - TODAY.weekday())
    assert f"It waits: a training run on {after} or later may claim it." in told
    assert f"week blocks it until {monday}: this ISO week had as many trainings as allowed" in told
    assert f"cooldown blocks it until {after}: the last training was too recent (guards.cooldown_days)." in told
    asked = "too few labels have matured since the last training (guards.min_new_rows): 0 of 10,000."
    assert f"new_rows blocks it: {asked}" in told
    assert "readiness blocks it: too little history" in told


def test_lint_refuses_a_model_whose_manifest_is_not_the_ledger_s_as_the_next_run_will(
    store: FolderStore, capsys: pytest.CaptureFixture[str]
) -> None:
    at_desk = opened(store)
    made = model_bank.put(store.root, TODAY, {"recipe.json": b"{}\n"})
    _, entry = claim(at_desk, OPEN_RULES, READY, "")
    assert entry
    complete(at_desk, entry.seq, Outcome(promote=False, model_id=made.model_id, model_sha256=made.sha256))
    manifest = store.root.at(f"model_bank/{made.model_id}/manifest.json")
    manifest.write_bytes(manifest.read_bytes().replace(b"\n  ", b"\n"))  # and says the same
    store.root.at(SERVING_NOTE).write_text(json.dumps({"model_id": made.model_id}))
    code, told = said(capsys, store, "lint")
    assert (code, "does not match the hash in the ledger" in told) == (5, True)


def test_in_the_root_of_a_replay_lint_goes_by_its_clock(
    store: FolderStore, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened(store)
    monkeypatch.setattr(clock, "_standing", None)  # and none again afterwards
    assert "expires" not in said(capsys, store, "lint")[1]
    store.root.at("replay_clock.txt").write_text(f"{TODAY + timedelta(days=30)}T06:00:00+00:00\n")
    assert "expires" in said(capsys, store, "lint")[1]


def test_lint_says_what_tomorrow_s_run_would_do_only_where_it_is_something_else(
    store: FolderStore, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "_standing", None)  # and none again afterwards
    opened(store)
    standing = ledger.read(store).state.open
    assert standing
    last = standing.valid_until
    for day, differs in ((last - timedelta(days=1), False), (last, True)):
        store.root.at("replay_clock.txt").write_text(f"{day}T06:00:00+00:00\n")
        today, said_of, tomorrow = said(capsys, store, "lint")[1].partition("If the next run is tomorrow's:")
        assert ("expires" in today, bool(said_of), "expires" in tomorrow) == (False, differs, differs)


@pytest.mark.parametrize("words", [["show"], ["lint"], ["withdraw", "--reason", "r"], ["gc", "--delete"]], ids=" ".join)
def test_nothing_is_said_or_done_by_a_ledger_whose_newest_entry_is_another_than_status_saw(
    store: FolderStore, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    status.refresh(opened(store))
    entry = store.root.at("decisions/ledger/00000001.json")
    entry.chmod(0o600)
    entry.write_bytes(entry.read_bytes().replace(b'"nonce":"', b'"nonce":"0'))
    before = everything(store.root.path)
    code, text = said(capsys, store, *words)
    assert (code, text.splitlines()[0]) == (6, "STATUS.txt names an entry 1 that is not in the ledger")
    assert everything(store.root.path) == before


def test_a_damaged_ledger_and_a_root_that_is_none_have_their_codes(
    store: FolderStore, capsys: pytest.CaptureFixture[str]
) -> None:
    opened(store)
    entry = store.root.at("decisions/ledger/00000001.json")
    entry.chmod(0o600)
    entry.write_bytes(b"{")
    code, text = said(capsys, store, "show")
    assert code == 6
    assert "mend:  restore this file" in text
    assert main(["show", "--root", str(store.root.path / "nowhere")]) == 2


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("retraining_decision.json.txt", "retraining_decision.json"),
        ("Retraining_Decision (1).json", "retraining_decision.json"),
        ("retraining_decision (Anna's conflicted copy 2026-11-23).json", "retraining_decision.json"),
        ("retraning_decison.jsn", "retraining_decision.json"),
        ("serving_decision", "serving_decision.json"),
        ("policy.yaml", "policy.json"),
        ("policy.json.bak", None),
        (".retraining_decision.json.swp", None),
        ("retraining_decision.json~", None),
        ("retraining_log_2026_11_23.txt", None),
        ("minutes of the meeting.txt", None),
    ],
)
def test_a_note_saved_under_a_name_that_no_job_reads_is_remarked_upon_and_no_copy_that_an_editor_keeps(
    store: FolderStore, capsys: pytest.CaptureFixture[str], name: str, meant: str | None
) -> None:
    opened(store)
    store.root.at(f"decisions/{name}").write_text("{}")
    for command in ("lint", "check"):
        code, text = said(capsys, store, command, "--json")
        told = json.loads(text)
        found = [one for one in (told["problems"] if command == "lint" else told) if "of this name" in one["what"]]
        assert [one["where"] for one in found] == ([f"decisions/{name}"] if meant else [])
        assert code == 0
        assert meant is None or f"did you mean '{meant}'?" in found[0]["mend"]
