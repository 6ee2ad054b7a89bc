"""What lands of a loan, and on which day: its application, the day it shows late, and how the file leaves it. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

import polars as pl

# Lending Club's ladder, in days past due
_SHOWS_LATE = 31
_DEFAULTS = 121
_CHARGED_OFF = 150

_LATE = "Late (31-120 days)"
_OPEN = ("current", "issued", "in grace period", "late (16-30 days)", "late (31-120 days)")
_AT_APPLICATION = {
    "pymnt_plan": "n",
    "hardship_flag": "N",
    "debt_settlement_flag": "N",
    "total_pymnt": "0",
    "total_pymnt_inv": "0",
    "total_rec_prncp": "0",
    "total_rec_int": "0",
    "total_rec_late_fee": "0",
    "recoveries": "0",
    "collection_recovery_fee": "0",
    "last_pymnt_amnt": "0",
}
_KNOWN_WHEN_LATE = ("funded_amnt_inv", "last_pymnt_d", "last_pymnt_amnt")


def dated(loans: pl.DataFrame, cut_off: date) -> pl.DataFrame:
    """Add `_late` and `_final`: the days on which the loan shows late and on which its state in the file is known.

    `_late` is null where that never shows. A thing of day D lands in the file dated D + 1.
    """
    unpaid_since = _first_unpaid_due()
    known = (
        pl.when(pl.col("_unclear"))
        .then(pl.lit(cut_off))
        .when(_is_paid())
        .then(pl.col("_paid").dt.month_end())
        .when(_is_charged_off())
        .then(unpaid_since + pl.duration(days=_CHARGED_OFF))
        .when(_is_default())
        .then(unpaid_since + pl.duration(days=_DEFAULTS))
    )
    next_day = pl.col("_applied") + pl.duration(days=1)  # a loan has one row a day at most
    late = unpaid_since + pl.duration(days=_SHOWS_LATE)
    return loans.with_columns(
        _final=pl.min_horizontal(pl.max_horizontal(known.fill_null(cut_off), next_day), pl.lit(cut_off))
    ).with_columns(_late=pl.when(~_is_paid() & ~pl.col("_unclear") & (late < pl.col("_final"))).then(late))


def at_application(loans: pl.DataFrame, outcomes: Iterable[str]) -> pl.DataFrame:
    """The rows as they stood when the loan was applied for: nothing paid, nothing late; a state unknown to us stays."""
    begun = {name: pl.lit(_AT_APPLICATION.get(name), pl.String) for name in outcomes}
    begun["out_prncp"] = pl.col("funded_amnt")
    is_known = _is_paid() | _is_charged_off() | _is_default() | _status().is_in(_OPEN)
    begun["loan_status"] = pl.when(is_known).then(pl.lit("Current")).otherwise(pl.col("loan_status"))
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


def _first_unpaid_due() -> pl.Expr:
    """The application's day of the month, in the month after the last payment; after the application if none."""
    month = pl.max_horizontal(pl.col("_applied").dt.month_start(), pl.col("_paid")).dt.offset_by("1mo")
    day = pl.min_horizontal(pl.col("_applied").dt.day(), month.dt.days_in_month())
    return month + pl.duration(days=day.cast(pl.Int64) - 1)


def _status() -> pl.Expr:
    """The state alone, whether the loan met the credit policy or not."""
    text = pl.col("loan_status").str.to_lowercase().str.replace_all(r"\s+", " ").str.strip_chars()
    return text.str.replace(r"^does not meet the credit policy\. ?status: ?", "").fill_null("")


def _is_paid() -> pl.Expr:
    return _status() == "fully paid"


def _is_charged_off() -> pl.Expr:
    return _status() == "charged off"


def _is_default() -> pl.Expr:
    return _status() == "default"
