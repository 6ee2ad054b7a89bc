"""Weeks: named by their Saturday and judged with what had landed by then."""

from __future__ import annotations

from datetime import date, timedelta

DAYS = 7
WINDOWS = (DAYS, 14, 28)  # days that drift is measured over: the shortest with enough rows
OUTCOME_DAYS = 28  # loans that matured within so many days count as recent outcomes
REPORTS = "datamart/gold/reports"
_SATURDAY = 5


def named_by(day: date) -> date:
    """The last Saturday before a day: all days from Sunday to Saturday give the same week."""
    return day - timedelta(days=(day.weekday() - _SATURDAY - 1) % 7 + 1)


def first_of(week: date, days: int = DAYS) -> date:
    """The first of the `days` days that end with the week."""
    return week - timedelta(days=days - 1)


def report_of(week: date) -> str:
    """The path of a week's report, relative to the root."""
    return f"{REPORTS}/week={week.isoformat()}/report.html"
