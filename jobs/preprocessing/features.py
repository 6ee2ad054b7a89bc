"""Features of applications: one row each, from what was known when it was made."""

from __future__ import annotations

import hashlib

import polars as pl

from jobs.preprocessing.feature_expressions import ENGINEERED, HAS_CREDIT_HISTORY, HAS_DEMOGRAPHIC
from jobs.protocol.cells import DTYPES
from jobs.protocol.contract import Column, Contract

STORE = "gold/feature_store"  # its contract
SOURCES = ("loan_terms", "credit_history", "demographic", "financial")  # silver tables, in the order of `features`

KEPT = ("id", "application_date", "snapshot_date", "feature_set_version", "feature_hash")  # beside the features

_HAS_FINANCIAL = "_has_financial"
_PARTNERS = (HAS_CREDIT_HISTORY, HAS_DEMOGRAPHIC, _HAS_FINANCIAL)
_HALF = 2**32


def features(
    loan_terms: pl.LazyFrame,
    credit_history: pl.LazyFrame,
    demographic: pl.LazyFrame,
    financial: pl.LazyFrame,
    contract: Contract,
) -> pl.LazyFrame:
    """The feature store's rows of one snapshot: the four silver tables of that date joined by id, sorted by id.

    An application is a row of loan_terms with a row in at least one of the others; alone it is servicing news. What a
    missing partner would have told is null.
    """
    columns = feature_columns(contract)
    applications = _joined(loan_terms, credit_history, demographic, financial).filter(pl.any_horizontal(_PARTNERS))
    return (
        applications.select(
            "id",
            "application_date",
            "snapshot_date",
            pl.lit(contract.version, pl.Int16).alias("feature_set_version"),
            *(expression(column.name).cast(DTYPES[column.dtype]).alias(column.name) for column in columns),
        )
        .with_columns(feature_hash(columns).alias("feature_hash"))
        .sort("id")
    )


def reconciliation(
    loan_terms: pl.LazyFrame, credit_history: pl.LazyFrame, demographic: pl.LazyFrame, financial: pl.LazyFrame
) -> pl.LazyFrame:
    """One row that accounts for the join: applications, servicing news, missing partners, rows without loan terms."""
    tables = dict(zip(_PARTNERS, (credit_history, demographic, financial), strict=True))
    found = _joined(*(table.select("id") for table in (loan_terms, *tables.values())))
    is_application = pl.any_horizontal(_PARTNERS)
    counts = found.select(
        is_application.sum().alias("applications"),
        (~is_application).sum().alias("servicing_news"),
        *((is_application & ~pl.col(has)).sum().alias(has.replace("_has", "without")) for has in _PARTNERS),
        *(pl.col(has).sum().alias(f"_matched{has}") for has in _PARTNERS),
    )
    heights = (table.select(pl.len().alias(f"_rows{has}")) for has, table in tables.items())
    unmatched = (
        (pl.col(f"_rows{has}") - pl.col(f"_matched{has}")).alias(has.replace("_has", "unmatched")) for has in _PARTNERS
    )
    return pl.concat([counts, *heights], how="horizontal").with_columns(unmatched).select(pl.exclude("^_.*$"))


def feature_columns(contract: Contract) -> tuple[Column, ...]:
    """The features of the store, in its order: the columns that some profile may use."""
    return tuple(column for column in contract.columns if column.profiles)


def expression(name: str) -> pl.Expr:
    """What a feature is made of: an engineered one, or the silver column of that name as it is."""
    return ENGINEERED[name]() if name in ENGINEERED else pl.col(name)


def feature_hash(columns: tuple[Column, ...]) -> pl.Expr:
    """A 64-bit number made of the values of a row, the same in every version and engine: see docs/adr/0005-features.md.

    The sum, modulo 2^64, of each value's canonical integer times an odd constant of its column. Two rows that differ in
    one feature never have the same hash; it guards against mistakes, not against malice, for which there is sha256.
    """
    return _sum([_canonical(column) * constant(column.name) for column in columns])


def constant(text: str) -> int:
    """An odd signed 64-bit number that stands for a text."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big", signed=True) | 1


def _canonical(column: Column) -> pl.Expr:
    """A value as one signed 64-bit integer."""
    value = pl.col(column.name)
    if column.dtype == "string":
        levels = [level for level in column.schema["enum"] if level is not None]
        number = value.replace_strict(
            levels, [constant(level) for level in levels], default=None, return_dtype=pl.Int64
        )
    elif column.dtype == "float64":
        bits = (value + 0.0).reinterpret(dtype=pl.UInt64)  # 0.0 and -0.0 are one value
        mixed = bits ^ (bits // _HALF)  # the lower half of most floats is empty; fill it with the upper
        number = mixed.reinterpret(dtype=pl.Int64)
    else:
        number = value.cast(pl.Int64)
    return number.fill_null(constant("null"))


def _sum(terms: list[pl.Expr]) -> pl.Expr:
    """As a tree: polars takes four times as long over one long chain."""
    if len(terms) == 1:
        return terms[0]
    half = len(terms) // 2
    return _sum(terms[:half]) + _sum(terms[half:])


def _joined(
    loan_terms: pl.LazyFrame, credit_history: pl.LazyFrame, demographic: pl.LazyFrame, financial: pl.LazyFrame
) -> pl.LazyFrame:
    found = loan_terms
    for has, table in zip(_PARTNERS, (credit_history, demographic, financial), strict=True):
        partner = table.select(pl.exclude("member_id", "snapshot_date"), pl.lit(value=True).alias(has))
        found = found.join(partner, on="id", how="left", validate="1:1")
    return found.with_columns(pl.col(_PARTNERS).fill_null(value=False))
