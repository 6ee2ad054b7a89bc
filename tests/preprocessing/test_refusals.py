"""Where most of what landed is refused, or comes too late to be scored, the run that builds the day says so."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from jobs.protocol import files, partitions
from jobs.protocol.files import Root
from jobs.protocol.layers import FEATURES, PREDICTIONS
from tests import stored
from tests.preprocessing.roots import FIRST, LAST, TABLES, built, land, landed, landing, preprocess

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

    import pytest

DAYS = [FIRST + timedelta(n) for n in range((LAST - FIRST).days + 1)]


def told(capsys: pytest.CaptureFixture[str], event: str = "refused") -> list[dict[str, Any]]:
    said = map(json.loads, capsys.readouterr().out.splitlines())
    return [one for one in said if one["event"] == event]


def edit(root: Path, table: str, column: str, text: str, *, most: bool = True) -> None:
    """Write a text into a column: in all rows of each day but the first, or in half of them."""
    for day in DAYS[1:]:
        path = landing(root, table, day)
        header, *rows = (line.split(",") for line in path.read_text("utf-8").splitlines())
        for row in rows if most else rows[: len(rows) // 2]:
            row[header.index(column)] = text
        land(path, "".join(",".join(row) + "\n" for row in (header, *rows)).encode())


def test_a_source_that_writes_its_dates_anew_is_told_of_once_for_each_table_with_its_newest_day(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = landed(tmp_path)
    edit(root, "loan_terms", "issue_d", "2016-01-13")
    assert preprocess(root) == 0
    (one,) = [one for one in told(capsys) if "loan_terms" in one["name"]]
    name = f"datamart/silver/_rejects/loan_terms/snapshot_date={LAST}"
    assert (one["name"], one["rules"], one["days"]) == (name, ["row.key"], len(DAYS) - 1)
    (receipt,) = (root / f"decisions/receipts/preprocessing/{LAST}").iterdir()
    why = f"lists most rows: row.key ({len(DAYS) - 1} such days in this run)"
    assert {"what": name, "why": why} in json.loads(receipt.read_bytes())["skipped"]
    assert preprocess(root) == 0
    assert told(capsys) == [], "nothing was built"


def test_a_column_that_mostly_cannot_be_read_is_told_of_and_one_half_of_which_can_is_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = landed(tmp_path)
    edit(root, "financial", "dti", "$18")
    edit(root, "demographic", "annual_inc", "60k", most=False)
    assert preprocess(root) == 0
    (one,) = told(capsys)
    assert one["name"] == f"datamart/silver/_rejects/financial/snapshot_date={LAST}"
    assert one["rules"] == ["cell.dti.parse"]


def test_a_rate_that_lands_as_a_fraction_is_kept_and_told_of(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = landed(tmp_path)
    edit(root, "loan_terms", "int_rate", "0.1356")
    edit(root, "credit_history", "fico_range_low", "600", most=False)
    assert preprocess(root) == 0
    (one,) = told(capsys)
    assert one["name"] == f"datamart/silver/loan_terms/snapshot_date={LAST}"
    assert one["rules"] == ["soft.int_rate"]


def test_of_an_ordinary_lender_and_of_cells_left_empty_in_words_nothing_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = landed(tmp_path)
    edit(root, "financial", "dti", "n/a")
    assert preprocess(root) == 0
    assert told(capsys) == []


def test_applications_that_a_corrected_file_adds_to_a_scored_day_are_told_of_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = built(tmp_path)
    for day in DAYS[-2:]:
        score(root, day)
    edit(root, "financial", "dti", "18", most=False)
    assert preprocess(root) == 0
    assert told(capsys, "late") == [], "no row more"
    for table in TABLES:
        path = landing(root, table, LAST)
        header, *rows = path.read_text("utf-8").splitlines()
        at = header.split(",").index("id")
        added = [",".join([*row[:at], f"99{row[at]}", *row[at + 1 :]]) for row in (row.split(",") for row in rows)]
        land(path, "".join(f"{line}\n" for line in (header, *rows, *added)).encode())
    capsys.readouterr()
    assert preprocess(root) == 0
    (one,) = told(capsys, "late")
    features = partitions.existing(Root(root), FEATURES, LAST).rows
    scores = partitions.existing(Root(root), PREDICTIONS, LAST).rows
    assert (one["name"], one["rows"]) == (partitions.folder(PREDICTIONS, LAST), features - scores)
    assert one["rows"] > 0
    assert preprocess(root) == 0
    assert told(capsys, "late") == []


def score(root: Path, day: date) -> None:
    """Put the rows of a day's features in place of its scores."""
    whole, manifest = Root(root), partitions.existing(Root(root), FEATURES, day)
    with files.draft(whole, partitions.drafts_folder(whole, PREDICTIONS)) as path:
        stored.scan(whole, manifest).collect().write_parquet(path)
        parts = (partitions.part_of(path, manifest.rows),)
        partitions.publish(whole, replace(manifest, table=PREDICTIONS, parts=parts), [path])
