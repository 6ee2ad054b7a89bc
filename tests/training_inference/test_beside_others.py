"""A run beside others: of its own job, of a training, and of whatever else takes the machine."""

from __future__ import annotations

import json
import os
import subprocess
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from jobs.protocol import claims, files, ledger, model_bank
from jobs.protocol.command import STOPPED, Stopped
from jobs.protocol.files import Root
from jobs.protocol.state import MAX_ATTEMPTS
from jobs.protocol.store import STATUS
from jobs.training_inference import scoring, training
from tests.protocol.build import refused_unheld
from tests.training_inference.small_root import LAST, ask, edit_policy, entries, run, scores, state

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType


def test_scores_that_another_run_published_meanwhile_stay(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def overtaken(*given: object) -> pl.DataFrame:
        monkeypatch.undo()
        assert run(root) == 0
        return scoring.predictions(*given).with_columns(pl.col("pd") / 2)  # type: ignore[arg-type]

    monkeypatch.setattr(scoring, "predictions", overtaken)
    assert run(root) == 0
    assert run(root, LAST, "--step", "rescore", "--verify") == 0


def test_while_another_training_runs_nothing_is_claimed_and_scoring_goes_on(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ask(root)
    with files.locked(Root(root), root / claims.TRAINER, "held"):
        assert run(root, LAST, "--step", "decide") == 99
        assert run(root) == 75
    assert "another training runs on this root" in capsys.readouterr().err
    assert scores(root).height
    assert entries(root)[-1] == ("retraining", "completed")  # of the first model: the note is not even taken in


@pytest.mark.parametrize("when", ["before the run", "while it trains"])
def test_a_model_of_nobody_is_tried_once_and_while_no_other_job_must_wait(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], when: str
) -> None:
    strange, tried = model_bank.put(Root(root), LAST, {"model.txt": when.encode()}).model_id, list[str]()
    train = training.train

    def chosen(*given: Any, **more: Any) -> Any:
        (root / "decisions/serving_decision.json").write_text(json.dumps({"model_id": strange}))
        return train(*given, **more) if given else None

    if when == "before the run":
        chosen()
    else:
        ask(root)
        monkeypatch.setattr(training, "train", chosen)
    monkeypatch.setattr(subprocess, "run", partial(refused_unheld, Root(root), tried))
    assert run(root) == 5
    assert "a trial ended with code 3" in capsys.readouterr().err
    assert len(tried) == 1


def test_while_a_training_lasts_the_status_says_so(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(training, "learn", lambda *_: said.append((root / STATUS).read_text()))
    ask(root)
    run(root)
    assert f"  claimed      by training for {LAST} (ledger entry 5)\n" in said[0]


def test_the_lease_of_a_claim_lasts_as_long_as_the_policy_says(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "learn", lambda *_: None)
    edit_policy(root, decision={"lease_minutes": 45})
    ask(root)
    run(root)
    claimed = json.loads((root / ledger.name_of(5)).read_bytes())
    lasts = datetime.fromisoformat(claimed["body"]["lease_until"]) - datetime.fromisoformat(claimed["at"])
    assert (claimed["kind"], round(lasts.total_seconds() / 60)) == ("claimed", 45)


@pytest.mark.parametrize(
    ("stop", "where", "name"),
    [
        pytest.param(Stopped(), training, "train", id="SIGTERM"),
        pytest.param(KeyboardInterrupt(), training, "train", id="Ctrl-C"),
        pytest.param(Stopped(), training, "learn", id="before-it-reads"),
        pytest.param(Stopped(), claims, "complete", id="after-it-was-published"),
    ],
)
def test_a_training_that_was_stopped_gives_the_decision_back_and_is_none_of_its_attempts(
    root: Path, monkeypatch: pytest.MonkeyPatch, stop: BaseException, where: ModuleType, name: str
) -> None:
    def stopped(*_: object, **__: object) -> None:
        raise stop

    ask(root)
    monkeypatch.setattr(where, name, stopped)
    for _ in range(MAX_ATTEMPTS + 1):
        assert run(root) == STOPPED
        assert "may be claimed by the next training run" in " ".join((root / STATUS).read_text().split())
    standing = state(root).open
    assert standing is not None
    assert (standing.attempts, standing.claim) == (0, None)
    monkeypatch.setattr(where, name, lambda *_, **__: 1 / 0)
    assert run(root) == 1
    assert (state(root).open or standing).attempts == 1


def test_threads_are_counted_once_before_there_is_any_load_of_the_run_itself(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loads = iter([0.0])
    monkeypatch.setattr(os, "getloadavg", lambda: (next(loads), 0.0, 0.0))
    assert run(root) == 0
    assert len([*root.glob("datamart/gold/predictions/snapshot_date=*")]) > 1
    assert [*loads] == []
