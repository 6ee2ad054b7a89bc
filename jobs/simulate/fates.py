"""What becomes of each loan, drawn at application: when it stops paying, is paid off, slips, or is given a plan."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from jobs.simulate.chance import Flags, Floats, Ints, below, chance, one_of
from jobs.simulate.columns import Columns
from jobs.simulate.pricing import TERMS

Days = npt.NDArray[np.datetime64]

NEVER, NO_DAY = -1, np.datetime64("NaT", "D")
WINDOW_MONTHS, DEFAULT_DAYS = 12, 90  # a default: 90 days after the first unpaid due date
PLAN_MONTHS = 3  # of paying interest only, by which the loan then lasts longer
EARLY_STOPS = np.cumsum([0.45, 0.75, 0.95, 1.0, 1.05, 1.1, 1.1, 1.1, 1.1])  # at the 1st to 9th instalment


@dataclass(frozen=True, slots=True)
class Fates:
    """One value a loan. Instalments are counted from 1; the k-th is due k months after the application."""

    applied: Days
    stops: Flags  # pays its last instalment and then no more; otherwise that one pays it off
    last_paid: Ints
    slips_at: Ints  # the first instalment missed in a delinquency that cures, or NEVER
    slip_months: Ints  # how many due dates later all arrears are paid; 0 within the grace period
    slip_days: Ints  # how late within the grace period
    plan_after: Ints  # the instalment after which months of interest only begin, or NEVER
    charge_off_days: Ints  # after the first unpaid due date; of the bankrupt, before the loan is called a default

    def due(self, instalment: Ints, rows: Any = slice(None)) -> Days:  # noqa: ANN401
        return due_dates(self.applied[rows], instalment)

    def default_dates(self) -> Days:
        return np.where(self.stops, self.due(self.last_paid + 1) + DEFAULT_DAYS, NO_DAY)

    def within_window(self) -> Flags:
        return np.asarray(self.default_dates() <= due_dates(self.applied, WINDOW_MONTHS))


def due_dates(applied: Days, months: Ints | int) -> Days:
    """`calendar.add_months` for arrays: the same day of a later month, clamped to that month's end."""
    first = applied.astype("M8[M]")
    day = applied - first.astype("M8[D]")
    month = first + np.asarray(months)
    last = (month + 1).astype("M8[D]") - month.astype("M8[D]") - 1
    return np.asarray(month.astype("M8[D]") + np.minimum(day, last))


def draw_fates(rng: np.random.Generator, applied: Days, file: Columns, pd: Floats) -> Fates:
    """A loan stops paying within the window with exactly its true probability, whatever the calendar."""
    size = pd.size
    term = TERMS[file["term"]]
    early = chance(rng, pd, size)
    in_time = due_dates(applied, 9) + DEFAULT_DAYS <= due_dates(applied, WINDOW_MONTHS)
    latest = np.where(in_time, 9, 8)  # the last instalment whose default still falls into the window
    early_stop = 1 + np.searchsorted(EARLY_STOPS, rng.random(size) * EARLY_STOPS[latest - 1], side="right")
    later = chance(rng, 1 - (1 - pd) ** np.where(term == TERMS[0], 1.6, 3.2), size)
    later_stop = latest + 1 + np.floor((term - latest) * rng.random(size) ** 1.7).astype(np.int64)
    prepaid = 1 + np.floor(rng.exponential(44, size)).astype(np.int64)
    stop = np.where(early, early_stop, np.where(later & (later_stop <= prepaid), later_stop, term + 1))
    stops = stop <= term
    last_paid = np.where(stops, stop - 1, np.minimum(prepaid, term))
    plan_after = 3 + below(rng, 24, size).astype(np.int64)
    planned = chance(rng, 0.006, size) & (plan_after + PLAN_MONTHS < last_paid)
    last_paid = last_paid + PLAN_MONTHS * (planned & ~stops & (last_paid == term))
    slips_at, slip_months, slip_days = _slips(rng, applied, stops, np.where(planned, 0, last_paid))
    bankrupt = chance(rng, 0.1, size)
    charge_off = np.where(bankrupt, 92 + below(rng, 28, size), 123 + below(rng, 27, size))
    plan_after = np.where(planned, plan_after, NEVER)
    return Fates(applied, stops, last_paid, slips_at, slip_months, slip_days, plan_after, charge_off.astype(np.int64))


def _slips(rng: np.random.Generator, applied: Days, stops: Flags, last_paid: Ints) -> tuple[Ints, Ints, Ints]:
    """A cure falls into the month of a due date, so that the last payment's month tells the first unpaid due date."""
    size = applied.size
    months = one_of(rng, (0.55, 0.32, 0.13), size)
    missed = 1 + below(rng, np.maximum(last_paid - 1 - months, 0), size).astype(np.int64)
    due = due_dates(applied, missed)
    left = ((due.astype("M8[M]") + 1).astype("M8[D]") - due).astype(np.int64) - 1
    days = np.minimum(3 + below(rng, 12, size).astype(np.int64), left)
    can_be = (missed + months < last_paid) & ((months > 0) | (days > 1))
    happens = chance(rng, np.where(stops, 0.30, 0.10), size) & can_be
    return np.where(happens, missed, NEVER), months, days
