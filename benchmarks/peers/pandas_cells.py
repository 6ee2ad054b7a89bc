"""One column in pandas: its texts made values, in nullable types, whose comparisons know what is unknown.

Most columns read cleanly and at once; only where one does not are its texts looked at more closely.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from benchmarks.peers import work
from jobs.preprocessing.parsing import EMP_LENGTH, levels
from jobs.protocol.layers import UNSEEN

if TYPE_CHECKING:
    from jobs.protocol.contract import Column

TYPES = {name: name.capitalize() for name in ("int8", "int16", "int32", "int64", "float64")} | {"string": "string"}
BEFORE_1970 = 1970 * 12 + 1


class Words:
    def __init__(self, frame: pd.DataFrame) -> None:
        self.frame = frame

    def __getitem__(self, name: str) -> pd.Series:
        return self.frame[name]

    def when(self, condition: pd.Series, value: work.Values, otherwise: work.Values = None) -> pd.Series:
        holds = condition.fillna(value=False)
        if isinstance(value, pd.Series):
            return value.where(holds, pd.NA if otherwise is None else otherwise)
        if isinstance(otherwise, pd.Series):
            return otherwise.mask(holds, value)
        found = np.where(holds.to_numpy(bool), value, np.nan if otherwise is None else otherwise)
        return pd.Series(pd.array(found), index=condition.index)

    def month(self, day: pd.Series) -> pd.Series:
        months = day.to_numpy().astype("datetime64[M]").astype("int64") + BEFORE_1970
        return pd.Series(pd.arrays.IntegerArray(months, day.isna().to_numpy()), index=day.index)

    def first_letter(self, column: pd.Series) -> pd.Series:
        return column.str.slice(0, 1)

    def length(self, column: pd.Series) -> pd.Series:
        return column.str.len()

    def matches(self, column: pd.Series, pattern: str) -> pd.Series:
        return column.str.fullmatch(pattern)

    def nulls(self, names: list[str]) -> pd.Series:
        return sum(self.frame[name].isna().astype("int16") for name in names).astype("Int16")

    def is_null(self, column: pd.Series) -> pd.Series:
        return column.isna().astype("boolean")

    def log1p(self, column: pd.Series) -> pd.Series:
        with np.errstate(divide="ignore"):  # of what stands where values are unknown
            return np.log1p(column)

    exp = staticmethod(np.exp)


def typed(text: pd.Series, column: Column) -> pd.Series:
    """A value where any accepted spelling explains the text, else null."""
    return READINGS["id" if column.dtype == "int64" else str(column.parse)](text, column)


def loan_id(text: pd.Series, _: Column) -> pd.Series:
    return pd.to_numeric(text.where(text.str.fullmatch("[0-9]+").fillna(value=False))).astype("Int64")


def finite(text: pd.Series, ending: str = "") -> pd.Series:
    try:
        value = text.astype("Float64")
    except ValueError:
        texts = text.str.strip().str.rstrip(ending) if ending else text.str.strip()
        value = pd.to_numeric(texts, errors="coerce").astype("Float64")
    return value.mask(~np.isfinite(value))


def number(text: pd.Series, column: Column) -> pd.Series:
    value = finite(text)
    if column.name == "total_rec_late_fee":
        return value.mask((value > work.LEAST_FEE) & (value < 0), 0.0)
    return value


def percent(text: pd.Series, _: Column) -> pd.Series:
    return finite(text, "%") / 100


def integer(text: pd.Series, column: Column) -> pd.Series:
    value, limits = finite(text), np.iinfo(column.dtype)
    fits = (value % 1 == 0) & value.between(limits.min, limits.max)
    return value.where(fits).astype(TYPES[column.dtype])


def months_term(text: pd.Series, column: Column) -> pd.Series:
    return integer(text.str.strip().str.removesuffix(" months"), column)


def emp_length(text: pd.Series, column: Column) -> pd.Series:
    years = text.str.strip().str.lower().map(EMP_LENGTH).astype(TYPES[column.dtype])
    return years.fillna(integer(text[years.isna()], column))


def date(text: pd.Series, _: Column) -> pd.Series:
    day = pd.to_datetime(text, format="%b-%Y", errors="coerce")
    return day.fillna(pd.to_datetime(text[day.isna()], format="%Y-%m-%d", errors="coerce"))


def category(text: pd.Series, column: Column) -> pd.Series:
    """`__UNSEEN__` where no spelling explains it."""
    other = text[~text.isin(levels(column)) & text.notna()]
    if other.empty:
        return text
    folded = other.str.strip().str.replace(r"\s+", " ", regex=True).str.replace(": ", ":").str.lower()
    value = text.copy()
    value[other.index] = folded.map(work.spellings(column)).fillna(UNSEEN).mask(is_token(other, column))
    return value


def stripped(text: pd.Series, column: Column) -> pd.Series:
    return text.str.strip().mask(is_token(text, column))


def is_token(text: pd.Series, column: Column) -> pd.Series:
    return text.str.strip().isin(column.null_tokens)


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
