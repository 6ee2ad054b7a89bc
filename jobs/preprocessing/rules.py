"""Rules between columns: some refuse a cell, the others only count how often they are broken."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import polars as pl

from jobs.protocol.contract import Column
from jobs.protocol.contract_polars import Offences
from jobs.protocol.layers import UNSEEN

CENT = 0.01
LOWEST_SCORE = 300


class Refusal(NamedTuple):
    """Where `breaks` is true the cell of `column` becomes null, and its raw text goes to the rejects."""

    name: str
    column: str
    breaks: pl.Expr


def annuity() -> pl.Expr:
    """The instalment by the annuity formula; null for a rate of 0, where it is undefined."""
    monthly = pl.when(pl.col("int_rate") > 0).then(pl.col("int_rate") / 12)
    return pl.col("funded_amnt") * monthly / (1 - (1 + monthly).pow(-pl.col("term").cast(pl.Float64)))


def _spread(low: str, high: str) -> pl.Expr:
    return (pl.col(high) - pl.col(low)).is_in([4, 5])


def _at_most(smaller: str, larger: str) -> pl.Expr:
    return pl.col(smaller) <= pl.col(larger)


def _wide(count: str) -> pl.Expr:
    """A count in a type that a sum of counts cannot overflow."""
    return pl.col(count).cast(pl.Int32)


_RECEIVED = ("total_rec_prncp", "total_rec_int", "total_rec_late_fee", "recoveries")

# Each is over one landed table, and is only counted. Null: the row lacks a value, and does not count as checked.
RULES: dict[str, pl.Expr] = {
    "annuity_identity": (pl.col("installment") - annuity()).abs() <= 0.01 * pl.col("installment"),
    "sub_grade_in_grade": pl.when(~pl.any_horizontal(pl.col("sub_grade", "grade") == UNSEEN)).then(
        pl.col("sub_grade").str.head(1) == pl.col("grade")
    ),
    "funded_within_asked": _at_most("funded_amnt", "loan_amnt"),
    # investors' part is kept unrounded
    "invested_within_funded": pl.col("funded_amnt_inv") <= pl.col("funded_amnt") + CENT,
    "payment_after_issue": _at_most("issue_d", "last_pymnt_d"),
    "payments_add_up": (pl.col("total_pymnt") - pl.sum_horizontal(_RECEIVED, ignore_nulls=False)).abs() <= 1,
    "paid_off_owes_nothing": pl.when(pl.col("loan_status") == "Fully Paid").then(pl.col("out_prncp") == 0),
    "fico_spread": _spread("fico_range_low", "fico_range_high"),
    "fico_step": pl.col("fico_range_low") % 5 == 0,
    "second_fico_spread": _spread("sec_app_fico_range_low", "sec_app_fico_range_high"),
    # bankruptcies and tax liens are public records; two more are allowed, the bureau's dates differ
    "public_records_add_up": _wide("pub_rec_bankruptcies") + _wide("tax_liens") <= _wide("pub_rec") + 2,
    # the refreshed band is 0 where there is none
    "last_fico_is_a_score": (pl.col("last_fico_range_high") == 0) | (pl.col("last_fico_range_high") >= LOWEST_SCORE),
    "joint_income_stated": pl.when(pl.col("application_type") == "Joint App").then(
        pl.col("annual_inc_joint").is_not_null()
    ),
    "joint_income_is_more": _at_most("annual_inc", "annual_inc_joint"),
    "open_within_all_accounts": _at_most("open_acc", "total_acc"),
    "satisfactory_within_all_bankcards": _at_most("num_bc_sats", "num_bc_tl"),
    "instalment_12m_within_24m": _at_most("open_il_12m", "open_il_24m"),
    "revolving_12m_within_24m": _at_most("open_rv_12m", "open_rv_24m"),
}


def refusals(columns: Mapping[str, Column], limits: Offences) -> list[Refusal]:
    """What may refuse a cell: sentinels, then hard limits, then rules between columns. The first breach is recorded.

    Those rules are: credit lines must be older than the loan, and only joint applications may fill joint columns.
    """
    found = []
    for column in columns.values():
        if column.sentinels:  # if one of them is negative, every negative value counts as one
            values = [pl.col(column.name) == sentinel for sentinel in column.sentinels]
            below = [pl.col(column.name) < 0 for sentinel in column.sentinels if str(sentinel).startswith("-")]
            found.append(Refusal("sentinel", column.name, pl.any_horizontal(*values, *below)))
    for (name, keyword), breaks in limits.items():
        about = columns.get(name)
        if about and keyword != "type" and (keyword, about.parse) != ("enum", "category"):  # no reading gives others
            is_value = pl.col(name).is_not_null()  # a null has its own rules
            found.append(Refusal(keyword, name, breaks if about.nullable else breaks & is_value))
    issued, alone = pl.col("issue_d"), pl.col("application_type") == "Individual"
    credit = [name for name in ("earliest_cr_line", "sec_app_earliest_cr_line") if name in columns]
    joint = [name for name, column in columns.items() if column.role == "joint"]
    found += [Refusal("not_before_issue", name, pl.col(name) >= issued) for name in credit]
    return found + [Refusal("joint_while_individual", name, alone & pl.col(name).is_not_null()) for name in joint]
