"""What the tests of the simulator share: settings, runs, and landed files read back as text or as numbers."""

from __future__ import annotations

import hashlib
from datetime import date
from typing import TYPE_CHECKING

import polars as pl

from jobs.simulate.__main__ import main
from jobs.simulate.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

TABLES = ("credit_history", "demographic", "financial", "loan_terms")
TEXT = ("id", "member_id", "term", "grade", "sub_grade", "purpose", "title", "url", "desc", "issue_d", "emp_title")


def settings(start: str, end: str, loans: int = 20, seed: int = 1, dirt: float = 0.0) -> Settings:
    return Settings(date.fromisoformat(start), date.fromisoformat(end), loans, seed, dirt)


def run(root: Path, start: str, end: str, *more: str, loans: int = 20, seed: int = 1) -> int:
    dates = ["--root", str(root), "--start", start, "--end", end]
    return main([*dates, "--loans-per-day", str(loans), "--seed", str(seed), *more])


def landed(root: Path, table: str) -> pl.DataFrame:
    """Every landed row as text, with the file's date and the row's number in it."""
    frames = []
    for path in sorted((root / "datamart/landing" / table).glob("*.csv")):
        frame = pl.read_csv(path, infer_schema=False).with_row_index("row", offset=1)
        day = date(*(int(part) for part in path.stem.removeprefix(f"{table}_").split("_")))
        frames.append(frame.with_columns(date=pl.lit(day), row=pl.col("row").cast(pl.Int64)))
    return pl.concat(frames)


def truth(root: Path, kind: str = "loans") -> pl.DataFrame:
    return pl.concat([pl.read_parquet(path) for path in sorted((root / "truth").glob(f"{kind}_*.parquet"))])


def fingerprints(root: Path) -> dict[str, str]:
    """Every file but the hidden ones, by which a simulation knows its own."""
    files = [path for path in sorted(root.rglob("*")) if path.is_file() and path.name[0] != "."]
    return {path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
