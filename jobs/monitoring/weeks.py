"""Weeks: named by their Saturday, judged with what had landed by then, each with a report."""

from __future__ import annotations

from datetime import date, timedelta

DAYS = 7
WINDOWS = (DAYS, 14, 28)  # days that drift is measured over: the next longer while there are too few rows
OUTCOME_DAYS = 28  # matured within them, a loan tells of the model today
REPORTS = "datamart/gold/reports"
_SATURDAY = 5


def named_by(day: date) -> date:
    """The last Saturday before a day: every day from Sunday to Saturday names the same week."""
    return day - timedelta(days=(day.weekday() - _SATURDAY - 1) % 7 + 1)


def first_of(week: date, days: int = DAYS) -> date:
    """The first of so many days that end with the week."""
    return week - timedelta(days=days - 1)


def report_of(week: date) -> str:
    """Where the report of a week lies, relative to the root."""
    return f"{REPORTS}/week={week.isoformat()}/report.html"
