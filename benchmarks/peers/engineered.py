"""The features of gold that are made of several columns, in words that both peers know."""

from __future__ import annotations

from functools import reduce
from operator import add
from typing import TYPE_CHECKING

from jobs.preprocessing import features
from jobs.preprocessing.features import BUREAU_TABLES, ERAS, HIGHEST_DTI, HOMES, JOINT, PURPOSES
from jobs.protocol import contract
from jobs.protocol.layers import FEATURES

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.peers.work import Values, Words
    from jobs.protocol.contract import Column

HAS_CREDIT_HISTORY, HAS_DEMOGRAPHIC, HAS_FINANCIAL = "_has_credit_history", "_has_demographic", "_has_financial"
PARTNERS = {"credit_history": HAS_CREDIT_HISTORY, "demographic": HAS_DEMOGRAPHIC, "financial": HAS_FINANCIAL}
VERSION = contract.load(FEATURES).version


def feature_columns() -> tuple[Column, ...]:
    return features.feature_columns(contract.load(FEATURES))


def columns_read(table: str) -> list[str]:
    return features.columns_read(table)


def expression(words: Words, name: str) -> Values:
    """An engineered feature, or the silver column of that name as it is."""
    return ENGINEERED[name](words) if name in ENGINEERED else words[name]


def _is_joint(w: Words) -> Values:
    return w["application_type"] == JOINT


def _of_both(w: Words, joint: str, own: str) -> Values:
    return w.when(_is_joint(w) & ~w.is_null(w[joint]), w[joint], w[own])


def _ratio(w: Words, numerator: Values, denominator: Values) -> Values:
    return numerator / w.when(denominator > 0, denominator)


def _at_most(w: Words, value: Values, most: float) -> Values:
    return w.when(value > most, most, value)


def _income(w: Words) -> Values:
    return _of_both(w, "annual_inc_joint", "annual_inc")


def _to_income(name: str) -> Callable[[Words], Values]:
    return lambda w: _ratio(w, w[name], _income(w))


def _share(part: str, whole: str) -> Callable[[Words], Values]:
    return lambda w: _ratio(w, w[part], w[whole])


def _instalments(w: Words) -> Values:
    return _ratio(w, 12 * w["installment"], _income(w))


def _fico_mid(w: Words) -> Values:
    own = (w["fico_range_low"] + w["fico_range_high"]) / 2
    second = (w["sec_app_fico_range_low"] + w["sec_app_fico_range_high"]) / 2
    return w.when(_is_joint(w) & (w.is_null(own) | (second < own)), second, own)


def _inq_rate(w: Words) -> Values:
    half, whole = w["inq_last_6mths"] / 6, w["inq_last_12m"] / 12
    return w.when(w.is_null(half) | (whole > half), whole, half)


def _derog_count(w: Words) -> Values:
    parts = w["pub_rec"] * 1.0 + w["collections_12_mths_ex_med"] + w["chargeoff_within_12_mths"]
    return _at_most(w, parts, 32_767)


def _delinq_recency(w: Words) -> Values:
    never = w.when(w[HAS_CREDIT_HISTORY], 0.0)
    months = w["mths_since_last_delinq"]
    return w.when(w.is_null(months), never, w.exp(months / -24.0))


def _grouped(w: Words, value: Values, groups: dict[str, tuple[str, ...]]) -> Values:
    for group, those in groups.items():
        value = w.when(value.isin(list(those)), group, value)
    return value


def _n_missing_bureau(w: Words) -> Values:
    told = [column for table in BUREAU_TABLES for column in contract.load(table).with_role("bureau")]
    counts = []
    for era, begins in ERAS.items():
        nulls = w.nulls([column.name for column in told if column.era == era])
        counts.append(w.when(w.month(w["issue_d"]) >= begins.year * 12 + begins.month, nulls, 0))
    return reduce(add, counts)


ENGINEERED: dict[str, Callable[[Words], Values]] = {  # as jobs/preprocessing/features.py
    "dti": lambda w: _at_most(w, w["dti"], HIGHEST_DTI),
    "dti_joint": lambda w: _at_most(w, w["dti_joint"], HIGHEST_DTI),
    "loan_to_income": _to_income("loan_amnt"),
    "installment_to_income": _instalments,
    "dti_with_loan": lambda w: _at_most(w, _of_both(w, "dti_joint", "dti"), HIGHEST_DTI) / 100 + _instalments(w),
    "credit_age_months": lambda w: w.month(w["issue_d"]) - w.month(w["earliest_cr_line"]),
    "fico_mid": _fico_mid,
    "revol_bal_to_income": lambda w: _ratio(w, _of_both(w, "revol_bal_joint", "revol_bal"), _income(w)),
    "bc_utilisation": lambda w: 1 - _ratio(w, w["bc_open_to_buy"], w["total_bc_limit"]),
    "total_util": _share("tot_cur_bal", "tot_hi_cred_lim"),
    "il_debt_to_income": _to_income("total_bal_il"),
    "nonmort_debt_to_income": _to_income("total_bal_ex_mort"),
    "available_credit_to_loan": lambda w: _ratio(w, w["total_rev_hi_lim"] - w["revol_bal"], w["loan_amnt"]),
    "inq_rate": _inq_rate,
    "open_ratio": _share("open_acc", "total_acc"),
    "recent_open_share": _share("acc_open_past_24mths", "total_acc"),
    "clean_share": lambda w: w["pct_tl_nvr_dlq"],
    "derog_count": _derog_count,
    "delinq_recency": _delinq_recency,
    "bc_headroom_share": _share("num_bc_sats", "num_bc_tl"),
    "income_log": lambda w: w.log1p(_income(w)),
    "emp_length_yrs": lambda w: w["emp_length"],
    "emp_length_missing": lambda w: w.when(w[HAS_DEMOGRAPHIC], w.when(w.is_null(w["emp_length"]), 1, 0)),
    "is_joint": lambda w: w.when(w["application_type"].isin(["Individual", JOINT]), w.when(_is_joint(w), 1, 0)),
    "purpose_grp": lambda w: _grouped(w, w["purpose"], PURPOSES),
    "home_grp": lambda w: _grouped(w, w["home_ownership"], {"OTHER": tuple(HOMES)}),
    "verif": lambda w: w["verification_status"],
    "n_missing_bureau": _n_missing_bureau,
}
