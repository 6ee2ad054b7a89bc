"""Frames of text into one bronze file, batch by batch: for the sources that are not text already."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path

import polars as pl
import pyarrow as pa
from pyarrow import parquet

from jobs.preprocessing.landing_shape import ROW_GROUP, SOURCE_FILE, SOURCE_ROW, Shape


def write_batches(frames: Iterable[pl.DataFrame], shape: Shape, name: str, write_to: Path) -> int:
    """Write frames whose columns are all text; a column that a frame lacks is null there. Return the rows written."""
    columns = [pa.field(column, pa.string()) for column in (*shape.written, SOURCE_FILE)]
    schema, rows = pa.schema([*columns, pa.field(SOURCE_ROW, pa.int64())]), 0
    with parquet.ParquetWriter(write_to, schema, compression="zstd") as writer:
        for frame in frames:
            cells = {
                column: _blank_is_null(column) if column in frame.columns else pl.lit(None, pl.String)
                for column in shape.written
            }
            place = pl.int_range(rows + 1, rows + 1 + frame.height, dtype=pl.Int64)
            whole = frame.select(**cells, **{SOURCE_FILE: pl.lit(name), SOURCE_ROW: place})
            writer.write_table(whole.to_arrow().cast(schema), row_group_size=ROW_GROUP)
            rows += frame.height
    return rows


def _blank_is_null(column: str) -> pl.Expr:
    return pl.when(pl.col(column) != "").then(pl.col(column))


def without_exponent(numbers: pl.Series) -> pl.Series:
    """Numbers as text, 1e-07 written out: readers of text must not need to know how others abbreviate."""
    short = numbers.filter(numbers.str.contains("e", literal=True)).unique()
    return numbers.replace(short, pl.Series([written_out(number) for number in short], dtype=pl.String))


def written_out(number: str) -> str:
    text = f"{Decimal(number):f}"
    return text if "." in text else f"{text}.0"
