"""The portfolio day by day: what lands on each date, month after month, with the truth about it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta

import polars as pl

from jobs.protocol.calendar import add_months
from jobs.simulate import scenarios
from jobs.simulate.cohorts import Cohort, draw_cohort, joined
from jobs.simulate.settings import Settings

ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Day:
    """All that lands on one date, sorted by id, and the truth about the applications among it."""

    landed: date
    tables: dict[str, pl.DataFrame]
    truth: pl.DataFrame


def months(settings: Settings) -> Iterator[list[Day]]:
    """The landing dates of each calendar month; the file of a date holds what happened the day before."""
    opened: dict[date, tuple[dict[str, pl.DataFrame], pl.DataFrame]] = {}
    waiting: list[pl.DataFrame] = []
    first, last = settings.start - ONE_DAY, settings.end - ONE_DAY
    month = first.replace(day=1)
    while month <= settings.end:
        following = add_months(month, 1)
        if month <= last:
            cohort = _cohort(settings, month, following) if settings.shifts else draw_cohort(settings, month)
            waiting.append(cohort.changed)
            for day in _days(max(month, first), min(following - ONE_DAY, last)):
                opened[day + ONE_DAY] = cohort.opened_on(day)
        changed = _by_day([frame.filter(pl.col("landed") < following) for frame in waiting])
        waiting = [frame.filter(pl.col("landed") >= following) for frame in waiting]
        landing = _days(max(month, settings.start), min(following - ONE_DAY, settings.end))
        yield [_day(day, *opened.pop(day), changed.get(day)) for day in landing]
        month = following


def _cohort(settings: Settings, month: date, following: date) -> Cohort:
    """A month's loans, those of each stretch of days in a market and in files of their own."""
    parts = []
    for first, end, shifts in scenarios.stretches(settings.shifts, month + ONE_DAY, following + ONE_DAY):
        whole = draw_cohort(settings, month, scenarios.market(shifts))
        part = whole.between(first - ONE_DAY, end - ONE_DAY)
        changed = scenarios.rewritten(shifts, "loan_terms", part.changed)
        tables = {table: scenarios.rewritten(shifts, table, frame) for table, frame in part.tables.items()}
        parts.append(replace(part, tables=tables, changed=changed))
    return joined(parts)


def _day(landed: date, tables: dict[str, pl.DataFrame], truth: pl.DataFrame, changed: pl.DataFrame | None) -> Day:
    if changed is not None:
        tables = tables | {"loan_terms": pl.concat([tables["loan_terms"], changed]).sort("id")}
    return Day(landed, tables, truth)


def _by_day(frames: list[pl.DataFrame]) -> dict[date, pl.DataFrame]:
    parts = pl.concat(frames).partition_by("landed", as_dict=True, include_key=False)
    return {landed: part for (landed,), part in parts.items()}


def _days(first: date, last: date) -> list[date]:
    return [first + timedelta(days=each) for each in range((last - first).days + 1)]
