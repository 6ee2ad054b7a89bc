"""Engineered features: each is a column name and one expression over the joined silver columns of an application.

Nothing is fitted, and nothing looks at another row. A ratio is null where its denominator is unknown or not above zero.
Units, signs and meanings are in the feature store's contract, jobs/contracts/gold/feature_store.json.
"""

from __future__ import annotations

from datetime import date

import polars as pl

from jobs.protocol import contract

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
