"""Good or bad, and the first day on which that is known: pure functions of a loan's servicing rows."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl

from jobs.protocol import contract
from jobs.protocol.calendar import add_months, first_unpaid_due
from jobs.protocol.layers import LABELS
from jobs.protocol.policy import LabelPolicy

_EXCEPTION = "Does not meet the credit policy. Status:"
CHARGED_OFF = ("Charged Off", "Default", f"{_EXCEPTION}Charged Off")
PAID = ("Fully Paid", f"{_EXCEPTION}Fully Paid")
LATE = ("Late (16-30 days)", "Late (31-120 days)")
PERFORMING = ("Current", "In Grace Period", "Issued")
POLICY_EXCEPTIONS = (f"{_EXCEPTION}Charged Off", f"{_EXCEPTION}Fully Paid")

TERMS = (36, 60)  # months; the only two that exist
CHARGE_OFF_MONTHS = 5  # a loan is charged off at most 150 days after its last instalment fell due
_SAME_LABEL = ("y", "label_kind", "event_date", "policy_exception")  # what a correction has to change

ROW = ("id", "application_date", "term", "loan_status", "last_pymnt_d", "snapshot_date")  # all that is read of one


def label(loans: pl.LazyFrame, rule: LabelPolicy, *, knows_until: pl.Expr, stands_until: pl.Expr) -> pl.LazyFrame:
    """Add y, label_kind, event_date, known_date and mature_date to rows of loan_performance; y is null where censored.

    A row tells what happened until `knows_until`; no later row of the loan arrives before `stands_until`. For one
    final file with a cut-off, both are the cut-off.
    """
    status, event, payoff, end = (pl.col(name) for name in ("loan_status", "_event", "_payoff", "_end"))
    readable = status.is_in(CHARGED_OFF + PAID + LATE + PERFORMING)
    rests_on = {  # by kind, the day that decides; the first kind that applies counts
        "bad": pl.when(event <= end).then(event),
        "early_good": pl.when(status.is_in(PAID), payoff <= end).then(payoff),
        "survived": pl.when(readable, stands_until >= end).then(end),
    }
    lag, is_bad = pl.duration(days=rule.lag_days), pl.col("label_kind") == "bad"
    return (
        loans.with_columns(  # once: an expression that is used in several places is evaluated in each
            _event=_event(rule, knows_until, stands_until),
            _payoff=pl.col("last_pymnt_d").dt.month_end(),
            _end=_window_end(rule, pl.col("application_date")),
        )
        .with_columns(
            label_kind=pl.coalesce(pl.when(day.is_not_null()).then(pl.lit(kind)) for kind, day in rests_on.items()),
            known_date=pl.coalesce(rests_on.values()) + lag,
            mature_date=end + lag,
        )
        .with_columns(y=is_bad.cast(pl.Int8), event_date=pl.when(is_bad).then(event))
        .drop("_event", "_payoff", "_end")
    )


def judged(performance: pl.LazyFrame, rule: LabelPolicy) -> pl.LazyFrame:
    """Label each row by itself: the label that it gives, the day that is known, and the last day it may count."""
    landed = pl.col("snapshot_date")
    known = pl.when(pl.col("y").is_not_null()).then(pl.max_horizontal("known_date", landed))
    months = pl.col("term") + CHARGE_OFF_MONTHS if rule.window_months == "term" else pl.lit(rule.window_months)
    found = label(
        performance.select(ROW), rule, knows_until=landed - pl.duration(days=1), stands_until=pl.lit(date.max)
    )
    return found.with_columns(
        known_date=known,
        policy_exception=pl.col("loan_status").is_in(POLICY_EXCEPTIONS),
        window_months=months.cast(pl.Int16),
        dpd_threshold=pl.lit(rule.dpd, pl.Int16),
        final_date=_final_date(rule),
    ).drop("loan_status", "last_pymnt_d", "term")


def labels(rows: pl.LazyFrame, first: date, last: date) -> pl.LazyFrame:
    """Every label that became known from `first` to `last`, sorted by loan and version, from `judged` rows.

    A day's labels are the same whether the day is built alone, from the rows landed between its `window_start` and
    itself, or within a longer range: each day looks only at rows that are not final before it. Rows that land after
    `last` change nothing, nor does late news: rows that land once the label of their loan is final.
    """
    landed, is_asked = pl.col("snapshot_date"), pl.col("known_date").is_between(pl.lit(first), pl.lit(last))
    heard = rows.filter(landed <= pl.col("final_date"), pl.col("final_date") >= first, landed <= last)
    asked = heard.filter(is_asked).select("id", _asked="known_date").unique()  # other loans need not be sorted
    news = (
        heard.join(asked, on="id")
        .filter(landed <= pl.col("_asked"), pl.col("final_date") >= pl.col("_asked"))
        .sort("id", "_asked", "snapshot_date")
        .with_columns(_overtaken=(_of_same_story(landed, -1) <= pl.col("known_date")).fill_null(value=False))
        .filter(pl.col("y").is_not_null(), ~pl.col("_overtaken"))
    )
    repeated = pl.all_horizontal(pl.col(name).eq_missing(_of_same_story(pl.col(name), 1)) for name in _SAME_LABEL)
    emitted = news.filter(~repeated)
    return (
        emitted.with_columns(label_version=_number_within_story(), snapshot_date=pl.col("known_date"))
        .filter(pl.col("known_date") == pl.col("_asked"))
        .select(column.name for column in contract.load(LABELS).columns)
    )


def window_start(day: date, rule: LabelPolicy) -> date:
    """The earliest landing date that can affect the labels that become known on `day`."""
    return add_months(day - timedelta(days=rule.lag_days + rule.closing_days), -rule.longest_months)


def _event(rule: LabelPolicy, knows_until: pl.Expr, stands_until: pl.Expr) -> pl.Expr:
    """The day on which a loan turned bad, null where it has not."""
    status, unpaid = pl.col("loan_status"), first_unpaid_due(pl.col("application_date"), pl.col("last_pymnt_d"))
    overdue = unpaid + pl.duration(days=rule.dpd)
    return (
        pl.when(status.is_in(CHARGED_OFF))
        .then(pl.min_horizontal(overdue, knows_until))
        .when(status.is_in(LATE) & (overdue <= stands_until))
        .then(overdue)
        .when(status.is_in(PERFORMING) & (overdue <= knows_until))
        .then(overdue)
    )


def _final_date(rule: LabelPolicy) -> pl.Expr:
    """The last day whose labels look at a row, counted from its landing if it landed before the loan was issued."""
    begin = pl.min_horizontal("application_date", "snapshot_date")  # so that a row lies in the window of all its days
    return _window_end(rule, begin, at_latest=True) + pl.duration(days=rule.lag_days + rule.closing_days)


def _window_end(rule: LabelPolicy, applied: pl.Expr, *, at_latest: bool = False) -> pl.Expr:
    """Null if it depends on an unreadable term; with `at_latest`, the end of the longest term counts instead."""
    if rule.window_months != "term":
        return applied.dt.offset_by(f"{rule.window_months}mo")
    short, long = (applied.dt.offset_by(f"{term + CHARGE_OFF_MONTHS}mo") for term in TERMS)
    end = pl.when(pl.col("term") == TERMS[0]).then(short)
    return end.otherwise(long) if at_latest else end.when(pl.col("term") == TERMS[1]).then(long)


def _is_same_story(shift: int) -> pl.Expr:
    """Whether the neighbouring row is of the same loan and asked for by the same day."""
    return pl.all_horizontal(pl.col(name) == pl.col(name).shift(shift) for name in ("id", "_asked"))


def _of_same_story(column: pl.Expr, shift: int) -> pl.Expr:
    return pl.when(_is_same_story(shift)).then(column.shift(shift))


def _number_within_story() -> pl.Expr:
    row = pl.int_range(pl.len())
    begins = ~_is_same_story(1).fill_null(value=False)
    return (row - pl.when(begins).then(row).forward_fill() + 1).cast(pl.Int16)
