"""A cohort: all loans applied for in one calendar month, with their rows of the four tables and their true fates."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl

from jobs.protocol.calendar import add_months, application_date_expr
from jobs.simulate.applicants import draw_applicants, draw_request, draw_second, draw_traits
from jobs.simulate.bureau import draw_bureau
from jobs.simulate.chance import Flags, Floats, Ints, stream
from jobs.simulate.columns import CURRENT, SINCE, TABLES, Columns, as_frame, empty_like
from jobs.simulate.fates import Days, Fates, draw_fates
from jobs.simulate.pricing import price, true_pd
from jobs.simulate.servicing import Changes, changes, draw_collections
from jobs.simulate.settings import STEADY, Market, Settings
from jobs.simulate.statements import statements

FIRST_MONTH = date(2007, 1, 1)
FIRST_ID, IDS_A_MONTH = 10_000_000, 3_000_000  # ids have 8 digits, from 2009 on 9, and grow with the months
WEEKDAY_SHARE = (1.15, 1.15, 1.15, 1.1, 1.05, 0.7, 0.7)  # of the daily mean, Monday first; they add up to 7


@dataclass(frozen=True, slots=True)
class Cohort:
    """Rows in the order of application date and id."""

    applied: Days
    tables: dict[str, pl.DataFrame]
    truth: pl.DataFrame
    changed: pl.DataFrame  # loan_terms again, at every change of status, with the date on which it landed

    def opened_on(self, day: date) -> tuple[dict[str, pl.DataFrame], pl.DataFrame]:
        """A day's applications and the truth about them."""
        rows = self._rows(day, day + timedelta(days=1))
        return {table: frame[rows] for table, frame in self.tables.items()}, self.truth[rows]

    def between(self, first: date, end: date) -> Cohort:
        """The loans of these days, the end not included, and all that becomes of them."""
        rows = self._rows(first, end)
        tables, truth = {table: frame[rows] for table, frame in self.tables.items()}, self.truth[rows]
        changed = self.changed.join(truth, on="id", how="semi", maintain_order="left")
        return Cohort(self.applied[rows], tables, truth, changed)

    def _rows(self, first: date, end: date) -> slice:
        begin, until = np.searchsorted(self.applied, np.array([first, end], dtype="M8[D]"))
        return slice(int(begin), int(until))


def joined(parts: Sequence[Cohort]) -> Cohort:
    """Parts of one month, in the order of their days."""
    return Cohort(
        applied=np.concatenate([part.applied for part in parts]),
        tables={table: pl.concat(part.tables[table] for part in parts) for table in TABLES},
        truth=pl.concat(part.truth for part in parts),
        changed=pl.concat(part.changed for part in parts),
    )


def draw_cohort(settings: Settings, month: date, market: Market = STEADY) -> Cohort:
    """All of a month, whatever part of it is wanted: so that no day depends on how many days are simulated."""

    def chances(stage: str) -> np.random.Generator:
        return stream(settings.seed, stage, month.year * 12 + month.month)

    applied, ids = _applications(chances("calendar"), month, settings.loans_per_day)
    file = _draw_file(chances, month, market, ids.size) | {"id": ids}
    pd = true_pd(file, market)
    fates = draw_fates(chances("fates"), applied, file, pd)
    after = draw_collections(chances("collections"), fates)
    rows = np.arange(ids.size)
    opening = Changes(rows, applied, np.full(ids.size, CURRENT), np.zeros_like(rows))
    change = changes(fates, after)
    change = change.only(_is_wanted(change, applied, settings))
    known = file | {name: empty_like(name, file[name]) for name, since in SINCE.items() if month < since}
    opened = known | statements(file, fates, after, opening)
    again = {name: known[name][change.row] for name in ("id", *TABLES["loan_terms"]) if name in known}
    changed = as_frame(again | statements(file, fates, after, change), TABLES["loan_terms"])
    return Cohort(
        applied=applied,
        tables={table: as_frame(opened, names) for table, names in TABLES.items()},
        truth=_truth(ids, fates, pd),
        changed=changed.with_columns(landed=pl.Series(change.day + 1)),
    )


def _draw_file(chances: Callable[[str], np.random.Generator], month: date, market: Market, size: int) -> Columns:
    """Every column that is known on the day of the application."""
    first = np.datetime64(month, "M")
    traits = draw_traits(chances("traits"), size, market)
    file = draw_applicants(chances("applicants"), traits, market)
    file |= draw_bureau(chances("bureau"), traits, file, first)
    file |= draw_request(chances("request"), traits, file, first, market)
    file |= draw_second(chances("second"), file, first, market)
    file |= {"issue_d": np.full(size, first), "policy_code": np.ones(size), "last_credit_pull_d": np.full(size, first)}
    file |= price(chances("pricing"), file, market)
    # the public file's last_* are outcomes; here they say what was known at the application, and nothing more
    return file | {f"last_{name}": file[name] for name in ("fico_range_low", "fico_range_high")}


def _applications(rng: np.random.Generator, month: date, loans_per_day: int) -> tuple[Days, Ints]:
    """Ids that fall, by their hash, on each day as often as that day has applications."""
    days = (add_months(month, 1) - month).days
    wanted = np.array([_volume(month + timedelta(day), loans_per_day) for day in range(days)])
    candidates = days * (int(1.3 * wanted.max()) + 60)
    gap = max(1, min(50, IDS_A_MONTH // candidates))
    months = (month.year - FIRST_MONTH.year) * 12 + month.month - FIRST_MONTH.month
    ids = FIRST_ID + months * IDS_A_MONTH + np.arange(candidates) * gap + rng.integers(0, gap, candidates)
    on = application_date_expr(pl.lit(pl.Series(ids)), pl.lit(month))
    applied = pl.select(on).to_series().to_numpy().astype("M8[D]")
    order = np.lexsort((ids, applied))
    ids, applied = ids[order], applied[order]
    rank = np.arange(candidates) - np.searchsorted(applied, applied)
    kept = rank < wanted[(applied - np.datetime64(month, "D")).astype(np.int64)]
    return applied[kept], ids[kept]


def _volume(day: date, loans_per_day: int) -> int:
    """Whole loans whose weekly sum is exactly seven times the daily mean, carried from day to day."""
    until = sum(WEEKDAY_SHARE[: day.weekday() + 1])
    return int(loans_per_day * until + 1e-6) - int(loans_per_day * (until - WEEKDAY_SHARE[day.weekday()]) + 1e-6)


def _is_wanted(change: Changes, applied: Days, settings: Settings) -> Flags:
    """Of loans that landed themselves, what lands by the end."""
    known = applied[change.row] >= np.datetime64(settings.start, "D") - 1
    return np.asarray(known & (change.day < np.datetime64(settings.end, "D")))


def _truth(ids: Ints, fates: Fates, pd: Floats) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "id": ids,
            "application_date": fates.applied,
            "true_pd": pd,
            "defaulted_12m": fates.within_window(),
            "event_date": fates.default_dates(),
        }
    )
