"""The folder's store, killed or failed at any call: the old or the new, and nothing half."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from jobs.protocol import folder as folders
from jobs.protocol import store as stores
from jobs.protocol.errors import as_job_error
from jobs.protocol.files import Root
from jobs.protocol.store import RETRAINING_NOTE, FolderStore
from tests.protocol.faults import Faults, in_child
from tests.protocol.store_contract import ENTRY, PLAIN, hidden

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NOTE = RETRAINING_NOTE
ACTS = [
    pytest.param(ENTRY, None, lambda s: s.put_if_absent(ENTRY, b"new"), {None, b"new"}, id="put-an-entry"),
    pytest.param(NOTE, None, lambda s: s.put_if_absent(NOTE, b"new"), {None, b"new"}, id="put-a-note"),
    pytest.param(NOTE, b"old", lambda s: s.replace_if(NOTE, b"old", b"new"), {b"old", b"new"}, id="replace-a-note"),
    pytest.param(PLAIN, b"old", lambda s: s.replace_if(PLAIN, b"old", b"new"), {b"old", b"new"}, id="replace-a-file"),
    pytest.param(NOTE, b"old", lambda s: s.remove_if(NOTE, b"old"), {b"old", None}, id="remove-a-note"),
    pytest.param(PLAIN, b"old", lambda s: s.remove_if(PLAIN, b"old"), {b"old", None}, id="remove-a-file"),
]


def opened(path: Path) -> FolderStore:
    return FolderStore(Root(path))


def prepared(path: Path, name: str, before: bytes | None) -> FolderStore:
    store = opened(path)
    path.mkdir(exist_ok=True)
    if before is not None:
        assert store.put_if_absent(name, before)
    return store


def steps_of(path: Path, name: str, before: bytes | None, act: Callable[[FolderStore], bool]) -> list[str]:
    """Trace once, so that each mutating call can then be struck in turn."""
    counting = Faults(at=0)
    with pytest.MonkeyPatch.context() as patch:
        store = prepared(path / "traced", name, before)
        counting.install(patch, folders, stores)
        assert act(store)
    return counting.calls


@pytest.mark.parametrize(("name", "before", "act", "allowed"), ACTS)
def test_killed_at_any_call_leaves_the_old_or_the_new_and_recovers(
    tmp_path: Path, name: str, before: bytes | None, act: Callable[[FolderStore], bool], allowed: set[bytes | None]
) -> None:
    for number, call in enumerate(steps_of(tmp_path, name, before, act), start=1):
        for after in (False, True):
            root = tmp_path / f"{number}-{call}-{after}"
            store = prepared(root, name, before)
            with pytest.MonkeyPatch.context() as patch:
                Faults(at=number, after=after).install(patch, folders, stores)
                assert in_child(partial(act, store)) == signal.SIGKILL
            with store.hold():
                store.finish()
            assert store.get(name) in allowed, (number, call, after)
            assert hidden(root) == []
            act(store)
            assert store.get(name) in allowed - {before}, (number, call, after)


@pytest.mark.parametrize(
    "error", [errno.EIO, errno.ENOSPC, errno.EACCES, errno.EDQUOT, errno.EMFILE, errno.EROFS], ids=errno.errorcode.get
)
@pytest.mark.parametrize(("name", "before", "act", "allowed"), ACTS)
def test_an_error_at_any_call_is_raised_and_nothing_is_half_visible(
    tmp_path: Path,
    error: int,
    name: str,
    before: bytes | None,
    act: Callable[[FolderStore], bool],
    allowed: set[bytes | None],
) -> None:
    for number, call in enumerate(steps_of(tmp_path, name, before, act), start=1):
        root = tmp_path / f"{number}-{call}"
        store = prepared(root, name, before)
        with pytest.MonkeyPatch.context() as patch:
            faults = Faults(at=number, error=error)
            faults.install(patch, folders, stores)
            with pytest.raises(OSError, match="injected"):
                act(store)
        assert call != "fsync" or "fsync" not in faults.calls[number:], "a failed fsync is never tried again"
        with store.hold():
            store.finish()
        assert store.get(name) in allowed, (number, call)
        assert hidden(root) == []
        act(store)
        assert store.get(name) in allowed - {before}, (number, call)


def test_a_disposable_root_is_not_synced(tmp_path: Path) -> None:
    faults = Faults(at=0)
    with pytest.MonkeyPatch.context() as patch:
        faults.install(patch, folders, stores)
        FolderStore(Root(tmp_path, durable=False)).put_if_absent(ENTRY, b"x")
    assert "fsync" not in faults.calls
    assert "link" in faults.calls


def test_bytes_are_durable_before_their_name_and_the_name_before_the_answer(tmp_path: Path) -> None:
    steps = steps_of(tmp_path, "file", None, lambda store: store.put_if_absent("file", b"x"))
    assert steps == ["write", "fchmod", "fsync", "link", "fsync", "unlink", "close", "close"]


@pytest.mark.parametrize(
    ("name", "act", "told"),
    [
        (NOTE, lambda store: store.replace_if(NOTE, b"old", b"new"), "rename link fsync unlink fsync unlink"),
        (PLAIN, lambda store: store.replace_if(PLAIN, b"old", b"new"), "rename fsync unlink"),
        (NOTE, lambda store: store.remove_if(NOTE, b"old"), "rename fsync unlink fsync"),
        (PLAIN, lambda store: store.remove_if(PLAIN, b"old"), "unlink fsync"),
    ],
    ids=["replace-a-note", "replace-a-file", "remove-a-note", "remove-a-file"],
)
def test_every_change_of_a_name_is_durable_before_the_answer(
    tmp_path: Path, name: str, act: Callable[[FolderStore], bool], told: str
) -> None:
    steps = [step for step in steps_of(tmp_path, name, b"old", act) if step != "close"]
    assert " ".join(steps).removeprefix("write fchmod fsync ") == told


def test_whoever_holds_the_decisions_keeps_other_jobs_out_until_it_is_done(tmp_path: Path) -> None:
    with opened(tmp_path).hold():
        other = os.open(tmp_path / "decisions", os.O_RDONLY)
        with pytest.raises(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(other)


@pytest.mark.parametrize("call", ["unlink", "rename"])
def test_an_error_about_a_note_set_aside_names_its_folder(
    tmp_path: Path, call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(name: str, *_: object, **__: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system", name)

    store = prepared(tmp_path, NOTE, b"old")
    monkeypatch.setattr(os, call, fails)
    with pytest.raises(OSError, match="Read-only") as found:
        store.remove_if(NOTE, b"old")
    told = {"unlink": str(tmp_path / "decisions"), "rename": "retraining_decision.json"}
    assert as_job_error(found.value).where == told[call]


def test_what_looks_like_a_note_set_aside_and_is_of_no_note_is_left_alone(tmp_path: Path) -> None:
    store, strange = prepared(tmp_path, NOTE, b"old"), tmp_path / f"decisions/{folders.ASIDE}policy.json-1"
    strange.write_bytes(b"{}")
    with store.settled():
        assert strange.read_bytes() == b"{}"
    assert store.list("decisions") == ("retraining_decision.json",)
    assert store.get("decisions/policy.json") is None


def test_an_error_about_a_new_folder_names_it_with_all_that_is_above_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make = os.mkdir

    def fails(name: str, *facts: Any, **more: Any) -> None:
        if name == "receipts":
            raise OSError(errno.EROFS, "Read-only file system", name)
        make(name, *facts, **more)

    store = prepared(tmp_path, NOTE, b"old")
    monkeypatch.setattr(os, "mkdir", fails)
    with pytest.raises(OSError, match="Read-only") as found:
        store.put_if_absent("decisions/receipts/preprocessing/1.json", b"new")
    assert as_job_error(found.value).where == str(tmp_path / "decisions/receipts")
