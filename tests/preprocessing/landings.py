"""What the tests of reading share: a small table and its door."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

import polars as pl
import pyarrow as pa
from pyarrow import parquet

from jobs.preprocessing import landing

if TYPE_CHECKING:
    from pathlib import Path

    from jobs.preprocessing.landing import Read

KNOWN = ("id", "member_id", "dti", "term")
HEADER = b"id,member_id,dti,term\n"
Row = tuple[str | None, ...]


def read(folder: Path, data: bytes, kind: str = "csv", core: tuple[str, ...] = ()) -> tuple[Read, pl.DataFrame]:
    """Land bytes, read them, and return what was said of them and the bronze."""
    path = folder / f"financial_2024_01_31.{kind}"
    path.write_bytes(data)
    return read_file(path, kind, core)


def read_file(path: Path, kind: str, core: tuple[str, ...] = ()) -> tuple[Read, pl.DataFrame]:
    draft = path.parent / ".draft-bronze"
    landed = landing.read(path, kind, KNOWN, core, draft)
    bronze = pl.read_parquet(draft, glob=False)
    assert landed.rows == bronze.height
    return landed, bronze


def rows(folder: Path, data: bytes, kind: str = "csv") -> list[Row]:
    """The cells of the known columns."""
    return read(folder, data, kind)[1].select(KNOWN).rows()


def as_python_reads(data: bytes) -> list[Row]:
    """The rows of a CSV as the strict reader of the standard library sees them; nothing for an empty cell."""
    text = io.StringIO(data.decode("utf-8-sig"), newline="")
    _, *records = csv.reader(text, strict=True)
    return [tuple(cell or None for cell in record) for record in records]


def parquet_of(columns: dict[str, Any], **options: Any) -> bytes:
    data = io.BytesIO()
    parquet.write_table(
        pa.table({"id": pa.array(["1"] * len(next(iter(columns.values())))), **columns}), data, **options
    )
    return data.getvalue()
