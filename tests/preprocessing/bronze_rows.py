"""Bronze rows for tests: ordinary cells, and those a test speaks of."""

from __future__ import annotations

from datetime import date

import polars as pl

from jobs.preprocessing.cleaning import Cleaned, landed_columns

DAY = date(2016, 1, 8)
ORDINARY: dict[str, dict[str, str]] = {
    "loan_terms": {
        "issue_d": "Dec-2015",
        "loan_amnt": "10000.0",
        "funded_amnt": "10000.0",
        "funded_amnt_inv": "10000.0",
        "term": " 36 months",
        "int_rate": "13.49",
        "installment": "339.31",
        "grade": "C",
        "sub_grade": "C1",
        "purpose": "car",
        "loan_status": "Current",
        "total_rec_late_fee": "0.0",
    },
    "credit_history": {
        "fico_range_low": "700.0",
        "fico_range_high": "704.0",
        "earliest_cr_line": "Aug-2003",
        "inq_last_6mths": "1.0",
    },
    "demographic": {
        "emp_length": "10+ years",
        "home_ownership": "RENT",
        "annual_inc": "55000.0",
        "verification_status": "Not Verified",
        "application_type": "Individual",
    },
    "financial": {"dti": "12.5", "revol_bal": "2000.0", "revol_util": "40.0", "open_acc": "3.0", "total_acc": "9.0"},
}


ORIGINS = pl.DataFrame(
    {"id": [1, 2], "issue_d": [date(2015, 12, 1)] * 2, "application_type": ["Individual", "Joint App"]}
)


def bronze(table: str, *rows: dict[str, str | None]) -> pl.DataFrame:
    """A row of bronze for each of these, with ids 1, 2, ... where none is given."""
    ordinary: dict[str, str | None] = {**ORDINARY[table]}
    filled_in = [ordinary | {"id": str(number)} | row for number, row in enumerate(rows, start=1)]
    names = dict.fromkeys(["id", "member_id", *ordinary, *(name for row in rows for name in row)], pl.String)
    return as_bronze(pl.DataFrame(filled_in, schema=names, orient="row"))


def as_bronze(texts: pl.DataFrame, source: str = "a.csv") -> pl.DataFrame:
    return texts.with_columns(_source_file=pl.lit(source), _source_row=pl.int_range(1, pl.len() + 1))


def filled(frame: pl.DataFrame, table: str) -> int:
    """How many cells of the columns that silver keeps hold a text."""
    return sum(frame[column.name].count() for column in landed_columns(table) if column.name in frame.columns)


def lines(found: Cleaned) -> list[tuple[str | None, str | None, str]]:
    """The rejects without the place they came from."""
    return found.rejects.select("column", "raw", "rule").rows()
