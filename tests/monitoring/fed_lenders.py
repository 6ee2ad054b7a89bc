"""Two weeks of a small simulated lender, and one more: clean, with a fault for every rule, or with dirt."""

from __future__ import annotations

from datetime import date, timedelta
from functools import cache
from pathlib import Path

import polars as pl

from jobs.preprocessing import job as preprocessing
from jobs.simulate.__main__ import main as simulate
from tests.built_once import scratch
from tests.preprocessing.roots import land, landing

WEEK = date(2016, 2, 6)
SUNDAY, MONDAY, TUESDAY, WEDNESDAY, THURSDAY, FRIDAY = (WEEK - timedelta(days=back) for back in range(6, 0, -1))
FIRST = SUNDAY - timedelta(weeks=2)
C = pl.col


def landed() -> Path:
    root = scratch()
    arguments = ["--start", str(FIRST), "--end", str(WEEK), "--loans-per-day", "30", "--seed", "5"]
    assert simulate(["--root", str(root), *arguments]) == 0
    return root


def edit(root: Path, table: str, day: date, *change: pl.Expr, drop: str = "", rows: int = 1000) -> None:
    path = landing(root, table, day)
    frame = pl.read_csv(path, infer_schema=False).with_columns(*change).head(rows)
    land(path, frame.drop(drop or ()).write_csv().encode())


@cache
def clean() -> Path:
    root = landed()
    assert preprocessing.main(["--root", str(root), "--date", str(WEEK)]) == 0
    return root


@cache
def sick() -> Path:
    """One fault a table and day, so that each is found by its own rules."""
    root = landed()
    for day in (MONDAY, TUESDAY):
        edit(root, "financial", day, (C("revol_util").cast(pl.Float64) / 100).cast(pl.String))
    edit(root, "loan_terms", MONDAY, pl.lit("Nov-2015").alias("issue_d"))
    edit(root, "credit_history", WEDNESDAY, drop="mort_acc")
    for path in (landing(root, "financial", THURSDAY), landing(root, "credit_history", THURSDAY)):
        path.unlink()
        path.with_name(path.name + ".sha256").unlink()
    edit(root, "demographic", FRIDAY, rows=4)
    first, last = pl.int_range(pl.len()) < 8, pl.int_range(pl.len()) >= pl.len() - 4
    edit(
        root,
        "loan_terms",
        WEEK,
        pl.when(first).then(pl.lit("crypto")).otherwise("purpose").alias("purpose"),
        pl.when(first | last).then(pl.lit("#REF!")).otherwise("int_rate").alias("int_rate"),
    )
    broken = (C("installment").cast(pl.Float64) * 2).cast(pl.String)
    edit(root, "loan_terms", SUNDAY, broken, pl.lit("x").alias("novelty"))
    edit(root, "financial", WEEK, pl.lit("-5").alias("open_acc"))
    assert preprocessing.main(["--root", str(root), "--date", str(WEEK)]) == 0
    return root


@cache
def dirty() -> Path:
    root = scratch()
    arguments = ["--start", str(SUNDAY), "--end", str(WEEK), "--loans-per-day", "60", "--seed", "5", "--dirt", "0.02"]
    assert simulate(["--root", str(root), *arguments]) == 0
    assert preprocessing.main(["--root", str(root), "--date", str(WEEK)]) == 0
    return root
