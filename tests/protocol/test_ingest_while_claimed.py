"""What a look at the note does while a training is at work on the decision or waits, and after it has failed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from jobs.protocol import ledger as ledgers
from jobs.protocol.claims import claim, fail_attempt
from jobs.protocol.files import Root
from jobs.protocol.ingest import begin, ingest, withdraw
from jobs.protocol.notes import Kind
from jobs.protocol.store import RETRAINING_NOTE, FolderStore, quarantine_name
from tests.protocol.build import OPEN_RULES, READY, SUNDAY, desk, machine, person

if TYPE_CHECKING:
    from pathlib import Path


DAY = timedelta(days=1)
NOTE = machine()


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(Root(tmp_path))


@pytest.fixture
def note(tmp_path: Path) -> Path:
    (tmp_path / "decisions").mkdir()
    return tmp_path / RETRAINING_NOTE


def kinds(store: FolderStore) -> list[str]:
    return [entry.kind for entry in ledgers.read(store).entries]


def test_while_claimed_nothing_is_superseded_withdrawn_expired_or_put_away(store: FolderStore, note: Path) -> None:
    note.write_bytes(NOTE)
    ingest(desk(store))
    claim(desk(store), OPEN_RULES, READY, "")
    note.unlink()
    begin(desk(store))
    note.write_bytes(person())
    begin(desk(store, SUNDAY + 30 * DAY))
    assert withdraw(desk(store), "no").state.claim is not None
    assert (kinds(store), note.read_bytes()) == (["proposed", "claimed"], person())
    fail_attempt(desk(store), 2, "died")
    assert ingest(desk(store)).found.kind is Kind.SAME
    assert kinds(store)[2:] == ["attempt_failed", "proposed"]


def test_without_a_lease_what_blocks_is_recorded_and_nothing_is_claimed(store: FolderStore, note: Path) -> None:
    note.write_bytes(NOTE)
    ingest(desk(store))
    assert claim(desk(store), OPEN_RULES, READY, None)[1] is None
    _, entry = claim(desk(store), OPEN_RULES, replace(READY, readiness=False), None)
    assert entry is not None
    assert (entry.kind, kinds(store)) == ("deferred", ["proposed", "deferred"])


def test_while_claimed_even_the_bytes_of_a_closed_decision_stay(store: FolderStore, note: Path) -> None:
    for data in (NOTE, person()):
        note.write_bytes(data)
        ingest(desk(store))
    claim(desk(store), OPEN_RULES, READY, "")
    note.write_bytes(NOTE)
    begin(desk(store))
    assert (note.read_bytes(), store.get(quarantine_name(NOTE))) == (NOTE, None)


def test_after_three_failed_attempts_a_decision_is_declined(store: FolderStore, note: Path) -> None:
    note.write_bytes(NOTE)
    for _ in range(4):
        begin(desk(store))
        seen, entry = claim(desk(store), OPEN_RULES, READY, "")
        if entry:
            fail_attempt(desk(store), entry.seq, "died")
    assert (kinds(store).count("claimed"), kinds(store)[-1], seen.state.open) == (3, "declined", None)
