"""The store on a folder: its contract, and what people, links and editors do to it."""

from __future__ import annotations

import errno
import os
import stat
import tracemalloc
from functools import partial
from typing import TYPE_CHECKING

import pytest

from jobs.protocol import folder as folders
from jobs.protocol import strict_json
from jobs.protocol.files import DRAFT, Root
from jobs.protocol.folder import Refused
from jobs.protocol.json_scan import JsonInvalid
from jobs.protocol.store import QUARANTINE, RETRAINING_NOTE, FolderStore, quarantine_name
from tests.protocol.faults import forbid
from tests.protocol.store_contract import ENTRY, StoreContract, hidden

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def opened(path: Path) -> FolderStore:
    return FolderStore(Root(path))


@pytest.fixture
def opener(tmp_path: Path) -> Callable[[], FolderStore]:
    return partial(opened, tmp_path)


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return opened(tmp_path)


class TestFolderStore(StoreContract):
    """The contract, on a folder."""


def test_modes_let_colleagues_edit_notes_and_no_ledger_entry(tmp_path: Path, store: FolderStore) -> None:
    alert = "decisions/alerts/a.json"
    for name in (ENTRY, RETRAINING_NOTE, quarantine_name(b"x"), alert, "datamart/gold/x/_manifest.json"):
        assert store.put_if_absent(name, b"x")
    expected = {
        "decisions": 0o2770,
        "decisions/ledger": 0o2750,
        QUARANTINE: 0o2750,
        ENTRY: 0o440,
        RETRAINING_NOTE: 0o660,
        alert: 0o660,
        "datamart/gold/x/_manifest.json": 0o644,
    }
    assert {name: stat.S_IMODE((tmp_path / name).stat().st_mode) for name in expected} == expected


@pytest.mark.parametrize("plant", ["link", "dangling", "fifo", "folder"])
@pytest.mark.timeout(10)
def test_what_is_no_plain_file_is_refused_and_never_waited_on(tmp_path: Path, store: FolderStore, plant: str) -> None:
    note = tmp_path / RETRAINING_NOTE
    (tmp_path / "decisions").mkdir()
    (tmp_path / "secret").write_bytes(b"secret")
    plants: dict[str, Callable[[], None]] = {
        "link": partial(note.symlink_to, tmp_path / "secret"),
        "dangling": partial(note.symlink_to, tmp_path / "nowhere"),
        "fifo": partial(os.mkfifo, note),
        "folder": note.mkdir,
    }
    plants[plant]()
    with pytest.raises(folders.Refused):
        store.get(RETRAINING_NOTE)
    assert not store.put_if_absent(RETRAINING_NOTE, b"x")
    for act in (partial(store.replace_if, data=b"x"), store.remove_if):
        with pytest.raises(folders.Refused):
            act(RETRAINING_NOTE, expected=b"secret")
    assert (tmp_path / "secret").read_bytes() == b"secret"
    assert not (tmp_path / "nowhere").exists()


def test_what_jobs_wrote_has_at_most_64_mib(tmp_path: Path, store: FolderStore) -> None:
    store.put_if_absent(ENTRY, b"{}")
    (tmp_path / ENTRY).chmod(0o660)
    os.truncate(tmp_path / ENTRY, (64 << 20) + 1)
    with pytest.raises(folders.Refused, match="more than 67108864 bytes"):
        store.get(ENTRY)
    with pytest.raises(JsonInvalid, match="at most 67108864 bytes"):
        strict_json.parse((tmp_path / ENTRY).read_bytes(), where=ENTRY)


def test_a_folder_that_is_a_link_is_not_followed(tmp_path: Path, store: FolderStore) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "decisions").symlink_to(tmp_path / "elsewhere")
    for act in (
        lambda: store.get(ENTRY),
        lambda: store.list("decisions"),
        lambda: store.put_if_absent(RETRAINING_NOTE, b"x"),
        store.finish,
    ):
        with pytest.raises(folders.Refused, match="not a plain folder"):
            act()
    assert list((tmp_path / "elsewhere").iterdir()) == []


@pytest.mark.parametrize("name", ["decisions", RETRAINING_NOTE])
def test_what_everybody_can_write_is_refused(tmp_path: Path, store: FolderStore, name: str) -> None:
    store.put_if_absent(RETRAINING_NOTE, b"x")
    (tmp_path / name).chmod(0o2777 if name == "decisions" else 0o666)
    with pytest.raises(folders.Refused, match=f"chmod o-w {name},"):
        store.get(RETRAINING_NOTE)


@pytest.mark.parametrize(("refused", "told"), [("00000001.json", ENTRY), ("ledger", "decisions/ledger")])
def test_what_the_system_lets_nobody_read_is_named_from_the_root_on(
    store: FolderStore, refused: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.put_if_absent(ENTRY, b"x")
    forbid(monkeypatch, refused)
    with pytest.raises(folders.Unreadable, match="the system refused: Permission denied") as found:
        store.get(ENTRY)
    assert (found.value.where, found.value.exit_code) == (told, 1)


def test_a_living_writers_draft_is_kept_and_a_dead_ones_swept(tmp_path: Path, store: FolderStore) -> None:
    store.put_if_absent(ENTRY, b"x")
    (tmp_path / "decisions/ledger" / f"{DRAFT}1-dead").write_bytes(b"half")
    with folders.opened(store.root, ("decisions", "ledger")) as folder:
        assert folder is not None
        with folders.drafted(store.root, folder, b"y", 0o440) as living:
            store.finish()
            assert hidden(tmp_path) == [living]
    assert hidden(tmp_path) == []
    assert store.list("decisions/ledger") == ("00000001.json",)


def saving(real: Callable[..., None], save: Callable[[], object]) -> Callable[..., None]:
    """A rename after which somebody saves at once."""

    def rename(*args: object, **options: object) -> None:
        real(*args, **options)
        save()

    return rename


@pytest.mark.parametrize("act", ["replace", "remove"])
@pytest.mark.parametrize("fits", [True, False], ids=["the-note-was-the-expected", "the-note-changed-just-before"])
def test_a_save_while_the_note_is_aside_stands(
    tmp_path: Path, store: FolderStore, monkeypatch: pytest.MonkeyPatch, act: str, *, fits: bool
) -> None:
    store.put_if_absent(RETRAINING_NOTE, b"old")
    note = tmp_path / RETRAINING_NOTE
    if not fits:
        monkeypatch.setattr(FolderStore, "get", lambda *_: b"old")
        note.write_bytes(b"edit")
    monkeypatch.setattr("jobs.protocol.store.os.rename", saving(os.rename, lambda: note.write_bytes(b"save")))
    done = (
        store.replace_if(RETRAINING_NOTE, b"old", b"new")
        if act == "replace"
        else store.remove_if(RETRAINING_NOTE, b"old")
    )
    monkeypatch.undo()
    assert done is (fits and act == "remove")
    assert store.get(RETRAINING_NOTE) == b"save"
    assert store.get(quarantine_name(b"edit")) == (None if fits else b"edit"), "the edit overtaken by a save is kept"
    assert not [name for name in hidden(tmp_path) if name.startswith(folders.ASIDE)]


def test_what_an_editor_still_writes_into_an_aside_is_kept(
    tmp_path: Path, store: FolderStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.put_if_absent(RETRAINING_NOTE, b"old")
    real = folders.link

    def link(folder: int, name: str, target: str) -> bool:
        (aside,) = [one for one in (tmp_path / "decisions").iterdir() if one.name.startswith(folders.ASIDE)]
        aside.write_bytes(b"late")
        monkeypatch.undo()
        return real(folder, name, target)

    monkeypatch.setattr(folders, "link", link)
    assert store.replace_if(RETRAINING_NOTE, b"old", b"new")
    assert store.get(quarantine_name(b"late")) == b"late"


def test_a_kept_file_and_a_note_never_share_their_bytes_on_disk(tmp_path: Path, store: FolderStore) -> None:
    store.put_if_absent(RETRAINING_NOTE, b"old")
    (tmp_path / "decisions" / f"{folders.ASIDE}retraining_decision.json-1").write_bytes(b"older")
    store.finish()
    assert store.get(quarantine_name(b"older")) == b"older"
    assert all(one.stat().st_nlink == 1 for one in tmp_path.rglob("*") if one.is_file())


def test_a_crash_between_giving_a_note_back_and_dropping_its_aside_leaves_one_note(
    tmp_path: Path, store: FolderStore
) -> None:
    store.put_if_absent(RETRAINING_NOTE, b"old")
    (tmp_path / "decisions" / f"{folders.ASIDE}retraining_decision.json-1").hardlink_to(tmp_path / RETRAINING_NOTE)
    store.finish()
    assert (store.get(RETRAINING_NOTE), store.list(QUARANTINE), hidden(tmp_path)) == (b"old", (), [])


@pytest.mark.parametrize("newer", [None, b"newer"], ids=["nothing-newer", "a-newer-save"])
def test_a_note_of_a_colleague_comes_back_where_the_system_lets_nobody_else_link_it(
    tmp_path: Path, store: FolderStore, monkeypatch: pytest.MonkeyPatch, newer: bytes | None
) -> None:
    store.put_if_absent("decisions/other", b"")
    (tmp_path / "decisions" / f"{folders.ASIDE}retraining_decision.json-1").write_bytes(b"edit")
    real = folders.link

    def link(folder: int, name: str, target: str) -> bool:
        if name.startswith(folders.ASIDE):  # as fs.protected_hardlinks does with what one may not write
            if newer:
                (tmp_path / RETRAINING_NOTE).write_bytes(newer)
            raise PermissionError(errno.EPERM, os.strerror(errno.EPERM), name)
        return real(folder, name, target)

    monkeypatch.setattr(folders, "link", link)
    store.finish()
    assert (store.get(RETRAINING_NOTE), hidden(tmp_path)) == (newer or b"edit", [])
    assert store.get(quarantine_name(b"edit")) == (b"edit" if newer else None)


def test_a_small_file_is_read_in_little_room_and_one_that_grows_meanwhile_whole(
    tmp_path: Path, store: FolderStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.put_if_absent("a/b", b"x")
    tracemalloc.start()
    assert store.get("a/b") == b"x"
    assert tracemalloc.get_traced_memory()[1] < 1 << 20
    tracemalloc.stop()
    real = os.fstat

    def grown(handle: int) -> os.stat_result:
        facts = real(handle)
        if facts.st_size == 1:
            (tmp_path / "a/b").write_bytes(b"xyz")
        return facts

    monkeypatch.setattr(os, "fstat", grown)
    assert store.get("a/b") == b"xyz"
    with pytest.raises(Refused, match="more than 2 bytes"):
        store.get("a/b", 2)
