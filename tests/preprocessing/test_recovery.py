"""What a run makes of edits, damage and strange files: noticed, told by name, and mended as the message says."""

from __future__ import annotations

import json
import os
import shutil
from datetime import date, timedelta
from typing import TYPE_CHECKING

import pytest

from jobs.preprocessing.stock import Stock
from jobs.protocol import partitions
from jobs.protocol.files import Root
from tests.preprocessing.roots import FIRST, LAST, TABLES, built, current, land, landed, landing, preprocess

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MIDDLE = FIRST + timedelta(days=2)


def shorter(path: Path) -> bytes:
    """The file without its last row."""
    return "\n".join(path.read_text("utf-8").splitlines()[:-1]).encode() + b"\n"


def part_of(root: Path, table: str, day: date) -> Path:
    return next((root / partitions.folder(table, day)).glob("part-*.parquet"))


def test_an_edit_of_the_policy_is_taken_up_by_the_next_run(tmp_path: Path) -> None:
    root = built(tmp_path)
    before = current(root, "datamart/gold/label_store")
    (root / "decisions/policy.json").write_text(json.dumps({"label": {"window_months": 6}}))
    assert preprocess(root) == 0
    after = current(root, "datamart/gold/label_store")
    assert all(before[name] != after[name] for name in before)


def test_a_broken_policy_is_told_of_with_its_place_and_features_go_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = built(tmp_path)
    shutil.rmtree(root / partitions.folder("gold/feature_store", LAST))
    (root / "decisions/policy.json").write_text('{"label": {"dpdd": 90}}')
    assert preprocess(root) == 5
    assert "did you mean" in capsys.readouterr().err
    assert (root / partitions.manifest_name("gold/feature_store", LAST)).is_file()


@pytest.mark.parametrize("ledger", [False, True], ids=["before-any-training", "with-a-ledger"])
def test_a_policy_that_is_gone_is_not_replaced_and_the_labels_stay(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], *, ledger: bool
) -> None:
    root = landed(tmp_path)
    (root / "decisions").mkdir()
    (root / "decisions/policy.json").write_text(json.dumps({"label": {"window_months": 6}}))
    assert preprocess(root) == 0
    before = current(root)
    if ledger:
        shutil.rmtree(root / "decisions/policies")
        (root / "decisions/ledger").mkdir()
        (root / "decisions/ledger/00000001.json").touch()
    (root / "decisions/policy.json").unlink()
    assert preprocess(root) == 5
    assert "copy the newest one back from decisions/policies" in capsys.readouterr().err
    assert not (root / "decisions/policy.json").exists()
    assert current(root) == before
    (root / "decisions/policy.json").write_text(json.dumps({"label": {"window_months": 6}}))
    assert preprocess(root) == 0
    assert current(root) == before


def test_labels_do_not_fail_where_nothing_landed_for_longer_than_their_window(tmp_path: Path) -> None:
    root = landed(tmp_path)
    (root / "decisions").mkdir()
    short = {"window_months": 3, "lag_days": 0, "closing_days": 0}
    (root / "decisions/policy.json").write_text(json.dumps({"label": short}))
    assert preprocess(root) == 0
    later = LAST + timedelta(days=427)
    for table in TABLES:  # a day without rows
        land(landing(root, table, later), landing(root, table, FIRST).read_bytes().splitlines(keepends=True)[0])
    assert preprocess(root, later) == 0
    assert partitions.existing(Root(root), "gold/label_store", later - timedelta(days=1)).rows == 0


def test_a_file_that_lands_while_the_run_is_at_work_is_taken_up_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = landed(tmp_path)
    path = landing(root, "financial", MIDDLE)
    corrected = shorter(path)
    real = Stock.settle

    def lands_first(*arguments: object) -> None:
        land(path, corrected)
        real(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Stock, "settle", lands_first)
    assert preprocess(root) == 0
    monkeypatch.setattr(Stock, "settle", real)
    rows = partitions.existing(Root(root), "bronze/financial", MIDDLE).rows
    assert preprocess(root) == 0
    assert partitions.existing(Root(root), "bronze/financial", MIDDLE).rows == rows - 1


@pytest.mark.parametrize("what", ["nothing", "policy", "landing file", "landing file gone", "manifest", "late file"])
def test_a_run_of_a_new_day_takes_up_what_changed_in_the_days_before(tmp_path: Path, what: str) -> None:
    """As one that has forgotten everything would."""
    root = landed(tmp_path)
    path = landing(root, "financial", MIDDLE)
    whole = path.read_bytes()
    if what == "late file":
        path.unlink()
    assert preprocess(root, LAST - timedelta(days=1)) == 0
    changes: dict[str, Callable[[], object]] = {
        "nothing": lambda: None,
        "policy": lambda: (root / "decisions/policy.json").write_text(json.dumps({"label": {"window_months": 6}})),
        "landing file": lambda: land(path, shorter(path)),
        "landing file gone": path.unlink,
        "manifest": lambda: (root / partitions.manifest_name("silver/loan_performance", MIDDLE)).write_bytes(b"{}"),
        "late file": lambda: land(path, whole),
    }
    changes[what]()
    assert preprocess(root) == 0
    found = current(root)
    shutil.rmtree(root / "datamart/.index")
    assert preprocess(root) == 0
    assert current(root) == found


def test_other_bytes_under_the_same_size_and_time_are_noticed(tmp_path: Path) -> None:
    root = built(tmp_path)
    before = current(root, "datamart/bronze/financial")
    path = landing(root, "financial", MIDDLE)
    stat, text = path.stat(), path.read_text("utf-8")
    header, first, *rest = text.splitlines()
    land(path, "\n".join([header, first[:-1] + ("1" if first[-1] != "1" else "2"), *rest, ""]).encode())
    assert path.stat().st_size == stat.st_size
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    preprocess(root)
    assert current(root, "datamart/bronze/financial") != before


@pytest.mark.parametrize("mend", ["write the right checksum", "take the checksum away"])
def test_a_wrong_checksum_is_mended_as_the_message_says(tmp_path: Path, mend: str) -> None:
    root = landed(tmp_path)
    path = landing(root, "financial", MIDDLE)
    beside = path.with_name(path.name + ".sha256")
    for name in (path, beside):
        if name == beside:
            beside.write_text("0" * 64)
        os.utime(name, (1, 1))
    assert preprocess(root) == 4
    land(path, path.read_bytes()) if mend.startswith("write") else beside.unlink()
    os.utime(path, (1, 1))
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
    assert "a file is not what its name says" in said
    assert part.name in said
    assert (root / partitions.manifest_name("gold/feature_store", LAST)).is_file()


def test_labels_do_not_rest_on_a_day_that_cannot_be_read(tmp_path: Path) -> None:
    root = built(tmp_path)
    before = current(root, "datamart/gold/label_store")
    for table in ("silver/loan_performance", "bronze/loan_terms"):
        (root / partitions.manifest_name(table, MIDDLE)).write_bytes(b"{}")
    landing(root, "loan_terms", MIDDLE).unlink()
    assert preprocess(root) == 6
    assert current(root, "datamart/gold/label_store") == before


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


def test_a_mistyped_year_opens_no_millennia(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = landed(tmp_path)
    path = landing(root, "loan_terms", FIRST)
    shutil.copy(path, path.with_name("loan_terms_0216_01_04.csv"))
    assert preprocess(root) == 4
    assert "the name holds no date that can be" in capsys.readouterr().err


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


def test_a_dry_run_lists_what_a_restated_file_would_rebuild(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = built(tmp_path)
    path = landing(root, "financial", MIDDLE)
    land(path, shorter(path))
    capsys.readouterr()
    assert preprocess(root, LAST, "--dry-run") == 0
    said = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    planned = [line["name"] for line in said if line["event"] == "would_build"]
    assert planned == [f"datamart/silver/financial/snapshot_date={MIDDLE}", "gold/feature_store"]


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
