"""The damage of `make prove`, in short. tests/decisions/test_checking.py has that of the fsck."""

from __future__ import annotations

import shutil
from functools import cache
from pathlib import Path

import pytest

from jobs.protocol import ledger, model_bank
from jobs.protocol.errors import StoreDamaged
from jobs.protocol.files import Root
from jobs.protocol.store import RETRAINING_NOTE, FolderStore
from jobs.scorer import scorer
from tests.built_once import scratch
from tests.prove import damage
from tests.prove.mutations import mutations


@cache
def whole() -> Path:
    root = scratch() / "root"
    damage.trained(root)
    return root


@pytest.fixture
def root(tmp_path: Path) -> Path:
    shutil.copytree(whole(), tmp_path / "root")
    return tmp_path / "root"


def test_a_mutated_file_of_a_model_is_refused_and_never_the_end_of_a_job(root: Path) -> None:
    assert damage.models(root, 51) == {"refused": 102}


@pytest.mark.parametrize("name", damage.BY_HAND)
def test_a_file_edited_anyhow_is_understood_or_refused_with_its_place_and_mend(
    root: Path, tmp_path: Path, name: str
) -> None:
    came_to = list(damage.by_hand(root, tmp_path, name, 35))
    assert [said for said in came_to if said.startswith("WRONG")] == []
    assert {"understood", "refused, with its place and mend"} == set(came_to)


def test_a_step_that_shows_a_bug_or_loses_bytes_is_wrong(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(damage, "STEPS", ())
    (root / RETRAINING_NOTE).unlink(missing_ok=True)
    assert list(damage._wrong(root, RETRAINING_NOTE, b"{")) == ["its bytes are lost"]


def test_trees_that_know_other_columns_than_the_preparation_are_refused(root: Path) -> None:
    whole = Root(root)
    files = model_bank.get(whole, str(ledger.read(FolderStore(whole)).state.model_id), None).files
    trees = files["model.txt"].replace(b"int_rate", b"imt_rate")
    assert trees != files["model.txt"]
    with pytest.raises(StoreDamaged, match="other columns"):
        scorer.of({**files, "model.txt": trees})


def test_mutations_are_many_and_the_same_for_a_seed() -> None:
    few = [found for found, _ in zip(mutations(b'{"a": [1, "b"]}', 3), range(200), strict=False)]
    assert len(set(few)) > 150
    assert few == [found for found, _ in zip(mutations(b'{"a": [1, "b"]}', 3), range(200), strict=False)]


def test_damage_that_the_fsck_does_not_see_is_told(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(damage, "decisions", lambda _: 0)
    found = [is_seen for _, is_seen in damage.damages(root, 1)]
    assert len(found) > 100
    assert not any(found)
