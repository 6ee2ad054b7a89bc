"""The yardstick: the same CSV files, converted to parquet by polars' streaming engine, and nothing else."""

from __future__ import annotations

import sys
from pathlib import Path

import polars as pl

landing, out = Path(sys.argv[1]), Path(sys.argv[2])
out.mkdir(exist_ok=True)
for path in sorted(landing.rglob("*.csv")):
    pl.scan_csv(path, infer_schema_length=10_000, ignore_errors=True).sink_parquet(out / f"{path.stem}.parquet")
