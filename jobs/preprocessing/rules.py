"""Rules between columns: some refuse a cell, the others only count how often they are broken."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import polars as pl

from jobs.preprocessing.parsing import UNSEEN
from jobs.protocol.contract import Column

CENT = 0.01
LOWEST_SCORE = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """`holds` is null where a row says too little to judge it; such rows are not counted as checked."""

    name: str
    tables: tuple[str, ...]  # the silver tables its columns live in, joined by id where there are two
    holds: pl.Expr
    description: str
    severity: Literal["warn", "fail"] = "warn"
    warn: float = 0.001  # share of the checked rows that may break it before it is worth a word
    fail: float = 0.05  # and before the data is not to be trusted

    @property
    def needs(self) -> frozenset[str]:
        return frozenset(self.holds.meta.root_names())


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Where `breaks` is true the cell of `column` becomes null, and its raw text goes to the rejects."""

    name: str
    column: str
    breaks: pl.Expr

    @property
    def needs(self) -> frozenset[str]:
        return frozenset(self.breaks.meta.root_names())


def annuity() -> pl.Expr:
    """The instalment the annuity formula gives; null for a rate of 0, where the formula has no value."""
    monthly = pl.when(pl.col("int_rate") > 0).then(pl.col("int_rate") / 12)
    return pl.col("funded_amnt") * monthly / (1 - (1 + monthly).pow(-pl.col("term").cast(pl.Float64)))


def _spread(low: str, high: str) -> pl.Expr:
    return (pl.col(high) - pl.col(low)).is_in([4, 5])


def _at_most(smaller: str, larger: str) -> pl.Expr:
    return pl.col(smaller) <= pl.col(larger)


def _wide(count: str) -> pl.Expr:
    """A count in a type that sums of counts cannot leave."""
    return pl.col(count).cast(pl.Int32)


def _where(applies: pl.Expr, holds: pl.Expr) -> pl.Expr:
    return pl.when(applies).then(holds)


_RECEIVED = ("total_rec_prncp", "total_rec_int", "total_rec_late_fee", "recoveries")

RULES = (
    Rule(
        name="annuity_identity",
        tables=("loan_terms",),
        holds=(pl.col("installment") - annuity()).abs() <= 0.01 * pl.col("installment"),
        description="The instalment is the annuity of funded amount, rate and term, within 1 %.",
        severity="fail",
        warn=0.01,
    ),
    Rule(
        name="sub_grade_in_grade",
        tables=("loan_terms",),
        holds=_where(
            ~pl.any_horizontal(pl.col("sub_grade", "grade") == UNSEEN),
            pl.col("sub_grade").str.head(1) == pl.col("grade"),
        ),
        description="The first letter of sub_grade is grade.",
        severity="fail",
    ),
    Rule(
        name="funded_within_asked",
        tables=("loan_terms",),
        holds=_at_most("funded_amnt", "loan_amnt"),
        description="No more is funded than was asked for.",
        severity="fail",
    ),
    Rule(
        name="invested_within_funded",
        tables=("loan_terms", "loan_performance"),
        holds=pl.col("funded_amnt_inv") <= pl.col("funded_amnt") + CENT,
        description="Investors fund no more than is funded; their part is kept unrounded, so a cent is allowed.",
    ),
    Rule(
        name="payment_after_issue",
        tables=("loan_performance",),
        holds=_at_most("issue_d", "last_pymnt_d"),
        description="No payment comes before the month of issue.",
        severity="fail",
    ),
    Rule(
        name="payments_add_up",
        tables=("loan_performance",),
        holds=(pl.col("total_pymnt") - pl.sum_horizontal(_RECEIVED, ignore_nulls=False)).abs() <= 1,
        description="All payments are principal, interest, late fees and recoveries, within a dollar.",
        warn=0.01,
    ),
    Rule(
        name="paid_off_owes_nothing",
        tables=("loan_performance",),
        holds=_where(pl.col("loan_status") == "Fully Paid", pl.col("out_prncp") == 0),
        description="A loan that is fully paid has no principal outstanding.",
        severity="fail",
    ),
    Rule(
        name="fico_spread",
        tables=("credit_history",),
        holds=_spread("fico_range_low", "fico_range_high"),
        description="A FICO band is its lower end and 4 more, 5 in the top band.",
        severity="fail",
    ),
    Rule(
        name="fico_step",
        tables=("credit_history",),
        holds=pl.col("fico_range_low") % 5 == 0,
        description="The lower end of a FICO band is a multiple of 5.",
    ),
    Rule(
        name="second_fico_spread",
        tables=("credit_history",),
        holds=_spread("sec_app_fico_range_low", "sec_app_fico_range_high"),
        description="The FICO band of the second applicant is its lower end and 4 more, 5 in the top band.",
    ),
    Rule(
        name="public_records_add_up",
        tables=("credit_history",),
        holds=_wide("pub_rec_bankruptcies") + _wide("tax_liens") <= _wide("pub_rec") + 2,
        description="Bankruptcies and tax liens are public records; two more are allowed, the bureau's dates differ.",
    ),
    Rule(
        name="last_fico_is_a_score",
        tables=("credit_performance",),
        holds=(pl.col("last_fico_range_high") == 0) | (pl.col("last_fico_range_high") >= LOWEST_SCORE),
        description="The refreshed FICO band is a score, or 0 where there is none.",
    ),
    Rule(
        name="joint_income_stated",
        tables=("demographic",),
        holds=_where(pl.col("application_type") == "Joint App", pl.col("annual_inc_joint").is_not_null()),
        description="A joint application states the joint income.",
        warn=0.01,
    ),
    Rule(
        name="joint_income_is_more",
        tables=("demographic",),
        holds=_at_most("annual_inc", "annual_inc_joint"),
        description="Two applicants earn no less together than the first alone.",
        warn=0.01,
    ),
    Rule(
        name="open_within_all_accounts",
        tables=("financial",),
        holds=_at_most("open_acc", "total_acc"),
        description="No more credit lines are open than there ever were.",
        severity="fail",
    ),
    Rule(
        name="satisfactory_within_all_bankcards",
        tables=("financial",),
        holds=_at_most("num_bc_sats", "num_bc_tl"),
        description="No more bankcards are in good standing than there ever were.",
        warn=0.01,
    ),
    Rule(
        name="instalment_12m_within_24m",
        tables=("financial",),
        holds=_at_most("open_il_12m", "open_il_24m"),
        description="What was opened in 12 months was opened in 24: instalment accounts.",
    ),
    Rule(
        name="revolving_12m_within_24m",
        tables=("financial",),
        holds=_at_most("open_rv_12m", "open_rv_24m"),
        description="What was opened in 12 months was opened in 24: revolving trades.",
    ),
)


def sentinels(columns: Iterable[Column]) -> list[Refusal]:
    """Values that stand for "no value". Where one of them is negative, every negative value is one."""
    return [
        Refusal(name="sentinel", column=column.name, breaks=_is_sentinel(column))
        for column in columns
        if column.sentinels
    ]


def _is_sentinel(column: Column) -> pl.Expr:
    value = pl.col(column.name)
    found = [value == sentinel for sentinel in column.sentinels]
    if any(isinstance(sentinel, (int, float)) and sentinel < 0 for sentinel in column.sentinels):
        found.append(value < 0)
    return pl.any_horizontal(found)


def contradictions(columns: Iterable[str], joint: Iterable[str]) -> list[Refusal]:
    """What other columns refuse: credit older than the loan it is for, and what only a joint application may fill."""
    individual = pl.col("application_type") == "Individual"
    late = [
        Refusal(name="not_before_issue", column=name, breaks=pl.col(name) >= pl.col("issue_d"))
        for name in ("earliest_cr_line", "sec_app_earliest_cr_line")
        if name in columns
    ]
    alone = [
        Refusal(name="joint_while_individual", column=name, breaks=individual & pl.col(name).is_not_null())
        for name in joint
    ]
    return [*late, *alone]
