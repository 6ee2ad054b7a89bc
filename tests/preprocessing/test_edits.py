"""What a run makes of an edited policy and of landed files that change: taken up by the next one."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from jobs.preprocessing import stock, tables
from jobs.preprocessing.stock import Stock
from jobs.protocol import contract, partitions
from jobs.protocol.files import Root
from jobs.protocol.schemas import HOME
from tests.preprocessing.roots import FIRST, LAST, TABLES, built, current, land, landed, landing, preprocess, shorter

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


MIDDLE = FIRST + timedelta(days=2)


def test_an_edit_of_the_policy_is_taken_up_by_the_next_run(tmp_path: Path) -> None:
    root = built(tmp_path)
    before = current(root, "datamart/gold/label_store")
    (root / "decisions/policy.json").write_text(json.dumps({"label": {"window_months": 6}}))
    assert preprocess(root) == 0
    after = current(root, "datamart/gold/label_store")
    assert all(before[name] != after[name] for name in before)


def test_where_nothing_was_left_to_do_an_edited_contract_makes_the_next_run_look_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    root, contracts = built(tmp_path / "root"), tmp_path / "contracts"
    monkeypatch.setattr(stock, "HOME", shutil.copytree(HOME, contracts))
    monkeypatch.setattr(stock, "_contracts", stock._contracts.__wrapped__)  # another process, which reads them anew
    for edited in (False, True):
        if edited:
            (contracts / "silver/financial.json").write_text("{}")
        capsys.readouterr()
        assert preprocess(root) == 0
        assert ('"event": "nothing_to_do"' in capsys.readouterr().out) != edited


@pytest.mark.parametrize("edited", ["contract", "version"])
def test_an_edited_contract_or_a_raised_version_builds_its_tables_again_and_no_other(
    edited: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, load = built(tmp_path), contract.load
    before = current(root)
    if edited == "version":
        monkeypatch.setitem(tables.VERSIONS, "gold/feature_store", 2)
    else:
        other = {"gold/feature_store": replace(load("gold/feature_store"), sha256="0" * 64)}
        monkeypatch.setattr(contract, "load", lambda name: other.get(name) or load(name))
        monkeypatch.setattr(stock, "_contracts", lambda: "other")
    assert preprocess(root) == 0
    after = current(root)
    assert {name for name in after if after[name] != before[name]} == {*current(root, "datamart/gold/feature_store")}


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
    assert "restore it from decisions/policies" in capsys.readouterr().err
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


def test_a_dry_run_lists_what_a_restated_file_would_rebuild(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = built(tmp_path)
    path = landing(root, "financial", MIDDLE)
    land(path, shorter(path))
    capsys.readouterr()
    assert preprocess(root, LAST, "--dry-run") == 0
    said = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    planned = [line["name"] for line in said if line["event"] == "would_build"]
    tables = ("silver/financial", "silver/_rejects/financial", "gold/feature_store")
    assert planned == [f"datamart/{table}/snapshot_date={MIDDLE}" for table in tables]
