"""What STATUS.txt says of notes that were edited, put back or deleted, and of a claim meanwhile."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from jobs.protocol import files, policy
from jobs.protocol.claims import TRAINER, choose, claim, fail_attempt
from jobs.protocol.files import Root
from jobs.protocol.ingest import begin
from jobs.protocol.store import POLICY, RETRAINING_NOTE, SERVING_NOTE, FolderStore
from tests.protocol.build import OPEN_RULES, OTHER, READY, desk, machine, person

if TYPE_CHECKING:
    from collections.abc import Iterator

from tests.protocol.statuses import path, proposed, told, trained, usable

DAY = timedelta(days=1)


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    store = FolderStore(Root(tmp_path, durable=False))
    store.put_if_absent(POLICY, policy.default_bytes())
    return store


def test_a_wish_for_another_model_and_one_for_an_unknown_model(store: FolderStore) -> None:
    trained(store)
    wish = path(store, SERVING_NOTE)
    wish.write_text(f'{{"model_id": "{OTHER}", "pinned": true}}')
    assert f"model {OTHER} serves, pinned: nothing is promoted until that changes" in told(store)
    choose(desk(store, unusable=usable))
    assert "why a person chose it (ledger entry 4) pinned yes" in told(store)
    wish.write_text('{"model_id": "20240115-ffffffffffff"}')
    assert "model 20240115-ffffffffffff cannot serve: it is not there" in told(store)
    assert "THE NEXT RUN - Nothing is promoted until serving_decision.json can be used." in told(store)


def test_a_wish_for_another_model_ends_a_machines_decision_about_the_one_before(store: FolderStore) -> None:
    trained(store)
    proposed(store, machine(reason="Next week"))
    path(store, SERVING_NOTE).write_text(f'{{"model_id": "{OTHER}"}}')
    said = told(store)
    assert "Decision 4 is superseded: the model it is about no longer serves." in said
    assert f"Scoring continues with model {OTHER}" in said
    assert "Decision 4 waits" not in said
    path(store, RETRAINING_NOTE).unlink()
    assert "The note is gone. - Decision 4 is superseded" in told(store)


def test_a_note_saved_under_another_name_is_named_and_a_backup_is_not(store: FolderStore) -> None:
    before = told(store)
    for kept in ("~", ".bak", ".orig"):
        path(store, RETRAINING_NOTE).with_name(f"retraining_decision.json{kept}").write_bytes(person())
    assert told(store) == before
    path(store, RETRAINING_NOTE).with_name("retraining_decision.json.txt").write_bytes(person())
    unread = "It does not read decisions/retraining_decision.json.txt: did you mean 'retraining_decision.json'?"
    assert unread in told(store)
    assert "PROBLEMS" not in told(store)


def test_an_old_note_put_back_over_an_open_decision_s_own_ends_that(store: FolderStore) -> None:
    at_desk = proposed(store, machine())
    path(store, RETRAINING_NOTE).write_bytes(person())
    begin(at_desk)
    path(store, RETRAINING_NOTE).write_bytes(machine())
    said = told(store)
    assert "is moved to quarantine; decision 2, its own note gone, is withdrawn. To ask again" in said
    assert "Decision 2 waits" not in said
    begin(at_desk)
    assert "decision 2, a retraining, by a person: withdrawn (ledger entry 3)" in told(store)


def test_a_deletion_a_claim_and_an_edit_after_it(store: FolderStore) -> None:
    at_desk = proposed(store, machine())
    path(store, RETRAINING_NOTE).unlink()
    assert "The note is gone: decision 1 is withdrawn." in told(store)
    path(store, RETRAINING_NOTE).write_bytes(machine())
    with files.locked(store.root, store.root.at(TRAINER), "held"):
        _, entry = claim(at_desk, OPEN_RULES, READY, "")
        path(store, RETRAINING_NOTE).write_bytes(person())
        said = told(store, verdict="leave the model")
    assert "claimed by training for 2024-01-14 (ledger entry 2)" in said
    assert "too late for that training" in said
    assert "monitoring would now say: leave the model" in said
    assert entry
    fail_attempt(at_desk, entry.seq, "died")
    assert "attempts 1 of 3 failed" in told(store)


def test_a_claim_whose_trainer_is_dead_is_told_with_what_the_next_training_does(
    store: FolderStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_desk = proposed(store, machine())
    with files.locked(store.root, store.root.at(TRAINER), "held"):
        _, entry = claim(at_desk, OPEN_RULES, READY, "")
        assert "is claimed: training ends it" in told(store)
    dead = "is dead. Training records a failed attempt and goes on with the decision: - The note brings nothing"
    assert "(ledger entry 2); its trainer is dead: the lock is free" in (said := told(store))
    store.root.at(TRAINER).unlink()  # as in a root that was restored
    assert told(store) == said
    assert f"{dead} new: it is the open decision's. - Decision 1 may be claimed by the next training run" in said
    path(store, RETRAINING_NOTE).unlink()
    assert "The note is gone: decision 1 is withdrawn" in told(store)
    assert entry

    @contextmanager
    def ended_meanwhile(_: Path) -> Iterator[bool]:
        fail_attempt(at_desk, entry.seq, "it was slow")
        yield True

    monkeypatch.setattr(files, "unheld", ended_meanwhile)
    assert "is dead" not in told(store)


def test_a_closed_note_that_comes_back_is_told_of_for_good(store: FolderStore) -> None:
    trained(store)
    path(store, RETRAINING_NOTE).write_bytes(machine())
    assert "To ask again, change decision_date" in told(store)
    begin(desk(store))
    assert "its note was found again and moved to decisions/quarantine/" in told(store)
