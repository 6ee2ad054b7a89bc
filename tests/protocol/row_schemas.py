"""Random schemas of the supported keywords, random frames, and the compiler's verdict on each row of one."""

from __future__ import annotations

import math
from datetime import date
from typing import TYPE_CHECKING, Any

import polars as pl
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker

from jobs.protocol.contract_polars import offences_of

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
PATTERNS = st.sampled_from(["\\A[0-9]{4}-", "\\Aa", "a\\Z", "[^a]", "\\A\\Z", ".", "\\A(?:2020-02-29|a)\\Z"])
TYPES = st.sampled_from(["null", "boolean", "integer", "number", "string", "array", "object"])
NAMES = st.sampled_from(["p", "q", "r"])
CELLS: Mapping[pl.DataType, SearchStrategy[object]] = {
    pl.Int8(): st.sampled_from([0, 1, -1, 2, 36, 127, -128]),
    pl.Int64(): st.sampled_from([0, 1, 3, 36, 128, 2**53 + 1, -(2**53) - 1, 2**63 - 1, -(2**63)]),
    pl.Float64(): A_NUMBER.map(float) | st.sampled_from([math.nan, math.inf, -math.inf, 1.8e307, 0.30000000000000004]),
    pl.Boolean(): st.booleans(),
    pl.String(): TEXTS,
    pl.Date(): DATES,
    pl.Null(): st.none(),
}


def values() -> SearchStrategy[object]:
    plain = st.none() | st.booleans() | A_NUMBER | TEXTS | DATES.map(date.isoformat)
    return plain | st.lists(plain, max_size=1) | st.dictionaries(NAMES, plain, max_size=3)


OF_A_VALUE: dict[str, SearchStrategy[Any]] = {
    "type": TYPES | st.lists(TYPES, min_size=1, max_size=3, unique=True),
    "enum": st.lists(values(), max_size=4),
    "const": values(),
    **dict.fromkeys(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"), A_NUMBER),
    **dict.fromkeys(("minLength", "maxLength"), st.sampled_from([0, 1, 2, 2.0, 10])),
    "pattern": PATTERNS,
    "format": st.just("date"),
}


def keywords(inner: SearchStrategy[Any]) -> SearchStrategy[dict[str, Any]]:
    """Schemas for rows and cells alike, of up to three keywords."""
    one_of = OF_A_VALUE | {
        "properties": st.dictionaries(NAMES, inner, max_size=3),
        "required": st.lists(NAMES, unique=True),
        **dict.fromkeys(("additionalProperties", "not", "if", "then", "else"), inner),
        **dict.fromkeys(("allOf", "anyOf"), st.lists(inner, min_size=1, max_size=3)),
    }
    chosen = st.lists(st.sampled_from(sorted(one_of)), max_size=3, unique=True)
    return chosen.flatmap(lambda names: st.fixed_dictionaries({name: one_of[name] for name in names}))


SCHEMAS = st.recursive(st.booleans() | keywords(st.booleans()), keywords, max_leaves=6)
ROW_SCHEMAS = keywords(SCHEMAS) | st.dictionaries(NAMES, SCHEMAS, min_size=1).map(lambda named: {"properties": named})


@st.composite
def frames(draw: DrawFn) -> pl.DataFrame:
    height = draw(st.integers(1, 4))
    dtypes = draw(st.dictionaries(NAMES, st.sampled_from(list(CELLS)), min_size=1, max_size=3))
    cells = {
        name: st.lists(st.none() | CELLS[dtype], min_size=height, max_size=height) for name, dtype in dtypes.items()
    }
    return pl.DataFrame({name: pl.Series(draw(cells[name]), dtype=dtype) for name, dtype in dtypes.items()})


def verdicts(schema: object, frame: pl.DataFrame) -> list[bool]:
    """Whether each row keeps the schema; and no expression is ever null."""
    rules = offences_of(schema, frame.schema)
    found = frame.with_columns(breaks.alias(f"{n}") for n, breaks in enumerate(rules.values())).drop(frame.columns)
    assert all(dtype == pl.Boolean for dtype in found.dtypes)
    assert not any(column.null_count() for column in found)
    return [not any(row) for row in found.rows()] if rules else [True] * frame.height


def as_json(row: Mapping[str, object]) -> dict[str, object]:
    """A row as JSON has it: dates are strings."""
    return {name: cell.isoformat() if isinstance(cell, date) else cell for name, cell in row.items()}


def keeps(schema: Mapping[str, Any] | bool, row: Mapping[str, object]) -> bool:
    """Whether a row keeps a schema, by the letter of the draft, formats asserted; one that is not JSON keeps none."""
    is_json = not any(isinstance(cell, float) and not math.isfinite(cell) for cell in row.values())
    return is_json and Draft202012Validator(schema, format_checker=FormatChecker(["date"])).is_valid(as_json(row))
