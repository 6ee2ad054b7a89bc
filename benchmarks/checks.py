"""Checks in one process: contracts against jsonschema, and the peers' output against ours."""

from __future__ import annotations

import json
import time
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from benchmarks.peers.work import outputs
from jobs.protocol import contract_polars as compiled
from jobs.protocol import partitions, schemas, shelf
from jobs.protocol.files import Root
from jobs.protocol.layers import FEATURES, SOURCES
from tests.protocol import judged_rows

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ROWS, SAMPLE = 1_000_000, 2_000
RULES = 25
NEAR = 1e-9


def contract_check() -> str:
    """25 rules over a million rows, against jsonschema row by row on a sample."""
    names = [f"c{n}" for n in range(RULES)]
    chance = np.random.default_rng(1)
    frame = pl.DataFrame({name: chance.uniform(-0.0001, 1.0001, ROWS) for name in names})
    made = judged_rows.table({name: ("float64", {"type": "number", "maximum": 1}) for name in names})
    found = compiled.offences(made)
    counted = [offends.sum().alias(str(n)) for n, offends in enumerate(found.values())]
    best = min(_timed(lambda: frame.lazy().select(counted).collect()) for _ in range(5))
    rows = frame.head(SAMPLE).to_dicts()
    slow = _timed(lambda: [schemas.complaints(made.schema, row) for row in rows]) * ROWS / SAMPLE
    return (
        f"contract check, {len(found)} rules x {ROWS:,} rows: {best:.3f} s; jsonschema row by row {slow:.0f} s "
        f"(from {SAMPLE:,} rows): {slow / best:,.0f}x   target: 0.1 s, 1,000x"
    )


def equal(root: Path, out: Path, day: str) -> str:
    """Everything that a peer made, against ours: silver, rejects, counts of rules, features."""
    compared, refused = 0, 0
    for table in SOURCES:
        for name in outputs(table):
            compared += _same(_ours(root, f"silver/{name}", day), _theirs(out, f"silver_{name}"), name)
        rejects = [_ours(root, f"silver/_rejects/{table}", day).drop("source_row"), _theirs(out, f"rejects_{table}")]
        told, theirs = (rows.select("id", "column", "raw", "rule") for rows in rejects)
        if not told.sort(told.columns, nulls_last=True).equals(theirs.sort(told.columns, nulls_last=True)):
            raise SystemExit(f"the peer's rejects of {table} are not ours")
        refused += told.height
        manifest = partitions.existing(Root(root), f"silver/{next(iter(outputs(table)))}", date.fromisoformat(day))
        ours = {name: count for name, count in manifest.counts.items() if count and _is_shared(name)}
        found = json.loads((out / f"counts_{table}.json").read_text())
        if differing := ours.items() ^ {name: count for name, count in found.items() if count}.items():
            raise SystemExit(f"the peer's counts of {table} are not ours: {sorted(differing)}")
    compared += _same(_ours(root, FEATURES, day).drop("feature_hash"), _theirs(out, "features"), "features")
    return f"equal to ours in all {compared:,} cells of silver and features, {refused:,} rejects, and counts by rule"


def _is_shared(count: str) -> bool:
    """Peers do no accounts of cells, and do not count what is no refusal."""
    kind, _, name = count.partition(".")
    return (
        kind in ("row", "rule", "soft")
        or count == "rows.out"
        or (kind == "cell" and not name.endswith((".token", ".rounded")))
    )


def _ours(root: Path, table: str, day: str) -> pl.DataFrame:
    manifest = partitions.existing(Root(root), table, date.fromisoformat(day))
    return pl.scan_parquet(shelf.cited_files(Root(root), manifest), glob=False).collect()


def _theirs(out: Path, name: str) -> pl.DataFrame:
    """A file, or a folder of them."""
    folder = out / name
    return pl.read_parquet(folder / "*.parquet" if folder.is_dir() else folder.with_name(f"{name}.parquet"))


def _same(ours: pl.DataFrame, theirs: pl.DataFrame, table: str) -> int:
    """The number of cells, which all are the same, numbers to 1e-9 of their size."""
    if differing := set(ours.columns) ^ set(theirs.columns):
        raise SystemExit(f"the peer's {table} has other columns: {sorted(differing)}")
    if ours.height != theirs.height:
        raise SystemExit(f"the peer's {table} has {theirs.height} rows, ours {ours.height}")
    ours, theirs = ours.sort("id"), theirs.with_columns(pl.col("id").cast(pl.Int64)).sort("id")
    for one in ours.get_columns():
        other = theirs[one.name].cast(one.dtype)
        if one.dtype == pl.Float64:
            near = ((one - other).abs() <= NEAR * (1 + one.abs())).fill_null(value=True) & (
                one.is_null() == other.is_null()
            )
        else:
            near = one.eq_missing(other)
        if not near.all():
            raise SystemExit(f"the peer's {one.name} of {table} is not ours in {(~near).sum()} rows")
    return ours.height * ours.width


def _timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started
