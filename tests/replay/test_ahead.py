"""A lane of work in a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from multiprocessing import active_children
from pathlib import Path

import pytest

from jobs.protocol.command import Stopped, stop
from jobs.protocol.errors import InputMissing, JobError
from jobs.replay.ahead import ahead


def square(number: int, item: int) -> tuple[tuple[int, int, int], bool]:
    return (number, item * item, os.getpid()), True


def refuse(number: int, item: int) -> tuple[int, bool]:
    if number == 2:
        raise InputMissing("the third is missing", where="the list", mend="add it")
    return item, True


def sleep(_: int, seconds: float) -> tuple[None, bool]:
    time.sleep(seconds)
    return None, True


def die(number: int, _: int) -> tuple[int, bool]:
    if number == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return number, True


def interrupt(_: int, __: int) -> tuple[None, bool]:
    raise KeyboardInterrupt


def write(number: int, folder: Path) -> tuple[None, bool]:
    time.sleep(0.05)
    (folder / str(number)).touch()
    return None, True


def hold(number: int, folder: Path) -> tuple[int, bool]:
    (folder / str(number)).touch()
    return number, number != 2


def hold_all(_: int, __: int) -> tuple[int, bool]:
    return os.getpid(), False


def pass_over(number: int, folder: Path) -> tuple[None, bool]:
    if number:
        signal.signal(signal.SIGTERM, stop)  # as a run does
        with suppress(Stopped):
            (folder / "begun").touch()
            time.sleep(60)
    return None, not number


def pass_over_and_work(_: int, folder: Path) -> tuple[None, bool]:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    (folder / "begun").touch()
    time.sleep(60)
    return None, True


def nothing() -> None:
    pass


def test_every_result_is_given_once_in_order_and_comes_from_another_process() -> None:
    with ahead(square, range(5, 15)) as wait_for:
        first = wait_for(0, nothing)
        rest = wait_for(9, nothing)
        assert wait_for(9, nothing) == []
    found = [*first, *rest]
    assert [each[:2] for each in found] == [(number, item * item) for number, item in enumerate(range(5, 15))]
    assert len({pid for _, _, pid in found} | {os.getpid()}) == 2


def test_a_wait_is_told_of_as_long_as_it_lasts() -> None:
    looks: list[int] = []
    with ahead(sleep, [1.0]) as wait_for:
        wait_for(0, lambda: looks.append(1))
    assert len(looks) >= 3


def test_a_failure_is_raised_where_its_piece_is_waited_for_at_the_latest() -> None:
    with ahead(refuse, range(4)) as wait_for, pytest.raises(JobError, match="the third is missing") as told:
        wait_for(2, nothing)
    assert (told.value.where, told.value.mend) == ("the list", "add it")


def test_a_piece_that_asks_for_it_is_waited_for_before_the_next_one_begins(tmp_path: Path) -> None:
    with ahead(hold, [tmp_path] * 6) as wait_for:
        found = wait_for(0, nothing)  # and those that are there by then
        time.sleep(0.5)
        assert sorted(path.name for path in tmp_path.iterdir()) == ["0", "1", "2"]
        assert [*found, *wait_for(2, nothing), *wait_for(5, nothing)] == list(range(6))
    assert len(list(tmp_path.iterdir())) == 6


def test_a_lane_that_was_killed_is_told_of() -> None:
    with ahead(die, range(3)) as wait_for, pytest.raises(JobError, match="has died"):
        wait_for(2, nothing)


def test_who_waits_for_a_lane_that_was_interrupted_stops_too() -> None:
    with ahead(interrupt, range(3)) as wait_for, pytest.raises(Stopped):
        wait_for(2, nothing)


def test_a_lane_that_was_killed_while_it_was_held_is_told_of() -> None:
    with ahead(hold_all, range(3)) as wait_for:
        [lane] = wait_for(0, nothing)
        os.kill(lane, signal.SIGKILL)
        time.sleep(0.3)
        with pytest.raises(JobError, match="has died"):
            wait_for(1, nothing)


def test_a_lane_that_is_held_behind_its_last_piece_stops_with_whoever_waits() -> None:
    with ahead(hold_all, range(1)) as wait_for:
        [lane] = wait_for(0, nothing)
    with pytest.raises(ProcessLookupError):
        os.kill(lane, 0)


@pytest.mark.parametrize(
    ("work", "patience"),
    [
        pytest.param(pass_over, 20.0, id="held-ends-when-nobody-reads"),
        pytest.param(pass_over_and_work, 1.0, id="at-work-is-killed"),
    ],
)
def test_a_lane_that_passes_over_a_stop_keeps_nobody_waiting(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    work: Callable[[int, Path], tuple[None, bool]],
    patience: float,
) -> None:
    monkeypatch.setattr("jobs.replay.ahead.PATIENCE", patience)
    with ahead(work, [tmp_path] * 2):
        while not (tmp_path / "begun").exists():
            time.sleep(0.01)
        told = time.monotonic()
    assert time.monotonic() - told < 20
    assert active_children() == []


def test_whoever_waits_no_more_stops_the_lane(tmp_path: Path) -> None:
    with ahead(write, [tmp_path] * 1000) as wait_for:
        wait_for(1, nothing)
    done = len(list(tmp_path.iterdir()))
    time.sleep(0.3)
    assert 2 <= len(list(tmp_path.iterdir())) == done < 1000


@pytest.mark.parametrize(
    ("piece", "waits"),
    [
        pytest.param("write", "wait_for(999, nothing)", id="at-work"),
        pytest.param("hold", "time.sleep(60)", id="held-with-results-unread"),
    ],
)
def test_the_lane_of_a_killed_process_ends(tmp_path: Path, piece: str, waits: str) -> None:
    program = f"""
import time
from collections.abc import Callable
from contextlib import suppress
from multiprocessing import active_children
from pathlib import Path
from jobs.replay.ahead import ahead
from tests.replay.test_ahead import hold, nothing, write
if __name__ == "__main__":
    with ahead({piece}, [Path({str(tmp_path)!r})] * 1000) as wait_for:
        {waits}
"""
    with subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.PIPE) as process:
        until = time.monotonic() + 60
        while not any(tmp_path.iterdir()) and time.monotonic() < until:
            time.sleep(0.05)
        time.sleep(0.3)
        process.kill()
        assert process.communicate(timeout=20)[1] == b"", "the end of what it says is the end of the lane, too"
    assert 1 <= len(list(tmp_path.iterdir())) < 1000


def test_a_lane_that_is_stopped_while_it_tells_of_an_interrupt_says_nothing() -> None:
    program = """
import os, signal
from jobs.protocol.command import stop
from jobs.replay.ahead import _lane
from tests.replay.test_ahead import interrupt
class Reader:
    def send(self, found):
        os.kill(os.getpid(), signal.SIGTERM)  # as a reader does that the same Ctrl-C has reached
signal.signal(signal.SIGTERM, stop)
_lane(interrupt, [0], Reader())
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
