"""Each rule between columns: a row that keeps it, one that breaks it, and one that it cannot judge."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.preprocessing import accounts, rules, tables
from jobs.preprocessing.cleaning import landed_columns
from jobs.protocol import contract, contract_polars
from jobs.protocol.layers import SILVER_OF, SOURCES, UNSEEN

RULES = rules.RULES
SCHEMAS = {
    name: contract_polars.polars_schema(contract.load(tables.silver(name)))
    for names in SILVER_OF.values()
    for name in names
}
DTYPES = {name: dtype for schema in SCHEMAS.values() for name, dtype in schema.items()}

KNOWN_INSTALMENTS = [
    (5000, 10.65, 36, 162.87),
    (2500, 15.27, 60, 59.83),
    (2400, 15.96, 36, 84.33),
    (10000, 13.49, 36, 339.31),
    (3000, 12.69, 60, 67.79),
    (5000, 7.90, 36, 156.46),
    (3600, 13.99, 36, 123.03),
    (24700, 11.99, 36, 820.28),
    (20000, 10.78, 60, 432.66),
]


def judged(rule: str, **cells: Any) -> str:
    row = pl.DataFrame({name: [value] for name, value in cells.items()}, schema={name: DTYPES[name] for name in cells})
    counts = row.select(accounts.measured({rule: RULES[rule]})).row(0)
    return {(1, 0): "holds", (1, 1): "fails", (0, 0): "not judged"}[counts]


def loan(amount: float, rate: float, term: int, instalment: float) -> dict[str, float]:
    return {"funded_amnt": amount, "int_rate": rate / 100, "term": term, "installment": instalment}


@pytest.mark.parametrize(("amount", "rate", "term", "instalment"), KNOWN_INSTALMENTS)
def test_known_instalments_are_annuities_rounded_up_to_the_cent(
    amount: float, rate: float, term: int, instalment: float
) -> None:
    assert judged("annuity_identity", **loan(amount, rate, term, instalment)) == "holds"
    assert judged("annuity_identity", **loan(amount, rate, term, instalment * 1.0115)) == "fails"
    assert judged("annuity_identity", **loan(amount, rate, term, instalment * 0.9885)) == "fails"


@pytest.mark.parametrize(
    ("share", "verdict"), [(0.9901, "holds"), (0.9899, "fails"), (1.0099, "holds"), (1.0101, "fails")]
)
def test_an_instalment_may_differ_from_the_annuity_by_a_hundredth_of_itself(share: float, verdict: str) -> None:
    rate = 0.12 / 12
    annuity = 10_000 * rate / (1 - (1 + rate) ** -36)
    assert judged("annuity_identity", **loan(10_000, 12, 36, annuity / share)) == verdict


def test_a_null_is_not_refused_by_a_limit_too() -> None:
    term = replace(next(column for column in landed_columns("loan_terms") if column.name == "term"), nullable=False)
    (refusal,) = rules.refusals({"term": term}, {("term", "enum"): pl.col("term").is_null()})
    assert pl.DataFrame({"term": [None, 36]}).select(refusal.breaks).to_series().to_list() == [False, False]


def test_the_annuity_is_the_instalment_before_rounding() -> None:
    frame = pl.DataFrame([loan(*known) for known in KNOWN_INSTALMENTS], orient="row").with_columns(
        pl.col("term").cast(pl.Int8)
    )
    missing = frame.select(pl.col("installment") - rules.annuity()).to_series()
    assert missing.is_between(0, 0.01).all()


PERFORMED = {"total_rec_prncp": 100.0, "total_rec_int": 10.0, "total_rec_late_fee": 1.0, "recoveries": 0.0}


@pytest.mark.parametrize(
    ("rule", "cells", "verdict"),
    [
        ("annuity_identity", loan(1000, 0, 36, 27.78), "not judged"),
        ("annuity_identity", loan(1000, 10, 36, 27.78) | {"term": None}, "not judged"),
        ("sub_grade_in_grade", {"grade": "C", "sub_grade": "C5"}, "holds"),
        ("sub_grade_in_grade", {"grade": "C", "sub_grade": "D1"}, "fails"),
        ("sub_grade_in_grade", {"grade": None, "sub_grade": "D1"}, "not judged"),
        ("sub_grade_in_grade", {"grade": UNSEEN, "sub_grade": "D1"}, "not judged"),
        ("sub_grade_in_grade", {"grade": "C", "sub_grade": UNSEEN}, "not judged"),
        ("funded_within_asked", {"funded_amnt": 5000.0, "loan_amnt": 5000.0}, "holds"),
        ("funded_within_asked", {"funded_amnt": 5000.01, "loan_amnt": 5000.0}, "fails"),
        ("invested_within_funded", {"funded_amnt_inv": 5000.005, "funded_amnt": 5000.0}, "holds"),
        ("invested_within_funded", {"funded_amnt_inv": 5000.02, "funded_amnt": 5000.0}, "fails"),
        ("payment_after_issue", {"last_pymnt_d": date(2015, 12, 1), "issue_d": date(2015, 12, 1)}, "holds"),
        ("payment_after_issue", {"last_pymnt_d": date(2015, 11, 1), "issue_d": date(2015, 12, 1)}, "fails"),
        ("payment_after_issue", {"last_pymnt_d": None, "issue_d": date(2015, 12, 1)}, "not judged"),
        ("payments_add_up", PERFORMED | {"total_pymnt": 112.0}, "holds"),
        ("payments_add_up", PERFORMED | {"total_pymnt": 112.01}, "fails"),
        ("payments_add_up", PERFORMED | {"total_pymnt": 112.0, "recoveries": None}, "not judged"),
        ("paid_off_owes_nothing", {"loan_status": "Fully Paid", "out_prncp": 0.0}, "holds"),
        ("paid_off_owes_nothing", {"loan_status": "Fully Paid", "out_prncp": 0.01}, "fails"),
        ("paid_off_owes_nothing", {"loan_status": "Current", "out_prncp": 0.01}, "not judged"),
        ("fico_spread", {"fico_range_low": 700, "fico_range_high": 704}, "holds"),
        ("fico_spread", {"fico_range_low": 845, "fico_range_high": 850}, "holds"),
        ("fico_spread", {"fico_range_low": 700, "fico_range_high": 703}, "fails"),
        ("fico_spread", {"fico_range_low": 704, "fico_range_high": 700}, "fails"),
        ("fico_spread", {"fico_range_low": None, "fico_range_high": 700}, "not judged"),
        ("fico_step", {"fico_range_low": 705}, "holds"),
        ("fico_step", {"fico_range_low": 706}, "fails"),
        ("second_fico_spread", {"sec_app_fico_range_low": 600, "sec_app_fico_range_high": 604}, "holds"),
        ("second_fico_spread", {"sec_app_fico_range_low": 600, "sec_app_fico_range_high": 606}, "fails"),
        ("public_records_add_up", {"pub_rec_bankruptcies": 1, "tax_liens": 2, "pub_rec": 1}, "holds"),
        ("public_records_add_up", {"pub_rec_bankruptcies": 2, "tax_liens": 2, "pub_rec": 1}, "fails"),
        ("public_records_add_up", {"pub_rec_bankruptcies": 32767, "tax_liens": 32767, "pub_rec": 1}, "fails"),
        ("last_fico_is_a_score", {"last_fico_range_high": 0}, "holds"),
        ("last_fico_is_a_score", {"last_fico_range_high": 300}, "holds"),
        ("last_fico_is_a_score", {"last_fico_range_high": 299}, "fails"),
        ("joint_income_stated", {"application_type": "Joint App", "annual_inc_joint": 9.0}, "holds"),
        ("joint_income_stated", {"application_type": "Joint App", "annual_inc_joint": None}, "fails"),
        ("joint_income_stated", {"application_type": "Individual", "annual_inc_joint": None}, "not judged"),
        ("joint_income_is_more", {"annual_inc": 50.0, "annual_inc_joint": 50.0}, "holds"),
        ("joint_income_is_more", {"annual_inc": 50.0, "annual_inc_joint": 49.0}, "fails"),
        ("open_within_all_accounts", {"open_acc": 9, "total_acc": 9}, "holds"),
        ("open_within_all_accounts", {"open_acc": 10, "total_acc": 9}, "fails"),
        ("satisfactory_within_all_bankcards", {"num_bc_sats": 2, "num_bc_tl": 2}, "holds"),
        ("satisfactory_within_all_bankcards", {"num_bc_sats": 3, "num_bc_tl": 2}, "fails"),
        ("instalment_12m_within_24m", {"open_il_12m": 2, "open_il_24m": 2}, "holds"),
        ("instalment_12m_within_24m", {"open_il_12m": 3, "open_il_24m": 2}, "fails"),
        ("revolving_12m_within_24m", {"open_rv_12m": 2, "open_rv_24m": 2}, "holds"),
        ("revolving_12m_within_24m", {"open_rv_12m": 3, "open_rv_24m": 2}, "fails"),
    ],
)
def test_a_row_is_judged(rule: str, cells: dict[str, Any], verdict: str) -> None:
    assert judged(rule, **cells) == verdict


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_speaks_of_columns_of_one_landed_table(rule: str) -> None:
    needs = set(RULES[rule].meta.root_names())
    within = [table for table in SOURCES if needs <= {column.name for column in landed_columns(table)}]
    assert len(within) == 1


@given(cut=st.integers(0, 6), low=st.lists(st.sampled_from([None, 700, 705]), min_size=6, max_size=6))
def test_counts_of_shards_add_up(cut: int, low: list[int | None]) -> None:
    frame = pl.DataFrame(
        {"fico_range_low": low, "fico_range_high": [704] * 6},
        schema_overrides={"fico_range_low": pl.Int16, "fico_range_high": pl.Int16},
    )
    measured = accounts.measured({rule: RULES[rule] for rule in ("fico_spread", "fico_step")})
    parts = [part.select(measured).row(0) for part in (frame[:cut], frame[cut:])]
    assert tuple(map(sum, zip(*parts, strict=True))) == frame.select(measured).row(0)


@pytest.mark.parametrize(
    ("value", "is_refused"),
    [
        pytest.param(999.0, True, id="listed"),
        pytest.param(-1.0, True, id="listed and negative"),
        pytest.param(-0.01, True, id="any negative, where one is listed"),
        pytest.param(0.0, False, id="zero"),
        pytest.param(998.9, False, id="beside the sentinel"),
        pytest.param(None, None, id="nothing"),
    ],
)
def test_sentinels_of_dti(value: float | None, is_refused: bool | None) -> None:
    (refusal,) = rules.refusals({"dti": contract.load("silver/financial").column("dti")}, {})
    frame = pl.DataFrame({"dti": [value]}, schema={"dti": pl.Float64})
    assert (refusal.name, refusal.column) == ("sentinel", "dti")
    assert frame.select(refusal.breaks).item() is is_refused


def test_a_negative_income_is_no_sentinel_where_only_zero_is_listed() -> None:
    (refusal,) = rules.refusals({"annual_inc": contract.load("silver/demographic").column("annual_inc")}, {})
    frame = pl.DataFrame({"annual_inc": [0.0, -1.0, 1.0]})
    assert frame.select(refusal.breaks).to_series().to_list() == [True, False, False]


def test_credit_must_be_older_than_the_loan_and_joint_facts_need_a_joint_application() -> None:
    names = ("earliest_cr_line", "sec_app_fico_range_low")
    found = rules.refusals({name: contract.load("silver/credit_history").column(name) for name in names}, {})
    frame = pl.DataFrame(
        {
            "earliest_cr_line": [date(2015, 11, 1), date(2015, 12, 1), date(2016, 1, 1), None],
            "issue_d": [date(2015, 12, 1)] * 4,
            "application_type": ["Individual", "Joint App", None, "Individual"],
            "sec_app_fico_range_low": [700, 700, 700, None],
        }
    )
    assert [refusal.name for refusal in found] == ["not_before_issue", "joint_while_individual"]
    broken = [frame.select(refusal.breaks.fill_null(value=False)).to_series().to_list() for refusal in found]
    assert broken == [[False, True, True, False], [True, False, False, False]]


def test_soft_limits_count_what_lies_outside_numbers_and_dates() -> None:
    revol_util = contract.load("silver/financial").column("revol_util")
    issue_d = contract.load("silver/loan_terms").column("issue_d")
    frame = pl.DataFrame({"revol_util": [1.5, 1.51, None], "issue_d": [date(2007, 5, 1), date(2007, 6, 1), None]})
    measured = frame.select(accounts.beyond_soft_limits([revol_util, issue_d]))
    assert measured.to_dicts() == [{"soft.revol_util": 1, "soft.issue_d": 1}]
