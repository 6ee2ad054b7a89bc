"""What the command of a replay refuses, and how it is stopped."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from jobs.replay.__main__ import main
from tests.training_inference.small_root import simulated

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--end", "2015-10-04"], 2, "before --start"),
        (["--kill", "0.7", "--missed-ticks", "0.7"], 2, "not valid rates"),
        (["--kill", "nan"], 2, "not valid rates"),
        (["--seed", "-1"], 2, "negative"),
        (["--end", "2999-01-01"], 2, "after today"),
        (["--policy", "nowhere.json"], 2, "no such file"),
        (["--policy", __file__], 5, "where: "),
        (["--start", "2015-09-30"], 3, "nothing landed"),
        (["--start", "2016-09-01", "--end", "2016-09-02"], 3, "nothing landed"),
    ],
)
def test_what_cannot_be_replayed_is_refused(
    tmp_path: Path, arguments: list[str], code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    span = ["--start", "2015-10-05", "--end", "2015-10-08"]
    into = ["--root", str(simulated()), "--into", str(tmp_path / "into")]
    assert main([*into, *span, *arguments]) == code
    assert said in capsys.readouterr().err
    assert not (tmp_path / "into").exists()


@pytest.mark.parametrize(
    ("name", "said"), [("", "the root is empty"), (os.fsdecode(b"\xff"), "the root's path is not UTF-8")]
)
def test_a_folder_in_which_no_job_could_work_is_refused_before_anything_is_written(
    name: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    span = ["--start", "2015-10-05", "--end", "2015-10-08"]
    assert main(["--root", str(simulated()), "--into", name, *span]) == 2
    assert said in capsys.readouterr().err
    assert [path for path in tmp_path.rglob("*") if not path.is_dir()] == []


def test_a_link_that_leads_in_a_circle_is_no_new_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    span = ["--start", "2015-10-05", "--end", "2015-10-08"]
    assert main(["--root", str(simulated()), "--into", str(tmp_path / "circle"), *span]) == 2
    assert "give a new folder, or remove it first" in capsys.readouterr().err


@pytest.mark.parametrize("lacking", ["--into", "--start", "--end"])
def test_a_replay_is_told_where_to_lie_and_when_to_begin_and_end(
    tmp_path: Path, lacking: str, capsys: pytest.CaptureFixture[str]
) -> None:
    given = {"--into": str(tmp_path / "into"), "--start": "2015-10-05", "--end": "2015-10-08"}
    with pytest.raises(SystemExit, match="2"):
        main([part for flag, value in given.items() if flag != lacking for part in (flag, value)])
    assert f"required: {lacking}" in capsys.readouterr().err


def is_alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize(
    ("begun", "stop"),
    [
        pytest.param("decisions/STATUS.txt", lambda pid: os.killpg(pid, signal.SIGINT), id="ctrl-c"),
        pytest.param("datamart/bronze", lambda pid: os.kill(pid, signal.SIGTERM), id="sigterm-while-history-is-built"),
    ],
)
def test_who_stops_a_replay_stops_all_that_it_started(tmp_path: Path, begun: str, stop: Callable[[int], None]) -> None:
    span = ["--start", "2015-11-05", "--end", "2016-01-31"]
    words = [sys.executable, "-m", "jobs.replay", "--root", str(simulated()), "--into", str(tmp_path / "into"), *span]
    with subprocess.Popen(words, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, start_new_session=True) as process:
        until = time.monotonic() + 60
        while not (tmp_path / "into" / begun).exists() and time.monotonic() < until:
            time.sleep(0.05)
        stop(process.pid)
        said = process.communicate(timeout=60)[1]
    assert (process.returncode, said) == (143, b"stopped\n")
    until = time.monotonic() + 10
    while is_alive(process.pid) and time.monotonic() < until:
        time.sleep(0.1)
    assert not is_alive(process.pid)


@pytest.mark.parametrize("place", [".", "datamart/replay", "decisions/replay", "model_bank"])
def test_a_replay_never_lies_in_what_it_replays(tmp_path: Path, place: str) -> None:
    original = tmp_path / "original"
    for name in ("datamart", "decisions", "model_bank"):
        (original / name).mkdir(parents=True)
    span = ["--start", "2015-10-05", "--end", "2015-10-08"]
    assert main(["--root", str(original), "--into", str(original / place), *span]) == 2
    assert [path for folder in original.iterdir() for path in folder.iterdir()] == []


def test_a_replay_never_lies_in_what_it_replays_though_that_lies_elsewhere(tmp_path: Path) -> None:
    disk, original = tmp_path / "disk", tmp_path / "original"
    disk.mkdir()
    original.mkdir()
    (original / "datamart").symlink_to(disk)
    assert (
        main(["--root", str(original), "--into", str(disk / "x"), "--start", "2015-10-05", "--end", "2015-10-08"]) == 2
    )
