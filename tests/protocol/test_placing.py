from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from jobs.protocol import ledger as ledgers
from jobs.protocol.claims import claim
from jobs.protocol.files import Root
from jobs.protocol.ingest import begin, look, place
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


def test_monitoring_replaces_its_own_note_and_a_rerun_does_nothing(store: FolderStore, note: Path) -> None:
    later = machine(SUNDAY + 7 * DAY)
    for data, day in ((NOTE, SUNDAY), (later, SUNDAY + 7 * DAY)):
        assert place(desk(store, day), data, begin(desk(store, day)))[1] == "placed"
    for data in (later, NOTE):
        assert place(desk(store, SUNDAY + 7 * DAY), data, begin(desk(store, SUNDAY + 7 * DAY)))[1] == "known"
    assert (kinds(store), note.read_bytes()) == (["proposed", "proposed"], later)
    assert store.get(quarantine_name(NOTE)) is None, "the ledger has it"


def test_monitoring_leaves_a_persons_note_and_a_claim_alone(store: FolderStore, note: Path) -> None:
    note.write_bytes(person())
    assert place(desk(store), NOTE, begin(desk(store)))[1] == "person"
    claim(desk(store), OPEN_RULES, READY, "")
    assert place(desk(store), NOTE, begin(desk(store)))[1] == "claim"
    assert note.read_bytes() == person()


@pytest.mark.parametrize("save", [person(), b"{half", None], ids=["saved", "half-saved", "removed"])
def test_what_a_person_did_since_monitoring_looked_stands(store: FolderStore, note: Path, save: bytes | None) -> None:
    note.write_bytes(NOTE)
    seen = begin(desk(store))
    note.unlink() if save is None else note.write_bytes(save)
    assert place(desk(store), machine(reason="new"), seen)[1] == "changed"
    assert (note.read_bytes() if note.exists() else None) == save


def test_a_save_at_the_moment_of_the_placing_stands(
    store: FolderStore, note: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    note.write_bytes(NOTE)
    seen, real = begin(desk(store)), FolderStore.replace_if

    def saved_first(at: FolderStore, name: str, expected: bytes, data: bytes) -> bool:
        note.write_bytes(person())
        return real(at, name, expected, data)

    monkeypatch.setattr(FolderStore, "replace_if", saved_first)
    assert place(desk(store), machine(reason="new"), seen)[1] == "changed"
    assert note.read_bytes() == person()


def test_a_removal_that_is_not_on_record_yet_is_not_placed_over(store: FolderStore, note: Path) -> None:
    note.write_bytes(NOTE)
    seen = begin(desk(store))
    note.unlink()
    assert place(desk(store), machine(reason="new"), replace(seen, found=look(desk(store), seen.state)))[1] == "changed"
    assert not note.exists()


def test_bytes_that_nobody_can_use_are_kept_and_then_replaced_by_monitoring(store: FolderStore, note: Path) -> None:
    note.write_bytes(b"{half")
    assert place(desk(store), NOTE, begin(desk(store)))[1] == "placed"
    assert (note.read_bytes(), store.get(quarantine_name(b"{half"))) == (NOTE, b"{half")
    assert kinds(store) == ["proposed"]


def test_half_saved_bytes_that_become_whole_while_monitoring_waits_stand(store: FolderStore, note: Path) -> None:
    note.write_bytes(b"{half")
    seen = begin(desk(store))
    waiting = desk(store, wait=saving(note, person()))
    assert place(waiting, NOTE, seen)[1] == "changed"
    assert note.read_bytes() == person()


def test_while_a_persons_decision_is_open_its_half_saved_edit_is_never_replaced(store: FolderStore, note: Path) -> None:
    note.write_bytes(person())
    begin(desk(store))
    note.write_bytes(b"{half")
    assert place(desk(store), NOTE, begin(desk(store)))[1] == "person"
    assert note.read_bytes() == b"{half"
