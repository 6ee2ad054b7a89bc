"""The day within its issue month on which a loan was applied for, as the record of decisions says: written anew."""

from __future__ import annotations

from calendar import monthrange
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date


def application_date(loan_id: int, issue_month: date) -> date:
    spread = (loan_id % 2**31) * 2_654_435_761 % 2**32 // 2**16
    return issue_month.replace(day=1 + spread % monthrange(issue_month.year, issue_month.month)[1])
