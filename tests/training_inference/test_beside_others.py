"""A run beside others: of its own job, of a training, and of whatever else takes the machine."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import polars as pl
import pytest

from jobs.protocol import files
from jobs.protocol.files import Root
from jobs.training_inference import job, scoring
from tests.training_inference.small_root import LAST, run
from tests.training_inference.test_job import ask, entries, scores

if TYPE_CHECKING:
    from pathlib import Path


def test_scores_that_another_run_published_meanwhile_stay(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def overtaken(*given: object) -> pl.DataFrame:
        monkeypatch.undo()
        assert run(root) == 0
        return scoring.scored(*given).with_columns(pl.col("pd") / 2)  # type: ignore[arg-type]

    monkeypatch.setattr(scoring, "scored", overtaken)
    assert run(root) == 0
    assert run(root, LAST, "--step", "rescore", "--verify") == 0


def test_while_another_training_runs_nothing_is_claimed_and_scoring_goes_on(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ask(root)
    with files.locked(Root(root), root / job.TRAINER, "held"):
        assert run(root, LAST, "--step", "decide") == 99
        assert run(root) == 75
    assert "another training runs on this root" in capsys.readouterr().err
    assert scores(root).height
    assert entries(root)[-1] == ("retraining", "completed")  # of the first model: the note is not even taken in


def test_threads_are_counted_once_before_there_is_any_load_of_the_run_itself(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loads = iter([0.0])
    monkeypatch.setattr(os, "getloadavg", lambda: (next(loads), 0.0, 0.0))
    assert run(root) == 0
    assert len([*root.glob("datamart/gold/predictions/snapshot_date=*")]) > 1
    assert [*loads] == []
