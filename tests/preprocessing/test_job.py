"""The whole job on small simulated roots: what it promises, by what it leaves on disk."""

from __future__ import annotations

import gzip
import json
import random
import shutil
from datetime import date, timedelta
from typing import TYPE_CHECKING

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jobs.protocol import files, partitions
from jobs.protocol.files import Root
from tests import stored
from tests.preprocessing.roots import (
    FIRST,
    LAST,
    TABLES,
    built,
    current,
    land,
    landed,
    landing,
    preprocess,
    tables_of,
    tree,
)
from tests.progress import finished

if TYPE_CHECKING:
    from pathlib import Path

DAYS = [FIRST + timedelta(days=n) for n in range((LAST - FIRST).days + 1)]
MIDDLE = DAYS[2]
GOLD = "datamart/gold/"


def changed(before: dict[str, str], after: dict[str, str]) -> set[str]:
    return {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}


def test_every_landed_day_is_built_in_every_layer(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = built(tmp_path)
    each = (f"silver {table}" for table in TABLES)
    assert finished(capsys.readouterr().out) >= {"bronze", *each, "features", "labels"}
    for day in DAYS:
        assert tables_of(root, day) == {
            *(f"datamart/bronze/{table}" for table in TABLES),
            *(f"datamart/silver/_rejects/{table}" for table in TABLES),
            *(f"datamart/silver/{table}" for table in (*TABLES, "loan_performance", "credit_performance")),
            "datamart/gold/feature_store",
            "datamart/gold/label_store",
        }


def test_a_second_run_does_nothing_and_leaves_every_byte_and_time_alone(tmp_path: Path) -> None:
    root = built(tmp_path)
    before = {path: path.stat().st_mtime_ns for path in root.rglob("*")}
    assert preprocess(root) == 0
    assert {path: path.stat().st_mtime_ns for path in root.rglob("*")} == before


def test_a_run_without_the_index_changes_nothing_but_the_index(tmp_path: Path) -> None:
    root = built(tmp_path)
    before = tree(root)
    shutil.rmtree(root / "datamart/.index")
    assert preprocess(root) == 0
    assert tree(root) == before


@settings(max_examples=4, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.permutations(DAYS))
def test_days_built_one_by_one_in_any_order_give_what_one_go_gives(
    order: list[date], tmp_path_factory: pytest.TempPathFactory
) -> None:
    whole = built(tmp_path_factory.mktemp("whole"))
    root = landed(tmp_path_factory.mktemp("piecewise"))
    for day in order:
        assert preprocess(root, day) == 0
    assert preprocess(root) == 0
    assert current(root) == current(whole)


def test_the_steps_one_by_one_give_what_the_whole_job_gives(tmp_path: Path) -> None:
    whole, root = built(tmp_path / "whole"), landed(tmp_path / "steps")
    for step in ("check", "bronze", "silver", "gold"):
        assert preprocess(root, LAST, "--step", step) == 0
    assert tree(root) == tree(whole)


def test_gold_of_a_day_is_the_same_whatever_lands_later(tmp_path: Path) -> None:
    """The future has not landed: files dated after a day, and outcomes in them, change nothing of that day."""
    whole, root = built(tmp_path / "whole"), landed(tmp_path / "cut")
    for path in (root / "datamart/landing").rglob("*.csv*"):
        if path.name.split(".")[0][-10:] > MIDDLE.isoformat().replace("-", "_"):
            path.unlink()
    assert preprocess(root, MIDDLE) == 0
    up_to = {name: digest for name, digest in current(whole).items() if name.split("=")[1][:10] <= str(MIDDLE)}
    assert current(root) == up_to


def test_poisoned_outcomes_after_a_day_change_nothing_of_that_day(tmp_path: Path) -> None:
    whole, root = built(tmp_path / "whole"), landed(tmp_path / "poisoned")
    chance = random.Random(5)
    for day in DAYS[3:]:
        path = landing(root, "loan_terms", day)
        lines = path.read_text("utf-8").splitlines()
        poison = [line.replace("Current", chance.choice(["Charged Off", "Fully Paid"])) for line in lines]
        land(path, ("\n".join(poison) + "\n").encode())
    assert preprocess(root) == 0
    gold = current(whole, GOLD)
    assert {name for name in changed(gold, current(root, GOLD)) if name.split("=")[1][:10] <= str(MIDDLE)} == set()


def test_a_dry_run_says_what_it_would_do_and_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = landed(tmp_path)
    (root / "datamart/bronze").mkdir()
    (root / "datamart/bronze/.draft-1-dead").touch()
    before = tree(root)
    assert preprocess(root, LAST, "--dry-run") == 0
    assert tree(root) == before
    said = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len([line for line in said if line["event"] == "would_read"]) == len(DAYS) * len(TABLES)
    assert [line["files"] for line in said if line["event"] == "landed"] == [len(DAYS) * len(TABLES)]


def test_a_restated_file_rebuilds_what_depends_on_it_and_nothing_else(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = built(tmp_path)
    before = current(root)
    path = landing(root, "financial", MIDDLE)
    lines = path.read_text("utf-8").splitlines()
    land(path, ("\n".join(lines[:-1]) + "\n").encode())
    capsys.readouterr()
    assert preprocess(root, LAST, "--dry-run") == 0
    assert "financial_2016_01_06.csv" in capsys.readouterr().out
    assert preprocess(root) == 0
    assert {name.split("/snapshot_date=")[0] for name in changed(before, current(root))} == {
        "datamart/bronze/financial",
        "datamart/silver/financial",
        "datamart/silver/_rejects/financial",
        "datamart/gold/feature_store",
    }
    assert {name.split("=")[1][:10] for name in changed(before, current(root))} == {str(MIDDLE)}


def test_what_an_older_model_rests_on_stays_readable_after_a_restatement(tmp_path: Path) -> None:
    root = built(tmp_path)
    old = partitions.existing(Root(root), "gold/feature_store", MIDDLE)
    path = landing(root, "financial", MIDDLE)
    land(path, "\n".join(path.read_text("utf-8").splitlines()[:-1]).encode() + b"\n")
    assert preprocess(root) == 0
    new = partitions.existing(Root(root), "gold/feature_store", MIDDLE)
    assert new != old
    home = root / partitions.folder("gold/feature_store", MIDDLE)
    assert [partitions.parse(path.read_bytes(), where="m") for path in home.glob("_manifest-*.json")] == [old]
    assert stored.scan(Root(root), old).collect().height == old.rows


def test_a_restated_file_whose_rows_are_the_same_rebuilds_bronze_alone(tmp_path: Path) -> None:
    """Only the content of its input decides what is built again: quoting a cell differently changes no content."""
    root = built(tmp_path)
    before = current(root)
    path = landing(root, "financial", MIDDLE)
    land(path, path.read_bytes().replace(b"\n", b"\r\n"))
    assert preprocess(root) == 0
    assert {name.split("/snapshot_date=")[0] for name in changed(before, current(root))} == {
        "datamart/bronze/financial"
    }


def test_a_deleted_or_damaged_partition_is_built_again_with_the_same_bytes(tmp_path: Path) -> None:
    root = built(tmp_path)
    before = current(root)
    shutil.rmtree(root / partitions.folder("silver/demographic", MIDDLE))
    (root / partitions.manifest_name("bronze/financial", LAST)).write_bytes(b"{}")
    assert preprocess(root) == 0
    assert current(root) == before


def test_rows_and_cells_are_conserved_and_the_manifest_proves_it(tmp_path: Path) -> None:
    root = Root(built(tmp_path))
    for table in TABLES:
        for day in DAYS:
            landed_rows = partitions.existing(root, f"bronze/{table}", day).rows
            manifest = partitions.existing(root, f"silver/{table}", day)
            counts = manifest.counts
            assert counts["rows.in"] == landed_rows == counts["rows.out"] + counts["rows.rejected"]
            assert manifest.rows == counts["rows.out"]
            left = counts["cells.in"] + counts["cells.made"]
            went = [counts[f"cells.{door}"] for door in ("out", "token", "rejected", "in_rejected_rows")]
            assert left == sum(went)
            lines = partitions.existing(root, f"silver/_rejects/{table}", day).rows
            assert lines == counts["rows.rejected"] + counts["cells.rejected"] + counts["cells.unseen"]


def test_no_value_of_a_row_reaches_a_log_a_receipt_or_a_manifest(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = landed(tmp_path)
    path = landing(root, "financial", MIDDLE)
    header, first, *rest = path.read_text("utf-8").splitlines()
    cells = first.split(",")
    cells[header.split(",").index("dti")] = "CANARY-4711"
    land(path, "\n".join([header, ",".join(cells), *rest, ""]).encode())
    land(landing(root, "demographic", LAST), b"CANARY-4711,x\n1,2,3\n")
    assert preprocess(root) == 4
    said = capsys.readouterr()
    written = "".join(path.read_text("utf-8") for path in root.rglob("*.json"))
    assert "CANARY-4711" not in said.out + said.err + written
    rejects = pl.read_parquet(next((root / partitions.folder("silver/_rejects/financial", MIDDLE)).glob("*.parquet")))
    assert rejects.filter(pl.col("raw") == "CANARY-4711").select("column", "rule").rows() == [("dti", "parse")]


def rewritten(path: Path, kind: str) -> None:
    """The same rows in another format, with its checksum."""
    other = path.with_suffix(f".{kind}")
    if kind == "csv.gz":
        other.write_bytes(gzip.compress(path.read_bytes()))
    elif kind == "parquet":
        pl.read_csv(path).write_parquet(other)
    else:
        pl.read_csv(path).write_ndjson(other)
    path.unlink()
    path.with_name(f"{path.name}.sha256").unlink()
    other.with_name(f"{other.name}.sha256").write_text(f"{files.sha256_of(other)}  {other.name}\n")


@pytest.mark.parametrize("kind", ["csv.gz", "parquet", "jsonl"])
def test_other_formats_of_the_same_rows_give_the_same_silver(tmp_path: Path, kind: str) -> None:
    from jobs.simulate.__main__ import main as simulate

    arguments = ["--start", str(FIRST), "--end", str(FIRST), "--loans-per-day", "8", "--seed", "7"]
    frames = []
    for name in ("csv", kind):
        root = tmp_path / name
        root.mkdir()
        assert simulate(["--root", str(root), *arguments]) == 0
        for path in [*(root / "datamart/landing").rglob("*.csv")] if name != "csv" else []:
            rewritten(path, kind)
        assert preprocess(root, FIRST) == 0
        manifest = partitions.existing(Root(root), "silver/financial", FIRST)
        frames.append(stored.scan(Root(root), manifest).collect())
    assert frames[0].equals(frames[1])
