"""Features of applications: one row each, from what was known when it was made."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from functools import cache

import numpy as np
import polars as pl
from numpy.typing import NDArray

from jobs.preprocessing.feature_expressions import ENGINEERED, HAS_CREDIT_HISTORY, HAS_DEMOGRAPHIC
from jobs.preprocessing.tables import FEATURE_SOURCES
from jobs.protocol import contract
from jobs.protocol.contract import Column, Contract
from jobs.protocol.contract_polars import DTYPES
from jobs.protocol.layers import FEATURES

KEPT = ("id", "application_date", "snapshot_date", "feature_set_version", "feature_hash")  # beside the features

BLOCK_ROWS = 1 << 13  # hashed at once, so that copies are small

# Fails if another day's file was landed under this date. Where only the month is known, the day is made up.
_OF_THE_DAY = pl.col("application_date").is_between(
    pl.col("snapshot_date") - timedelta(days=31), pl.col("snapshot_date").dt.month_end()
)

_PARTNERS = (HAS_CREDIT_HISTORY, HAS_DEMOGRAPHIC, "_has_financial")


def features(
    loan_terms: pl.DataFrame, credit_history: pl.DataFrame, demographic: pl.DataFrame, financial: pl.DataFrame
) -> tuple[pl.DataFrame, dict[str, int]]:
    """The feature store's rows of one snapshot: the four silver tables of that date joined by id, sorted by id.

    A loan_terms row is an application if at least one other table has a row for it, otherwise servicing news. Columns
    of a missing table are null. The counts account for every row of the four tables.
    """
    query, partners = loan_terms.lazy(), dict(zip(_PARTNERS, (credit_history, demographic, financial), strict=True))
    for has, table in partners.items():
        partner = table.lazy().select(pl.exclude("member_id", "snapshot_date"), pl.lit(value=True).alias(has))
        query = query.join(partner, on="id", how="left", validate="1:1")
    joined = query.with_columns(pl.col(_PARTNERS).fill_null(value=False)).collect(engine="in-memory")
    found = joined.filter(pl.any_horizontal(_PARTNERS))
    counts = {"applications": found.height, "servicing_news": joined.height - found.height}
    matched = {has: int(found[has].sum()) for has in partners}
    counts |= {has.replace("_has", "without"): found.height - matched[has] for has in partners}
    counts |= {has.replace("_has", "unmatched"): table.height - matched[has] for has, table in partners.items()}
    counts["of_other_days"] = found.height - int(found.select(_OF_THE_DAY.sum()).item())
    rows = found.select(_expressions())
    hashes = feature_hash(rows, feature_columns(contract.load(FEATURES)))
    return rows.with_columns(hashes).sort("id"), counts


@cache
def _expressions() -> list[pl.Expr]:
    store = contract.load(FEATURES)
    made = [expression(column.name).cast(DTYPES[column.dtype]).alias(column.name) for column in feature_columns(store)]
    version = pl.lit(store.version, pl.Int16).alias("feature_set_version")
    return [pl.col("id", "application_date", "snapshot_date"), version, *made]


def columns_read(source: str) -> list[str]:
    """The columns of a silver table that features read, plus its key columns."""
    names = {"id", "application_date", "snapshot_date"} if source == FEATURE_SOURCES[0] else {"id"}
    names.update(*(made.meta.root_names() for made in _expressions()))
    return [column.name for column in contract.load(f"silver/{source}").columns if column.name in names]


def feature_columns(contract: Contract) -> tuple[Column, ...]:
    """The features of the store, in its order: the columns that some profile may use."""
    return tuple(column for column in contract.columns if column.profiles)


def expression(name: str) -> pl.Expr:
    """The expression of a feature: engineered, or else the silver column of that name."""
    return ENGINEERED.get(name, pl.col(name))


def feature_hash(rows: pl.DataFrame, columns: tuple[Column, ...]) -> pl.Series:
    """A 64-bit hash of a row's values, the same in every version and engine: see docs/adr/0005-features.md.

    The sum, modulo 2^64, of each value's canonical integer times an odd constant of its column. Rows that differ in
    exactly one feature never collide. It guards against mistakes, not against malice; sha256 does that.
    """
    blocks = [_hashes(block, columns) for block in rows.iter_slices(BLOCK_ROWS)]
    return pl.Series("feature_hash", np.concatenate(blocks) if blocks else [], pl.Int64)


def _hashes(rows: pl.DataFrame, columns: tuple[Column, ...]) -> NDArray[np.int64]:
    floats = [column.name for column in columns if column.dtype == "float64"]
    values = rows[floats]
    bits = (values.to_numpy() + 0.0).view(np.uint64)  # 0.0 and -0.0 are one value
    bits ^= bits >> np.uint64(32)  # the lower half of most floats is empty; fill it with the upper
    bits[values.select(pl.all().is_null()).to_numpy()] = constant("null") % 2**64
    total: NDArray[np.uint64] = bits @ _constants(tuple(floats))
    if len(floats) < len(columns):
        others = rows.select(_numbers(columns))
        total += others.to_numpy().view(np.uint64) @ _constants(tuple(others.columns))
    return total.view(np.int64)


def constant(text: str) -> int:
    """An odd signed 64-bit number that stands for a text."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big", signed=True) | 1


@cache
def _constants(names: tuple[str, ...]) -> NDArray[np.uint64]:
    return np.array([constant(name) for name in names], np.int64).view(np.uint64)


@cache
def _numbers(columns: tuple[Column, ...]) -> list[pl.Expr]:
    texts = [column for column in columns if column.dtype == "string"]
    wholes = [column.name for column in columns if column.dtype not in ("float64", "string")]
    return [number.cast(pl.Int64).fill_null(constant("null")) for number in (pl.col(wholes), *map(_number, texts))]


def _number(text: Column) -> pl.Expr:
    levels = [level for level in text.schema["enum"] if level is not None]
    numbers = [constant(level) for level in levels]
    return pl.col(text.name).replace_strict(levels, numbers, default=None)
