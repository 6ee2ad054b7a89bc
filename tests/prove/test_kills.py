"""A few of the kills of `make prove`, so that the harness itself is known to work."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from jobs.protocol import ledger
from jobs.protocol.files import Root
from jobs.protocol.store import FolderStore
from tests.prove import monitoring, preprocessing, tools, training
from tests.prove.system_calls import Case, Subject, cases, differences, trace, try_all, verdict

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")


@pytest.mark.parametrize(
    ("subject", "least", "few"),
    [
        pytest.param(preprocessing.SUBJECT, 300, 3, id="preprocessing"),
        pytest.param(training.SUBJECT, 150, 2, id="training"),
        pytest.param(monitoring.SUBJECT, 120, 2, id="monitoring"),
        pytest.param(tools.SUBJECTS["simulate"], 50, 1, id="simulate"),
        pytest.param(tools.SUBJECTS["import"], 500, 1, id="import"),
        pytest.param(tools.SUBJECTS["gc"], 10, 1, id="gc"),
        pytest.param(tools.SUBJECTS["rebuild"], 50, 1, id="rebuild"),
    ],
)
def test_a_job_killed_or_failed_at_a_system_call_is_mended_by_running_again(
    tmp_path: Path, subject: Subject, least: int, few: int
) -> None:
    template, whole, other = tmp_path / "template", tmp_path / "whole", tmp_path / "other"
    subject.land(template)
    shutil.copytree(template, whole)
    shutil.copytree(template, other)
    found = cases(trace(subject.argv(whole), tmp_path / "trace"), whole)
    expected = subject.observe(whole)
    else_too = subject.else_too(other, expected)
    assert len(found) > least
    some = found[len(found) // (2 * few) :: len(found) // few]
    failed = [Case(case.name, case.ordinal, "ENOSPC") for case in some if case.may_fail]
    outcomes = list(try_all(subject, template, tmp_path / "roots", [*some, *failed], workers=2))
    shown = [(str(outcome.case), verdict(outcome, expected, else_too), outcome) for outcome in outcomes]
    wrong = [(case, said, differences(one, expected)) for case, said, one in shown if said.startswith("WRONG")]
    assert wrong == []
    assert sum(outcome.code in (-9, 137) for outcome in outcomes) == len(some)


def test_a_training_killed_under_its_claim_leaves_two_entries_more_and_the_same_fold(tmp_path: Path) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    training.land(whole)
    shutil.copytree(whole, killed)
    before = _kinds(killed)
    trainer = subprocess.Popen(training.argv(killed), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while trainer.poll() is None and "claimed" not in _kinds(killed)[len(before) :]:
        time.sleep(0.01)
    os.kill(trainer.pid, signal.SIGKILL)
    assert trainer.wait() == -signal.SIGKILL
    for root in (whole, killed):
        subprocess.run(training.argv(root), check=True, capture_output=True)
    ends = _kinds(whole)[len(before) :]
    assert ends.count("claimed") == 1
    again = ends.index("claimed") + 1
    assert _kinds(killed)[len(before) :] == [*ends[:again], "attempt_failed", "claimed", *ends[again:]]
    assert training.observed(killed) == training.observed(whole)


def _kinds(root: Path) -> list[str]:
    return [entry.kind for entry in ledger.read(FolderStore(Root(root))).entries]
