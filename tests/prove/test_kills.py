"""A few of the kills of `make prove`, so that the harness itself is known to work."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from tests.prove import preprocessing
from tests.prove.system_calls import Case, cases, fingerprint, trace, try_all, verdict

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")


def test_preprocessing_killed_or_failed_at_a_system_call_is_mended_by_running_again(tmp_path: Path) -> None:
    template, whole = tmp_path / "template", tmp_path / "whole"
    preprocessing.land(template)
    shutil.copytree(template, whole)
    found = cases(trace(preprocessing.argv(whole), tmp_path / "trace"), whole)
    expected = fingerprint(whole, preprocessing.IGNORED)
    assert len(found) > 300
    some = found[:: len(found) // 5]
    failed = [case for case in some if case.name != "write"]  # which thread's write fails cannot be chosen
    tried = [*some, *(Case(case.name, case.ordinal, "ENOSPC") for case in failed)]
    outcomes = list(try_all(template, tmp_path / "roots", preprocessing.argv, preprocessing.IGNORED, tried))
    assert [verdict(outcome, expected) for outcome in outcomes if verdict(outcome, expected).startswith("WRONG")] == []
    assert sum(outcome.code in (-9, 137) for outcome in outcomes) == len(some)
