"""The portfolio day by day: what lands on each date, month after month, with the truth about it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby

import numpy as np
import polars as pl

from jobs.protocol.calendar import add_months, application_date_expr
from jobs.simulate.applicants import draw_applicants, draw_request, draw_second, draw_traits
from jobs.simulate.bureau import draw_bureau
from jobs.simulate.chance import Draw, Flags, Ints
from jobs.simulate.columns import TABLES, Columns, as_frame
from jobs.simulate.fates import CURRENT, Days, changes, draw_collections, draw_fates, statements
from jobs.simulate.pricing import price, true_pd
from jobs.simulate.settings import Market, Scenario, Settings, market

ONE_DAY = timedelta(days=1)
TRUTH = ("id", "application_date", "true_pd", "defaulted_12m", "event_date")
FIRST_MONTH = date(2007, 1, 1)
FIRST_ID, IDS_A_MONTH = 10_000_000, 3_000_000  # ids have 8 digits, from 2009 on 9, and grow with the months
WEEK_UNTIL = np.cumsum([0, 1.15, 1.15, 1.15, 1.1, 1.05, 0.7, 0.7])  # daily means from Monday on; a week has 7


@dataclass(frozen=True, slots=True)
class Day:
    """All that lands on one date, sorted by id, and the truth about the applications among it."""

    landed: date
    tables: dict[str, pl.DataFrame]
    truth: pl.DataFrame


@dataclass(frozen=True, slots=True)
class Cohort:
    """Loans applied for in one calendar month, in the order of application date and id, and their true fates."""

    tables: dict[str, pl.DataFrame]
    truth: pl.DataFrame
    changed: pl.DataFrame  # loan_terms again, at every change of status, with the date on which it landed

    def opened_on(self, day: date) -> Day:
        applied = self.truth["application_date"]
        rows = slice(int(applied.search_sorted(day)), int(applied.search_sorted(day + ONE_DAY)))
        return Day(day + ONE_DAY, {table: frame[rows] for table, frame in self.tables.items()}, self.truth[rows])


def months(settings: Settings) -> Iterator[list[Day]]:
    """The landing dates of each calendar month; the file of a date holds what happened the day before."""
    first, last = settings.start - ONE_DAY, settings.end - ONE_DAY
    opened: dict[date, Day] = {}
    waiting: list[pl.DataFrame] = []
    month = first.replace(day=1)
    while month <= settings.end:
        following = add_months(month, 1)
        applied = _days(max(month, first), min(following - ONE_DAY, last))
        for scenarios, stretch in groupby(applied, lambda day: settings.scenarios(day + ONE_DAY)):
            days = list(stretch)
            cohort = draw_cohort(settings, month, scenarios, days[0], days[-1])
            opened |= {day + ONE_DAY: cohort.opened_on(day) for day in days}
            waiting.append(cohort.changed)
        changed = pl.concat(frame.filter(pl.col("landed") < following) for frame in waiting)
        waiting = [frame.filter(pl.col("landed") >= following) for frame in waiting]
        for (landed,), frame in changed.partition_by("landed", as_dict=True, include_key=False).items():
            tables = opened[landed].tables
            tables["loan_terms"] = pl.concat([tables["loan_terms"], frame]).sort("id")
        yield [opened.pop(day) for day in _days(max(month, settings.start), min(following - ONE_DAY, settings.end))]
        month = following


def draw_cohort(
    settings: Settings,
    month: date,
    scenarios: Sequence[Scenario] = (),
    first: date = date.min,
    last: date = date.max,
) -> Cohort:
    """The loans of these days, drawn with all of their month: so that no day depends on how many are simulated."""
    loans = _drawn(settings, month, market(scenarios))
    applied = loans["application_date"]
    wanted = (applied >= np.datetime64(first)) & (applied <= np.datetime64(last))
    row, change = changes(loans)
    by_the_end = wanted[row] & (change["day"] < np.datetime64(settings.end))
    again = _rows(loans, row[by_the_end]) | _rows(change, by_the_end)
    opening = {"day": applied, "status": np.full(applied.size, CURRENT), "paid": np.zeros(applied.size, dtype=np.int64)}
    new = _rows(loans | opening, wanted)
    new |= statements(new)

    def shown(table: str, columns: Columns) -> pl.DataFrame:
        frame = as_frame(table, month, columns)
        for written in (each.written[1] for each in scenarios if each.written[0] == table):
            frame = frame.with_columns(pl.sql_expr(written))  # one after the other: two may write the same column
        return frame

    return Cohort(
        tables={table: shown(table, new) for table in TABLES},
        truth=pl.DataFrame({name: new[name] for name in TRUTH}),
        changed=shown("loan_terms", again | statements(again)).with_columns(landed=pl.Series(again["day"] + 1)),
    )


def _drawn(settings: Settings, month: date, market: Market) -> Columns:
    """A month's loans: every column that is known on the day of the application, and their fates."""
    ids, applied = _applications(settings, month)

    def draw(stage: str) -> Draw:
        return Draw(ids.size, settings.seed, stage, month.year * 12 + month.month)

    months = np.full(ids.size, np.datetime64(month, "M"))
    loans: Columns = {"id": ids, "application_date": applied, "issue_d": months, "last_credit_pull_d": months}
    loans |= {"policy_code": np.ones(ids.size)} | draw_traits(draw("traits"), market)
    loans |= draw_applicants(draw("applicants"), loans, market)
    loans |= draw_bureau(draw("bureau"), loans)
    loans |= draw_request(draw("request"), loans, market)
    loans |= draw_second(draw("second"), loans, market)
    loans |= price(draw("pricing"), loans, market)
    # the public file's last_* are outcomes; here they say what was known at the application, and nothing more
    loans |= {f"last_{name}": loans[name] for name in ("fico_range_low", "fico_range_high")}
    loans["true_pd"] = true_pd(loans, market)
    loans |= draw_fates(draw("fates"), loans)
    return loans | draw_collections(draw("collections"), loans)


def _applications(settings: Settings, month: date) -> tuple[Ints, Days]:
    """Ids that fall, by their hash, on each day as often as that day has applications; and these days."""
    days = _days(month, add_months(month, 1) - ONE_DAY)
    whole = (settings.loans_per_day * WEEK_UNTIL + 1e-6).astype(np.int64)  # carried from day to day
    wanted = np.diff(whole)[[day.weekday() for day in days]]
    candidates = len(days) * (int(1.3 * wanted.max()) + 60)
    gap = max(1, min(50, IDS_A_MONTH // candidates))
    months = (month.year - FIRST_MONTH.year) * 12 + month.month - FIRST_MONTH.month
    draw = Draw(candidates, settings.seed, "calendar", month.year * 12 + month.month)
    ids = FIRST_ID + months * IDS_A_MONTH + np.arange(candidates) * gap + draw.rng.integers(0, gap, candidates)
    on = application_date_expr(pl.lit(pl.Series(ids)), pl.lit(month))
    applied = pl.select(on).to_series().to_numpy().astype("M8[D]")
    order = np.lexsort((ids, applied))
    ids, applied = ids[order], applied[order]
    rank = np.arange(candidates) - np.searchsorted(applied, applied)
    kept = rank < wanted[(applied - np.datetime64(month)).astype(np.int64)]
    return ids[kept], applied[kept]


def _rows(columns: Columns, rows: Ints | Flags) -> Columns:
    return {name: values[rows] for name, values in columns.items()}


def _days(first: date, last: date) -> list[date]:
    return [first + timedelta(days=each) for each in range((last - first).days + 1)]
