"""The portfolio, month by month: what lands on each date, and the truth about it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby, pairwise

import numpy as np
import polars as pl

from jobs.protocol.calendar import ONE_DAY, add_months, application_date, days_between
from jobs.simulate.applicants import draw_applicants, draw_request, draw_second, draw_traits, price, true_pd
from jobs.simulate.bureau import draw_bureau
from jobs.simulate.chance import Draw, Ints
from jobs.simulate.columns import TABLES, Columns, as_frame
from jobs.simulate.fates import Days, changes, draw_collections, draw_fates, moved, statements
from jobs.simulate.settings import Market, Scenario, Settings, market

TRUTH = ("id", "application_date", "true_pd", "defaulted_12m", "event_date")
NOT_OF_TERMS = {name for table in TABLES if table != "loan_terms" for name in TABLES[table][2:]}
FIRST_MONTH = date(2007, 1, 1)
FIRST_ID, IDS_A_MONTH = 10_000_000, 3_000_000  # ids have 8 digits, from 2009 on 9, and grow with the months
WEEK_UNTIL = np.cumsum([0, 1.15, 1.15, 1.15, 1.1, 1.05, 0.7, 0.7])  # daily means from Monday on; a week has 7


@dataclass(frozen=True, slots=True)
class Day:
    """All rows that land on one date, sorted by id, and the truth about its applications."""

    landed: date
    tables: dict[str, pl.DataFrame]
    truth: pl.DataFrame


def months(settings: Settings) -> Iterator[list[Day]]:
    """The landing dates of each calendar month; the file of a date holds what happened the day before."""
    first, last = settings.start - ONE_DAY, settings.end - ONE_DAY
    starts = [day for day in days_between(first.replace(day=1), settings.end) if day.day == 1]
    coming: dict[tuple[str, date], list[pl.DataFrame]] = defaultdict(list)  # what is drawn, by the month it lands in
    empty: dict[str, pl.DataFrame] = {}
    for month in starts:
        end_of_month = add_months(month, 1) - ONE_DAY
        applied = days_between(max(month, first), min(end_of_month, last))
        for scenarios, stretch in groupby(applied, lambda day: settings.scenarios(day + ONE_DAY)):
            days = list(stretch)
            for name, rows in draw_cohort(settings, month, scenarios, days[0], days[-1]).items():
                empty[name] = rows.clear()
                for when, part in zip(starts, _cut(rows, rows["landed"], starts), strict=True):
                    if part.height:  # an empty one would keep the others in memory
                        coming[name, when].append(part)
        dates = days_between(max(month, settings.start), min(end_of_month, settings.end))
        landing = {}
        for name, none in empty.items():
            rows = pl.concat([none, *coming.pop((name, month), [])]).sort("landed", "id")
            landing[name] = _cut(rows.drop("landed"), rows["landed"], dates)
        truths = landing.pop("truth")
        yield [Day(day, {name: landing[name][at] for name in TABLES}, truths[at]) for at, day in enumerate(dates)]


def _cut(rows: pl.DataFrame, landed: pl.Series, dates: list[date]) -> list[pl.DataFrame]:
    """The rows that landed from each of these dates until the next, as slices without copies."""
    edges = np.searchsorted(landed.to_numpy(), np.array([*dates, date.max], dtype="M8[D]"))
    return [rows.slice(begin, end - begin) for begin, end in pairwise(edges)]


def draw_cohort(
    settings: Settings, month: date, scenarios: Sequence[Scenario] = (), first: date = date.min, last: date = date.max
) -> dict[str, pl.DataFrame]:
    """All rows, by table, of the loans applied for on these days, and the truth; sorted by date `landed`, then id.

    The whole month is always drawn, so that a day does not depend on how many days are simulated.
    """
    loans = _drawn(settings, month, market(scenarios))
    applied = loans["application_date"]
    wanted = (applied >= np.datetime64(first)) & (applied <= np.datetime64(last))
    row, change = changes(loans)
    told = np.flatnonzero(wanted[row] & (change["day"] < np.datetime64(settings.end)))
    told = told[np.argsort(change["day"][told], kind="stable")]
    opened = {name: values[wanted] for name, values in loans.items()}
    terms = {name: values[row[told]] for name, values in loans.items() if name not in NOT_OF_TERMS}
    terms |= {name: values[told] for name, values in change.items()}
    terms |= statements(terms)
    frames = {table: as_frame(table, month, terms if table == "loan_terms" else opened) for table in TABLES}
    for table, written in (each.written for each in scenarios if each.written):
        frames[table] = frames[table].with_columns(pl.sql_expr(written))  # one by one: two may write the same column
    frames["truth"] = pl.DataFrame({name: opened[name] for name in TRUTH})
    landed = dict.fromkeys(frames, opened["application_date"]) | {"loan_terms": terms["day"]}
    return {name: frame.with_columns(landed=pl.Series(moved(landed[name], 1))) for name, frame in frames.items()}


def _drawn(settings: Settings, month: date, market: Market) -> Columns:
    """A month's loans by application date and id: what is known on the day of the application, and their fates."""
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
    # the public file's last_* columns are outcomes; here they hold only what was known at the application
    loans |= {f"last_{name}": loans[name] for name in ("fico_range_low", "fico_range_high")}
    loans["true_pd"] = true_pd(loans, market)
    loans |= draw_fates(draw("fates"), loans)
    return loans | draw_collections(draw("collections"), loans)


def _applications(settings: Settings, month: date) -> tuple[Ints, Days]:
    """Ids chosen so that their hashes give each day its number of applications, and these days."""
    days = days_between(month, add_months(month, 1) - ONE_DAY)
    whole = (settings.loans_per_day * WEEK_UNTIL + 1e-6).astype(np.int64)  # carried from day to day
    wanted = np.diff(whole)[[day.weekday() for day in days]]
    candidates = len(days) * (int(1.3 * wanted.max()) + 60)
    gap = max(1, min(50, IDS_A_MONTH // candidates))
    months = (month.year - FIRST_MONTH.year) * 12 + month.month - FIRST_MONTH.month
    draw = Draw(candidates, settings.seed, "calendar", month.year * 12 + month.month)
    ids = FIRST_ID + months * IDS_A_MONTH + np.arange(candidates) * gap + draw.rng.integers(0, gap, candidates)
    on = application_date(pl.lit(pl.Series(ids)), pl.lit(month))
    applied = pl.select(on).to_series().to_numpy().astype("M8[D]")
    order = np.lexsort((ids, applied))
    ids, applied = ids[order], applied[order]
    rank = np.arange(candidates) - np.searchsorted(applied, applied)
    kept = rank < wanted[(applied - np.datetime64(month)).astype(np.int64)]
    return ids[kept], applied[kept]
