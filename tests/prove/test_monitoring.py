"""Monitoring at its two worst moments: beside another monitoring run, and dead between its note and the ledger."""

from __future__ import annotations

import shutil
import signal
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from jobs.protocol import ledger
from jobs.protocol.files import Root
from jobs.protocol.store import RETRAINING_NOTE, FolderStore
from tests.prove import monitoring, system_calls

if TYPE_CHECKING:
    from pathlib import Path

    from jobs.protocol.state import State

pytestmark = pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
PATIENCE = 60.0  # seconds


@pytest.fixture(scope="module")
def landed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("landed") / "root"
    monitoring.land(root)
    return root


@pytest.fixture
def root(landed: Path, tmp_path: Path) -> Path:
    return shutil.copytree(landed, tmp_path / "root")


@pytest.fixture(scope="module")
def unrecorded(landed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run was killed when it began to write into the ledger: the week's note is in place by then."""
    folder = tmp_path_factory.mktemp("unrecorded")
    root, other = (shutil.copytree(landed, folder / name) for name in ("root", "other"))
    traced = system_calls.trace(monitoring.argv(other), folder / "trace")
    at = traced.index('/decisions/ledger>, ".draft-')
    case = system_calls.cases(traced[: traced.index("\n", at) + 1], other)[-1]
    assert system_calls.finished(system_calls.injected(case, monitoring.argv(root))).returncode in (-9, 137)
    assert _state(root).head == _state(landed).head
    assert (root / RETRAINING_NOTE).read_bytes() != (landed / RETRAINING_NOTE).read_bytes()
    return root


def test_of_two_monitoring_runs_at_once_one_exits_75_and_leaves_the_other_its_work(root: Path, landed: Path) -> None:
    whole = shutil.copytree(landed, root.with_name("whole"))
    assert system_calls.finished(monitoring.argv(whole)).returncode == 0
    argv = monitoring.argv(root)
    quiet = subprocess.DEVNULL
    with subprocess.Popen(argv, stdout=quiet, stderr=quiet, env=system_calls.environment()) as first:
        _wait_for(root / f"datamart/gold/monitoring/week={monitoring.WEEK}")
        first.send_signal(signal.SIGSTOP)
        second = system_calls.finished(argv)
        first.send_signal(signal.SIGCONT)
        assert first.wait(PATIENCE) == 0
    assert second.returncode == 75
    assert system_calls.MEND.search(second.stderr)
    assert monitoring.observed(root) == monitoring.observed(whole)


def test_a_note_deleted_between_its_placing_and_its_recording_is_put_back_once(
    unrecorded: Path, tmp_path: Path
) -> None:
    root = shutil.copytree(unrecorded, tmp_path / "root")
    note = (root / RETRAINING_NOTE).read_bytes()
    (root / RETRAINING_NOTE).unlink()
    assert system_calls.finished(monitoring.argv(root)).returncode == 0
    assert (root / RETRAINING_NOTE).read_bytes() == _open_note(root) == note
    (root / RETRAINING_NOTE).unlink()
    assert system_calls.finished(monitoring.argv(root)).returncode == 0
    assert not (root / RETRAINING_NOTE).exists()
    assert _open_note(root) is None
    ends = [(ending.how, ending.decision.note == note) for ending in _state(root).ended[1:]]
    assert ends == [("withdrawn", False), ("withdrawn", True)]  # the first: of the week before, whose note is gone too


def test_a_note_that_lies_there_unrecorded_is_recorded_as_monitorings_own(unrecorded: Path, tmp_path: Path) -> None:
    root = shutil.copytree(unrecorded, tmp_path / "root")
    note = (root / RETRAINING_NOTE).read_bytes()
    assert system_calls.finished(monitoring.argv(root)).returncode == 0
    standing = _state(root).open
    assert standing is not None
    assert (standing.note, standing.source) == (note, "monitor")
    assert [ending.how for ending in _state(root).ended[1:]] == ["superseded"]


def _state(root: Path) -> State:
    return ledger.read(FolderStore(Root(root))).state


def _open_note(root: Path) -> bytes | None:
    standing = _state(root).open
    return standing.note if standing else None


def _wait_for(path: Path) -> None:
    until = time.monotonic() + PATIENCE
    while not path.exists():
        assert time.monotonic() < until, "the run does not come so far"
        time.sleep(0.005)
