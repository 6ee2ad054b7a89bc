"""One cell in PySpark: its text made a value, and the first rule that refuses it."""

from __future__ import annotations

from functools import reduce
from operator import add
from typing import TYPE_CHECKING, Any

from pyspark.sql import Column
from pyspark.sql import functions as F  # noqa: N812

from benchmarks.peers import work
from jobs.preprocessing.parsing import EMP_LENGTH, levels
from jobs.protocol.layers import UNSEEN

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jobs.protocol.contract import Column as Agreed

TYPES = {"int8": "tinyint", "int16": "smallint", "int32": "int", "int64": "bigint", "float64": "double"}


class Words:
    def __getitem__(self, name: str) -> Column:
        return F.col(name)

    def when(self, condition: Column, value: work.Values, otherwise: work.Values = None) -> Column:
        return F.when(condition, value).otherwise(otherwise)

    def month(self, day: Column) -> Column:
        return F.year(day) * 12 + F.month(day)

    def first_letter(self, column: Column) -> Column:
        return column.substr(1, 1)

    def matches(self, column: Column, pattern: str) -> Column:
        return column.rlike(f"^(?:{pattern})$")

    def nulls(self, names: list[str]) -> Column:
        return reduce(add, [F.col(name).isNull().cast("int") for name in names])

    is_null, exp, log1p, length = map(staticmethod, (F.isnull, F.exp, F.log1p, F.length))


WORDS = Words()


def typed(text: Column, column: Agreed) -> Column:
    """A value where any accepted spelling explains the text, else null."""
    return READINGS["id" if column.dtype == "int64" else str(column.parse)](text, column)


def loan_id(text: Column, _: Agreed) -> Column:
    return F.when(text.rlike("^[0-9]+$"), text.cast("bigint"))


def finite(text: Column) -> Column:
    value = text.cast("double")
    return F.when(F.abs(value) < float("inf"), value)  # NaN is the largest


def number(text: Column, column: Agreed) -> Column:
    value = finite(text)
    if column.name == "total_rec_late_fee":
        return F.when((value > work.LEAST_FEE) & (value < 0), 0.0).otherwise(value)
    return value


def percent(text: Column, _: Agreed) -> Column:
    return F.coalesce(finite(text), finite(F.rtrim(F.trim(text), F.lit("%")))) / 100


def integer(text: Column, column: Agreed) -> Column:
    """Usually written as 1.0, which a cast to an integer reads without a floating point."""
    dtype, value = TYPES[column.dtype], text.cast("double")
    whole = value.cast(dtype)
    return F.when(text.endswith(".0"), text.cast(dtype)).when(whole == value, whole)


def months_term(text: Column, column: Agreed) -> Column:
    return integer(F.regexp_extract(F.trim(text), "^([0-9.]+)(?: months)?$", 1), column)


def emp_length(text: Column, column: Agreed) -> Column:
    years = looked_up(F.lower(F.trim(text)), EMP_LENGTH).cast("tinyint")
    return F.coalesce(years, integer(text, column))


def date(text: Column, _: Agreed) -> Column:
    return F.coalesce(F.to_date(text, "MMM-yyyy"), F.to_date(text, "yyyy-MM-dd"))


def category(text: Column, column: Agreed) -> Column:
    folded = F.replace(F.lower(F.regexp_replace(F.trim(text), r"\s+", " ")), F.lit(": "), F.lit(":"))
    known = F.coalesce(looked_up(folded, work.spellings(column)), F.lit(UNSEEN))
    other = F.when(text.isNotNull() & ~is_token(text, column), known)
    return F.when(text.isin(levels(column)), text).otherwise(other)


def looked_up(text: Column, table: Mapping[str, Any]) -> Column:
    return F.create_map(*(F.lit(each) for pair in table.items() for each in pair))[text]


def stripped(text: Column, column: Agreed) -> Column:
    return F.when(~is_token(text, column), F.trim(text))


def is_token(text: Column, column: Agreed) -> Column:
    return F.trim(text).isin(list(column.null_tokens))


READINGS = {
    "id": loan_id,
    "number": number,
    "percent": percent,
    "integer": integer,
    "months_term": months_term,
    "emp_length": emp_length,
    "month": date,
    "date": date,
    "category": category,
    "text": stripped,
}


def why(column: Agreed) -> Column:
    """The first rule that refuses the cell, or null."""
    text, value = F.col(f"raw_{column.name}"), F.col(column.name)
    found = F.when(value.isNull(), F.when(text.isNotNull() & ~is_token(text, column), "parse"))
    for rule, breaks in work.refusals(WORDS, column, value):
        found = found.when(breaks, rule)
    return found.when(value == UNSEEN, "unseen") if column.parse == "category" else found


def still(column: Agreed) -> Column:
    rule, value = F.col(f"why_{column.name}"), F.col(column.name)
    return F.when(rule.isNull() | (rule == "unseen") if column.parse == "category" else rule.isNull(), value)
