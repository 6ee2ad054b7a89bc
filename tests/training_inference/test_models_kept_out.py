"""Models that do not serve: kept out by a person or a policy, too early, damaged, or of other features."""

from __future__ import annotations

import errno
import json
import os
from datetime import timedelta
from typing import TYPE_CHECKING, NoReturn

import polars as pl
import pytest

from jobs.protocol import model_bank, partitions
from jobs.protocol.files import Root
from jobs.training_inference import dataset, gates
from tests.monitoring.small_weeks import put_rows, rows
from tests.training_inference.small_root import (
    FIRST,
    LAST,
    ask,
    entries,
    run,
    scores,
    state,
)

if TYPE_CHECKING:
    from pathlib import Path


def test_a_model_that_a_pin_keeps_out_is_told_with_the_reason(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gates.Gate, "passed", True)
    wish = {"model_id": state(root).model_id, "pinned": True}
    (root / "decisions/serving_decision.json").write_text(json.dumps(wish))
    ask(root)
    assert run(root) == 0
    why = "it passed its gates, but the model that serves is pinned"
    assert json.loads(max(root.glob(f"decisions/receipts/*/{LAST}/*")).read_bytes())["skipped"][0]["why"] == why
    assert f"    {why}\n" in (root / "decisions/retraining_log_2016_08_22.txt").read_text()


def test_a_first_model_is_not_proposed_while_too_few_loans_are_bad_or_good(fresh: Path) -> None:
    early = FIRST + timedelta(days=200)
    assert run(fresh, early) == 0
    assert entries(fresh) == []
    (skipped,) = json.loads((fresh / f"decisions/receipts/training_inference/{early}/1.json").read_bytes())["skipped"]
    assert skipped["what"] == "a first model"
    assert f"{dataset.LEAST_CLASS} of each are needed" in skipped["why"]
    assert run(fresh, early) == 0
    assert [path.name for path in (fresh / f"decisions/receipts/training_inference/{early}").iterdir()] == ["1.json"]


def test_no_first_model_is_asked_for_while_the_policy_is_broken(fresh: Path) -> None:
    assert run(fresh, LAST, "--step", "model") == 0  # the policy is on record
    (fresh / "decisions/policy.json").write_text("{half")
    assert run(fresh) == 5
    assert ("retraining", "proposed") not in entries(fresh)
    assert not (fresh / "decisions/retraining_decision.json").exists()


def test_rows_of_other_features_than_the_model_knows_wait_for_a_model_of_theirs(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    known = rows(root, "gold/feature_store", LAST)
    other = known.with_columns(pl.col("feature_set_version") + 1)
    put_rows(root, "gold/feature_store", LAST, other)
    assert run(root) == 3
    assert f"where: {partitions.folder('gold/feature_store', LAST)}" in capsys.readouterr().err
    assert partitions.read(Root(root), "gold/predictions", LAST) is None
    assert partitions.read(Root(root), "gold/predictions", LAST - timedelta(days=1)) is not None
    put_rows(root, "gold/feature_store", LAST, known)
    assert run(root) == 0
    assert scores(root)["id"].sort().equals(known["id"].sort())


def test_a_damaged_model_never_scores(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trees = root / "model_bank" / str(state(root).model_id) / "model.txt"
    trees.write_bytes(trees.read_bytes()[:-100])
    assert run(root) == 6
    said = capsys.readouterr()
    assert "model.txt does not match the manifest" in said.err
    assert '"problems": 1}' in said.out, "scoring and status have met the same one"
    assert partitions.read(Root(root), "gold/predictions", LAST) is None


def test_a_damaged_model_is_told_by_every_run_and_by_the_status(
    root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(root) == 0
    trees = root / "model_bank" / str(state(root).model_id) / "model.txt"
    data = trees.read_bytes()
    trees.write_bytes(data[:500] + bytes([data[500] ^ 1]) + data[501:])
    monkeypatch.setattr(model_bank, "_checked", lambda *_: pytest.fail("a third of a second that hashes do not need"))
    capsys.readouterr()
    assert run(root) == 6  # with nothing to score
    assert capsys.readouterr().err.count("model.txt does not match the manifest") == 1
    said = " ".join((root / "decisions/STATUS.txt").read_text().split())
    assert "PROBLEMS 1. model.txt does not match the manifest where: model_bank/" in said
    assert "serves and cannot be used, see PROBLEMS" in said
    trees.write_bytes(data)
    assert run(root) == 0
    assert "PROBLEMS" not in (root / "decisions/STATUS.txt").read_text()


def test_a_run_that_the_system_does_not_let_read_the_serving_model_fails_and_the_next_one_trains(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def does_not_answer(*_: object) -> NoReturn:
        monkeypatch.undo()  # when STATUS.txt is written, it answers again
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    ask(root)
    for step in ("decide", "train"):
        monkeypatch.setattr(model_bank, "whole", does_not_answer)
        assert run(root, LAST, "--step", step) == 1
        assert entries(root)[-1] == ("retraining", "proposed")
    assert run(root) == 0
    assert [kind for _, kind in entries(root)][-2:] == ["claimed", "completed"]
