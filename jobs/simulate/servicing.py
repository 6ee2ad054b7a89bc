"""Servicing: every change of status in the lives of a month's loans."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from jobs.simulate.chance import Flags, Floats, Ints, chance, one_of
from jobs.simulate.columns import CHARGED_OFF, CURRENT, DEFAULT, FULLY_PAID, GRACE, LATE_16, LATE_31
from jobs.simulate.fates import NEVER, NO_DAY, PLAN_MONTHS, Days, Fates

LADDER = ((1, GRACE), (16, LATE_16), (31, LATE_31), (121, DEFAULT))  # days past due, status


@dataclass(frozen=True, slots=True)
class Changes:
    """Changes of status: which loan (its row), when, to what, and how many instalments were paid by then."""

    row: Ints
    day: Days
    status: Ints
    paid: Ints

    def only(self, keep: Flags) -> Changes:
        return Changes(self.row[keep], self.day[keep], self.status[keep], self.paid[keep])


@dataclass(frozen=True, slots=True)
class Collections:
    """What follows a charge-off: one recovery, or a settlement that is then kept or broken. One value a loan."""

    recovered_on: Days  # not a time where nothing is recovered outside a settlement
    part: Floats  # of the outstanding principal
    settled_on: Days  # not a time where nothing is settled
    ends_on: Days
    kept: Flags
    months: Ints


def draw_collections(rng: np.random.Generator, fates: Fates) -> Collections:
    size = fates.applied.size
    charged_off = fates.due(fates.last_paid + 1) + fates.charge_off_days
    settles = fates.stops & chance(rng, 0.1, size)
    pays = fates.stops & ~settles & chance(rng, 0.4, size)
    months = rng.integers(1, 25, size)
    agreed = charged_off + rng.integers(20, 240, size)
    agreed_part = np.array([0.40, 0.45, 0.50, 0.65])[one_of(rng, (1, 2, 1, 1), size)]
    return Collections(
        recovered_on=np.where(pays, charged_off + rng.integers(60, 420, size), NO_DAY),
        part=np.where(settles, agreed_part, np.round(rng.beta(2, 9, size), 4)),
        settled_on=np.where(settles, agreed, NO_DAY),
        ends_on=np.where(settles, agreed + 30 * months + 5, NO_DAY),
        kept=chance(rng, 0.7, size),
        months=months,
    )


def changes(fates: Fates, after: Collections) -> Changes:
    """Every change in a loan's life after its application; a loan changes at most once a day."""
    unpaid = fates.due(fates.last_paid + 1)
    rows = np.flatnonzero(fates.stops)
    found = [_at(rows, unpaid[rows] + days, status, fates.last_paid[rows]) for days, status in LADDER]
    found = [change.only(change.day < (unpaid + fates.charge_off_days)[change.row]) for change in found]
    charged_off = unpaid[rows] + fates.charge_off_days[rows]
    found.append(_at(rows, charged_off, CHARGED_OFF, fates.last_paid[rows]))
    for days in (after.recovered_on, after.settled_on, after.ends_on):
        known = np.flatnonzero(~np.isnat(days))
        found.append(_at(known, days[known], CHARGED_OFF, fates.last_paid[known]))
    paid_off = np.flatnonzero(~fates.stops)
    found.append(_at(paid_off, fates.due(fates.last_paid)[paid_off], FULLY_PAID, fates.last_paid[paid_off]))
    found += _slips(fates) + _plans(fates)
    return Changes(*(np.concatenate([getattr(each, name) for each in found]) for name in Changes.__slots__))


def _at(row: Ints, day: Days, status: int, paid: Ints) -> Changes:
    return Changes(row, day, np.full(row.size, status, dtype=np.int64), paid)


def _slips(fates: Fates) -> list[Changes]:
    """Down the ladder for as long as the arrears last, and back to Current on the day they are paid."""
    rows = np.flatnonzero(fates.slips_at != NEVER)
    missed, months = fates.slips_at[rows], fates.slip_months[rows]
    due = fates.due(missed, rows)
    cured = np.where(months > 0, fates.due(missed + months, rows), due + fates.slip_days[rows])
    steps = [_at(rows, due + days, status, missed - 1) for days, status in LADDER]
    return [*(step.only(step.day < cured) for step in steps), _at(rows, cured, CURRENT, missed + months)]


def _plans(fates: Fates) -> list[Changes]:
    rows = np.flatnonzero(fates.plan_after != NEVER)
    begins, ends = plan_days(fates, rows)
    after = fates.plan_after[rows]
    return [_at(rows, begins, CURRENT, after), _at(rows, ends, CURRENT, after + PLAN_MONTHS)]


def plan_days(fates: Fates, rows: Ints) -> tuple[Days, Days]:
    after = fates.plan_after[rows]
    return fates.due(after, rows) + 5, fates.due(after + PLAN_MONTHS, rows) + 1
