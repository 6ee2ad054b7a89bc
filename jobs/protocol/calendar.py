"""Loan dates: adding months that differ in length, and the day of the issue month on which a loan was applied for."""

from __future__ import annotations

from calendar import monthrange
from datetime import date, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")  # never the locale's
ONE_DAY = timedelta(days=1)
_SPREAD = 2_654_435_761  # Knuth's multiplicative hash: a stable spread, the same in every version of every library


def add_months(day: date, months: int) -> date:
    """Same day of a later month, clamped to that month's end."""
    year, month0 = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month0 + 1, min(day.day, monthrange(year, month0 + 1)[1]))


def days_between(first: date, last: date) -> list[date]:
    """All days from one to another, both included."""
    return [first + number * ONE_DAY for number in range((last - first).days + 1)]


def application_date(loan_id: pl.Expr, issue_month: pl.Expr) -> pl.Expr:
    """The public files give only the issue month; a stable hash of the id spreads its loans over the month's days."""
    import polars as pl

    spread = (loan_id % 2**31) * _SPREAD % 2**32 // 2**16
    days = issue_month.dt.month_end().dt.day().cast(pl.Int64)
    return issue_month.dt.month_start() + pl.duration(days=spread % days)


def first_unpaid_due(applied: pl.Expr, paid: pl.Expr) -> pl.Expr:
    """The application's day of the month, in the month after the last payment (after the application if none)."""
    import polars as pl

    month = pl.max_horizontal(applied.dt.month_start(), paid.dt.month_start()).dt.offset_by("1mo")
    day = pl.min_horizontal(applied.dt.day(), month.dt.days_in_month()).cast(pl.Int64)
    return month + pl.duration(days=day - 1)
