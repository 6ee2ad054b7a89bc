from __future__ import annotations

import math
from datetime import date
from typing import Any

import pytest

from jobs.preprocessing.features import ENGINEERED, HOMES, PURPOSES, expression, feature_columns
from tests.preprocessing.applications import SILVER, STORE, of

JOINT = {"application_type": "Joint App"}
RISING = [
    "loan_to_income",
    "installment_to_income",
    "dti_with_loan",
    "bc_utilisation",
    "il_debt_to_income",
    "nonmort_debt_to_income",
    "inq_rate",
    "recent_open_share",
    "derog_count",
    "delinq_recency",
    "emp_length_missing",
    "revol_util",
    "term",
]
FALLING = ["credit_age_months", "fico_mid", "available_credit_to_loan", "clean_share", "income_log", "emp_length_yrs"]
FREE = [
    "revol_bal_to_income",
    "total_util",
    "open_ratio",
    "bc_headroom_share",
    "is_joint",
    "purpose_grp",
    "home_grp",
    "verif",
    "n_missing_bureau",
]
RESTATED = {  # by the column beside it, so it is not stored twice
    "emp_length": "emp_length_yrs",
    "pct_tl_nvr_dlq": "clean_share",
    "verification_status": "verif",
    "application_type": "is_joint",
    "purpose": "purpose_grp",
    "home_ownership": "home_grp",
    "fico_range_low": "fico_mid",
    "fico_range_high": "fico_mid",
    "sec_app_fico_range_high": "sec_app_fico_range_low",
}
MODEL_ROLES = ("orig", "bureau", "pricing", "joint")


def case(name: str, expected: object, label: str, /, **columns: Any) -> Any:
    return pytest.param(name, columns, expected, id=f"{name}-{label}")


@pytest.mark.parametrize(
    ("name", "columns", "expected"),
    [
        case("loan_to_income", 0.2, "ordinary", loan_amnt=10_000.0, annual_inc=50_000.0),
        case("loan_to_income", None, "no-income-is-unknown-not-infinite", annual_inc=None),
        case("loan_to_income", None, "an-income-of-nothing-is-unknown", annual_inc=0.0),
        case("loan_to_income", 0.1, "both-pay", **JOINT, annual_inc=50_000.0, annual_inc_joint=100_000.0),
        case("loan_to_income", 0.2, "joint-income-unstated", **JOINT, annual_inc=50_000.0),
        case("loan_to_income", 0.2, "one-applies", annual_inc=50_000.0, annual_inc_joint=100_000.0),
        case("installment_to_income", 0.06, "a-year-of-instalments"),
        case("dti_with_loan", 0.26, "percent-points-and-a-ratio", dti=20.0),
        case("dti_with_loan", 1.06, "winsorised", dti=400.0),
        case("dti_with_loan", None, "debts-unknown", dti=None),
        case("dti_with_loan", 0.16, "both-pay", **JOINT, dti=20.0, dti_joint=10.0),
        case("dti", 100.0, "winsorised", dti=100.01),
        case("dti", None, "unknown-is-not-the-bound", dti=None),
        case("dti_joint", 100.0, "winsorised", **JOINT, dti_joint=500.0),
        case("credit_age_months", 123, "to-the-issue-month", earliest_cr_line=date(2005, 12, 1)),
        case("credit_age_months", None, "unknown"),
        case("fico_mid", 702.0, "middle", fico_range_low=700, fico_range_high=704),
        case("fico_mid", None, "unknown"),
        case(
            "fico_mid",
            662.0,
            "the-lower-of-two",
            **JOINT,
            fico_range_low=700,
            fico_range_high=704,
            sec_app_fico_range_low=660,
            sec_app_fico_range_high=664,
        ),
        case("fico_mid", 702.0, "second-unknown", **JOINT, fico_range_low=700, fico_range_high=704),
        case(
            "fico_mid",
            702.0,
            "second-of-a-single-applicant-is-none",
            fico_range_low=700,
            fico_range_high=704,
            sec_app_fico_range_low=660,
            sec_app_fico_range_high=664,
        ),
        case("revol_bal_to_income", 0.25, "ordinary", revol_bal=15_000.0),
        case("revol_bal_to_income", 0.5, "both-pay", **JOINT, revol_bal=15_000.0, revol_bal_joint=30_000.0),
        case("bc_utilisation", 0.75, "used-share", bc_open_to_buy=500.0, total_bc_limit=2000.0),
        case("bc_utilisation", None, "no-limit-at-all", bc_open_to_buy=0.0, total_bc_limit=0.0),
        case("total_util", 0.5, "ordinary", tot_cur_bal=5.0, tot_hi_cred_lim=10.0),
        case("il_debt_to_income", 0.5, "ordinary", total_bal_il=30_000.0),
        case("nonmort_debt_to_income", 0.1, "ordinary", total_bal_ex_mort=6_000.0),
        case("available_credit_to_loan", 0.5, "ordinary", total_rev_hi_lim=9_000.0, revol_bal=4_000.0),
        case("available_credit_to_loan", -0.1, "overdrawn", total_rev_hi_lim=3_000.0, revol_bal=4_000.0),
        case("inq_rate", 0.5, "half-a-year", inq_last_6mths=3),
        case("inq_rate", 1.0, "the-year-shows-more", inq_last_6mths=3, inq_last_12m=12),
        case("inq_rate", 0.5, "the-half-year-shows-more", inq_last_6mths=3, inq_last_12m=3),
        case("inq_rate", None, "unknown"),
        case("open_ratio", 0.4, "ordinary", open_acc=8, total_acc=20),
        case("open_ratio", None, "no-accounts", open_acc=0, total_acc=0),
        case("recent_open_share", 0.25, "ordinary", acc_open_past_24mths=5, total_acc=20),
        case("clean_share", 0.97, "a-fraction-already", pct_tl_nvr_dlq=0.97),
        case("derog_count", 6, "sum", pub_rec=1, collections_12_mths_ex_med=2, chargeoff_within_12_mths=3),
        case("derog_count", 32767, "too-many", pub_rec=32767, collections_12_mths_ex_med=9, chargeoff_within_12_mths=0),
        case("derog_count", None, "one-unknown", pub_rec=1, collections_12_mths_ex_med=2),
        case("delinq_recency", 1.0, "this-month", mths_since_last_delinq=0),
        case("delinq_recency", math.exp(-1), "two-years-ago", mths_since_last_delinq=24),
        case("delinq_recency", 0.0, "never"),
        case("bc_headroom_share", 0.5, "ordinary", num_bc_sats=3, num_bc_tl=6),
        case("income_log", math.log1p(60_000), "ordinary"),
        case("emp_length_yrs", 10, "ordinary", emp_length=10),
        case("emp_length_missing", 1, "not-stated"),
        case("emp_length_missing", 0, "under-a-year-is-stated", emp_length=0),
        case("is_joint", 1, "joint", **JOINT),
        case("is_joint", 0, "individual"),
        case("is_joint", None, "neither", application_type="__UNSEEN__"),
        case("purpose_grp", "home", "grouped", purpose="renewable_energy"),
        case("purpose_grp", "__UNSEEN__", "unseen-stays-unseen", purpose="__UNSEEN__"),
        case("purpose_grp", None, "unknown"),
        case("home_grp", "OTHER", "none-is-a-home", home_ownership="NONE"),
        case("home_grp", "RENT", "as-it-is", home_ownership="RENT"),
        case("verif", "Source Verified", "as-it-is", verification_status="Source Verified"),
        case("revol_util", 0.837, "as-it-is", revol_util=0.837),
    ],
)
def test_a_feature_is_its_formula(name: str, columns: dict[str, Any], expected: object) -> None:
    found = of(**columns)[name]
    assert found == (pytest.approx(expected, rel=1e-12) if isinstance(expected, float) else expected)


@pytest.mark.parametrize(
    ("issued", "told"),
    [
        pytest.param(date(2012, 7, 1), {2007}, id="the-first-columns"),
        pytest.param(date(2012, 8, 1), {2007, 2012}, id="from-august-2012"),
        pytest.param(date(2015, 11, 1), {2007, 2012}, id="to-november-2015"),
        pytest.param(date(2015, 12, 1), {2007, 2012, 2015}, id="from-december-2015"),
    ],
)
def test_missing_bureau_columns_count_only_once_the_bureau_tells_them(issued: date, told: set[int]) -> None:
    bureau = [column for table in SILVER for column in table.with_role("bureau")]
    expected = sum(column.era in told for column in bureau)
    assert of(issue_d=issued)["n_missing_bureau"] == expected
    assert of(issue_d=issued, open_acc=1, pub_rec=0)["n_missing_bureau"] == expected - 2


def test_every_level_of_silver_belongs_to_a_group() -> None:
    levels = {column.name: set(column.schema.get("enum", ())) for table in SILVER for column in table.columns}
    grouped = {column.name: set(column.schema.get("enum", ())) for column in feature_columns(STORE)}
    rare = {level for those in PURPOSES.values() for level in those}
    assert rare < levels["purpose"]
    assert (levels["purpose"] - rare) | {*PURPOSES} == grouped["purpose_grp"]
    homes = levels["home_ownership"] - {None, "__UNSEEN__"}
    assert {HOMES.get(level, level) for level in homes} == grouped["home_grp"] - {None, "__UNSEEN__"}


def test_the_store_holds_every_allowed_column_once_and_every_engineered_one() -> None:
    allowed = {c.name for table in SILVER for c in table.with_role(*MODEL_ROLES) if c.dtype != "date"}
    stored = {column.name for column in feature_columns(STORE)}
    assert stored == (allowed - set(RESTATED)) | set(ENGINEERED)
    assert set(RESTATED.values()) <= stored
    assert stored >= {*RISING, *FALLING, *FREE}


def test_a_column_stored_as_it_is_keeps_the_contract_of_silver() -> None:
    silver = {column.name: column for table in SILVER[:4] for column in table.columns}
    for column in feature_columns(STORE):
        if column.name not in ENGINEERED:
            source = silver[column.name]
            kept = ("dtype", "nullable", "role", "unit", "era", "monotone", "group")
            assert [getattr(column, name) for name in kept] == [getattr(source, name) for name in kept], column.name


def test_signs_and_reasons_are_declared() -> None:
    signs = {column.name: column.monotone for column in feature_columns(STORE)}
    assert {name for name in RISING if signs[name] != 1} == set()
    assert {name for name in FALLING if signs[name] != -1} == set()
    assert {name for name in FREE if signs[name] != 0} == set()
    assert [column.name for column in feature_columns(STORE) if column.dtype == "string" and column.monotone] == []
    assert [column.name for column in feature_columns(STORE) if not column.group] == []


def test_whoever_grants_a_loan_never_sees_its_price() -> None:
    pricing = {column.name for table in SILVER for column in table.with_role("pricing")}
    for column in feature_columns(STORE):
        reads_price = bool(pricing & set(expression(column.name).meta.root_names()))
        assert ("granting" in column.profiles) == (not reads_price), column.name
        assert "investor" in column.profiles
