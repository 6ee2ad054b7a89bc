"""Contracts compiled to polars: one expression per column and keyword, true in the rows that break it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import date
from operator import ge, gt, le, lt
from typing import Any

import polars as pl

from jobs.protocol import patterns
from jobs.protocol.contract import JSON_TYPES, Column, Contract

Offences = dict[tuple[str, str], pl.Expr]
Breaks = Callable[[Column, Any], pl.Expr | None]  # where a column breaks a keyword; None if it never can

DTYPES: Mapping[str, pl.DataType] = {name: getattr(pl, name.capitalize())() for name in JSON_TYPES}
_LIMITS: Mapping[str, int] = {"int8": 2**7, "int16": 2**15, "int32": 2**31, "int64": 2**63}


def polars_schema(contract: Contract) -> dict[str, pl.DataType]:
    return {column.name: DTYPES[column.dtype] for column in contract.columns}


def offences(contract: Contract) -> Offences:
    """(column, keyword) -> true in the rows that break it, never null; rules that cannot be broken are left out."""
    found: Offences = {}
    for column in contract.columns:
        for keyword, argument in column.schema.items():
            breaks = BREAKS[keyword](column, argument) if keyword in BREAKS else None
            if breaks is not None:
                found[column.name, keyword] = breaks.fill_null(value=False)
    return found


def _type(column: Column, _: object) -> pl.Expr | None:
    """A contract's type is that of the dtype. NaN and the infinities are no JSON."""
    cell = pl.col(column.name)
    infinite = ~cell.is_finite() if column.dtype == "float64" else None
    if column.nullable:
        return infinite
    return cell.is_null() if infinite is None else cell.is_null() | infinite


def _differs(column: Column, values: list[Any]) -> pl.Expr:
    """Whether the value is none of these, by JSON's comparison: 1 equals 1.0, but neither equals true."""
    kind, text = JSON_TYPES[column.dtype], _text(column)
    if kind == "string":
        wanted: list[Any] = [value for value in values if isinstance(value, str)]
    else:
        is_bool = kind == "boolean"
        wanted = [one for one in values if isinstance(one, int | float) and isinstance(one, bool) == is_bool]
    if kind == "integer":
        wanted = [int(one) for one in wanted if one == int(one) and _fits(column, one)]
    wanted += [None] if None in values else []
    cell, dtype = (pl.col(column.name), DTYPES[column.dtype]) if text is None else (text, pl.String())
    return ~cell.is_in(pl.lit(pl.Series(wanted, dtype=dtype)).implode(), nulls_equal=True)


def _fits(column: Column, number: float) -> bool:
    return -_LIMITS[column.dtype] <= number < _LIMITS[column.dtype]


def _text(column: Column) -> pl.Expr | None:
    """The values as JSON strings, if that is how JSON writes them."""
    cell = pl.col(column.name)
    return {"string": cell, "date": cell.dt.to_string("%Y-%m-%d")}.get(column.dtype)


def _compared(compare: Callable[[Any, Any], Any], to_integer: Callable[[float], int]) -> Breaks:
    """A bound; for integer columns it is rounded to an integer first, so that no value is converted to a float."""

    def breaks(column: Column, bound: float) -> pl.Expr | None:
        cell, whole = pl.col(column.name), to_integer(bound)
        if column.dtype not in ("float64", *_LIMITS):
            return None
        if column.dtype != "float64" and not _fits(column, whole):  # it lies beyond all values of the dtype
            return cell.is_not_null() if compare(0, whole) else None
        limit = float(bound) if column.dtype == "float64" else whole
        broken: pl.Expr = compare(cell, pl.lit(limit, dtype=DTYPES[column.dtype]))
        return broken

    return breaks


def _of_text(breaks: Callable[[pl.Expr, Any], pl.Expr]) -> Breaks:
    return lambda column, argument: None if (text := _text(column)) is None else breaks(text, argument)


BREAKS: Mapping[str, Breaks] = {
    "type": _type,
    "enum": _differs,
    "const": lambda column, value: _differs(column, [value]),
    "minimum": _compared(lt, math.ceil),
    "maximum": _compared(gt, math.floor),
    "exclusiveMinimum": _compared(le, math.floor),
    "exclusiveMaximum": _compared(ge, math.ceil),
    "minLength": _of_text(lambda text, least: text.str.len_chars() < int(least)),
    "maxLength": _of_text(lambda text, most: text.str.len_chars() > int(most)),
    "pattern": _of_text(lambda text, pattern: ~text.str.contains(patterns.to_rust(pattern))),
    "format": lambda column, _: ~pl.col(column.name).is_between(date.min, date.max),  # `date`: there is no other
}
