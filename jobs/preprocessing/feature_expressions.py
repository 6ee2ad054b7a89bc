"""Engineered features: a function's name is its column's, its expression is all there is to know of it.

They read the silver columns of one application, joined; nothing is fitted, nothing looks at another row. A ratio is
null where its denominator is unknown or not above zero. Units, signs and meaning stand in the feature store's contract.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import polars as pl

from jobs.protocol import contract

HAS_CREDIT_HISTORY = "_has_credit_history"  # true where the row of that table landed with the application
HAS_DEMOGRAPHIC = "_has_demographic"

JOINT = "Joint App"
HIGHEST_DTI = 100.0  # percent points; what lies above is real, but so rare that its size carries no information
RECENCY_MONTHS = 24.0  # after so many months a delinquency weighs 1/e of a fresh one
ERAS = {2007: date.min, 2012: date(2012, 8, 1), 2015: date(2015, 12, 1)}  # when the bureau began to tell more
BUREAU_TABLES = ("silver/credit_history", "silver/financial")

PURPOSES = {  # what the money is for; alone, some of the lender's fourteen are too rare to learn from
    "debt_consolidation": "debt_consolidation",
    "credit_card": "credit_card",
    "home_improvement": "home",
    "house": "home",
    "renewable_energy": "home",
    "major_purchase": "purchase",
    "car": "purchase",
    "vacation": "purchase",
    "wedding": "purchase",
    "moving": "purchase",
    "medical": "medical",
    "small_business": "small_business",
    "educational": "other",
    "other": "other",
}
HOMES = {"ANY": "OTHER", "NONE": "OTHER"}

ENGINEERED: dict[str, Callable[[], pl.Expr]] = {}


def feature(expression: Callable[[], pl.Expr]) -> Callable[[], pl.Expr]:
    """Enter a function among the features under its own name."""
    ENGINEERED[expression.__name__] = expression
    return expression


def income_eff() -> pl.Expr:
    """Yearly income of those who will pay: of both where two apply together and state it."""
    return _of_both("annual_inc_joint", "annual_inc")


def dti_eff() -> pl.Expr:
    """Percent points of monthly income that go into debts, of those who will pay."""
    return _of_both("dti_joint", "dti").clip(upper_bound=HIGHEST_DTI)


def revol_bal_eff() -> pl.Expr:
    """Revolving debt of those who will pay."""
    return _of_both("revol_bal_joint", "revol_bal")


@feature
def dti() -> pl.Expr:
    return pl.col("dti").clip(upper_bound=HIGHEST_DTI)


@feature
def dti_joint() -> pl.Expr:
    return pl.col("dti_joint").clip(upper_bound=HIGHEST_DTI)


@feature
def loan_to_income() -> pl.Expr:
    return _ratio(pl.col("loan_amnt"), income_eff())


@feature
def installment_to_income() -> pl.Expr:
    return _ratio(12 * pl.col("installment"), income_eff())


@feature
def dti_with_loan() -> pl.Expr:
    return dti_eff() / 100 + installment_to_income()


@feature
def credit_age_months() -> pl.Expr:
    """To the issue month, never to the landing date: that would move with every replay."""
    issued, first = pl.col("issue_d"), pl.col("earliest_cr_line")
    years = (issued.dt.year() - first.dt.year()).cast(pl.Int16)
    return years * 12 + issued.dt.month() - first.dt.month()


@feature
def fico_mid() -> pl.Expr:
    """Of two applicants the lower, whom the lender looks at too."""
    own = (pl.col("fico_range_low") + pl.col("fico_range_high")) / 2
    second = (pl.col("sec_app_fico_range_low") + pl.col("sec_app_fico_range_high")) / 2
    return pl.when(_is_joint()).then(pl.min_horizontal(own, second)).otherwise(own)


@feature
def revol_bal_to_income() -> pl.Expr:
    return _ratio(revol_bal_eff(), income_eff())


@feature
def bc_utilisation() -> pl.Expr:
    return 1 - _ratio(pl.col("bc_open_to_buy"), pl.col("total_bc_limit"))


@feature
def total_util() -> pl.Expr:
    return _ratio(pl.col("tot_cur_bal"), pl.col("tot_hi_cred_lim"))


@feature
def il_debt_to_income() -> pl.Expr:
    return _ratio(pl.col("total_bal_il"), income_eff())


@feature
def nonmort_debt_to_income() -> pl.Expr:
    return _ratio(pl.col("total_bal_ex_mort"), income_eff())


@feature
def available_credit_to_loan() -> pl.Expr:
    return _ratio(pl.col("total_rev_hi_lim") - pl.col("revol_bal"), pl.col("loan_amnt"))


@feature
def inq_rate() -> pl.Expr:
    """Inquiries a month over half a year or a year, whichever shows more; the year is told from 2015 on."""
    return pl.max_horizontal(pl.col("inq_last_6mths") / 6, pl.col("inq_last_12m") / 12)


@feature
def open_ratio() -> pl.Expr:
    return _ratio(pl.col("open_acc"), pl.col("total_acc"))


@feature
def recent_open_share() -> pl.Expr:
    return _ratio(pl.col("acc_open_past_24mths"), pl.col("total_acc"))


@feature
def clean_share() -> pl.Expr:
    return pl.col("pct_tl_nvr_dlq")  # silver has made a fraction of the percent points


@feature
def derog_count() -> pl.Expr:
    parts = ("pub_rec", "collections_12_mths_ex_med", "chargeoff_within_12_mths")
    return pl.sum_horizontal((pl.col(name) for name in parts), ignore_nulls=False)


@feature
def delinq_recency() -> pl.Expr:
    """A null month count means never, but only where there is a credit history to say so."""
    recency = (-pl.col("mths_since_last_delinq") / RECENCY_MONTHS).exp()
    return pl.coalesce(recency, pl.when(pl.col(HAS_CREDIT_HISTORY)).then(0.0))


@feature
def bc_headroom_share() -> pl.Expr:
    return _ratio(pl.col("num_bc_sats"), pl.col("num_bc_tl"))


@feature
def income_log() -> pl.Expr:
    return income_eff().log1p()


@feature
def emp_length_yrs() -> pl.Expr:
    return pl.col("emp_length")


@feature
def emp_length_missing() -> pl.Expr:
    """Often the unemployed and retired; unknown where the demographic row itself is missing."""
    return pl.when(pl.col(HAS_DEMOGRAPHIC)).then(pl.col("emp_length").is_null().cast(pl.Int8))


@feature
def is_joint() -> pl.Expr:
    known = pl.col("application_type").is_in(("Individual", JOINT))
    return pl.when(known).then(_is_joint().cast(pl.Int8))


@feature
def purpose_grp() -> pl.Expr:
    return pl.col("purpose").replace(PURPOSES)


@feature
def home_grp() -> pl.Expr:
    return pl.col("home_ownership").replace(HOMES)


@feature
def verif() -> pl.Expr:
    return pl.col("verification_status")


@feature
def n_missing_bureau() -> pl.Expr:
    """Counts only what the bureau told of anybody in the month of issue."""
    columns = [column for table in BUREAU_TABLES for column in contract.load(table).with_role("bureau")]
    missing = []
    for era, begins in ERAS.items():
        nulls = [pl.col(column.name).is_null() for column in columns if column.era == era]
        missing.append(pl.when(pl.col("issue_d") >= begins).then(pl.sum_horizontal(nulls)).otherwise(0))
    return pl.sum_horizontal(missing).cast(pl.Int16)


def _ratio(numerator: pl.Expr, denominator: pl.Expr) -> pl.Expr:
    return numerator / pl.when(denominator > 0).then(denominator)


def _is_joint() -> pl.Expr:
    return (pl.col("application_type") == JOINT).fill_null(value=False)


def _of_both(joint: str, own: str) -> pl.Expr:
    return pl.when(_is_joint() & pl.col(joint).is_not_null()).then(pl.col(joint)).otherwise(pl.col(own))
