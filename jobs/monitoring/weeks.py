"""Weeks: named by their Saturday, judged with what had landed by then; and the window of a label, in months."""

from __future__ import annotations

from datetime import date, timedelta

from jobs.protocol.policy import LabelPolicy

DAYS = 7
WINDOWS = (DAYS, 14, 28)  # days that drift is measured over: the next longer while there are too few rows
OUTCOME_DAYS = 28  # matured within them, a loan tells of the model today
LONGEST_MONTHS = 65  # of a label that takes the whole term: 60 months and 5 to the charge-off
_SATURDAY = 5


def named_by(day: date) -> date:
    """The last Saturday before a day: every day from Sunday to Saturday names the same week."""
    return day - timedelta(days=(day.weekday() - _SATURDAY - 1) % 7 + 1)


def first_of(week: date, days: int = DAYS) -> date:
    """The first of so many days that end with the week."""
    return week - timedelta(days=days - 1)


def window_of(label: LabelPolicy) -> int:
    """Months within which a default counts; of the longest term where the term is the window."""
    return LONGEST_MONTHS if label.window_months == "term" else label.window_months
