"""The fate of each loan, drawn at application, and its servicing columns at each change of status."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from jobs.simulate.applicants import TERMS
from jobs.simulate.chance import Draw, Flags, Floats, Ints, cents
from jobs.simulate.columns import EMPTY_CODE, NO_DAY, NO_MONTH, TEXTS, Columns

Days = npt.NDArray[np.datetime64]

CURRENT, GRACE, LATE_16, LATE_31, DEFAULT, CHARGED_OFF, FULLY_PAID = range(7)  # as in levels.json
NEVER = -1
WINDOW_MONTHS, DEFAULT_DAYS = 12, 90  # a default: 90 days after the first unpaid due date
PLAN_MONTHS = 3  # of paying interest only, by which the loan then lasts longer
EARLY_STOPS = np.cumsum([0.45, 0.75, 0.95, 1.0, 1.05, 1.1, 1.1, 1.1, 1.1])  # at the 1st to 9th instalment
LADDER = ((1, GRACE), (16, LATE_16), (31, LATE_31), (121, DEFAULT))  # days past due, status
COLLECTOR_FEE = 0.18
KEPT_OF_BROKEN = 0.3  # what is paid of a settlement before it breaks


def moved(day: Days, number: Ints | int, unit: str = "D") -> Days:
    """Dates moved by days (or months: "M"): NumPy will soon refuse to add plain numbers to dates."""
    more: Any = np.asarray(number).astype(f"m8[{unit}]")
    return np.asarray(day + more)


def due_dates(applied: Days, months: Ints | int) -> Days:
    """`calendar.add_months` for arrays: the same day of a later month, clamped to that month's end."""
    first = applied.astype("M8[M]")
    day = applied - first.astype("M8[D]")
    month = moved(first, months, "M")
    last = _month_end(month) - month.astype("M8[D]")
    return np.asarray(month.astype("M8[D]") + np.minimum(day, last))


def _month_end(month: Days) -> Days:
    return moved(moved(month, 1, "M").astype("M8[D]"), -1)


def draw_fates(draw: Draw, loans: Columns) -> Columns:
    """A loan stops paying within the window with exactly its true probability, whatever the calendar.

    Instalments are counted from 1; the k-th is due k months after the application.
    """
    applied, term, pd = loans["application_date"], TERMS[loans["term"]], loans["true_pd"]
    window_end = due_dates(applied, WINDOW_MONTHS)
    early = draw.happens(pd)
    in_time = moved(due_dates(applied, 9), DEFAULT_DAYS) <= window_end
    latest = np.where(in_time, 9, 8)  # the last instalment whose default still falls into the window
    early_stop = 1 + np.searchsorted(EARLY_STOPS, draw.rng.random(draw.size) * EARLY_STOPS[latest - 1], side="right")
    later = draw.happens(1 - (1 - pd) ** np.where(term == TERMS[0], 1.6, 3.2))
    later_stop = latest + 1 + np.floor((term - latest) * draw.rng.random(draw.size) ** 1.7).astype(np.int64)
    prepaid = 1 + np.floor(draw.rng.exponential(44, draw.size)).astype(np.int64)
    stop = np.where(early, early_stop, np.where(later & (later_stop <= prepaid), later_stop, term + 1))
    stops = stop <= term  # pays its last instalment and then no more; otherwise that one pays it off
    last_paid = np.where(stops, stop - 1, np.minimum(prepaid, term))
    plan_after = 3 + draw.below(24)  # the instalment after which months of interest only begin
    planned = draw.happens(0.006) & (plan_after + PLAN_MONTHS < last_paid)
    last_paid = last_paid + PLAN_MONTHS * (planned & ~stops & (last_paid == term))
    slips = _slips(draw, applied, stops, np.where(planned, 0, last_paid))
    bankrupt = draw.happens(0.1)  # charged off before the loan is called a default
    charge_off_days = np.where(bankrupt, 92 + draw.below(28), 123 + draw.below(27))
    unpaid_on = due_dates(applied, last_paid + 1)
    default_on = np.where(stops, moved(unpaid_on, DEFAULT_DAYS), NO_DAY)
    return slips | {
        "stops": stops,
        "last_paid": last_paid,
        "unpaid_on": unpaid_on,
        "event_date": default_on,
        "defaulted_12m": default_on <= window_end,
        "charged_off_on": moved(unpaid_on, charge_off_days),
        "plan_after": np.where(planned, plan_after, NEVER),
        "plan_begins": moved(due_dates(applied, plan_after), 5),
        "plan_ends": moved(due_dates(applied, plan_after + PLAN_MONTHS), 1),
    }


def _slips(draw: Draw, applied: Days, stops: Flags, last_paid: Ints) -> Columns:
    """A cure always falls in the month of a due date, so that the last payment implies the first unpaid due date."""
    months = draw.one_of((0.55, 0.32, 0.13))
    missed = 1 + draw.below(np.maximum(last_paid - 1 - months, 0))
    due = due_dates(applied, missed)
    left = (_month_end(due.astype("M8[M]")) - due).astype(np.int64)
    days = np.minimum(3 + draw.below(12), left)  # how late, of a slip within the grace period
    can_be = (missed + months < last_paid) & ((months > 0) | (days > 1))
    happens = draw.happens(np.where(stops, 0.30, 0.10)) & can_be
    return {
        "slips_at": np.where(happens, missed, NEVER),  # the first instalment missed in a delinquency that cures
        "slip_months": months,  # how many due dates later all arrears are paid; 0 within the grace period
        "slipped_on": due,
        "cured_on": np.where(months > 0, due_dates(applied, missed + months), moved(due, days)),
    }


def draw_collections(draw: Draw, loans: Columns) -> Columns:
    """What follows a charge-off: one recovery, or a settlement that is kept or broken."""
    settles = loans["stops"] & draw.happens(0.1)
    pays = loans["stops"] & ~settles & draw.happens(0.4)
    months = draw.rng.integers(1, 25, draw.size)
    agreed_on = moved(loans["charged_off_on"], draw.rng.integers(20, 240, draw.size))
    agreed_part = np.array([0.40, 0.45, 0.50, 0.65])[draw.one_of((1, 2, 1, 1))]
    recovered_on = moved(loans["charged_off_on"], draw.rng.integers(60, 420, draw.size))
    return {
        "recovered_on": np.where(pays, recovered_on, NO_DAY),
        "part": np.where(settles, agreed_part, np.round(draw.rng.beta(2, 9, draw.size), 4)),  # of what is outstanding
        "settled_on": np.where(settles, agreed_on, NO_DAY),
        "settlement_ends": np.where(settles, moved(agreed_on, 30 * months + 5), NO_DAY),
        "settlement_kept": draw.happens(0.7),
        "settlement_months": months,
    }


def changes(loans: Columns) -> tuple[Ints, Columns]:
    """Every change of status, at most one a day: loan, day, status, and `paid`, the instalments paid by then."""
    found: list[tuple[Ints, Days, Ints, Ints]] = []

    def add(where: Flags, day: Days, status: int, paid: Ints) -> None:
        rows = np.flatnonzero(where)
        found.append((rows, day[rows], np.full(rows.size, status, dtype=np.int64), paid[rows]))

    stops, last_paid, plan_after = loans["stops"], loans["last_paid"], loans["plan_after"]
    missed, planned, slips = loans["slips_at"], plan_after != NEVER, loans["slips_at"] != NEVER
    add(stops | True, loans["application_date"], CURRENT, np.zeros_like(last_paid))
    for days, status in LADDER:  # down for as long as the arrears last
        unpaid, slipped = moved(loans["unpaid_on"], days), moved(loans["slipped_on"], days)
        add(stops & (unpaid < loans["charged_off_on"]), unpaid, status, last_paid)
        add(slips & (slipped < loans["cured_on"]), slipped, status, missed - 1)
    add(slips, loans["cured_on"], CURRENT, missed + loans["slip_months"])
    add(stops, loans["charged_off_on"], CHARGED_OFF, last_paid)
    for name in ("recovered_on", "settled_on", "settlement_ends"):
        add(~np.isnat(loans[name]), loans[name], CHARGED_OFF, last_paid)
    add(~stops, due_dates(loans["application_date"], last_paid), FULLY_PAID, last_paid)
    add(planned, loans["plan_begins"], CURRENT, plan_after)
    add(planned, loans["plan_ends"], CURRENT, plan_after + PLAN_MONTHS)
    row, *rest = (np.concatenate(each) for each in zip(*found, strict=True))
    return row, dict(zip(("day", "status", "paid"), rest, strict=True))


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
        "last_pymnt_d": np.where(change["paid"] > 0, moved(applied, change["paid"], "M"), NO_MONTH),
        "last_pymnt_amnt": standing["last_payment"],
        "next_pymnt_d": np.where(closed, NO_MONTH, moved(applied, upcoming, "M")),
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
        "hardship_reason": np.where(granted, change["plan_after"] % len(TEXTS["hardship_reason"]), EMPTY_CODE),
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
