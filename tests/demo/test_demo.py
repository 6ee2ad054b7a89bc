"""The demo says the same on a terminal and into a pipe."""

from __future__ import annotations

import os
import pty
import re
import shutil
import sys
import threading
from contextlib import redirect_stdout, suppress
from datetime import date, datetime
from typing import TYPE_CHECKING

import pytest

from jobs.demo import __main__ as demo
from jobs.protocol import clock
from jobs.protocol.command import STOPPED
from jobs.replay import replaying
from jobs.replay.schedule import TICKS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ESCAPE = "\x1b"


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Two weeks of a lender who has too few loans for a model."""
    for name, day in (("FIRST", 1), ("START", 9), ("LAST", 14), ("DRIFT", 12)):
        monkeypatch.setattr(demo, name, date(2016, 8, day))
    monkeypatch.setattr(demo, "LOANS_A_DAY", "5")
    yield
    clock.stand_at(None)


def on_a_terminal(home: Path) -> str:
    """All that a terminal is sent, read while it comes."""
    ours, theirs = pty.openpty()
    seen: list[bytes] = []

    def read() -> None:
        with suppress(OSError):  # how the other end's closing shows
            while got := os.read(ours, 1 << 16):
                seen.append(got)

    reader = threading.Thread(target=read)
    reader.start()
    with os.fdopen(theirs, "w") as terminal, redirect_stdout(terminal):
        assert demo.main(["--root", str(home)]) == 0
    reader.join()
    os.close(ours)
    return b"".join(seen).decode()


def sentences(text: str) -> list[str]:
    """Its lines, without how long something took and what moves a terminal's cursor."""
    plain = re.sub(rf"{ESCAPE}\[[\d;?]*[A-Za-z]|\b[\d.]+ s\b", "", text)
    return [line for line in re.split(r"[\r\n]+", plain) if line.strip()]


def test_a_pipe_gets_the_sentences_that_a_terminal_shows(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "demo"
    assert demo.main(["--root", str(home)]) == 0
    piped = capsys.readouterr().out
    assert ESCAPE not in piped
    assert not any(line.startswith("{") for line in piped.splitlines())
    assert "replayed in" in piped

    shutil.rmtree(home)
    monkeypatch.setenv("COLUMNS", "1000")
    monkeypatch.setenv("TERM", "xterm")
    shown = on_a_terminal(home)
    assert f"{ESCAPE}[" in shown, "it has a bar"
    assert [line for line in sentences(piped) if line not in sentences(shown)] == []
    assert len(sentences(piped)) < 25


def test_a_second_run_tells_the_story_again_and_builds_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert demo.main(["--root", str(tmp_path)]) == 0
    first = capsys.readouterr().out
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    assert demo.main(["--root", str(tmp_path)]) == 0
    second = capsys.readouterr().out
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before
    assert second.partition("The story")[2] == first.partition("The story")[2] != ""


def test_a_replay_that_was_stopped_on_its_way_begins_anew(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert demo.main(["--root", str(tmp_path)]) == 0
    (tmp_path / "replay/story.html").unlink()
    assert demo.main(["--root", str(tmp_path)]) == 0
    assert "it starts again" in capsys.readouterr().out
    assert (tmp_path / "replay/story.html").is_file()


def test_a_replay_whose_runs_the_system_ended_is_no_success_and_begins_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refused(_: list[str], *, at: datetime) -> int:
        sys.stderr.write(f"the system refused, at {at}\n")
        return 1

    with monkeypatch.context() as patched:
        patched.setattr(replaying, "_mains", lambda: {job: refused for job, *_ in TICKS})
        assert demo.main(["--root", str(tmp_path)]) == 1
    told = capsys.readouterr()
    assert "runs ended with 1, the first on 2016-08-09: the system refused" in told.err
    assert "The story" not in told.out
    assert demo.main(["--root", str(tmp_path)]) == 0
    assert "it starts again" in capsys.readouterr().out


def test_one_that_was_stopped_while_a_stopped_replay_was_removed_begins_anew_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert demo.main(["--root", str(tmp_path)]) == 0
    (tmp_path / "replay/story.html").unlink()

    def stopped(folder: Path) -> None:
        for path in folder.iterdir():
            if path.is_file():
                path.unlink()
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(shutil, "rmtree", stopped)
        assert demo.main(["--root", str(tmp_path)]) == STOPPED
    assert demo.main(["--root", str(tmp_path)]) == 0


def test_what_is_damaged_since_is_told_where_the_story_cannot_be(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert demo.main(["--root", str(tmp_path)]) == 0
    ledger = tmp_path / "replay/decisions/ledger"
    ledger.mkdir(exist_ok=True)
    (ledger / "00000001.json").write_text("{}")
    assert demo.main(["--root", str(tmp_path)]) == 6
    assert "where: decisions/ledger/00000001.json" in capsys.readouterr().err


def test_without_a_stdout_it_ends_as_with_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "replay").mkdir()
    (tmp_path / "replay/story.html").touch()
    (tmp_path / "replay/decisions").write_bytes(b"no folder")
    monkeypatch.setattr("sys.stdout", None)  # as `>&-` leaves it
    assert demo.main(["--root", str(tmp_path)]) == 6
    sys.stdout.close()  # what it opened instead


def test_what_somebody_else_put_in_its_place_stays(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept = tmp_path / "replay/thesis.txt"
    kept.parent.mkdir()
    kept.write_text("all of it")
    assert demo.main(["--root", str(tmp_path)]) == 2
    assert "the folder is not empty" in capsys.readouterr().err
    assert kept.read_text() == "all of it"


def test_an_empty_root_is_refused_and_never_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert demo.main(["--root", ""]) == 2
    assert "the root is empty" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
