from __future__ import annotations

import errno
import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest
from polars.exceptions import ComputeError

from jobs.protocol import files
from jobs.protocol.errors import StoreDamaged, as_job_error
from jobs.protocol.files import DRAFT, Root


def drafts(folder: Path) -> list[str]:
    return [name for name in os.listdir(folder) if name.startswith(DRAFT)]


def test_a_published_file_has_its_bytes_and_leaves_no_draft(tmp_path: Path) -> None:
    files.write_whole(Root(tmp_path), tmp_path / "a" / "b" / "note.json", b"whole")
    assert (tmp_path / "a" / "b" / "note.json").read_bytes() == b"whole"
    assert os.listdir(tmp_path / "a" / "b") == ["note.json"]


def test_no_folder_is_made_that_everybody_may_write(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        files.write_whole(Root(tmp_path), tmp_path / "a/b/note.json", b"whole")
    finally:
        os.umask(before)
    assert {(tmp_path / name).stat().st_mode & 0o777 for name in ("a", "a/b")} == {0o775}


def test_a_writer_that_fails_leaves_the_old_file_and_no_draft(tmp_path: Path) -> None:
    target = tmp_path / "note.json"
    target.write_bytes(b"old")

    def fail_halfway() -> None:
        with files.draft(Root(tmp_path), tmp_path) as path:
            path.write_bytes(b"half")
            raise RuntimeError("power cut")

    with pytest.raises(RuntimeError, match="power cut"):
        fail_halfway()
    assert target.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["note.json"]


def test_the_draft_of_a_killed_writer_is_swept_and_that_of_a_living_one_is_not(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from jobs.protocol import files\n"
        "with files.draft(files.Root(Path(sys.argv[1])), Path(sys.argv[1])) as p: print(p, flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        writer.stdout.readline()
        files.sweep(tmp_path)
        assert len(drafts(tmp_path)) == 1
        writer.send_signal(signal.SIGKILL)
        writer.wait()
    for _ in range(100):
        files.sweep(tmp_path)
        if not drafts(tmp_path):
            break
        time.sleep(0.01)
    assert drafts(tmp_path) == []


def test_sweeping_leaves_files_links_and_devices_that_only_bear_a_draft_s_name(tmp_path: Path) -> None:
    (tmp_path / "kept.json").write_bytes(b"1")
    (tmp_path / f"{DRAFT}link").symlink_to(tmp_path / "kept.json")
    os.mkfifo(tmp_path / f"{DRAFT}fifo")
    (tmp_path / f"{DRAFT}folder").mkdir()
    files.sweep(tmp_path)  # must not hang on the FIFO
    assert (tmp_path / "kept.json").read_bytes() == b"1"
    assert (tmp_path / f"{DRAFT}link").is_symlink()


def test_a_link_in_place_of_a_lock_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / ".lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic links"), files.locked(Root(tmp_path), tmp_path / ".lock", "held"):
        pass
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("name", ["/etc/hostname", "../x", "datamart/../../x", ".."])
def test_no_name_leads_out_of_the_root(tmp_path: Path, name: str) -> None:
    with pytest.raises(StoreDamaged, match="leads out of the root"):
        Root(tmp_path).at(name)


def test_whoever_looks_whether_a_lock_is_held_turns_nobody_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (lock := tmp_path / ".lock").touch()
    with ExitStack() as look:
        assert look.enter_context(files.unheld(lock))
        monkeypatch.setattr("time.sleep", lambda _: look.close())
        with files.locked(Root(tmp_path), lock, "held"), files.unheld(lock) as is_free:
            assert not is_free


def test_a_draft_taken_by_a_sweep_before_its_lock_is_drawn_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = fcntl.flock
    seen: list[int] = []

    def swept_first(handle: int, how: int) -> None:
        if not seen:
            for name in drafts(tmp_path):
                (tmp_path / name).unlink()
        seen.append(how)
        real(handle, how)

    monkeypatch.setattr(fcntl, "flock", swept_first)
    with files.draft(Root(tmp_path), tmp_path) as path:
        assert path.is_file()
    assert len(seen) == 2


@pytest.mark.skipif(sys.platform != "linux", reason="names of open files are read from /proc")
@pytest.mark.parametrize("durable", [True, False])
def test_bytes_are_synced_before_they_get_their_name_and_the_folder_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, durable: bool
) -> None:
    calls: list[str] = []
    monkeypatch.setattr(os, "fsync", lambda handle: calls.append(str(Path(f"/proc/self/fd/{handle}").readlink())))
    files.write_whole(Root(tmp_path, durable=durable), tmp_path / "note.json", b"whole")
    if durable:
        assert DRAFT in calls[0]
        assert calls[1] == str(tmp_path)
    else:
        assert calls == []


@pytest.mark.skipif(sys.platform != "linux", reason="names of open files are read from /proc")
def test_a_file_written_once_is_synced_before_its_name_and_its_folder_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "one.json"
    calls: list[tuple[str, bool]] = []

    def synced(handle: int) -> None:
        calls.append((str(Path(f"/proc/self/fd/{handle}").readlink()), target.exists()))

    monkeypatch.setattr(os, "fsync", synced)
    assert files.write_whole(Root(tmp_path), target, b"first", once=True)
    assert calls[0][0].startswith(str(tmp_path / files.DRAFT))
    assert not calls[0][1], "a name must never outlive its bytes"
    assert calls[1:] == [(str(tmp_path), True)]


@pytest.mark.parametrize(
    "refusal",
    [
        pytest.param(lambda _: OSError(28, "No space left on device"), id="a-write-names-no-file"),
        pytest.param(lambda _: OSError(122, "Disk quota exceeded"), id="a-quota-is-a-limit-too"),
        pytest.param(lambda draft: PermissionError(13, "Permission denied", str(draft)), id="a-draft-is-no-name"),
        pytest.param(lambda _: RuntimeError("No space left on device (os error 28)"), id="said-by-a-library"),
    ],
)
def test_what_the_system_refuses_to_a_draft_names_the_folder(
    tmp_path: Path, refusal: Callable[[Path], Exception]
) -> None:
    def refused() -> None:
        with files.draft(Root(tmp_path), tmp_path / "home") as draft:
            raise refusal(draft)

    with pytest.raises((OSError, RuntimeError)) as found:
        refused()
    told = as_job_error(found.value)
    assert told.what.startswith("the system refused: ")
    assert told.where == str(tmp_path / "home")


def test_a_file_that_broke_off_names_the_folder_too(tmp_path: Path) -> None:
    def refused() -> None:
        with files.draft(Root(tmp_path), tmp_path / "home"):
            raise ComputeError("parquet: Invalid thrift: transport error")

    with pytest.raises(ComputeError) as found:
        refused()
    assert as_job_error(found.value).where == str(tmp_path / "home")


@pytest.mark.parametrize("code", [errno.EACCES, errno.ENOSPC], ids=errno.errorcode.get)
def test_a_refusal_that_names_another_file_keeps_its_name(tmp_path: Path, code: int) -> None:
    def refused() -> None:
        with files.draft(Root(tmp_path), tmp_path / "home"):
            raise OSError(code, os.strerror(code), "landed.csv")

    with pytest.raises(OSError, match=r"landed\.csv") as found:
        refused()
    assert found.value.filename == "landed.csv"


@pytest.mark.parametrize("call", ["fsync", "fstat"])
def test_a_failed_sync_or_look_at_a_draft_leaves_nothing(
    tmp_path: Path, call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_handle: int) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as failing:
        failing.setattr(os, call, fail)
        with pytest.raises(OSError, match="Input/output"):
            files.write_whole(Root(tmp_path), tmp_path / "note.json", b"whole")
    assert os.listdir(tmp_path) == []


def test_a_file_is_written_once_and_never_over_another(tmp_path: Path) -> None:
    root, target = Root(tmp_path), tmp_path / "one.json"
    assert files.write_whole(root, target, b"first", once=True)
    assert not files.write_whole(root, target, b"second", once=True)
    assert (target.read_bytes(), os.listdir(tmp_path)) == (b"first", ["one.json"])
