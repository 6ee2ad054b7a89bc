"""What becomes of each loan, drawn at application: when it stops paying, is paid off, slips, or is given a plan."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from jobs.simulate.chance import Draw, Flags, Ints
from jobs.simulate.columns import CHARGED_OFF, CURRENT, DEFAULT, FULLY_PAID, GRACE, LATE_16, LATE_31, NO_DAY, Columns
from jobs.simulate.pricing import TERMS

Days = npt.NDArray[np.datetime64]

NEVER = -1
WINDOW_MONTHS, DEFAULT_DAYS = 12, 90  # a default: 90 days after the first unpaid due date
PLAN_MONTHS = 3  # of paying interest only, by which the loan then lasts longer
EARLY_STOPS = np.cumsum([0.45, 0.75, 0.95, 1.0, 1.05, 1.1, 1.1, 1.1, 1.1])  # at the 1st to 9th instalment
LADDER = ((1, GRACE), (16, LATE_16), (31, LATE_31), (121, DEFAULT))  # days past due, status


def due_dates(applied: Days, months: Ints | int) -> Days:
    """`calendar.add_months` for arrays: the same day of a later month, clamped to that month's end."""
    first = applied.astype("M8[M]")
    day = applied - first.astype("M8[D]")
    month = first + np.asarray(months)
    last = (month + 1).astype("M8[D]") - month.astype("M8[D]") - 1
    return np.asarray(month.astype("M8[D]") + np.minimum(day, last))


def draw_fates(draw: Draw, loans: Columns) -> Columns:
    """A loan stops paying within the window with exactly its true probability, whatever the calendar.

    Instalments are counted from 1; the k-th is due k months after the application.
    """
    applied, term, pd = loans["application_date"], TERMS[loans["term"]], loans["true_pd"]
    window_end = due_dates(applied, WINDOW_MONTHS)
    early = draw.happens(pd)
    in_time = due_dates(applied, 9) + DEFAULT_DAYS <= window_end
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
    default_on = np.where(stops, unpaid_on + DEFAULT_DAYS, NO_DAY)
    return slips | {
        "stops": stops,
        "last_paid": last_paid,
        "unpaid_on": unpaid_on,
        "event_date": default_on,
        "defaulted_12m": default_on <= window_end,
        "charged_off_on": unpaid_on + charge_off_days,
        "plan_after": np.where(planned, plan_after, NEVER),
        "plan_begins": due_dates(applied, plan_after) + 5,
        "plan_ends": due_dates(applied, plan_after + PLAN_MONTHS) + 1,
    }


def _slips(draw: Draw, applied: Days, stops: Flags, last_paid: Ints) -> Columns:
    """A cure falls into the month of a due date, so that the last payment's month tells the first unpaid due date."""
    months = draw.one_of((0.55, 0.32, 0.13))
    missed = 1 + draw.below(np.maximum(last_paid - 1 - months, 0))
    due = due_dates(applied, missed)
    left = ((due.astype("M8[M]") + 1).astype("M8[D]") - due).astype(np.int64) - 1
    days = np.minimum(3 + draw.below(12), left)  # how late, of a slip within the grace period
    can_be = (missed + months < last_paid) & ((months > 0) | (days > 1))
    happens = draw.happens(np.where(stops, 0.30, 0.10)) & can_be
    return {
        "slips_at": np.where(happens, missed, NEVER),  # the first instalment missed in a delinquency that cures
        "slip_months": months,  # how many due dates later all arrears are paid; 0 within the grace period
        "slipped_on": due,
        "cured_on": np.where(months > 0, due_dates(applied, missed + months), due + days),
    }


def draw_collections(draw: Draw, loans: Columns) -> Columns:
    """What follows a charge-off: one recovery, or a settlement that is then kept or broken."""
    settles = loans["stops"] & draw.happens(0.1)
    pays = loans["stops"] & ~settles & draw.happens(0.4)
    months = draw.rng.integers(1, 25, draw.size)
    agreed_on = loans["charged_off_on"] + draw.rng.integers(20, 240, draw.size)
    agreed_part = np.array([0.40, 0.45, 0.50, 0.65])[draw.one_of((1, 2, 1, 1))]
    recovered_on = loans["charged_off_on"] + draw.rng.integers(60, 420, draw.size)
    return {
        "recovered_on": np.where(pays, recovered_on, NO_DAY),
        "part": np.where(settles, agreed_part, np.round(draw.rng.beta(2, 9, draw.size), 4)),  # of what is outstanding
        "settled_on": np.where(settles, agreed_on, NO_DAY),
        "settlement_ends": np.where(settles, agreed_on + 30 * months + 5, NO_DAY),
        "settlement_kept": draw.happens(0.7),
        "settlement_months": months,
    }


def changes(loans: Columns) -> tuple[Ints, Columns]:
    """Every change of status after the application, one a day at most: which loan, and on what day to which status.

    `paid` is the number of instalments paid by then.
    """
    found: list[tuple[Ints, Days, Ints, Ints]] = []

    def add(where: Flags, day: Days, status: int, paid: Ints) -> None:
        rows = np.flatnonzero(where)
        found.append((rows, day[rows], np.full(rows.size, status, dtype=np.int64), paid[rows]))

    stops, last_paid, plan_after = loans["stops"], loans["last_paid"], loans["plan_after"]
    missed, planned, slips = loans["slips_at"], plan_after != NEVER, loans["slips_at"] != NEVER
    for days, status in LADDER:  # down for as long as the arrears last
        unpaid, slipped = loans["unpaid_on"] + days, loans["slipped_on"] + days
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
