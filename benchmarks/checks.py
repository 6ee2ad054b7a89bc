"""Checks in one process: contracts against jsonschema, and the peers' output against ours."""

from __future__ import annotations

import time
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from benchmarks.peers.work import columns
from jobs.preprocessing.tables import SILVER_OF
from jobs.protocol import columns as compiled
from jobs.protocol import judge, partitions, shelf
from jobs.protocol.files import Root

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ROWS, SAMPLE = 1_000_000, 2_000
RULES = 25


def contract_check() -> str:
    """25 rules over a million rows, against jsonschema row by row on a sample."""
    names = [f"c{n}" for n in range(RULES)]
    chance = np.random.default_rng(1)
    frame = pl.DataFrame({name: chance.uniform(-0.0001, 1.0001, ROWS) for name in names})
    schema = {"type": "object", "properties": {name: {"maximum": 1} for name in names}}
    found = compiled.offences_of(schema, dict(frame.schema))
    counted = [offends.sum().alias(str(n)) for n, offends in enumerate(found.values())]
    best = min(_timed(lambda: frame.lazy().select(counted).collect()) for _ in range(5))
    rows = frame.head(SAMPLE).to_dicts()
    slow = _timed(lambda: [judge.complaints(schema, row) for row in rows]) * ROWS / SAMPLE
    return (
        f"contract check, {len(found)} rules x {ROWS:,} rows: {best:.3f} s; jsonschema row by row {slow:.0f} s "
        f"(from {SAMPLE:,} rows): {slow / best:,.0f}x   target: 0.1 s, 1,000x"
    )


def equal_silver(root: Path, out: Path, day: str) -> str:
    """Every cell of every column that a peer typed too, against ours, loan by loan."""
    compared = 0
    for table, outputs in SILVER_OF.items():
        path = out / f"silver_{table}.parquet"
        theirs = pl.scan_parquet(path / "*.parquet" if path.is_dir() else path).collect()
        theirs = theirs.with_columns(pl.col("id").cast(pl.Int64)).sort("id")
        for output in outputs:
            manifest = partitions.existing(Root(root), f"silver/{output}", date.fromisoformat(day))
            ours = pl.scan_parquet(shelf.cited_files(Root(root), manifest), glob=False).collect().sort("id")
            for name, kind in columns(table).items():
                if name in ours.columns and kind not in ("category", "text", "flag"):
                    compared += _compared(ours[name], theirs[name], name)
    return f"equal to ours in all {compared:,} cells of numbers and dates"


def _compared(ours: pl.Series, theirs: pl.Series, name: str) -> int:
    if ours.dtype == pl.Date:
        theirs = theirs.cast(pl.Date)
    same = (
        (ours.cast(pl.Float64) - theirs.cast(pl.Float64)).abs().fill_null(0) <= 1e-9
        if ours.dtype != pl.Date
        else (ours == theirs).fill_null(value=True)
    )
    if not same.all() or (ours.is_null() != theirs.is_null()).any():
        raise SystemExit(f"the peer's {name} is not ours")
    return ours.len()


def _timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started
