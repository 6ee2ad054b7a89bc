"""The work of preprocessing that peers do too: what the contracts say, and rules and features in words both know.

Operators mean the same to a column of PySpark and of pandas; what else they need, each peer says in its `Words`. What
is left out by both: hashes, manifests, durable writes, accounts of cells, the order of gold's rows, labels.
"""

from __future__ import annotations

from datetime import date
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Any, Protocol

from jobs.preprocessing.cleaning import ROUNDING, landed_columns
from jobs.preprocessing.parsing import VARIANTS, levels
from jobs.protocol import contract
from jobs.protocol.layers import SILVER_OF, SOURCES, UNSEEN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from jobs.protocol.contract import Column

Values = Any  # a column of either, or a constant

SNAPSHOT = date(2016, 2, 1)
COMPANIONS: dict[str, dict[str, str]] = {  # what a table is compared with, of those that are made before it
    "loan_terms": {},
    "demographic": {"loan_terms": "issue_d"},
    "credit_history": {"loan_terms": "issue_d", "demographic": "application_type"},
    "financial": {"demographic": "application_type"},
}
ROW_RULES = ("no_id", "key", "duplicate_conflict", "duplicate_identical")
LEAST_FEE = ROUNDING["total_rec_late_fee"]
_YEARS = r"\A(19[3-9][0-9]|20[0-9]{2})-"  # how every pattern of a date begins
_JANUARY_1930, _DECEMBER_2099 = 1930 * 12 + 1, 2099 * 12 + 12


class Words(Protocol):
    """A column by its name, and what no operator says."""

    def __getitem__(self, name: str) -> Values: ...
    def when(self, condition: Values, value: Values, otherwise: Values = None) -> Values: ...
    def is_null(self, column: Values) -> Values: ...
    def month(self, day: Values) -> Values: ...  # since the year 0
    def exp(self, column: Values) -> Values: ...
    def log1p(self, column: Values) -> Values: ...
    def first_letter(self, column: Values) -> Values: ...
    def length(self, column: Values) -> Values: ...
    def matches(self, column: Values, pattern: str) -> Values: ...  # the whole text
    def nulls(self, names: list[str]) -> Values: ...  # how many of these columns are null


def columns(table: str) -> tuple[Column, ...]:
    """What silver keeps of a landed table, as the contracts say."""
    return landed_columns(table)


def outputs(table: str) -> dict[str, list[str]]:
    """The silver tables of a landed one, and their columns."""
    return {name: [column.name for column in contract.load(f"silver/{name}").columns] for name in SILVER_OF[table]}


def files(landing: Path) -> dict[str, Path]:
    return {table: next((landing / table).glob("*.csv")) for table in SOURCES}


def spellings(column: Column) -> dict[str, str]:
    """The levels of a category by how they are written without regard to case and blanks."""
    known = {" ".join(level.split()).replace(": ", ":").lower(): level for level in levels(column)}
    return VARIANTS.get(column.name, {}) | known


def is_joint(column: Column) -> bool:
    return column.role == "joint"


def refusals(words: Words, column: Column, value: Values) -> Iterator[tuple[str, Values]]:
    """What may refuse a cell, in the order in which it is asked; null counts as no."""
    if column.sentinels:
        breaks = value == column.sentinels[0]
        for sentinel in column.sentinels[1:]:
            breaks = breaks | (value == sentinel)
        yield "sentinel", (breaks | (value < 0)) if min(column.sentinels) < 0 else breaks
    for keyword, argument in column.schema.items():
        if keyword == "pattern" and column.dtype == "date":
            assert argument.startswith(_YEARS)
            yield keyword, (words.month(value) < _JANUARY_1930) | (words.month(value) > _DECEMBER_2099)
        elif keyword in _LIMITS and not (keyword == "enum" and column.parse == "category"):
            yield keyword, _LIMITS[keyword](words, value, argument)
    if column.name in ("earliest_cr_line", "sec_app_earliest_cr_line"):
        yield "not_before_issue", words.month(value) >= words.month(words["issue_d"])  # which is a first of a month
    if is_joint(column):
        yield "joint_while_individual", (words["application_type"] == "Individual") & ~words.is_null(value)


_LIMITS: dict[str, Callable[[Words, Values, Any], Values]] = {
    "minimum": lambda _, value, bound: value < bound,
    "maximum": lambda _, value, bound: value > bound,
    "exclusiveMinimum": lambda _, value, bound: value <= bound,
    "minLength": lambda words, value, least: words.length(value) < least,
    "maxLength": lambda words, value, most: words.length(value) > most,
    "pattern": lambda words, value, pattern: ~words.matches(value, pattern.removeprefix(r"\A").removesuffix(r"\Z")),
    "enum": lambda words, value, known: ~words.is_null(value) & ~value.isin([each for each in known if each]),
}


def counts(refused: Iterable[tuple[str | None, str, int]]) -> dict[str, int]:
    """By column and rule, the number of refusals, as manifests name them."""
    named = [(f"row.{rule}" if rule in ROW_RULES else f"cell.{name}.{rule}", count) for name, rule, count in refused]
    found: dict[str, int] = {}
    for name, count in named:
        found[name] = found.get(name, 0) + count  # a key may be missing in two columns
    return found


def soft_limits(words: Words, table: str) -> dict[str, Values]:
    """Where a value lies outside its usual range."""
    found = {}
    for column in columns(table):
        value, low, high = words[column.name], column.soft_minimum, column.soft_maximum
        if isinstance(low, str):  # the first of a month
            value, low = words.month(value), int(low[:4]) * 12 + int(low[5:7])
        beyond = [value < low] if low is not None else []
        beyond += [value > high] if high is not None else []
        if beyond:
            found[f"soft.{column.name}"] = reduce(or_, beyond)
    return found


def _within(value: Values, most: Values) -> Values:
    return (value <= most) & (-value <= most)


def _annuity(w: Words) -> Values:
    monthly = w.when(w["int_rate"] > 0, w["int_rate"] / 12)
    return w["funded_amnt"] * monthly / (1 - (1 + monthly) ** (w["term"] * -1.0))


def _spread(w: Words, low: str, high: str) -> Values:
    return (w[high] - w[low] == 4) | (w[high] - w[low] == 5)


def _received(w: Words) -> Values:
    return w["total_rec_prncp"] + w["total_rec_int"] + w["total_rec_late_fee"] + w["recoveries"]


RULES: dict[str, dict[str, Callable[[Words], Values]]] = {  # of each table, as jobs/preprocessing/rules.py
    "loan_terms": {
        "annuity_identity": lambda w: _within(w["installment"] - _annuity(w), 0.01 * w["installment"]),
        "sub_grade_in_grade": lambda w: w.when(
            (w["sub_grade"] != UNSEEN) & (w["grade"] != UNSEEN), w.first_letter(w["sub_grade"]) == w["grade"]
        ),
        "funded_within_asked": lambda w: w["funded_amnt"] <= w["loan_amnt"],
        "invested_within_funded": lambda w: w["funded_amnt_inv"] <= w["funded_amnt"] + 0.01,
        "payment_after_issue": lambda w: w.month(w["issue_d"]) <= w.month(w["last_pymnt_d"]),
        "payments_add_up": lambda w: _within(w["total_pymnt"] - _received(w), 1.0),
        "paid_off_owes_nothing": lambda w: w.when(w["loan_status"] == "Fully Paid", w["out_prncp"] == 0),
    },
    "credit_history": {
        "fico_spread": lambda w: _spread(w, "fico_range_low", "fico_range_high"),
        "fico_step": lambda w: w["fico_range_low"] % 5 == 0,
        "second_fico_spread": lambda w: _spread(w, "sec_app_fico_range_low", "sec_app_fico_range_high"),
        "public_records_add_up": lambda w: w["pub_rec_bankruptcies"] * 1.0 + w["tax_liens"] <= w["pub_rec"] + 2.0,
        "last_fico_is_a_score": lambda w: (w["last_fico_range_high"] == 0) | (w["last_fico_range_high"] >= 300),
    },
    "demographic": {
        "joint_income_stated": lambda w: w.when(
            w["application_type"] == "Joint App", ~w.is_null(w["annual_inc_joint"])
        ),
        "joint_income_is_more": lambda w: w["annual_inc"] <= w["annual_inc_joint"],
    },
    "financial": {
        "open_within_all_accounts": lambda w: w["open_acc"] <= w["total_acc"],
        "satisfactory_within_all_bankcards": lambda w: w["num_bc_sats"] <= w["num_bc_tl"],
        "instalment_12m_within_24m": lambda w: w["open_il_12m"] <= w["open_il_24m"],
        "revolving_12m_within_24m": lambda w: w["open_rv_12m"] <= w["open_rv_24m"],
    },
}
