"""What a run makes of damage and strange files: noticed, told by name, and mended as the message says."""

from __future__ import annotations

import json
import os
import shutil
from datetime import date, timedelta
from itertools import product
from typing import TYPE_CHECKING

import pytest

from jobs.preprocessing import gold
from jobs.protocol import files, partitions
from jobs.protocol.errors import ContractBroken
from tests.preprocessing.roots import FIRST, LAST, built, current, land, landed, landing, preprocess, tree

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MIDDLE = FIRST + timedelta(days=2)
LAYERS = ("datamart/bronze", "datamart/silver", "datamart/gold")


def part_of(root: Path, table: str, day: date) -> Path:
    return next((root / partitions.folder(table, day)).glob("part-*.parquet"))


@pytest.mark.parametrize("mend", ["land the file again", "write the right checksum", "take the checksum away"])
def test_a_wrong_checksum_is_mended_as_the_message_says(tmp_path: Path, mend: str) -> None:
    root = landed(tmp_path)
    path = landing(root, "financial", MIDDLE)
    beside = path.with_name(path.name + ".sha256")
    for name in (path, beside):
        if name == beside:
            beside.write_text("0" * 64)
        os.utime(name, (1, 1))
    assert preprocess(root) == 4
    mends: dict[str, Callable[[], object]] = {
        "land the file again": lambda: land(path, path.read_bytes()),
        "write the right checksum": lambda: beside.write_text(files.sha256_of(path)),
        "take the checksum away": beside.unlink,
    }
    mends[mend]()
    assert preprocess(root) == 0


@pytest.mark.parametrize("table", ["bronze/financial", "silver/financial"])
def test_nothing_is_built_on_a_part_that_lost_a_bit_and_the_other_days_go_on(
    tmp_path: Path, table: str, capsys: pytest.CaptureFixture[str]
) -> None:
    root = built(tmp_path)
    part = part_of(root, table, MIDDLE)
    data = bytearray(part.read_bytes())
    data[len(data) // 3] ^= 1
    part.write_bytes(bytes(data))
    for day in (MIDDLE, LAST):
        shutil.rmtree(root / partitions.folder("gold/feature_store", day))
        shutil.rmtree(root / partitions.folder("silver/_rejects/financial", day))
    assert preprocess(root) == 6
    said = capsys.readouterr().err
    assert "a file's content does not match its name" in said
    assert part.name in said
    assert (root / partitions.manifest_name("gold/feature_store", LAST)).is_file()


@pytest.mark.parametrize("what", ["_features", "_labels"])
def test_after_gold_that_could_not_be_built_a_run_looks_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    def refuse(*_: object) -> None:
        raise ContractBroken("too good to be true", where="here", mend="there")

    whole, root = built(tmp_path / "whole"), landed(tmp_path / "root")
    with monkeypatch.context() as here:
        here.setattr(gold, what, refuse)
        assert preprocess(root) == 4
    assert preprocess(root) == 0
    assert current(root) == current(whole)


def test_labels_do_not_rest_on_a_day_that_cannot_be_read(tmp_path: Path) -> None:
    root = built(tmp_path)
    before = current(root, "datamart/gold/label_store")
    for table in ("silver/loan_performance", "bronze/loan_terms"):
        (root / partitions.manifest_name(table, MIDDLE)).write_bytes(b"{}")
    landing(root, "loan_terms", MIDDLE).unlink()
    assert preprocess(root) == 6
    assert current(root, "datamart/gold/label_store") == before


@pytest.mark.parametrize("folder", ["datamart/bronze", "datamart/.index", "decisions", "decisions/policies"])
def test_the_draft_of_a_run_that_died_is_swept_by_the_next(tmp_path: Path, folder: str) -> None:
    root = landed(tmp_path)
    (root / folder).mkdir(parents=True, exist_ok=True)
    (root / folder / ".draft-1-dead").touch()
    assert preprocess(root) == 0
    assert [*root.rglob(".draft-*")] == []


def test_a_manifest_of_a_newer_format_is_left_alone(tmp_path: Path) -> None:
    root = built(tmp_path)
    path = root / partitions.manifest_name("silver/financial", MIDDLE)
    newer = path.read_bytes().replace(b'"format": 1', b'"format": 2')
    path.write_bytes(newer)
    assert preprocess(root) == 6
    assert path.read_bytes() == newer


@pytest.mark.parametrize("kind", ["folder", "fifo", "link", "forbidden"])
def test_whatever_lies_in_place_of_a_landed_file_is_refused_and_the_others_go_on(tmp_path: Path, kind: str) -> None:
    root = built(tmp_path)
    path = landing(root, "financial", MIDDLE)
    if kind == "forbidden":
        if os.geteuid() == 0:
            pytest.skip("root may read everything")
        path.chmod(0)
    else:
        path.rename(tmp_path / "elsewhere")
        makers = {"folder": path.mkdir, "fifo": lambda: os.mkfifo(path)}
        makers.get(kind, lambda: path.symlink_to(tmp_path / "elsewhere"))()
    shutil.rmtree(root / partitions.folder("bronze/demographic", LAST))
    assert preprocess(root) in (1, 4)
    assert (root / partitions.manifest_name("bronze/demographic", LAST)).is_file()
    assert (root / partitions.manifest_name("bronze/financial", MIDDLE)).is_file()


def test_a_copied_folder_and_a_strange_name_are_no_partitions(tmp_path: Path) -> None:
    root = built(tmp_path)
    before = current(root, "datamart/gold")
    home = root / "datamart/silver/loan_performance"
    shutil.copytree(home / f"snapshot_date={LAST}", home / f"snapshot_date={LAST} (copy)")
    shutil.copytree(home / f"snapshot_date={MIDDLE}", home / "snapshot_date=2015-12-31")
    assert preprocess(root) in (0, 6)
    assert current(root, "datamart/gold") == before


def test_a_dry_run_leaves_an_index_that_is_gone_as_it_is(tmp_path: Path) -> None:
    root = built(tmp_path)
    shutil.rmtree(root / "datamart/.index")
    assert preprocess(root, LAST, "--dry-run") == 0
    assert not (root / "datamart/.index").exists()


def test_a_manifest_larger_than_any_is_never_read_whole(tmp_path: Path) -> None:
    root = built(tmp_path)
    before = current(root)
    os.truncate(root / partitions.manifest_name("silver/financial", MIDDLE), 1 << 42)
    assert preprocess(root) == 0
    assert current(root) == before


def test_a_mistyped_year_opens_no_millennia(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = landed(tmp_path)
    path = landing(root, "loan_terms", FIRST)
    shutil.copy(path, path.with_name("loan_terms_0216_01_04.csv"))
    assert preprocess(root) == 4
    told = capsys.readouterr().err
    assert "the name has no valid date" in told
    assert "in 2000 or later" in told


def test_where_nothing_was_left_to_do_what_is_deleted_since_is_built_again(tmp_path: Path) -> None:
    root = built(tmp_path)
    for day, table in product((FIRST, LAST), ("bronze/financial", "silver/loan_terms", "gold/feature_store")):
        assert preprocess(root) == 0
        whole = tree(root, *LAYERS)
        shutil.rmtree(root / f"datamart/{table}/snapshot_date={day}")
        assert preprocess(root) == 0
        assert tree(root, *LAYERS) == whole, (day, table)


def test_where_nothing_was_left_to_do_what_is_moved_to_another_day_since_is_built_again(tmp_path: Path) -> None:
    root = built(tmp_path)
    assert preprocess(root) == 0
    home = root / "datamart/silver/loan_terms"
    was = (home / f"snapshot_date={FIRST}").rename(home / "snapshot_date=2015-12-31")
    assert preprocess(root) == 0
    assert (home / f"snapshot_date={FIRST}/{partitions.MANIFEST}").is_file(), f"not only in {was.name}"


def test_files_of_later_days_say_nothing_about_an_earlier_one(tmp_path: Path) -> None:
    root = landed(tmp_path)
    shutil.copy(landing(root, "financial", LAST), landing(root, "financial", LAST).with_suffix(".jsonl"))
    assert preprocess(root, MIDDLE) == 0
    assert preprocess(root) == 4


def test_a_gap_in_the_past_stays_in_sight(tmp_path: Path) -> None:
    root = landed(tmp_path)
    landing(root, "financial", MIDDLE).unlink()
    assert preprocess(root) == 0
    receipt = json.loads((root / f"decisions/receipts/preprocessing/{LAST}/1.json").read_bytes())
    assert receipt["skipped"] == [{"what": f"features of {MIDDLE}", "why": "financial have no landing file for it"}]


def test_a_whole_run_and_steps_supersede_one_another(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = landed(tmp_path)
    late = landing(root, "financial", LAST)
    data = late.read_bytes()
    late.unlink()
    steps = ("check", "bronze", "silver", "gold")
    assert preprocess(root) == 3
    assert preprocess(root, LAST, "--step", "gold") == 3
    assert "1 of 4 tables have no file" in capsys.readouterr().err
    land(late, data)
    assert [preprocess(root, LAST, "--step", step) for step in steps] == [0, 0, 0, 0]


@pytest.mark.parametrize("text", ['{"version": 3, "files": {"a": [[1], ["x"]]}}', '{"version": 3, "files": 3}', "x"])
def test_a_foreign_index_is_forgotten(tmp_path: Path, text: str) -> None:
    root = built(tmp_path)
    before = current(root)
    for name in ("preprocessing.json", "preprocessing.settled.json"):
        (root / "datamart/.index" / name).write_text(text)
    assert preprocess(root) == 0
    assert current(root) == before


def test_a_root_whose_name_is_a_pattern_is_as_good_as_any(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobs.preprocessing.landing_csv.SMALL", 0)  # so that files are read by their names
    monkeypatch.setattr("jobs.protocol.shelf.MOST_WHOLE", 0)
    for name in ("one", "o[n]e", "on*"):
        (tmp_path / name).mkdir()
    usual = current(built(tmp_path / "one"))
    assert usual == current(built(tmp_path / "o[n]e")) == current(built(tmp_path / "on*"))
