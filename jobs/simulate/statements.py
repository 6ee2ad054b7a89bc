"""Statements of account: what the servicing columns of loan_terms say of a loan on the day its status changes."""

from __future__ import annotations

import numpy as np

from jobs.simulate.chance import Floats, cents
from jobs.simulate.columns import CHARGED_OFF, CURRENT, EMPTY_CODE, FULLY_PAID, HARDSHIP_REASONS, NO_MONTH, Columns
from jobs.simulate.fates import NEVER, PLAN_MONTHS, due_dates

COLLECTOR_FEE = 0.18
KEPT_OF_BROKEN = 0.3  # what is paid of a settlement before it breaks


def statements(change: Columns) -> Columns:
    """The columns at changes of status; of each are known its loan, what was drawn for it, `day`, `status`, `paid`."""
    standing = _standing(change)
    closed = (change["status"] == FULLY_PAID) | (change["status"] == CHARGED_OFF)
    owed = np.where(closed, 0, cents(standing["left"]))
    total = cents(standing["principal"] + standing["interest"] + standing["late_fee"] + standing["recovered"])
    invested = change["funded_amnt_inv"] / change["funded_amnt"]
    applied = change["application_date"].astype("M8[M]")
    upcoming = (change["day"].astype("M8[M]") - applied).astype(np.int64)
    upcoming += due_dates(change["application_date"], upcoming) <= change["day"]
    return {
        "loan_status": change["status"],
        "out_prncp": owed,
        "out_prncp_inv": cents(owed * invested),
        "total_pymnt": total,
        "total_pymnt_inv": cents(total * invested),
        "total_rec_prncp": standing["principal"],
        "total_rec_int": standing["interest"],
        "total_rec_late_fee": standing["late_fee"],
        "recoveries": standing["recovered"],
        "collection_recovery_fee": np.round(COLLECTOR_FEE * standing["recovered"], 4),
        "last_pymnt_d": np.where(change["paid"] > 0, applied + change["paid"], NO_MONTH),
        "last_pymnt_amnt": standing["last_payment"],
        "next_pymnt_d": np.where(closed, NO_MONTH, applied + upcoming),
        **_plan(change, standing["interest_only"]),
        **_settlement(change, standing["left"]),
    }


def _standing(change: Columns) -> Columns:
    """The annuity's arithmetic: `left` is the principal still owed, before a payoff."""
    paid, planned, slip = change["paid"], change["plan_after"], change["slip_months"]
    amount, pay, monthly = change["funded_amnt"], change["installment"], change["int_rate"] / 1_200
    deferred = np.where(planned != NEVER, np.clip(paid - planned, 0, PLAN_MONTHS), 0)
    paid_off = change["status"] == FULLY_PAID
    growth = (1 + monthly) ** (paid - deferred - paid_off)
    left = amount * growth - pay * (growth - 1) / monthly
    growth_to_plan = (1 + monthly) ** np.maximum(planned, 0)
    interest_only = cents((amount * growth_to_plan - pay * (growth_to_plan - 1) / monthly) * monthly)
    closing = cents(left * (1 + monthly))
    cure = change["slips_at"] + slip
    slipped = (change["slips_at"] != NEVER) & (paid >= cure)
    fee = np.where(slipped, cents(np.maximum(15, 0.05 * pay) * slip), 0)
    regular = pay * (paid - deferred - paid_off) - (amount - left)
    under_plan = (deferred > 0) & (paid <= planned + PLAN_MONTHS)
    cases = [paid_off, paid == 0, under_plan, slipped & (paid == cure)]
    agreed = np.where(change["settlement_kept"], 1, KEPT_OF_BROKEN) * (change["settlement_ends"] <= change["day"])
    settled = ~np.isnat(change["settled_on"])
    brought = np.where(settled, agreed, change["recovered_on"] <= change["day"]) * (change["status"] == CHARGED_OFF)
    last = np.select(cases, [closing, 0, interest_only, pay * (1 + slip) + fee], pay)
    return {
        "left": left,
        "principal": cents(np.where(paid_off, amount, amount - left)),
        "interest": cents(regular + deferred * interest_only + paid_off * (closing - left)),
        "late_fee": fee,
        "last_payment": cents(last),
        "recovered": cents(brought * change["part"] * left),
        "interest_only": interest_only,  # a month's payment under a plan
    }


def _plan(change: Columns, interest_only: Floats) -> Columns:
    """The columns of a hardship plan, empty until it begins; `y` and `Y` only while it runs."""
    begins, ends = change["plan_begins"], change["plan_ends"]
    granted = (change["plan_after"] != NEVER) & (change["day"] >= begins)
    active = granted & (change["day"] < ends)
    empty = np.where(granted, 0, np.nan)  # added to a number, it leaves only what was granted
    begin_month = np.where(granted, begins.astype("M8[M]"), NO_MONTH)
    return {
        "pymnt_plan": active,
        "hardship_flag": active,
        "hardship_type": np.where(granted, 0, EMPTY_CODE),
        "hardship_reason": np.where(granted, change["plan_after"] % len(HARDSHIP_REASONS), EMPTY_CODE),
        "hardship_status": np.select([active, granted], [0, 1], EMPTY_CODE),
        "deferral_term": PLAN_MONTHS + empty,
        "hardship_amount": interest_only + empty,
        "hardship_start_date": begin_month,
        "hardship_end_date": np.where(granted, ends.astype("M8[M]"), NO_MONTH),
        "payment_plan_start_date": begin_month,
        "hardship_length": PLAN_MONTHS + empty,
        "hardship_dpd": empty,
        "hardship_loan_status": np.where(granted, CURRENT, EMPTY_CODE),
        "orig_projected_additional_accrued_interest": cents(PLAN_MONTHS * interest_only) + empty,
        "hardship_payoff_balance_amount": cents(interest_only / (change["int_rate"] / 1_200)) + empty,
        "hardship_last_payment_amount": change["installment"] + empty,
    }


def _settlement(change: Columns, left: Floats) -> Columns:
    agreed = (change["status"] == CHARGED_OFF) & (change["day"] >= change["settled_on"])
    ended = agreed & (change["day"] >= change["settlement_ends"])
    empty = np.where(agreed, 0, np.nan)
    month = np.where(agreed, change["settled_on"].astype("M8[M]"), NO_MONTH)
    return {
        "debt_settlement_flag": agreed,
        "debt_settlement_flag_date": month,
        "settlement_status": np.select([ended & change["settlement_kept"], ended, agreed], [1, 2, 0], EMPTY_CODE),
        "settlement_date": month,
        "settlement_amount": cents(change["part"] * left) + empty,
        "settlement_percentage": cents(100 * change["part"]) + empty,
        "settlement_term": change["settlement_months"] + empty,
    }
