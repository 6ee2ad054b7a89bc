from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from jobs.protocol import clock
from jobs.protocol import ingest as ingests
from jobs.protocol import ledger as ledgers
from jobs.protocol.claims import claim
from jobs.protocol.files import Root
from jobs.protocol.folder import ASIDE
from jobs.protocol.ingest import begin, desk_of, expire, ingest, settle, withdraw
from jobs.protocol.notes import Kind
from jobs.protocol.store import RETRAINING_NOTE, FolderStore, quarantine_name
from tests.protocol.build import OPEN_RULES, READY, SUNDAY, desk, machine, person

if TYPE_CHECKING:
    from collections.abc import Callable
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


def saving(note: Path, data: bytes) -> Callable[[float], None]:
    """A wait during which a person saves."""

    def wait(_: float) -> None:
        note.write_bytes(data)

    return wait


def kinds(store: FolderStore) -> list[str]:
    return [entry.kind for entry in ledgers.read(store).entries]


def test_a_new_note_is_proposed_with_its_exact_bytes_and_once(store: FolderStore, note: Path) -> None:
    note.write_bytes(b"\xef\xbb\xbf" + person().replace(b"\n", b"\r\n"))
    for _ in range(2):
        seen = ingest(desk(store))
        assert seen.found.kind is Kind.SAME
    assert kinds(store) == ["proposed"]
    assert seen.state.open is not None
    assert seen.state.open.note == note.read_bytes()


def test_an_edit_supersedes_and_names_what_was_edited(store: FolderStore, note: Path) -> None:
    note.write_bytes(NOTE)
    ingest(desk(store))
    note.write_bytes(NOTE.replace(b'"HIGH"', b'"IMMEDIATE"'))
    seen = ingest(desk(store))
    assert [ending.how for ending in seen.state.ended] == ["superseded"]
    assert (seen.ledger.entries[-1].body["source"], seen.ledger.entries[-1].body["edited"]) == ("person", ["priority"])
    note.write_bytes(
        note.read_bytes().replace(b"0.65", b"0.6").replace(b"Performance", b"The").replace(b"true", b"false")
    )
    again = ingest(desk(store)).ledger.entries[-1].body
    assert again["edited"] == ["performance_score", "reason", "retrain"], "since the edit before"


def test_a_note_of_no_id_is_an_edit_of_none_before_it(store: FolderStore, note: Path) -> None:
    for reason in ("one", "another"):
        note.write_bytes(person(reason=reason))
        seen = ingest(desk(store))
        assert (seen.state.open and seen.state.open.decision_id, seen.ledger.entries[-1].body["edited"]) == (None, [])


def test_a_note_that_lies_there_is_looked_at_without_a_wait(store: FolderStore, note: Path) -> None:
    waits: list[float] = []
    note.write_bytes(NOTE)
    for _ in range(2):
        ingest(desk(store, wait=waits.append))
    assert waits == []


def test_a_note_that_is_gone_at_two_looks_is_withdrawn(store: FolderStore, note: Path) -> None:
    waits: list[float] = []
    note.write_bytes(NOTE)
    ingest(desk(store))
    note.unlink()
    assert ingest(desk(store, wait=waits.append)).state.open is None
    assert (kinds(store), waits) == (["proposed", "withdrawn"], [2.0])


@pytest.mark.parametrize("back", [NOTE, person()], ids=["put-back", "saved-anew"])
def test_a_note_that_is_back_at_the_second_look_was_not_removed(store: FolderStore, note: Path, back: bytes) -> None:
    note.write_bytes(NOTE)
    ingest(desk(store))
    note.unlink()
    seen = ingest(desk(store, wait=saving(note, back)))
    assert seen.found.kind is Kind.SAME
    assert "withdrawn" not in kinds(store)


def test_an_aside_left_by_a_crash_is_no_removal(store: FolderStore, note: Path) -> None:
    note.write_bytes(NOTE)
    ingest(desk(store))
    note.rename(note.with_name(f"{ASIDE}retraining_decision.json-1"))
    assert begin(desk(store)).found.kind is Kind.SAME
    assert kinds(store) == ["proposed"]


def test_a_decision_recorded_between_two_looks_is_not_withdrawn_for_the_note_before_it(
    store: FolderStore, note: Path
) -> None:
    note.write_bytes(NOTE)
    ingest(desk(store))
    note.unlink()

    def meanwhile(_: float) -> None:
        note.write_bytes(person())
        ingest(desk(FolderStore(store.root)))
        note.unlink()

    assert ingest(desk(store, wait=meanwhile)).state.head == 2
    assert kinds(store) == ["proposed", "proposed"]


def test_a_run_that_makes_a_missed_day_good_knows_of_today(store: FolderStore) -> None:
    assert desk_of(store, "monitoring", SUNDAY, OPEN_RULES).today == clock.today()


def test_settle_finishes_an_aside(store: FolderStore, note: Path) -> None:
    note.with_name(f"{ASIDE}retraining_decision.json-1").write_bytes(NOTE)
    settle(desk(store))
    assert note.read_bytes() == NOTE


def test_the_bytes_of_a_closed_decision_are_put_away_and_kept(store: FolderStore, note: Path) -> None:
    note.write_bytes(NOTE)
    ingest(desk(store))
    note.unlink()
    ingest(desk(store))
    note.write_bytes(NOTE)
    assert begin(desk(store)).state.ended[-1].how == "withdrawn"
    assert (note.exists(), store.get(quarantine_name(NOTE))) == (False, NOTE)


@pytest.mark.parametrize("data", [NOTE[:50], machine(SUNDAY + DAY), machine(SUNDAY - 30 * DAY)])
def test_what_cannot_be_heeded_stays_in_place_and_blocks_every_claim(
    store: FolderStore, note: Path, data: bytes
) -> None:
    note.write_bytes(person())
    ingest(desk(store))
    note.write_bytes(data)
    assert begin(desk(store)).found.problem is not None
    seen, entry = claim(desk(store, job="training"), OPEN_RULES, READY, "")
    assert entry is not None
    assert entry.body["blocked_by"] == ["note"]
    assert (seen.state.claim, note.read_bytes()) == (None, data)
    assert claim(desk(store), OPEN_RULES, READY, "")[1] is None, "said once"


def test_a_link_in_place_of_the_note_blocks_and_is_not_followed(store: FolderStore, note: Path) -> None:
    (note.parent / "elsewhere.json").write_bytes(NOTE)
    note.symlink_to("elsewhere.json")
    seen = begin(desk(store))
    assert (seen.found.kind, seen.state.open) == (Kind.INVALID, None)
    assert seen.found.problem is not None


def test_a_decision_expires_the_day_after_its_last_and_its_note_is_put_away(store: FolderStore, note: Path) -> None:
    note.write_bytes(NOTE)
    ingest(desk(store))
    assert begin(desk(store, SUNDAY + 7 * DAY)).state.open is not None
    assert begin(desk(store, SUNDAY + 8 * DAY)).state.open is None
    assert (kinds(store), note.exists()) == (["proposed", "expired"], False)


def test_a_backfill_reads_and_changes_nothing(store: FolderStore, note: Path) -> None:
    note.write_bytes(person())
    ingest(desk(store, SUNDAY))
    note.write_bytes(person(SUNDAY - DAY))
    seen = begin(desk(store, SUNDAY - DAY))
    assert (seen.found.kind, seen.backfill) == (Kind.NEW, True)
    assert kinds(store) == ["proposed"]


def test_an_old_note_put_over_the_open_one_is_put_away_and_the_open_one_was_removed(
    store: FolderStore, note: Path
) -> None:
    for data in (NOTE, person(), NOTE):
        note.write_bytes(data)
        seen = ingest(desk(store))
    assert (kinds(store), seen.found.kind) == (["proposed", "proposed", "withdrawn"], Kind.ABSENT)
    assert store.get(quarantine_name(NOTE)) == NOTE


def test_a_veto_by_command_ends_the_decision_and_removes_its_note(store: FolderStore, note: Path) -> None:
    note.write_bytes(NOTE)
    ingest(desk(store))
    assert withdraw(desk(store), "not now")[0].state.open is None
    assert not note.exists()
    withdraw(desk(store), "again")
    assert kinds(store) == ["proposed", "withdrawn"]


def test_a_decision_on_record_when_its_day_is_over_does_not_outlive_its_note(store: FolderStore, note: Path) -> None:
    note.write_bytes(NOTE)
    ingest(desk(store))
    seen = expire(desk(store, SUNDAY + 9 * DAY))
    assert (seen.found.kind, store.get(quarantine_name(NOTE))) == (Kind.ABSENT, NOTE)
    assert not note.exists()


def test_an_older_look_never_overrules_what_another_job_recorded_since(
    store: FolderStore, note: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a store without a lock: between the look and the append, a person saves and another job ingests."""
    note.write_bytes(NOTE)
    real = ingests.proposal

    def late(*given: object) -> object:
        monkeypatch.undo()
        note.write_bytes(person())
        other = FolderStore(store.root)
        ledgers.append(other, desk(other).writer, lambda state: real(ingests.look(desk(other), state), state))
        return real(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(ingests, "proposal", late)
    seen = ingest(desk(store))
    assert seen.state.open is not None
    assert seen.state.open.note == person() == note.read_bytes()
