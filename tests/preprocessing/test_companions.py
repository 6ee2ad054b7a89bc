"""What the tables of a day say of one another, in the whole job."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from jobs.protocol import partitions
from jobs.protocol.files import Root
from tests import stored
from tests.preprocessing.roots import FIRST, current, land, landed, landing, preprocess, shorter

if TYPE_CHECKING:
    from pathlib import Path

CONTRADICTING = {  # the loans of the first day are issued in January; two of the six are joint
    "credit_history": ("earliest_cr_line", "Jan-2016", "not_before_issue", 6),
    "demographic": ("sec_app_earliest_cr_line", "Jan-2016", "not_before_issue", 6),
    "financial": ("dti_joint", "20.0", "joint_while_individual", 4),
}


def test_cells_that_contradict_another_table_of_the_day_are_refused(tmp_path: Path) -> None:
    root = landed(tmp_path)
    for table, (column, text, *_) in CONTRADICTING.items():
        path = landing(root, table, FIRST)
        rows = pl.read_csv(path, infer_schema=False).with_columns(pl.lit(text).alias(column))
        land(path, rows.write_csv().encode())
    assert preprocess(root, FIRST) == 0
    for table, (column, text, rule, times) in CONTRADICTING.items():
        rejects = stored.scan(Root(root), partitions.existing(Root(root), f"silver/_rejects/{table}", FIRST)).collect()
        told = rejects.filter(pl.col("column") == column).select("raw", "rule").rows()
        assert told == [(text, rule)] * times


def test_loans_that_land_anew_build_again_what_is_compared_with_them_alone(tmp_path: Path) -> None:
    root = landed(tmp_path)
    assert preprocess(root, FIRST) == 0
    before = current(root, "datamart/silver")
    path = landing(root, "loan_terms", FIRST)
    land(path, shorter(path))
    assert preprocess(root, FIRST) == 0
    after = current(root, "datamart/silver")
    tables = {name.split("/snapshot_date=")[0] for name in before if before[name] != after[name]}
    assert "datamart/silver/credit_history" in tables
    assert not {"datamart/silver/financial", "datamart/silver/_rejects/financial"} & tables
