"""What lands of a loan, and on which day: its application, the day it shows late, and how the file leaves it. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

import polars as pl

_SHOWS_LATE, _DEFAULTS, _CHARGED_OFF = 31, 121, 150  # days past due, on Lending Club's ladder
_LATE = "Late (31-120 days)"
_CLOSED = ("fully paid", "charged off", "default")
_OPEN = ("current", "issued", "in grace period", "late (16-30 days)", "late (31-120 days)")
_AMOUNTS = ("total_pymnt", "total_pymnt_inv", "total_rec_prncp", "total_rec_int", "total_rec_late_fee", "recoveries")
_AT_APPLICATION = dict.fromkeys((*_AMOUNTS, "collection_recovery_fee", "last_pymnt_amnt"), "0")
_AT_APPLICATION |= {"pymnt_plan": "n", "hardship_flag": "N", "debt_settlement_flag": "N"}
_KNOWN_WHEN_LATE = ("funded_amnt_inv", "last_pymnt_d", "last_pymnt_amnt")
# the state alone, whether the loan met the credit policy or not
_TEXT = pl.col("loan_status").str.to_lowercase().str.replace_all(r"\s+", " ").str.strip_chars()
_STATUS = _TEXT.str.replace(r"^does not meet the credit policy\. ?status: ?", "").fill_null("")
_IS_PAID = _STATUS == "fully paid"
# the application's day of the month, in the month after the last payment; after the application if none
_DUE_MONTH = pl.max_horizontal(pl.col("_applied").dt.month_start(), pl.col("_paid")).dt.offset_by("1mo")
_DUE_DAY = pl.min_horizontal(pl.col("_applied").dt.day(), _DUE_MONTH.dt.days_in_month()).cast(pl.Int64)
_UNPAID_SINCE = _DUE_MONTH + pl.duration(days=_DUE_DAY - 1)


def dated(loans: pl.DataFrame, cut_off: date) -> pl.DataFrame:
    """Add `_late` and `_final`: the days on which the loan shows late and on which its state in the file is known.

    `_late` is null where that never shows. A thing of day D lands in the file dated D + 1.
    """
    known = (
        pl.when("_unclear")
        .then(cut_off)
        .when(_IS_PAID)
        .then(pl.col("_paid").dt.month_end())
        .when(_STATUS == "charged off")
        .then(_UNPAID_SINCE + pl.duration(days=_CHARGED_OFF))
        .when(_STATUS == "default")
        .then(_UNPAID_SINCE + pl.duration(days=_DEFAULTS))
    )
    next_day = pl.col("_applied") + pl.duration(days=1)  # a loan has one row a day at most
    late = _UNPAID_SINCE + pl.duration(days=_SHOWS_LATE)
    return loans.with_columns(
        _final=pl.min_horizontal(pl.max_horizontal(known.fill_null(cut_off), next_day), pl.lit(cut_off))
    ).with_columns(_late=pl.when(~_IS_PAID & ~pl.col("_unclear") & (late < pl.col("_final"))).then(late))


def at_application(loans: pl.DataFrame, outcomes: Iterable[str]) -> pl.DataFrame:
    """The rows as they stood when the loan was applied for: nothing paid, nothing late; a state unknown to us stays."""
    begun = {name: pl.lit(_AT_APPLICATION.get(name), pl.String) for name in outcomes}
    begun["out_prncp"] = pl.col("funded_amnt")
    is_known = _STATUS.is_in((*_CLOSED, *_OPEN))
    begun["loan_status"] = pl.when(is_known).then(pl.lit("Current")).otherwise("loan_status")
    return loans.with_columns(**begun)


def later(loans: pl.DataFrame, outcomes: Iterable[str]) -> pl.DataFrame:
    """The rows that land later, each with its `_day`: late ones know the last payment only, final ones everything."""
    unknown = dict.fromkeys((name for name in outcomes if name not in _KNOWN_WHEN_LATE), pl.lit(None, pl.String))
    loans = loans.with_row_index("_place")
    late = loans.filter(pl.col("_late").is_not_null()).with_columns(
        **unknown | {"loan_status": pl.lit(_LATE)}, _day=pl.col("_late")
    )
    final = loans.with_columns(_day=pl.col("_final"))
    return pl.concat([late, final]).sort("_place", maintain_order=True)  # as the file has them, however it is cut
