"""Statements of account: what the servicing columns of loan_terms say of a loan on the day its status changes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from jobs.simulate.chance import Floats, cents
from jobs.simulate.columns import CHARGED_OFF, CURRENT, EMPTY_CODE, FULLY_PAID, HARDSHIP_REASONS, Columns
from jobs.simulate.fates import NEVER, PLAN_MONTHS, Fates
from jobs.simulate.servicing import Changes, Collections, plan_days

NO_MONTH = np.datetime64("NaT", "M")
COLLECTOR_FEE = 0.18
KEPT_OF_BROKEN = 0.3  # what is paid of a settlement before it breaks


@dataclass(frozen=True, slots=True)
class Standing:
    """The annuity's arithmetic, one value a change."""

    left: Floats  # principal still owed, before a payoff
    principal: Floats
    interest: Floats
    late_fee: Floats
    last_payment: Floats
    interest_only: Floats  # a month's payment under a plan


def statements(loans: Columns, fates: Fates, after: Collections, change: Changes) -> Columns:
    """Columns with one row a change, from `loans` with one row a loan."""
    row, day = change.row, change.day
    standing = _standing(loans, fates, change)
    recovered = _recovered(after, change, standing)
    closed = (change.status == FULLY_PAID) | (change.status == CHARGED_OFF)
    owed = np.where(closed, 0, cents(standing.left))
    total = cents(standing.principal + standing.interest + standing.late_fee + recovered)
    invested = loans["funded_amnt_inv"][row] / loans["funded_amnt"][row]
    applied = fates.applied[row].astype("M8[M]")
    upcoming = (day.astype("M8[M]") - applied).astype(np.int64)
    upcoming += fates.due(upcoming, row) <= day
    return {
        "loan_status": change.status,
        "out_prncp": owed,
        "out_prncp_inv": cents(owed * invested),
        "total_pymnt": total,
        "total_pymnt_inv": cents(total * invested),
        "total_rec_prncp": standing.principal,
        "total_rec_int": standing.interest,
        "total_rec_late_fee": standing.late_fee,
        "recoveries": recovered,
        "collection_recovery_fee": np.round(COLLECTOR_FEE * recovered, 4),
        "last_pymnt_d": np.where(change.paid > 0, applied + change.paid, NO_MONTH),
        "last_pymnt_amnt": standing.last_payment,
        "next_pymnt_d": np.where(closed, NO_MONTH, applied + upcoming),
        **_plan(loans, fates, change, standing),
        **_settlement(after, change, standing),
    }


def _standing(loans: Columns, fates: Fates, change: Changes) -> Standing:
    row, paid = change.row, change.paid
    amount, rate, pay = (loans[name][row] for name in ("funded_amnt", "int_rate", "installment"))
    monthly = rate / 1_200
    planned, slip = fates.plan_after[row], fates.slip_months[row]
    deferred = np.where(planned != NEVER, np.clip(paid - planned, 0, PLAN_MONTHS), 0)
    paid_off = change.status == FULLY_PAID
    growth = (1 + monthly) ** (paid - deferred - paid_off)
    left = amount * growth - pay * (growth - 1) / monthly
    growth_to_plan = (1 + monthly) ** np.maximum(planned, 0)
    interest_only = cents((amount * growth_to_plan - pay * (growth_to_plan - 1) / monthly) * monthly)
    closing = cents(left * (1 + monthly))
    slipped = (fates.slips_at[row] != NEVER) & (paid >= fates.slips_at[row] + slip)
    fee = np.where(slipped, cents(np.maximum(15, 0.05 * pay) * slip), 0)
    regular = pay * (paid - deferred - paid_off) - (amount - left)
    under_plan = (deferred > 0) & (paid <= planned + PLAN_MONTHS)
    cured_now = slipped & (paid == fates.slips_at[row] + slip)
    last = np.select(
        [paid_off, paid == 0, under_plan, cured_now], [closing, 0, interest_only, pay * (1 + slip) + fee], pay
    )
    return Standing(
        left=left,
        principal=cents(np.where(paid_off, amount, amount - left)),
        interest=cents(regular + deferred * interest_only + paid_off * (closing - left)),
        late_fee=fee,
        last_payment=cents(last),
        interest_only=interest_only,
    )


def _recovered(after: Collections, change: Changes, standing: Standing) -> Floats:
    row = change.row
    agreed = np.where(after.kept[row], 1, KEPT_OF_BROKEN) * (after.ends_on[row] <= change.day)
    settled = ~np.isnat(after.settled_on[row])
    share = np.where(settled, agreed, after.recovered_on[row] <= change.day)
    return cents(share * (change.status == CHARGED_OFF) * after.part[row] * standing.left)


def _plan(loans: Columns, fates: Fates, change: Changes, standing: Standing) -> Columns:
    """The columns of a hardship plan, empty until it begins; `y` and `Y` only while it runs."""
    row = change.row
    begins, ends = plan_days(fates, row)
    granted = (fates.plan_after[row] != NEVER) & (change.day >= begins)
    active = granted & (change.day < ends)
    empty = np.where(granted, 0, np.nan)  # added to a number, it leaves only what was granted
    monthly = loans["int_rate"][row] / 1_200
    return {
        "pymnt_plan": active.astype(np.int64),
        "hardship_flag": active.astype(np.int64),
        "hardship_type": np.where(granted, 0, EMPTY_CODE),
        "hardship_reason": np.where(granted, fates.plan_after[row] % len(HARDSHIP_REASONS), EMPTY_CODE),
        "hardship_status": np.select([active, granted], [0, 1], EMPTY_CODE),
        "deferral_term": PLAN_MONTHS + empty,
        "hardship_amount": standing.interest_only + empty,
        "hardship_start_date": np.where(granted, begins.astype("M8[M]"), NO_MONTH),
        "hardship_end_date": np.where(granted, ends.astype("M8[M]"), NO_MONTH),
        "payment_plan_start_date": np.where(granted, begins.astype("M8[M]"), NO_MONTH),
        "hardship_length": PLAN_MONTHS + empty,
        "hardship_dpd": empty,
        "hardship_loan_status": np.where(granted, CURRENT, EMPTY_CODE),
        "orig_projected_additional_accrued_interest": cents(PLAN_MONTHS * standing.interest_only) + empty,
        "hardship_payoff_balance_amount": cents(standing.interest_only / monthly) + empty,
        "hardship_last_payment_amount": loans["installment"][row] + empty,
    }


def _settlement(after: Collections, change: Changes, standing: Standing) -> Columns:
    row, day = change.row, change.day
    agreed = (change.status == CHARGED_OFF) & (day >= after.settled_on[row])
    ended = agreed & (day >= after.ends_on[row])
    empty = np.where(agreed, 0, np.nan)
    month = np.where(agreed, after.settled_on[row].astype("M8[M]"), NO_MONTH)
    part = after.part[row]
    return {
        "debt_settlement_flag": agreed.astype(np.int64),
        "debt_settlement_flag_date": month,
        "settlement_status": np.select([ended & after.kept[row], ended, agreed], [1, 2, 0], EMPTY_CODE),
        "settlement_date": month,
        "settlement_amount": cents(part * standing.left) + empty,
        "settlement_percentage": cents(100 * part) + empty,
        "settlement_term": after.months[row] + empty,
    }
