"""The real sample, from the public file to features and labels. Skipped where the sample is not at hand."""

from __future__ import annotations

import csv
import hashlib
import os
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from jobs.import_lending_club.__main__ import main as import_lending_club
from jobs.preprocessing import job
from jobs.protocol import contract, index, ledger, partitions, receipts
from jobs.protocol.files import Root
from jobs.protocol.layers import SILVER_OF
from jobs.protocol.store import FolderStore
from jobs.training_inference import job as training
from tests import stored

BESIDE = Path(__file__).parents[2].parent / "shared/data"
SAMPLE = Path(os.environ.get("P2P_SAMPLE_DATA", BESIDE)) / "lending_club_sample/lending_club_sample.csv"
pytestmark = pytest.mark.skipif(not SAMPLE.is_file(), reason="the Lending Club sample is not at hand")

TABLES = tuple(SILVER_OF)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Root:
    """The sample imported, then preprocessed month by month: the same rows in a thirtieth of the days."""
    daily, monthly = (tmp_path_factory.mktemp(name) for name in ("daily", "monthly"))
    assert import_lending_club([str(SAMPLE), "--root", str(daily)]) == 0
    for table in TABLES:
        _gather(daily / f"datamart/landing/{table}", monthly / f"datamart/landing/{table}")
    assert job.main(["--root", str(monthly), "--date", "2019-05-01"]) == 0
    return Root(monthly)


def _gather(daily: Path, monthly: Path) -> None:
    monthly.mkdir(parents=True)
    months: dict[str, list[bytes]] = {}
    for path in sorted(daily.glob("*.csv")):
        header, rows = path.read_bytes().split(b"\n", 1)
        months.setdefault(path.stem[:-3], [header + b"\n"]).append(rows)
    for month, parts in months.items():
        year, number = (int(part) for part in month.split("_")[-2:])
        name = f"{daily.name}_{year + number // 12}_{number % 12 + 1:02}_01.csv"  # the first of the month after
        (monthly / name).write_bytes(data := b"".join(parts))
        (monthly / f"{name}.sha256").write_text(hashlib.sha256(data).hexdigest())


def total(root: Root, table: str, count: str) -> int:
    found = (partitions.existing(root, table, day) for day in index.manifests(root, table))
    return sum(manifest.counts[count] for manifest in found)


def rows(root: Root, table: str) -> pl.LazyFrame:
    found = (partitions.existing(root, table, day) for day in index.manifests(root, table))
    return pl.concat([stored.scan(root, manifest) for manifest in found])


def test_every_row_and_cell_of_the_sample_is_accounted_for(root: Root) -> None:
    with SAMPLE.open(encoding="utf-8", newline="") as file:
        loans = sum(1 for _ in csv.reader(file)) - 1
    for table in TABLES:
        silver = f"silver/{table}"
        landed = total(root, silver, "rows.in")
        assert landed == total(root, f"bronze/{table}", "rows.out")
        assert landed == total(root, silver, "rows.out") + total(root, silver, "rows.rejected")
        assert landed == loans if table != "loan_terms" else landed > loans
        cells = {door: total(root, silver, f"cells.{door}") for door in ("in", "made", "out", "token", "rejected")}
        cells["lost"] = total(root, silver, "cells.in_rejected_rows")
        assert cells["in"] + cells["made"] == cells["out"] + cells["token"] + cells["rejected"] + cells["lost"]
    assert total(root, "gold/feature_store", "applications") == loans
    assert rows(root, "gold/feature_store").select(pl.col("id").n_unique()).collect().item() == loans


def test_no_column_that_tells_the_outcome_reaches_gold(root: Root) -> None:
    outcomes = {
        column.name
        for table in ("loan_performance", "credit_performance")
        for column in contract.load(f"silver/{table}").columns
        if column.role == "post"
    }
    assert len(outcomes) == 40
    assert outcomes.isdisjoint(rows(root, "gold/feature_store").collect_schema().names())


def test_labels_of_the_sample_are_those_of_matured_and_resolved_loans(root: Root) -> None:
    found = rows(root, "gold/label_store").collect()
    kinds = dict(found["label_kind"].value_counts().iter_rows())
    assert set(kinds) == {"bad", "early_good", "survived"}
    assert found.filter(pl.col("known_date") > pl.col("snapshot_date")).is_empty()
    assert found.filter((pl.col("y") == 1) != (pl.col("label_kind") == "bad")).is_empty()
    assert 0.02 < kinds["bad"] / found.height < 0.12


def test_training_on_the_sample_runs_and_says_that_it_is_too_small(root: Root) -> None:
    assert training.main(["--root", str(root.path), "--date", "2019-05-01"]) == 0
    told = receipts.latest_by_step(root, "training_inference", date(2019, 5, 1))["all"]
    assert [skipped["what"] for skipped in told["skipped"]] == ["a first model"]
    assert "of each are needed" in told["skipped"][0]["why"]
    assert ledger.read(FolderStore(root)).entries == ()
