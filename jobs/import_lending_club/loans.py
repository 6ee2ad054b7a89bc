"""Turn rows of text into loans, or skip them for a reason; and the rows of a loan that land on each day. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

import polars as pl

from jobs.protocol.calendar import MONTHS, application_date, first_unpaid_due

REASONS = {
    "footer": "a note or total that the file puts among its rows",
    "wrong_number_of_fields": "more or fewer fields than the header has",
    "repeated_header": "the header once more",
    "no_id": "no id, and none in url",
    "id_not_digits": "an id that is not a number",
    "no_issue_month": "issue_d is not a month since 2007",
    "after_cut_off": "issued or last paid after the cut-off given",
    "repeated_loan": "a loan that was read before, the same in every column",
    "conflicting_loan": "a loan that was read before with other content; the first is kept",
}
FOOTER = r"^\s*\"?(Total amount funded|Loans that do not meet|Notes offered by Prospectus)"
_NO_TEXT = ("", "nan", "none", "null", "n/a")
_FIRST_YEAR = 2007
NONE_TAKEN = pl.DataFrame(schema={"_number": pl.Int64, "_content": pl.UInt64})
_MONTH = r"^\s*(?i:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)-[0-9]{4}\s*$"
_NUMERIC_MONTH = r"^\s*([0-9]{4})[-/](0?[1-9]|1[0-2])(?:[-/][0-9]{1,2}(?:[ T][0-9:.+Z]*)?)?\s*$"

_SHOWS_LATE, _ENDS = 31, {"default": 121, "charged off": 150}  # days past due, on Lending Club's ladder
_LATE = "Late (31-120 days)"
_STATES = ("fully paid", *_ENDS, "current", "issued", "in grace period", "late (16-30 days)", "late (31-120 days)")
_AMOUNTS = ("total_pymnt", "total_pymnt_inv", "total_rec_prncp", "total_rec_int", "total_rec_late_fee", "recoveries")
_AT_APPLICATION = dict.fromkeys((*_AMOUNTS, "collection_recovery_fee", "last_pymnt_amnt"), "0")
_AT_APPLICATION |= {"pymnt_plan": "n", "hardship_flag": "N", "debt_settlement_flag": "N"}
_KNOWN_WHEN_LATE = ("funded_amnt_inv", "last_pymnt_d", "last_pymnt_amnt")
# the state alone, whether the loan met the credit policy or not
_TEXT = pl.col("loan_status").str.to_lowercase().str.replace_all(r"\s+", " ").str.strip_chars()
_STATUS = _TEXT.str.replace(r"^does not meet the credit policy\. ?status: ?", "").fill_null("")
_IS_PAID = _STATUS == "fully paid"
_UNPAID_SINCE = first_unpaid_due(pl.col("_applied"), pl.col("_paid"))
_ENDED = _UNPAID_SINCE + pl.duration(days=_STATUS.replace_strict(_ENDS, default=None))


def judged(rows: pl.DataFrame, months: Iterable[str], cut_off: date | None) -> pl.DataFrame:
    """Normalise months (`Dec-2015`) and keys to what the contracts want; add the columns for dating, and `_reason`.

    `_applied` is the day of the application, `_paid` the first of the month of the last payment, `_unclear` where
    that month cannot be read. `_reason` is null where the row is a loan.
    """
    rows = rows.with_columns(month_text(pl.col(name)) for name in months)
    given = pl.col("id").str.strip_chars()
    is_blank = given.str.to_lowercase().is_in(_NO_TEXT).fill_null(value=True)
    number = (
        pl.when(is_blank)
        .then(pl.col("url").str.extract(r"loan_id=([0-9]{1,18})(?:[^0-9]|$)"))
        .otherwise(given.str.extract(r"^([0-9]{1,18})(?:\.0*)?$"))
        .cast(pl.Int64)
    )
    has_paid = ~pl.col("last_pymnt_d").str.strip_chars().str.to_lowercase().is_in(_NO_TEXT).fill_null(value=True)
    until = cut_off or date.max
    reasons = {
        "repeated_header": given.str.to_lowercase() == "id",
        "footer": given.str.contains(FOOTER),
        "no_id": pl.col("_number").is_null() & is_blank,
        "id_not_digits": pl.col("_number").is_null(),
        "no_issue_month": (pl.col("_issued").dt.year() >= _FIRST_YEAR).not_().fill_null(value=True),
        "after_cut_off": (pl.col("_applied") > until) | (pl.col("_paid") > until).fill_null(value=False),
    }
    return (
        rows.with_columns(_number=number, _issued=month_of("issue_d"), _paid=month_of("last_pymnt_d"))
        .with_columns(
            _unclear=has_paid & pl.col("_paid").is_null(),
            _applied=application_date(pl.col("_number"), pl.col("_issued")),
        )
        .with_columns(
            id=pl.col("_number").cast(pl.String),
            member_id="MEM_" + pl.col("_number").cast(pl.String),
            _reason=pl.coalesce(pl.when(is_so).then(pl.lit(reason)) for reason, is_so in reasons.items()),
        )
    )


def repeats(loans: pl.DataFrame, taken: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Give the reason to loans that were read before; `taken` holds the id and content hash of each loan so far."""
    content = sorted(name for name in loans.columns if not name.startswith("_"))
    keys = loans.select("_number", _content=loans.select(content).hash_rows(seed=0))
    before = pl.concat([taken, keys]).unique("_number", keep="first", maintain_order=True)
    first = keys.join(before, on="_number", how="left", maintain_order="left", suffix="_first")
    is_new = pl.col("_number").is_first_distinct() & ~pl.col("_number").is_in(taken["_number"].implode())
    same = pl.col("_content") == pl.col("_content_first")
    reason = pl.when(same).then(pl.lit("repeated_loan")).otherwise(pl.lit("conflicting_loan"))
    return loans.with_columns(first.select(_reason=pl.when(~is_new).then(reason))), before


def month_text(column: pl.Expr) -> pl.Expr:
    """`2015-12-01`, `2015/12/1` and `dec-2015` as `Dec-2015`; any other text as it is."""
    numbers = {f"{number}": name for number, name in enumerate(MONTHS, start=1)}
    month = column.str.extract(_NUMERIC_MONTH, 2).str.strip_chars_start("0").replace_strict(numbers, default=None)
    return (
        pl.when(column.str.contains(_MONTH))
        .then(column.str.strip_chars().str.to_titlecase())
        .otherwise(pl.coalesce(month + "-" + column.str.extract(_NUMERIC_MONTH, 1), column))
    )


def month_of(name: str) -> pl.Expr:
    """The first of the month that a text like `Dec-2015` names, null where it names none."""
    is_month = pl.col(name).str.contains(_MONTH)
    return pl.when(is_month).then(("01-" + pl.col(name)).str.to_date("%d-%b-%Y", strict=False))


def dated(loans: pl.DataFrame, cut_off: date) -> pl.DataFrame:
    """Add the days `_late` (first shown late), `_final` (final state known) and `_settled` (settlement known), or null.

    What happens on day D lands in the file dated D + 1.
    """
    known = pl.coalesce(
        pl.when(_IS_PAID).then(pl.col("_paid").dt.month_end()),
        pl.when(~pl.col("_unclear")).then(_ENDED),
        pl.lit(cut_off),
    )
    next_day = pl.col("_applied") + pl.duration(days=1)  # a loan has one row a day at most
    late, end = _UNPAID_SINCE + pl.duration(days=_SHOWS_LATE), pl.lit(cut_off)
    settled = pl.max_horizontal(month_of("debt_settlement_flag_date"), month_of("settlement_date")).dt.month_end()
    return loans.with_columns(_final=pl.min_horizontal(pl.max_horizontal(known, next_day), end)).with_columns(
        _late=pl.when(~_IS_PAID & ~pl.col("_unclear") & (late < pl.col("_final"))).then(late),
        _settled=pl.when((pl.col("_final") < end) & (settled > pl.col("_final"))).then(pl.min_horizontal(settled, end)),
    )


def at_application(loans: pl.DataFrame, outcomes: Iterable[str]) -> pl.DataFrame:
    """The rows as of the application: nothing paid, nothing late; a status that we do not know stays."""
    begun = {name: pl.lit(_AT_APPLICATION.get(name), pl.String) for name in outcomes}
    begun["out_prncp"] = pl.col("funded_amnt")
    is_known = _STATUS.is_in(_STATES)
    begun["loan_status"] = pl.when(is_known).then(pl.lit("Current")).otherwise("loan_status")
    return loans.with_columns(**begun)


def later(loans: pl.DataFrame, outcomes: Iterable[str]) -> pl.DataFrame:
    """The later rows, each with its `_day`: rows for lateness have only the last payment, the last has everything."""
    unknown = dict.fromkeys((name for name in outcomes if name not in _KNOWN_WHEN_LATE), pl.lit(None, pl.String))
    loans = loans.with_row_index("_place")
    late = loans.filter(pl.col("_late").is_not_null()).with_columns(
        **unknown | {"loan_status": pl.lit(_LATE)}, _day=pl.col("_late")
    )
    is_told, begun = pl.col("_settled").is_null(), {name: pl.lit(_AT_APPLICATION.get(name)) for name in outcomes}
    held = {name: pl.when(is_told).then(name).otherwise(begun[name]) for name in begun if "settlement" in name}
    final = loans.with_columns(**held, _day=pl.col("_final"))
    settled = loans.filter(~is_told).with_columns(_day=pl.col("_settled"))
    return pl.concat([late, final, settled]).sort("_place", maintain_order=True)  # as the file has them, however cut
