"""Random contracts of the supported keywords, and random frames for them."""

from __future__ import annotations

import math
from datetime import date
from typing import TYPE_CHECKING, Any

import polars as pl
from hypothesis import strategies as st

from jobs.protocol.contract import JSON_TYPES, Contract
from jobs.protocol.contract_polars import polars_schema
from tests.protocol.judged_rows import table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hypothesis.strategies import DrawFn, SearchStrategy

NUMBERS = (
    *(0, 1, -1, 2, 3, 36, 127, -128, 128, 40000, 2**31, 2**53, -(2**53)),
    *(0.0, -0.0, 0.1, 0.3, 0.5, 1.0, 1.5, 36.0, -1.5, 1e-9, 1e18, 1e19, 1e300, 0.07, 7e-7, 19.99, 2.2),
)
A_NUMBER = st.sampled_from(NUMBERS)
TEXTS = st.sampled_from(
    [
        "",
        "a",
        "ab",
        "é",
        "😀",
        "a\n",
        "36",
        "true",
        "2020-02-29",
        "2021-02-29",
        "0000-01-01",
        "2020-1-1",
        "20200101",
        "٢020-01-01",
    ]
)
DATES = st.sampled_from([date(1, 1, 1), date(2020, 2, 29), date(9999, 12, 31)])
PATTERNS = st.sampled_from(
    ["\\A[0-9]{4}-.*\\Z", "\\Aa\\Z", "\\A[^a]\\Z", "\\A\\Z", "\\A.\\Z", "\\A(?:2020-02-29|a)\\Z"]
)
NAMES = st.sampled_from(["p", "q", "r"])
CELLS: Mapping[str, SearchStrategy[object]] = {  # by dtype
    "int8": st.sampled_from([0, 1, -1, 2, 36, 127, -128]),
    "int64": st.sampled_from([0, 1, 3, 36, 128, 2**53 + 1, -(2**53) - 1, 2**63 - 1, -(2**63)]),
    "float64": A_NUMBER.map(float) | st.sampled_from([math.nan, math.inf, -math.inf, 1.8e307, 0.30000000000000004]),
    "boolean": st.booleans(),
    "string": TEXTS,
    "date": DATES,
}


def values() -> SearchStrategy[object]:
    plain = st.none() | st.booleans() | A_NUMBER | TEXTS | DATES.map(date.isoformat)
    return plain | st.lists(plain, max_size=1) | st.dictionaries(NAMES, plain, max_size=3)


OF_A_VALUE: dict[str, SearchStrategy[Any]] = {
    "enum": st.lists(values(), max_size=4),
    "const": values(),
    **dict.fromkeys(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"), A_NUMBER),
    **dict.fromkeys(("minLength", "maxLength"), st.sampled_from([0, 1, 2, 2.0, 10])),
    "pattern": PATTERNS,
}


@st.composite
def keywords(draw: DrawFn, dtype: str) -> dict[str, Any]:
    """Up to three keywords of a column, which may be said of any dtype, and perhaps that no cell is empty."""
    chosen = draw(st.lists(st.sampled_from(sorted(OF_A_VALUE)), max_size=3, unique=True))
    full = {"type": JSON_TYPES[dtype]} if draw(st.booleans()) else {}
    return full | {name: draw(OF_A_VALUE[name]) for name in chosen}


TABLES = st.dictionaries(
    NAMES, st.sampled_from(sorted(CELLS)).flatmap(lambda it: st.tuples(st.just(it), keywords(it))), min_size=1
).map(table)


@st.composite
def frames(draw: DrawFn, made: Contract) -> pl.DataFrame:
    height = draw(st.integers(1, 4))
    cells = {
        column.name: draw(st.lists(st.none() | CELLS[column.dtype], min_size=height, max_size=height))
        for column in made.columns
    }
    return pl.DataFrame(cells, schema=polars_schema(made))
