"""What a look at the note does while a training is at work on the decision or waits, and after it has failed."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from jobs.protocol import ledger as ledgers
from jobs.protocol.claims import TRAINER, abandoned, choose, claim, complete, fail_attempt, giving_back
from jobs.protocol.command import Stopped
from jobs.protocol.errors import InputMissing
from jobs.protocol.files import Root, locked
from jobs.protocol.ingest import begin, ingest, withdraw
from jobs.protocol.notes import Kind
from jobs.protocol.store import RETRAINING_NOTE, SERVING_NOTE, FolderStore, quarantine_name
from tests.protocol.build import MODEL, OPEN_RULES, OTHER, PASSED, READY, SUNDAY, desk, machine, person

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
    begin(desk(store))
    begin(desk(store, SUNDAY + 30 * DAY))
    assert withdraw(desk(store), "no")[0].state.claim is not None
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


def test_what_blocks_is_recorded_again_once_it_is_something_else(store: FolderStore, note: Path) -> None:
    note.write_bytes(NOTE)
    ingest(desk(store))
    for change in ({"readiness": False}, {"data_quality": False}, {"data_quality": False}):
        claim(desk(store), OPEN_RULES, replace(READY, **change), "")
    assert kinds(store) == ["proposed", "deferred", "deferred"]


def test_a_claim_that_was_given_back_ends_neither_the_next_one_nor_its_note(store: FolderStore, note: Path) -> None:
    note.write_bytes(NOTE)
    ingest(desk(store))
    claim(desk(store), OPEN_RULES, READY, "")
    fail_attempt(desk(store), 2, "died")
    claim(desk(store), OPEN_RULES, READY, "")
    complete(desk(store), 2, PASSED)
    assert (kinds(store)[-1], note.read_bytes()) == ("claimed", NOTE)
    complete(desk(store), 4, PASSED)
    assert [ledgers.vouched(store, name) for name in (MODEL, OTHER)] == [PASSED.model_sha256, None]


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (InputMissing("the rows are gone", where="here", mend="restore them"), {"reason": "the rows are gone"}),
        (ValueError("salary 12,345"), {"reason": "ValueError"}),
        (Stopped(), {"reason": "stopped by SIGTERM or Ctrl-C", "stopped": True}),
        (KeyboardInterrupt(), {"reason": "stopped by SIGTERM or Ctrl-C", "stopped": True}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_whatever_goes_wrong_under_a_claim_gives_it_back_and_says_why_without_a_value(
    store: FolderStore, note: Path, error: BaseException, told: dict[str, object]
) -> None:
    note.write_bytes(NOTE)
    ingest(desk(store))
    claim(desk(store), OPEN_RULES, READY, "")
    with pytest.raises(type(error)), giving_back(desk(store), 2):
        raise error
    assert ledgers.read(store).entries[-1].body == {"claim": 2, **told}


def test_a_claim_is_abandoned_where_nobody_trains_and_it_still_stands(store: FolderStore, note: Path) -> None:
    note.write_bytes(NOTE)
    assert abandoned(store, ingest(desk(store)).state) is None
    state = claim(desk(store), OPEN_RULES, READY, "")[0].state
    with locked(store.root, store.root.at(TRAINER), "busy"):
        assert abandoned(store, state) is None
    dead = abandoned(store, state)
    assert dead
    assert (dead.kind, dead.body) == ("attempt_failed", {"claim": 2})
    fail_attempt(desk(store), 2, "died")
    assert abandoned(store, state) is None, "its trainer came to an end since this state was read"


def test_a_training_that_promotes_nothing_leaves_what_a_person_wrote_in_the_serving_note(
    store: FolderStore, note: Path, tmp_path: Path
) -> None:
    words = json.dumps({"model_id": MODEL, "reason": "still good"}).encode()
    (tmp_path / SERVING_NOTE).write_bytes(words)
    choose(desk(store))
    note.write_bytes(person())
    ingest(desk(store))
    claimed = claim(desk(store), OPEN_RULES, READY, "")[1]
    assert claimed
    complete(desk(store), claimed.seq, replace(PASSED, promote=False, model_id=OTHER))
    assert store.get(SERVING_NOTE) == words


def test_a_pinned_model_stays_pinned_though_its_note_was_deleted(store: FolderStore, note: Path) -> None:
    pinned = note.with_name(SERVING_NOTE.rpartition("/")[2])
    pinned.write_text(json.dumps({"model_id": MODEL, "pinned": True}))
    choose(desk(store))
    pinned.unlink()
    for _ in range(2):
        serving = choose(desk(store))[0].state.serving
        assert (serving and serving.pinned, json.loads(pinned.read_bytes())["pinned"]) == (True, True)
