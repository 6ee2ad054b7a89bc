"""The rows by which outcomes arrive, against the label's definition and the arithmetic of an annuity."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl
import pytest

from jobs.protocol.calendar import add_months
from jobs.simulate.columns import TEXTS
from jobs.simulate.fates import due_dates
from jobs.simulate.portfolio import draw_cohort
from tests.simulate.simulated import settings

C = pl.col
MONTHS = (date(2015, 1, 1), date(2015, 3, 1), date(2016, 2, 1))
WHOLE_LIVES = settings("2015-01-02", "2030-01-01", loans=150)


@pytest.fixture(scope="module")
def loans() -> pl.DataFrame:
    """Every row of loan_terms in the lives of three months' loans, with the truth beside it."""
    histories = []
    for month in MONTHS:
        cohort = draw_cohort(WHOLE_LIVES, month)
        histories.append(cohort["loan_terms"].join(cohort["truth"].drop("landed"), on="id", validate="m:1"))
    months = [C(name).str.to_date("%b-%Y") for name in ("issue_d", "last_pymnt_d", "next_pymnt_d")]
    return (
        pl.concat(histories)
        .with_columns(months)
        .sort("id", "landed")
        .with_columns(number=C("id").cum_count().over("id"))
    )


def first_unpaid(applied: date, last_paid: date | None) -> date:
    """Domain 8: the first due date strictly after the month's end of the last payment."""
    last = -1 if last_paid is None else (last_paid.year - applied.year) * 12 + last_paid.month - applied.month
    return add_months(applied, max(last, 0) + 1)


def test_a_loan_lands_at_most_once_a_day_and_first_as_current(loans: pl.DataFrame) -> None:
    assert loans.select("id", "landed").is_unique().all()
    first = loans.filter(C("number") == 1)
    assert (first["landed"] == first["application_date"] + timedelta(days=1)).all()
    assert (first["loan_status"] == "Current").all()


def test_due_dates_are_those_of_the_calendar() -> None:
    days = [date(2015, 1, 1) + timedelta(each) for each in range(0, 800, 7)] + [date(2015, 1, 31), date(2016, 2, 29)]
    for months in (0, 1, 11, 12, 37):
        ours = due_dates(pl.Series(days).to_numpy().astype("M8[D]"), months)
        assert [str(each) for each in ours] == [str(add_months(day, months)) for day in days]


def test_defaults_within_twelve_months_are_those_the_label_finds_in_the_last_row(loans: pl.DataFrame) -> None:
    last = loans.group_by("id", maintain_order=True).last()
    for row in last.iter_rows(named=True):
        default = first_unpaid(row["application_date"], row["last_pymnt_d"]) + timedelta(days=90)
        is_bad = row["loan_status"] == "Charged Off"
        assert row["event_date"] == (default if is_bad else None)
        assert row["defaulted_12m"] is (is_bad and default <= add_months(row["application_date"], 12))
    assert 0.05 < last["defaulted_12m"].mean() < 0.10  # type: ignore[operator]
    assert set(last["loan_status"]) == {"Charged Off", "Fully Paid"}


def test_each_status_stands_for_its_days_past_due(loans: pl.DataFrame) -> None:
    allowed = {
        "In Grace Period": (1, 1),
        "Late (16-30 days)": (16, 16),
        "Late (31-120 days)": (31, 31),
        "Default": (121, 121),
    }
    late = loans.filter(C("loan_status").is_in(list(allowed)))
    for row in late.iter_rows(named=True):
        unpaid = first_unpaid(row["application_date"], row["last_pymnt_d"])
        assert (row["landed"] - timedelta(days=1) - unpaid).days == allowed[row["loan_status"]][0]
    charged_off = loans.filter(C("loan_status") == "Charged Off").group_by("id", maintain_order=True).first()
    for row in charged_off.iter_rows(named=True):
        unpaid = first_unpaid(row["application_date"], row["last_pymnt_d"])
        assert 90 < (row["landed"] - timedelta(days=1) - unpaid).days <= 150


FOLLOWS = {
    "Current": {"Current", "In Grace Period", "Fully Paid"},
    "In Grace Period": {"Current", "Late (16-30 days)"},
    "Late (16-30 days)": {"Current", "Late (31-120 days)"},
    "Late (31-120 days)": {"Current", "Default", "Charged Off"},
    "Default": {"Charged Off"},
    "Charged Off": {"Charged Off"},
}


def test_statuses_follow_the_ladder(loans: pl.DataFrame) -> None:
    steps = (
        loans.select("id", now="loan_status", then=C("loan_status").shift(-1).over("id"))
        .drop_nulls()
        .unique(["now", "then"])
    )
    seen = {now: set(steps.filter(C("now") == now)["then"]) for now in FOLLOWS}
    assert seen == FOLLOWS
    assert set(TEXTS["loan_status"]) == set(loans["loan_status"])


def test_a_row_lands_only_when_something_changes(loans: pl.DataFrame) -> None:
    told = ("loan_status", "hardship_status", "settlement_status", "recoveries")
    before = pl.struct(told).shift(1).over("id")
    same = loans.filter(C("number") > 1, pl.struct(told) == before)
    assert same.height == 0


MONEY = {
    "adds up": (
        C("total_pymnt") - C("total_rec_prncp") - C("total_rec_int") - C("total_rec_late_fee") - C("recoveries")
    ).abs()
    < 0.005,
    "nothing negative": pl.min_horizontal("total_rec_prncp", "total_rec_int", "out_prncp", "last_pymnt_amnt") >= 0,
    "balance": (
        pl.when(C("loan_status").is_in(["Charged Off", "Fully Paid"]))
        .then(C("out_prncp") == 0)
        .otherwise((C("out_prncp") + C("total_rec_prncp") - C("funded_amnt")).abs() < 0.011)
    ),
    "paid in full": (C("total_rec_prncp") == C("funded_amnt")) == (C("loan_status") == "Fully Paid"),
    "closed": C("next_pymnt_d").is_null() == C("loan_status").is_in(["Charged Off", "Fully Paid"]),
    "paid after issue": (C("last_pymnt_d") > C("issue_d")).fill_null(value=True),
    "paid by then": (C("last_pymnt_d") <= C("landed")).fill_null(value=True),
    "next is to come": (C("next_pymnt_d").dt.month_end() >= C("landed").dt.offset_by("-1d")).fill_null(value=True),
    "no payment, no date": C("last_pymnt_d").is_null() == (C("total_pymnt") - C("recoveries") < 0.005),
    "paid on that day": (
        (C("last_pymnt_d").dt.month_start() == C("landed").dt.offset_by("-1d").dt.month_start())
        | ~C("loan_status").is_in(["Current", "Fully Paid"])
        | (C("number") == 1)  # the application
        | (C("loan_status") == "Current") & C("hardship_type").is_not_null()  # a plan begins or ends
    ),
    "invested": C("out_prncp_inv") <= C("out_prncp"),
    "fee": (C("collection_recovery_fee") - 0.18 * C("recoveries")).abs() < 0.0001,
    "recovered after charge-off": (C("recoveries") == 0) | (C("loan_status") == "Charged Off"),
    "recovered less than lent": C("recoveries") + C("total_rec_prncp") < C("funded_amnt") + 0.01,
    "plan": (C("hardship_flag") == "Y") == (C("hardship_status") == "ACTIVE").fill_null(value=False),
    "settled": (C("debt_settlement_flag") == "Y") == C("settlement_amount").is_not_null(),
    "whole plans": C("hardship_status").is_null() == C("hardship_payoff_balance_amount").is_null(),
}


@pytest.mark.parametrize("name", MONEY)
def test_every_statement_keeps_the_identity(loans: pl.DataFrame, name: str) -> None:
    assert loans.filter(~MONEY[name]).height == 0


def test_the_next_payment_is_the_first_one_due_after_that_day(loans: pl.DataFrame) -> None:
    for applied, landed, month in loans.select("application_date", "landed", "next_pymnt_d").drop_nulls().iter_rows():
        months = (month.year - applied.year) * 12 + month.month - applied.month
        assert add_months(applied, months - 1) <= landed - timedelta(days=1) < add_months(applied, months)


def test_a_plan_defers_the_principal_and_three_months_of_interest_are_paid(loans: pl.DataFrame) -> None:
    ends = loans.filter(C("hardship_type").is_not_null()).group_by("id", maintain_order=True).head(2)
    grown = {name: (C(name).last() - C(name).first()).alias(name) for name in ("total_rec_int", "total_rec_prncp")}
    plans = ends.group_by("id").agg(*grown.values(), C("hardship_amount").first(), C("hardship_status").implode())
    assert plans.height > 20
    assert (plans["hardship_status"].list.join(" ") == "ACTIVE COMPLETED").all()
    assert plans.filter((C("total_rec_int") - 3 * C("hardship_amount")).abs() > 0.011).height == 0
    assert plans["total_rec_prncp"].abs().max() < 0.001  # type: ignore[operator]


def test_loans_paid_as_agreed_cost_what_the_annuity_says(loans: pl.DataFrame) -> None:
    months = C("term").str.strip_chars().str.head(2).cast(pl.Int64)
    paid = (
        (C("last_pymnt_d").dt.year() - C("issue_d").dt.year()) * 12
        + C("last_pymnt_d").dt.month()
        - C("issue_d").dt.month()
    )
    regular = loans.filter(
        C("loan_status") == "Fully Paid", paid == months, C("hardship_type").is_null(), C("total_rec_late_fee") == 0
    )
    short = months * C("installment") - C("total_pymnt")
    assert regular.height > 1_000
    least, most = regular.select(least=short.min(), most=short.max()).row(0)
    assert least > -0.001
    assert most < 1.4  # up to a cent too much every month, with its interest, comes off the last instalment


def test_there_are_cures_plans_settlements_and_recoveries_each_in_its_share(loans: pl.DataFrame) -> None:
    by_loan = loans.group_by("id").agg(
        cured=((C("loan_status") == "Current") & (C("number") > 1) & C("hardship_type").is_null()).any(),
        planned=C("hardship_type").is_not_null().any(),
        failed=(C("loan_status") == "Charged Off").any(),
        settled=(C("debt_settlement_flag") == "Y").any(),
        recovered=(C("recoveries") > 0).any(),
        prepaid=(C("loan_status") == "Fully Paid").any(),
    )
    shares = by_loan.select(pl.all().exclude("id").mean()).row(0, named=True)
    assert 0.05 < shares["cured"] < 0.15
    assert 0.002 < shares["planned"] < 0.01
    assert 0.10 < shares["failed"] < 0.22
    assert 0.05 < shares["settled"] / shares["failed"] < 0.15
    assert 0.3 < shares["recovered"] / shares["failed"] < 0.6
    ended = (
        loans.filter(C("settlement_status").is_not_null())
        .group_by("id", maintain_order=True)
        .last()["settlement_status"]
    )
    assert set(ended) == {"COMPLETE", "BROKEN"}


def test_what_is_wanted_of_a_cohort_does_not_change_what_happens_to_it() -> None:
    month = date(2016, 2, 1)
    early = draw_cohort(settings("2016-02-10", "2016-06-01", loans=30), month)["loan_terms"]
    late = draw_cohort(settings("2016-02-10", "2018-06-01", loans=30), month)["loan_terms"]
    assert late.filter(C("landed") <= date(2016, 6, 1)).sort("id", "landed").equals(early.sort("id", "landed"))
    assert early["landed"].max() <= date(2016, 6, 1)  # type: ignore[operator]
