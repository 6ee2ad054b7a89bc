"""Loans and what is heard of them, and the definition of a label written once more, for one loan and one day."""

from __future__ import annotations

from calendar import monthrange
from dataclasses import replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

import polars as pl
from hypothesis import strategies as st

from jobs.preprocessing.labels import CHARGED_OFF, LATE, PAID, PERFORMING, judged, labels
from jobs.protocol import policy
from jobs.protocol.calendar import add_months

if TYPE_CHECKING:
    from collections.abc import Iterable

RULE = policy.load(None, "").label
BRISK = replace(RULE, window_months=3, lag_days=5, closing_days=20, dpd=30)  # much happens in few days
STATUSES = CHARGED_OFF + PAID + LATE + PERFORMING
DNMCP = "Does not meet the credit policy. Status:"
FOR_EVER = date(9999, 12, 31)
PERFORMANCE = {
    "id": pl.Int64,
    "application_date": pl.Date,
    "term": pl.Int8,
    "loan_status": pl.String,
    "last_pymnt_d": pl.Date,
    "snapshot_date": pl.Date,
}


class Row(NamedTuple):
    """A row of loan_performance; unnamed fields take ordinary values."""

    id: int = 1
    application_date: date = date(2015, 12, 10)
    term: int | None = 36
    loan_status: str | None = "Current"
    last_pymnt_d: date | None = None
    snapshot_date: date = date(2015, 12, 11)


class Verdict(NamedTuple):
    y: int
    kind: str
    event: date | None
    known: date


def frame(rows: Iterable[Row]) -> pl.LazyFrame:
    return pl.LazyFrame(list(rows), schema=PERFORMANCE, orient="row")


def known(rows: Iterable[Row], rule: policy.LabelPolicy, first: date, last: date) -> list[dict[str, Any]]:
    return labels(judged(frame(rows), rule), first, last).collect().to_dicts()


def told(rows: Iterable[Row], rule: policy.LabelPolicy = RULE) -> list[Verdict]:
    """Every label that one loan ever gets."""
    found = known(rows, rule, date(2000, 1, 1), FOR_EVER)
    return [Verdict(one["y"], one["label_kind"], one["event_date"], one["known_date"]) for one in found]


# The definition, written once more for a single loan.


def first_unpaid(row: Row) -> date:
    if row.last_pymnt_d is None:
        return add_months(row.application_date, 1)
    paid = row.last_pymnt_d
    end = paid.replace(day=monthrange(paid.year, paid.month)[1])
    return next(due for k in range(1, 1000) if (due := add_months(row.application_date, k)) > end)


def by_hand(row: Row, rule: policy.LabelPolicy, knows: date, stands: date) -> tuple[Verdict | None, date]:
    months = rule.window_months if rule.window_months != "term" else (row.term or 0) + 5
    window, lag = add_months(row.application_date, months), timedelta(rule.lag_days)
    d90 = first_unpaid(row) + timedelta(rule.dpd)
    event, payoff = None, None
    if row.loan_status in CHARGED_OFF:
        event = min(d90, knows)
    elif row.loan_status in LATE + PERFORMING:
        heard = stands if row.loan_status in LATE else knows
        event = d90 if d90 <= heard else None
    elif row.loan_status in PAID and row.last_pymnt_d is not None:
        paid = row.last_pymnt_d
        payoff = paid.replace(day=monthrange(paid.year, paid.month)[1])
    verdict = None
    if event is not None and event <= window:
        verdict = Verdict(1, "bad", event, event + lag)
    elif payoff is not None and payoff <= window:
        verdict = Verdict(0, "early_good", None, payoff + lag)
    elif row.loan_status in STATUSES and stands >= window:
        verdict = Verdict(0, "survived", None, window + lag)
    return verdict, window + lag


def day_by_day(rows: list[Row], rule: policy.LabelPolicy, first: date, last: date) -> list[tuple[int, int, Verdict]]:
    """Live through the days one at a time, knowing each morning only what has landed by then."""
    told_before: dict[int, list[tuple[Verdict, bool]]] = {}
    day, found = min(row.application_date for row in rows), []
    while day <= last:
        landed = sorted((row for row in rows if row.snapshot_date <= day), key=lambda row: row.snapshot_date)
        for loan, row in {row.id: row for row in landed}.items():  # the newest row of each loan
            verdict, mature = by_hand(row, rule, row.snapshot_date - timedelta(1), FOR_EVER)
            if verdict is None or max(verdict.known, row.snapshot_date) != day:
                continue
            if day > mature + timedelta(rule.closing_days):
                continue
            verdict = verdict._replace(known=day)
            history, exception = told_before.setdefault(loan, []), (row.loan_status or "").startswith(DNMCP)
            if history and history[-1][0][:3] == verdict[:3] and history[-1][1] == exception:
                continue
            history.append((verdict, exception))
            if day >= first:
                found.append((loan, len(history), verdict))
        day += timedelta(1)
    return sorted(found)


@st.composite
def histories(draw: st.DrawFn) -> list[Row]:
    """Some loans of one winter, each with servicing news on different days."""
    rows = []
    for loan in range(1, draw(st.integers(1, 3)) + 1):
        applied = date(2016, 1, 28) + timedelta(draw(st.integers(0, 35)))
        landings = draw(st.lists(st.integers(1, 150), min_size=1, max_size=5, unique=True))
        for landing in landings:
            paid = draw(st.none() | st.integers(-40, landing + 20))
            rows.append(
                Row(
                    id=loan,
                    application_date=applied,
                    loan_status=draw(st.sampled_from((*STATUSES, "__UNSEEN__", None))),
                    last_pymnt_d=None if paid is None else (applied + timedelta(paid)).replace(day=1),
                    snapshot_date=applied + timedelta(landing),
                )
            )
    return draw(st.permutations(rows))


@st.composite
def corrected_histories(draw: st.DrawFn) -> list[Row]:
    """The same, but a row may say another month of issue than the one before, or land before that month."""
    return [
        row._replace(application_date=row.application_date + timedelta(draw(st.sampled_from((0, 0, 45, 125, -60)))))
        for row in draw(histories())
    ]


FIRST, LAST = date(2016, 1, 28), date(2016, 9, 30)  # before the first application; after every label is final
DAYS = st.dates(FIRST, LAST)
