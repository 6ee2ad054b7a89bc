"""Small public files: a loan that is ordinary but for what a test names, and what an import of it left."""

from __future__ import annotations

import csv
import io
import json
from itertools import count
from typing import TYPE_CHECKING, Any

import polars as pl

from jobs.import_lending_club.__main__ import main
from jobs.protocol.calendar import MONTHS
from tests.application_dates import application_date

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

ORDINARY = {
    "id": "1077501",
    "member_id": "",
    "loan_amnt": "5000.0",
    "funded_amnt": "5000.0",
    "funded_amnt_inv": "4975.0",
    "term": " 36 months",
    "int_rate": "10.65%",
    "emp_length": "10+ years",
    "issue_d": "Dec-2015",
    "loan_status": "Fully Paid",
    "out_prncp": "0.0",
    "total_pymnt": "5863.15",
    "last_pymnt_d": "Jan-2016",
    "dti": "27.65",
    "earliest_cr_line": "Jan-1985",
    "last_fico_range_high": "744.0",
    "fico_range_low": "735.0",
    "url": "",
    "desc": "",
}
TABLES = ("credit_history", "demographic", "financial", "loan_terms")


def loan(**cells: str) -> dict[str, str]:
    return ORDINARY | cells


def text_of(*loans: dict[str, str]) -> str:
    """The loans as the public file has them, under the header of the first."""
    written = io.StringIO()
    writer = csv.DictWriter(written, list(loans[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(loans)
    return written.getvalue()


def put(folder: Path, text: str, name: str = "loans.csv") -> Path:
    path = folder / name
    path.write_text(text, newline="")
    return path


def id_applied_on(day: date, *, after: int = 0) -> str:
    """An id whose loan is applied for on this day of its issue month."""
    month = day.replace(day=1)
    return str(next(number for number in count(after + 1) if application_date(number, month) == day))


def month_name(day: date) -> str:
    return f"{MONTHS[day.month - 1]}-{day.year}"


def run(root: Path, *arguments: object) -> int:
    root.mkdir(exist_ok=True)
    return main([*map(str, arguments), "--root", str(root)])


def report(root: Path) -> dict[str, Any]:
    (path,) = (root / "imports").glob("*.json")
    told: dict[str, Any] = json.loads(path.read_text())
    return told


def landed(root: Path, table: str) -> pl.DataFrame:
    """Every row of a table's landing files as text, with the date of its file."""
    paths = sorted((root / "datamart/landing" / table).glob("*.csv"))
    rows = pl.scan_csv(paths, infer_schema=False, include_file_paths="path", glob=False).collect()
    landed_on = pl.col("path").str.slice(-14, 10).str.to_date("%Y_%m_%d")
    return rows.with_columns(snapshot_date=landed_on).drop("path").sort("snapshot_date", maintain_order=True)


def tree(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}
