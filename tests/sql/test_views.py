from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import polars as pl
import pytest

from jobs.protocol import contract, schemas
from jobs.protocol.layers import LAYERS
from jobs.sql import asking
from tests.sql.built import FIRST, SECOND, THIRD, ask, build, refused

if TYPE_CHECKING:
    from pathlib import Path

COUNT = "select count(*) as n, sum(amount) as s from (select loan_amnt as amount from silver_loan_terms)"


def test_every_table_with_a_contract_has_a_view_and_every_view_a_knowledge_date() -> None:
    known = {view.name: view for view in asking.known()}
    of_contracts = {path.stem for layer in LAYERS for path in (schemas.HOME / layer).glob("*.json")}
    assert {view.contract.partition("/")[2] for view in known.values()} == of_contracts
    assert known["silver_rejects_financial"].table == "silver/_rejects/financial"
    assert {"bronze_loan_terms", "silver_loan_performance", "gold_feature_store", "gold_label_store"} <= set(known)
    for view in known.values():
        assert [column.dtype for column in view.columns if column.name == "snapshot_date"] == ["date"]


def test_rows_are_those_that_had_landed_by_the_date(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number, day in enumerate((FIRST, SECOND, THIRD)):
        build(tmp_path, "bronze/loan_terms", day, {"id": [str(number)]})
    query = "select id, snapshot_date from bronze_loan_terms order by id"
    assert ask(capsys, tmp_path, query, "--date", "2024-01-02") == "id,snapshot_date\n0,2024-01-01\n1,2024-01-02\n"
    assert ask(capsys, tmp_path, query).count("\n") == 4
    one_day = "select id from bronze_loan_terms where snapshot_date = date '2024-01-03'"
    assert ask(capsys, tmp_path, one_day) == "id\n2\n"
    assert ask(capsys, tmp_path, one_day, "--date", "2024-01-02") == "id\n"


def test_a_corrected_partition_shows_its_new_version_only(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old = build(tmp_path, "silver/loan_terms", FIRST, {"id": [1, 2], "loan_amnt": [10.0, 20.0]})
    build(tmp_path, "silver/loan_terms", FIRST, {"id": [1], "loan_amnt": [15.0]})
    assert old.is_file()
    assert ask(capsys, tmp_path, COUNT) == "n,s\n1,15.0\n"


def test_a_file_that_no_manifest_lists_is_not_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    part = build(tmp_path, "silver/loan_terms", FIRST, {"id": [1], "loan_amnt": [10.0]})
    shutil.copy(part, part.with_name("part-000-of-001-000000000000.parquet"))
    shutil.copytree(part.parent, part.parent.with_name("snapshot_date=2024-01-01 (copy)"))
    (part.parent.parent / "snapshot_date=2024-01-02").mkdir()
    shutil.copy(part, part.parent.parent / "snapshot_date=2024-01-02")
    assert ask(capsys, tmp_path, COUNT) == "n,s\n1,10.0\n"


def test_files_of_older_contracts_are_read_by_name_and_widened(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ids = pl.Series([1], dtype=pl.Int8)
    build(tmp_path, "silver/loan_terms", FIRST, {"loan_amnt": [1.0], "id": ids, "given_up": ["x"]})
    build(tmp_path, "silver/loan_terms", SECOND, {"id": [2**40], "grade": ["B"], "loan_amnt": [2.0]})
    told = ask(capsys, tmp_path, "select id, loan_amnt, grade from silver_loan_terms order by id")
    assert told == f"id,loan_amnt,grade\n1,1.0,\n{2**40},2.0,B\n"
    assert "given_up" not in ask(capsys, tmp_path, "from silver_loan_terms")


def test_a_table_that_is_not_built_yet_is_an_empty_view(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    build(tmp_path, "silver/loan_terms", FIRST, {"id": [1]})
    header = ",".join(column.name for column in contract.load("gold/label_store").columns)
    assert ask(capsys, tmp_path, "from gold_label_store") == f"{header}\n"
    joined = "select s.id, y from silver_loan_terms s left join gold_label_store using (id)"
    assert ask(capsys, tmp_path, joined) == "id,y\n1,\n"
    described = ask(
        capsys, tmp_path, "select column_type from (describe gold_label_store) where column_name in ('y', 'id')"
    )
    assert described == "column_type\nBIGINT\nTINYINT\n"


@pytest.mark.parametrize("query", ["show tables", " SHOW\nTABLES", "select table_name from information_schema.tables"])
def test_the_views_can_be_asked_for_without_reading_any(
    query: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    build(tmp_path, "silver/demographic", FIRST, {"id": [1]}).write_bytes(b"damaged, and not read")
    assert sorted(ask(capsys, tmp_path, query).split()[1:]) == sorted(view.name for view in asking.known())


def test_a_root_with_characters_that_mean_something_elsewhere_is_only_a_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    build(tmp_path / "other", "silver/loan_terms", FIRST, {"id": [7], "loan_amnt": [7.0]})
    root = tmp_path / "**[a]? 'quoted' \"so\" \\ snapshot_date=2020-01-01"
    build(root, "silver/loan_terms", FIRST, {"id": [1], "loan_amnt": [10.0]})
    assert ask(capsys, root, COUNT) == "n,s\n1,10.0\n"


@pytest.mark.parametrize("damage", ["cut", "gone", "spoiled", 0.2, 0.3, 0.5, 0.9])
def test_a_damaged_file_is_told_and_never_half_read(
    damage: str | float, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    part = build(tmp_path, "silver/loan_terms", FIRST, {"id": [1], "loan_amnt": [1.0]})
    data = part.read_bytes()
    if damage == "gone":
        part.unlink()
    elif isinstance(damage, float):  # of the way in
        place = int(damage * len(data))
        part.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
    else:
        part.write_bytes(data[:-1] if damage == "cut" else b"PAR1" + bytes(len(data) - 4))
    code, told = refused(capsys, tmp_path, COUNT)
    assert code == 6
    assert f"{part.name}\n  mend:" in told


@pytest.mark.parametrize("lost", ["the rows", "the manifest"])
def test_nobody_is_told_to_delete_scores(lost: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    part = build(tmp_path, "gold/predictions", FIRST, {"id": [1]})
    (part if lost == "the rows" else part.parent / "_manifest.json").write_bytes(b"")
    code, told = refused(capsys, tmp_path, "select count(id) from gold_predictions")
    assert code == 6
    assert "mend:  restore it from a backup; if deleted, the day is scored again" in told
