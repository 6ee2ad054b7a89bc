"""A person's veto by command."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.decisions.__main__ import main
from jobs.protocol.claims import claim
from jobs.protocol.store import RETRAINING_NOTE
from tests.decisions.commands import TODAY, opened, said
from tests.protocol.build import OPEN_RULES, READY, machine, person

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from jobs.protocol.store import FolderStore


def test_withdraw_ends_the_open_decision_and_removes_its_note(
    store: FolderStore, capsys: pytest.CaptureFixture[str]
) -> None:
    opened(store)
    code, text = said(capsys, store, "withdraw", "--reason", "not before the holidays")
    assert (code, text) == (0, "decision 1 is withdrawn (ledger entry 2)\n")
    assert not store.root.at(RETRAINING_NOTE).exists()
    assert b"not before the holidays" in (store.get("decisions/ledger/00000002.json") or b"")
    assert b"withdrawn (ledger entry 2)" in b" ".join((store.get("decisions/STATUS.txt") or b"").split())
    code, text = said(capsys, store, "withdraw", "--reason", "again")
    assert code == 2
    assert "no decision is open" in text


def test_withdraw_refuses_a_claimed_decision_and_leaves_an_edited_note(
    store: FolderStore, capsys: pytest.CaptureFixture[str]
) -> None:
    at_desk = opened(store)
    store.root.at(RETRAINING_NOTE).write_bytes(machine(TODAY))
    claim(at_desk, OPEN_RULES, READY, "")
    code, text = said(capsys, store, "withdraw", "--reason", "no")
    assert code == 2
    assert "decision 1 is claimed" in text
    assert "mend:  to keep the model that serves, pin it" in text


def test_withdraw_leaves_a_note_that_was_edited_and_says_what_will_come_of_it(
    store: FolderStore, capsys: pytest.CaptureFixture[str]
) -> None:
    opened(store)
    store.root.at(RETRAINING_NOTE).write_bytes(person(TODAY, reason="a colleague asks"))
    code, text = said(capsys, store, "withdraw", "--reason", "not before the holidays")
    told, next_run = text.split(" The next run:\n")
    assert (code, told.splitlines()[0]) == (0, "decision 1 is withdrawn (ledger entry 2)")
    assert told.endswith("Its note was edited and is left in place: delete it if you do not want it either.")
    assert "  - The note is valid and new: it is recorded as a decision of a person for a retraining.\n" in next_run
    assert store.get(RETRAINING_NOTE) == person(TODAY, reason="a colleague asks")
    code, text = said(capsys, store, "withdraw", "--reason", "again")
    assert (code, "mend:  delete the note: no run has recorded it" in text) == (2, True)
    store.root.at(RETRAINING_NOTE).unlink()
    assert "mend:  nothing needs doing" in said(capsys, store, "withdraw", "--reason", "again")[1]


def test_withdraw_asks_for_a_reason(store: FolderStore, capsys: pytest.CaptureFixture[str]) -> None:
    opened(store)
    code, text = said(capsys, store, "withdraw", "--reason", " ")
    assert (code, text.splitlines()[0]) == (2, "the reason is empty")
    assert store.get("decisions/ledger/00000002.json") is None


def test_withdraw_asks_for_the_root_on_which_jobs_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["withdraw", "--reason", "no", "--root", str(tmp_path)]) == 2
    assert "no job has run on this root yet" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
