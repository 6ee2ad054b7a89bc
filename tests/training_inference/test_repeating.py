"""What was trained and scored can be done again years later, and comes out the same to the byte."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import polars as pl
import pytest

from jobs.protocol import files, partitions
from jobs.protocol import ledger as ledgers
from jobs.protocol.files import DRAFT, Root
from jobs.protocol.store import FolderStore
from tests import stored
from tests.training_inference.small_root import EARLIER, EASY, LAST, run

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def served(root: Path) -> str:
    model_id = ledgers.read(FolderStore(Root(root))).state.model_id
    assert model_id is not None
    return model_id


def snapshot(root: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in root.rglob("*") if path.is_file() and "receipts" not in path.parts}


def rewrite(root: Path, table: str) -> None:
    """A corrected file came for a day: its partition is replaced, the old one stays for those who cite it."""
    whole = Root(root)
    manifest = partitions.existing(whole, table, EARLIER)
    rows = stored.scan(whole, manifest).collect()
    with files.draft(whole, partitions.drafts_folder(whole, table)) as path:
        rows.head(rows.height // 2).write_parquet(path)
        part = partitions.part_of(path, rows.height // 2)
        partitions.publish(
            whole,
            partitions.Manifest(
                **{name: getattr(manifest, name) for name in manifest.__dataclass_fields__ if name != "parts"},
                parts=(part,),
            ),
            [path],
        )


def test_a_model_is_rebuilt_to_the_byte_though_its_inputs_and_the_policy_have_changed_since(root: Path) -> None:
    for table in ("gold/feature_store", "gold/label_store"):
        rewrite(root, table)
    (root / "decisions/policy.json").write_text(json.dumps(EASY | {"feature_profile": "granting"}))
    before = snapshot(root / "model_bank")
    assert run(root, LAST, "--step", "rebuild", "--model", served(root), "--verify") == 0
    assert snapshot(root / "model_bank") == before


def test_a_model_that_the_bank_has_lost_is_put_back_by_its_recipe(root: Path) -> None:
    folder = root / "model_bank" / served(root)
    before = snapshot(folder)
    (folder / "model.txt").write_bytes(b"tree\n")
    (folder / "card.html").unlink()
    assert run(root, LAST, "--step", "rebuild", "--model", served(root), "--verify") == 6
    assert run(root, LAST, "--step", "rebuild", "--model", served(root)) == 0
    assert snapshot(folder) == before


def test_the_draft_of_a_rebuild_that_died_is_swept_by_the_next_and_left_by_a_comparison(root: Path) -> None:
    folder = root / "model_bank" / served(root)
    before = snapshot(folder)
    left = folder / f"{DRAFT}1-0123456789ab"
    left.touch()
    assert run(root, LAST, "--step", "rebuild", "--model", served(root), "--verify") == 0
    assert left.exists()
    assert run(root, LAST, "--step", "rebuild", "--model", served(root)) == 0
    assert snapshot(folder) == before


def test_a_lost_manifest_is_told_and_not_put_back_by_a_comparison(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = root / "model_bank" / served(root) / "manifest.json"
    data = manifest.read_bytes()
    manifest.unlink()
    assert run(root, LAST, "--step", "rebuild", "--model", served(root), "--verify") == 6
    assert "manifest.json in the model bank is not as it was trained" in capsys.readouterr().err
    assert not manifest.exists()
    assert run(root, LAST, "--step", "rebuild", "--model", served(root)) == 0
    assert manifest.read_bytes() == data
    assert '"event": "same"' in capsys.readouterr().out


def test_an_empty_bank_has_no_model_to_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path, LAST, "--step", "rebuild", "--model", "20160101-0123456789ab") == 2
    assert "name a model of the bank: none yet" in capsys.readouterr().err


def test_a_recipe_of_other_rows_is_found_out(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipe = root / "model_bank" / served(root) / "recipe.json"
    told = json.loads(recipe.read_bytes())
    told["inputs"].popitem()
    recipe.write_text(json.dumps(told))
    assert run(root, LAST, "--step", "rebuild", "--model", served(root), "--verify") == 6
    assert "came out different" in capsys.readouterr().err


@pytest.mark.parametrize("named", [None, "", "../../etc", "20160101-0123456789ab"])
def test_a_model_that_is_not_there_is_a_usage_error_that_names_those_that_are(
    root: Path, named: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(root, LAST, "--step", "rebuild", *(() if named is None else ("--model", named))) == 2
    said = capsys.readouterr().err
    assert served(root) in said
    assert ("has no recipe" in said) == bool(named)


def test_every_scored_day_comes_out_the_same_again_also_after_its_features_were_replaced(root: Path) -> None:
    rewrite(root, "gold/feature_store")
    before = snapshot(root)
    assert run(root, EARLIER, "--step", "rescore", "--verify") == 0
    assert snapshot(root) == before


def put_scores(root: Path, changed: Callable[[pl.DataFrame], pl.DataFrame]) -> None:
    """As if the scores of the day had come out like this."""
    whole = Root(root)
    manifest = partitions.existing(whole, "gold/predictions", EARLIER)
    rows = changed(stored.scan(whole, manifest).collect())
    shutil.rmtree(root / partitions.folder("gold/predictions", EARLIER))
    with files.draft(whole, partitions.drafts_folder(whole, "gold/predictions")) as path:
        rows.write_parquet(path)
        part = partitions.part_of(path, rows.height)
        facts = {name: getattr(manifest, name) for name in manifest.__dataclass_fields__ if name != "parts"}
        partitions.publish(whole, partitions.Manifest(**facts, parts=(part,)), [path])


@pytest.mark.parametrize(
    ("changed", "named"), [(pl.col("pd") * 0.99, "pd"), (pl.lit(1).alias("no_longer_made"), "no_longer_made")]
)
def test_a_changed_score_is_found_out_by_its_column(
    root: Path, changed: pl.Expr, named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    put_scores(root, lambda rows: rows.with_columns(changed))
    assert run(root, EARLIER, "--step", "rescore", "--verify") == 6
    assert f"rescored, {named} came out different" in capsys.readouterr().err


@pytest.mark.parametrize("factor", [1.0, 0.99])
def test_of_a_day_scored_before_a_column_was_added_the_columns_that_it_has_are_compared(
    root: Path, factor: float, capsys: pytest.CaptureFixture[str]
) -> None:
    put_scores(root, lambda rows: rows.drop("reason_3", "reason_4").with_columns(pl.col("pd") * factor))
    assert run(root, EARLIER, "--step", "rescore", "--verify") == (0 if factor == 1 else 6)
    told = capsys.readouterr()
    assert ('"not_compared": ["reason_3", "reason_4"]' in told.out) == (factor == 1)
    assert ("rescored, pd came out different" in told.err) == (factor != 1)


def test_a_scored_day_is_never_scored_over(root: Path) -> None:
    before = snapshot(root)
    assert run(root, EARLIER, "--step", "rescore") == 2
    assert snapshot(root) == before
