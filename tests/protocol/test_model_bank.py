from __future__ import annotations

import json
import os
from datetime import date
from functools import cache
from typing import TYPE_CHECKING

import lightgbm as lgb
import numpy as np
import pytest

from jobs.protocol import model_bank
from jobs.protocol.errors import StoreDamaged
from jobs.protocol.files import Root

if TYPE_CHECKING:
    from pathlib import Path

DAY = date(2024, 1, 15)
MUTATIONS = 150


@cache
def contents() -> dict[str, bytes]:
    chance = np.random.default_rng(1)
    rows = chance.normal(size=(300, 3))
    labels = (rows[:, 0] + chance.normal(size=300) > 0).astype(float)
    settings = {"objective": "binary", "verbosity": -1, "num_threads": 1, "num_leaves": 4}
    booster = lgb.train(settings, lgb.Dataset(rows, label=labels), 5)
    prepared = {
        "feature_set_version": 1,
        "columns": booster.feature_name(),
        "vocabulary": {"Column_2": ["a", "b"]},
        "calibration": {"kind": "platt", "slope": 0.9, "intercept": 0.1},
        "reasons": {"groups": ["pricing"], "group_of": [0, -1, 0], "means": [0.0, 0.1, 0.2]},
    }
    trees, preparation = booster.model_to_string().encode(), json.dumps(prepared).encode()
    return {"model.txt": trees, "preparation.json": preparation, "card.html": b"<p>x"}


@pytest.fixture
def root(tmp_path: Path) -> Root:
    return Root(tmp_path, durable=False)


def test_what_was_put_comes_back_under_the_name_of_its_content(root: Root) -> None:
    put = model_bank.put(root, DAY, contents())
    assert put.model_id.startswith("20240115-")
    assert model_bank.get(root, put.model_id, put.sha256) == put
    assert dict(put.files) == contents()


def test_the_same_files_are_the_same_model_and_others_are_another(root: Root) -> None:
    put = model_bank.put(root, DAY, contents())
    assert model_bank.put(root, DAY, dict(reversed(contents().items()))) == put
    assert model_bank.put(root, DAY, contents() | {"card.html": b"<p>y"}).model_id != put.model_id
    assert model_bank.put(root, date(2024, 1, 16), contents()).model_id == "20240116" + put.model_id[8:]


def test_a_model_without_its_manifest_does_not_exist_and_can_be_put_again(root: Root) -> None:
    put = model_bank.put(root, DAY, contents())
    root.at(f"model_bank/{put.model_id}/manifest.json").unlink()
    assert "manifest.json is missing" in str(model_bank.unusable(root, put.model_id, put.sha256))
    assert model_bank.put(root, DAY, contents()) == put
    assert model_bank.unusable(root, put.model_id, put.sha256) is None
    assert model_bank.unusable(root, "20240115-ffffffffffff") == "the model is not there"


@pytest.mark.parametrize("is_left", [True, False])
def test_only_a_model_whose_recipe_is_left_is_said_to_be_made_again(root: Root, is_left: bool) -> None:
    put = model_bank.put(root, DAY, contents() | {"recipe.json": b"{}\n"})
    root.at(f"model_bank/{put.model_id}/{'model.txt' if is_left else 'recipe.json'}").unlink()
    lost = model_bank.damage(root, put.model_id, put.sha256)
    assert lost is not None
    assert ("--step rebuild" in lost.mend, "cannot be rebuilt" in lost.mend) == (is_left, not is_left)


@pytest.mark.parametrize(
    "model_id", ["../x", "20240115-0123456789AB", "20240115-0123456789ab\n", "", "20240115-0123456789a/"]
)
def test_what_is_no_name_of_a_model_leads_nowhere(root: Root, model_id: str) -> None:
    with pytest.raises(StoreDamaged, match="not a model id"):
        model_bank.get(root, model_id)


@pytest.mark.parametrize("name", ["../x.json", "manifest.json", "X.txt", "a.pkl"])
def test_a_model_holds_plain_names_only(root: Root, name: str) -> None:
    with pytest.raises(StoreDamaged):
        model_bank.put(root, DAY, {name: b"x"})


def test_any_changed_byte_is_found_before_anything_is_parsed(root: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    put = model_bank.put(root, DAY, contents())
    monkeypatch.setattr(model_bank, "_fails", lambda *_: pytest.fail("the trees were loaded"))
    chance = np.random.default_rng(5)
    names = [*contents(), "manifest.json"]
    for turn in range(MUTATIONS):
        path = root.at(f"model_bank/{put.model_id}/{names[turn % len(names)]}")
        whole = path.read_bytes()
        path.write_bytes(mutated(whole, chance))
        for expected in (put.sha256, None) if names[turn % len(names)] != "manifest.json" else (put.sha256,):
            with pytest.raises(StoreDamaged) as found:
                model_bank.get(root, put.model_id, expected)
            assert "--step rebuild" in found.value.mend
        path.write_bytes(whole)
    assert model_bank.get(root, put.model_id, put.sha256) == put


def test_a_mutated_manifest_that_nobody_vouches_for_never_crashes(root: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    put = model_bank.put(root, DAY, contents())
    monkeypatch.setattr(model_bank, "_fails", lambda *_: None)
    path = root.at(f"model_bank/{put.model_id}/manifest.json")
    whole, chance = path.read_bytes(), np.random.default_rng(6)
    for _ in range(MUTATIONS):
        path.write_bytes(mutated(whole, chance))
        if model_bank.unusable(root, put.model_id) is None:  # a blank more or less changes nothing that it says
            assert dict(model_bank.get(root, put.model_id).files) == contents()


def test_a_model_that_nobody_vouches_for_is_tried_apart_first(root: Root) -> None:
    put = model_bank.put(root, DAY, contents())
    assert model_bank.get(root, put.model_id) == put


@pytest.mark.parametrize("cut", [0.0, 0.3, 0.6], ids=["no trees", "cut early", "cut late"])
def test_trees_that_kill_their_reader_kill_the_trial_only(root: Root, cut: float) -> None:
    whole = contents()["model.txt"]
    put = model_bank.put(root, DAY, contents() | {"model.txt": whole[: int(len(whole) * cut)] or b"x"})
    assert "cannot be loaded" in str(model_bank.unusable(root, put.model_id))


@pytest.mark.parametrize(
    "change",
    [
        {"columns": ["Column_0"]},
        {"vocabulary": {"other": ["a"]}},
        {"vocabulary": {"Column_2": [1]}},
        {"vocabulary": "x"},
        {"calibration": {"kind": "platt", "slope": -1.0, "intercept": 0.1}},
        {"reasons": None},
        {"reasons": {"groups": [], "group_of": [0, 0, 0], "means": [0, 0, 0]}},
        {"feature_set_version": None},
        None,
    ],
)
def test_a_model_whose_sums_cannot_become_scores_is_refused_before_it_serves(
    root: Root, change: dict[str, object] | None
) -> None:
    whole = contents()
    others = b"[]" if change is None else json.dumps(json.loads(whole["preparation.json"]) | change).encode()
    put = model_bank.put(root, DAY, whole | {"preparation.json": others})
    told = "model.txt and preparation.json do not fit together"
    assert model_bank.unusable(root, put.model_id) == told
    assert model_bank.unusable(root, model_bank.put(root, DAY, {"model.txt": whole["model.txt"]}).model_id) == told


def test_trees_that_take_for_ever_are_given_up(root: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    put = model_bank.put(root, DAY, contents())
    model_bank._fails.cache_clear()  # of trees that have been found good
    monkeypatch.setattr(model_bank, "_PROBE", "import time; time.sleep(60)")
    monkeypatch.setattr(model_bank, "PROBE_SECONDS", 0.3)
    assert "could not be loaded within" in str(model_bank.unusable(root, put.model_id))
    model_bank._fails.cache_clear()


@pytest.mark.parametrize("name", ["", "/model.txt"])
def test_what_everybody_may_write_is_closed_and_not_rebuilt(root: Root, name: str) -> None:
    put = model_bank.put(root, DAY, contents())
    path = f"model_bank/{put.model_id}{name}"
    mode = root.at(path).stat().st_mode
    root.at(path).chmod(0o777)
    with pytest.raises(StoreDamaged, match="is world-writable") as refused:
        model_bank.get(root, put.model_id, put.sha256)
    assert refused.value.mend.startswith(f"chmod o-w {path}, ")
    root.at(path).chmod(mode)
    model_bank.get(root, put.model_id, put.sha256)


@pytest.mark.parametrize("plant", ["link", "fifo", "folder"])
def test_what_is_no_plain_file_is_refused_and_never_waited_for(root: Root, plant: str) -> None:
    put = model_bank.put(root, DAY, contents())
    path = root.at(f"model_bank/{put.model_id}/model.txt")
    path.rename(root.at("elsewhere"))
    if plant == "link":
        path.symlink_to(root.at("elsewhere"))
    elif plant == "fifo":
        os.mkfifo(path)
    else:
        path.mkdir()
    assert model_bank.unusable(root, put.model_id, put.sha256) is not None


def mutated(data: bytes, chance: np.random.Generator) -> bytes:
    """Flip a bit, cut, double or drop a piece."""
    at, kind = int(chance.integers(len(data))), int(chance.integers(4))
    end = min(len(data), at + 1 + int(chance.integers(20)))
    if kind == 0:
        return data[:at] + bytes([data[at] ^ (1 << int(chance.integers(8)))]) + data[at + 1 :]
    return (data[:at], data[:end] + data[at:], data[:at] + data[end:])[kind - 1]
