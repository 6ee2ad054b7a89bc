"""Features of applications: one row each, from what was known when it was made.

An engineered feature is a column name and one expression over the joined silver columns of an application. Nothing is
fitted, and nothing looks at another row. A ratio is null where its denominator is unknown or not above zero. Units,
signs and meanings are in the feature store's contract, jobs/contracts/gold/feature_store.json.
"""

from __future__ import annotations

import hashlib
from datetime import date, timedelta
from functools import cache

import numpy as np
import polars as pl
from numpy.typing import NDArray

from jobs.preprocessing.tables import FEATURE_SOURCES
from jobs.protocol import contract
from jobs.protocol.contract import Column, Contract
from jobs.protocol.contract_polars import DTYPES
from jobs.protocol.layers import FEATURES

HAS_CREDIT_HISTORY = "_has_credit_history"  # true where the row of that table landed with the application
HAS_DEMOGRAPHIC = "_has_demographic"

JOINT = "Joint App"
HIGHEST_DTI = 100.0  # percent points; what lies above is real, but so rare that its size carries no information
RECENCY_MONTHS = 24.0  # after so many months a delinquency weighs 1/e of a fresh one
ERAS = {2007: date.min, 2012: date(2012, 8, 1), 2015: date(2015, 12, 1)}  # when the bureau began to report more columns
BUREAU_TABLES = ("silver/credit_history", "silver/financial")

PURPOSES = {  # groups of the lender's fourteen purposes, some of which are too rare to learn from alone
    "home": ("home_improvement", "house", "renewable_energy"),
    "purchase": ("major_purchase", "car", "vacation", "wedding", "moving"),
    "other": ("educational",),
}
HOMES = {"ANY": "OTHER", "NONE": "OTHER"}

KEPT = ("id", "application_date", "snapshot_date", "feature_set_version", "feature_hash")  # beside the features

BLOCK_ROWS = 1 << 13  # hashed at once, so that copies are small

# Fails if another day's file was landed under this date. Where only the month is known, the day is made up.
_OF_THE_DAY = pl.col("application_date").is_between(
    pl.col("snapshot_date") - timedelta(days=31), pl.col("snapshot_date").dt.month_end()
)

_PARTNERS = (HAS_CREDIT_HISTORY, HAS_DEMOGRAPHIC, "_has_financial")


def _ratio(numerator: pl.Expr, denominator: pl.Expr) -> pl.Expr:
    return numerator / pl.when(denominator > 0).then(denominator)


def _of_both(joint: str, own: str) -> pl.Expr:
    """The figure of those who will pay: the joint one where two people apply and state it, else the applicant's own."""
    return pl.when(_IS_JOINT & pl.col(joint).is_not_null()).then(pl.col(joint)).otherwise(pl.col(own))


def _fico_mid() -> pl.Expr:
    """The lower of two applicants' scores, as the lender uses."""
    own = (pl.col("fico_range_low") + pl.col("fico_range_high")) / 2
    second = (pl.col("sec_app_fico_range_low") + pl.col("sec_app_fico_range_high")) / 2
    return pl.when(_IS_JOINT).then(pl.min_horizontal(own, second)).otherwise(own)


def _credit_age_months() -> pl.Expr:
    """Measured to the issue month, not to the landing date, which changes with every replay."""
    issued, first = pl.col("issue_d"), pl.col("earliest_cr_line")
    years = (issued.dt.year() - first.dt.year()).cast(pl.Int16)
    return years * 12 + issued.dt.month() - first.dt.month()


def _delinq_recency() -> pl.Expr:
    """A null month count means "never delinquent", but only where there is a credit history."""
    recency = (-pl.col("mths_since_last_delinq") / RECENCY_MONTHS).exp()
    return pl.coalesce(recency, pl.when(pl.col(HAS_CREDIT_HISTORY)).then(0.0))


def _n_missing_bureau() -> pl.Expr:
    """Counts only the columns that the bureau already reported for anyone in the month of issue."""
    columns = [column for table in BUREAU_TABLES for column in contract.load(table).with_role("bureau")]
    missing = []
    for era, begins in ERAS.items():
        nulls = [pl.col(column.name).is_null() for column in columns if column.era == era]
        missing.append(pl.when(pl.col("issue_d") >= begins).then(pl.sum_horizontal(nulls)).otherwise(0))
    return pl.sum_horizontal(missing).cast(pl.Int16)


_IS_JOINT = (pl.col("application_type") == JOINT).fill_null(value=False)
_INCOME = _of_both("annual_inc_joint", "annual_inc")  # yearly
_DTI = _of_both("dti_joint", "dti").clip(upper_bound=HIGHEST_DTI)  # percent of monthly income that goes into debts
_INSTALMENTS = _ratio(12 * pl.col("installment"), _INCOME)
_DEROGATORY = ("pub_rec", "collections_12_mths_ex_med", "chargeoff_within_12_mths")

ENGINEERED: dict[str, pl.Expr] = {
    "dti": pl.col("dti").clip(upper_bound=HIGHEST_DTI),
    "dti_joint": pl.col("dti_joint").clip(upper_bound=HIGHEST_DTI),
    "loan_to_income": _ratio(pl.col("loan_amnt"), _INCOME),
    "installment_to_income": _INSTALMENTS,
    "dti_with_loan": _DTI / 100 + _INSTALMENTS,
    "credit_age_months": _credit_age_months(),
    "fico_mid": _fico_mid(),
    "revol_bal_to_income": _ratio(_of_both("revol_bal_joint", "revol_bal"), _INCOME),
    "bc_utilisation": 1 - _ratio(pl.col("bc_open_to_buy"), pl.col("total_bc_limit")),
    "total_util": _ratio(pl.col("tot_cur_bal"), pl.col("tot_hi_cred_lim")),
    "il_debt_to_income": _ratio(pl.col("total_bal_il"), _INCOME),
    "nonmort_debt_to_income": _ratio(pl.col("total_bal_ex_mort"), _INCOME),
    "available_credit_to_loan": _ratio(pl.col("total_rev_hi_lim") - pl.col("revol_bal"), pl.col("loan_amnt")),
    # per month, over half a year or a year, whichever is higher; the bureau reports the year from 2015 on
    "inq_rate": pl.max_horizontal(pl.col("inq_last_6mths") / 6, pl.col("inq_last_12m") / 12),
    "open_ratio": _ratio(pl.col("open_acc"), pl.col("total_acc")),
    "recent_open_share": _ratio(pl.col("acc_open_past_24mths"), pl.col("total_acc")),
    "clean_share": pl.col("pct_tl_nvr_dlq"),  # silver has turned the percentage into a fraction
    # summed in a type that cannot overflow, then capped to what the column holds
    "derog_count": pl.sum_horizontal(pl.lit(0, pl.Int32), *_DEROGATORY, ignore_nulls=False).clip(upper_bound=32_767),
    "delinq_recency": _delinq_recency(),
    "bc_headroom_share": _ratio(pl.col("num_bc_sats"), pl.col("num_bc_tl")),
    "income_log": _INCOME.log1p(),
    "emp_length_yrs": pl.col("emp_length"),
    # often the unemployed and retired; unknown where the demographic row itself is missing
    "emp_length_missing": pl.when(pl.col(HAS_DEMOGRAPHIC)).then(pl.col("emp_length").is_null().cast(pl.Int8)),
    "is_joint": pl.when(pl.col("application_type").is_in(("Individual", JOINT))).then(_IS_JOINT.cast(pl.Int8)),
    "purpose_grp": pl.col("purpose").replace({rare: group for group, those in PURPOSES.items() for rare in those}),
    "home_grp": pl.col("home_ownership").replace(HOMES),
    "verif": pl.col("verification_status"),
    "n_missing_bureau": _n_missing_bureau(),
}


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
