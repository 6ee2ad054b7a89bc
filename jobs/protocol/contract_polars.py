"""Contracts compiled to polars: one expression per column and keyword, true in the rows that break it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import reduce
from operator import and_, ge, gt, le, lt, or_
from typing import Any

import polars as pl

from jobs.protocol import patterns
from jobs.protocol.contract import JSON_TYPES, Contract

ROW = ""  # in place of the column's name where the whole row breaks a keyword
Offences = dict[tuple[str, str], pl.Expr]
Truth = bool | pl.Expr  # the same for every row, or row by row and never null

DTYPES: Mapping[str, pl.DataType] = {name: getattr(pl, name.capitalize())() for name in JSON_TYPES}
_BITS: Mapping[type[pl.DataType], int] = {pl.Int8: 7, pl.Int16: 15, pl.Int32: 31, pl.Int64: 63}
_KINDS = {type(DTYPES[name]): kind for name, kind in JSON_TYPES.items()} | {pl.Date: "date", pl.Null: "null"}
_DATE = r"\A[0-9]{4}-[0-9]{2}-[0-9]{2}\z"


@dataclass(frozen=True, slots=True)
class Cell:
    """A column: the JSON type of its values (a null is always of type null), and the expression that reads them."""

    kind: str
    expr: pl.Expr
    dtype: type[pl.DataType]

    @classmethod
    def of(cls, name: str, dtype: pl.DataType) -> Cell:
        base = dtype.base_type()
        return cls(_KINDS[base], pl.col(name), base)

    @property
    def is_null(self) -> Truth:
        return True if self.kind == "null" else self.expr.is_null()

    @property
    def text(self) -> pl.Expr | None:
        """Its values as JSON strings, if that is how JSON writes them."""
        if self.kind == "date":
            return self.expr.dt.to_string("%Y-%m-%d")
        return self.expr if self.kind == "string" else None


Row = dict[str, Cell]


def polars_schema(contract: Contract) -> dict[str, pl.DataType]:
    return {column.name: DTYPES[column.dtype] for column in contract.columns}


def offences(contract: Contract) -> Offences:
    """(column, keyword) -> true in the rows that break it, never null; rules that cannot be broken are left out."""
    return offences_of(dict(contract.schema), polars_schema(contract))


def offences_of(schema: object, dtypes: Mapping[str, pl.DataType]) -> Offences:
    """`offences` of any schema of a row in a contract's words, for a frame of these columns."""
    row = {name: Cell.of(name, dtype) for name, dtype in dtypes.items()}
    found: dict[tuple[str, str], Truth] = {  # NaN and the infinities are no JSON, whatever the schema says
        (name, "type"): where(~cell.expr.is_finite()) for name, cell in row.items() if cell.kind == "number"
    }
    for column, keyword, breaks in _rules(schema, row):
        found[column, keyword] = any_of(found.get((column, keyword), False), breaks)
    return {rule: pl.lit(breaks) if breaks is True else breaks for rule, breaks in found.items() if breaks is not False}


def _rules(schema: Any, of: Row | Cell) -> Iterator[tuple[str, str, Truth]]:  # noqa: ANN401
    """Every rule of a schema, with its column and the rows that break it."""
    if isinstance(schema, bool):
        yield ROW, "false", not schema
        return
    for keyword, argument in schema.items():
        if keyword == "not":
            yield ROW, keyword, inverse(_breaks(argument, of))
        elif keyword in ("allOf", "anyOf"):
            yield ROW, keyword, (any_of if keyword == "allOf" else all_of)(*(_breaks(each, of) for each in argument))
        elif keyword == "if":
            broken, then, other = (_breaks(schema.get(name, True), of) for name in ("if", "then", "else"))
            yield ROW, keyword, any_of(all_of(inverse(broken), then), all_of(broken, other))
        elif not isinstance(of, Cell):
            yield from _rules_of_row(keyword, argument, schema, of)
        elif keyword in BREAKS:
            yield ROW, keyword, BREAKS[keyword](of, argument)


def _rules_of_row(keyword: str, argument: Any, schema: Any, row: Row) -> Iterator[tuple[str, str, Truth]]:  # noqa: ANN401
    if keyword == "type":
        yield ROW, keyword, "object" not in ([argument] if isinstance(argument, str) else argument)
    elif keyword in ("enum", "const"):
        choices = argument if keyword == "enum" else [argument]
        yield ROW, keyword, all_of(*(_differs(row, choice) for choice in choices))
    elif keyword == "required":
        yield from ((name, keyword, True) for name in argument if name not in row)
    elif keyword == "properties":
        for name in (name for name in row if name in argument):
            yield from ((name, rule, breaks) for _, rule, breaks in _rules(argument[name], row[name]))
    elif keyword == "additionalProperties":
        for name in (name for name in row if name not in schema.get("properties", {})):
            yield name, keyword, _breaks(argument, row[name])


def _differs(row: Row, value: object) -> Truth:
    if not isinstance(value, dict) or value.keys() != row.keys():
        return True
    return any_of(*(BREAKS["const"](cell, value[name]) for name, cell in row.items()))


def _breaks(schema: Any, of: Row | Cell) -> Truth:  # noqa: ANN401
    return any_of(*(breaks for _, _, breaks in _rules(schema, of)))


def where(condition: pl.Expr) -> Truth:
    """A condition on values, false for null."""
    return condition.fill_null(value=False)


def any_of(*truths: Truth) -> Truth:
    rows = [truth for truth in truths if not isinstance(truth, bool)]
    return any(truth is True for truth in truths) or (reduce(or_, rows) if rows else False)


def all_of(*truths: Truth) -> Truth:
    rows = [truth for truth in truths if not isinstance(truth, bool)]
    return not any(truth is False for truth in truths) and (reduce(and_, rows) if rows else True)


def inverse(truth: Truth) -> Truth:
    return not truth if isinstance(truth, bool) else ~truth


def _equals(cell: Cell, values: list[Any]) -> Truth:
    """Whether the value is one of these, by JSON's comparison: 1 equals 1.0, but neither equals true."""
    null = None in values and cell.is_null
    of_bool = [value for value in values if isinstance(value, bool)]
    numbers = [value for value in values if isinstance(value, int | float) and not isinstance(value, bool)]
    if cell.text is not None:
        return any_of(null, _is_in(cell.text, [value for value in values if isinstance(value, str)], pl.String))
    if cell.kind == "integer":
        limit = 2 ** _BITS[cell.dtype]
        numbers = [int(value) for value in numbers if value == int(value) and -limit <= value < limit]
    wanted = {"boolean": of_bool, "null": []}.get(cell.kind, numbers)
    return any_of(null, _is_in(cell.expr, wanted, cell.dtype))


def _is_in(expr: pl.Expr, values: list[Any], dtype: type[pl.DataType]) -> Truth:
    if len(values) == 1:
        return where(expr == pl.lit(values[0], dtype=dtype))
    return where(expr.is_in(pl.lit(pl.Series(values, dtype=dtype)).implode())) if values else False


def _type(cell: Cell, names: str | list[str]) -> Truth:
    allowed = {names} if isinstance(names, str) else set(names)
    null = False if "null" in allowed else cell.is_null
    every = {"integer": ("integer", "number"), "date": ("string",)}.get(cell.kind, (cell.kind,))  # types of any value
    if allowed.intersection(every):
        return null
    if cell.kind == "number" and "integer" in allowed:
        return any_of(null, where(cell.expr != cell.expr.floor()))
    return any_of(null, inverse(cell.is_null))


def _compared(compare: Callable[[Any, Any], Any], to_integer: Callable[[float], int]) -> Callable[[Cell, float], Truth]:
    """A bound; for integer columns it is rounded to an integer first, so that no value is converted to a float."""

    def breaks(cell: Cell, bound: float) -> Truth:
        if cell.kind == "number":
            return where(compare(cell.expr, pl.lit(float(bound))))
        if cell.kind != "integer":
            return False
        limit, whole = 2 ** _BITS[cell.dtype], to_integer(bound)
        if -limit <= whole < limit:
            return where(compare(cell.expr, pl.lit(whole, dtype=cell.dtype)))
        return inverse(cell.is_null) if compare(0, whole) else False  # the bound lies beyond all values of the dtype

    return breaks


def _of_text(breaks: Callable[[pl.Expr, Any], pl.Expr]) -> Callable[[Cell, Any], Truth]:
    return lambda cell, argument: False if cell.text is None else where(breaks(cell.text, argument))


def _no_date(cell: Cell, _: str) -> Truth:
    if cell.kind == "date":
        return where(~cell.expr.is_between(date.min, date.max))
    if cell.kind != "string":
        return False
    is_date = cell.expr.str.contains(_DATE) & cell.expr.str.to_date("%Y-%m-%d", strict=False).is_not_null()
    is_year_0 = cell.expr.str.starts_with("0000")  # which Python's calendar does not have
    return where(cell.expr.is_not_null() & (~is_date | is_year_0))


BREAKS: Mapping[str, Callable[[Cell, Any], Truth]] = {
    "type": _type,
    "enum": lambda cell, values: inverse(_equals(cell, values)),
    "const": lambda cell, value: inverse(_equals(cell, [value])),
    "minimum": _compared(lt, math.ceil),
    "maximum": _compared(gt, math.floor),
    "exclusiveMinimum": _compared(le, math.floor),
    "exclusiveMaximum": _compared(ge, math.ceil),
    "minLength": _of_text(lambda text, least: text.str.len_chars() < int(least)),
    "maxLength": _of_text(lambda text, most: text.str.len_chars() > int(most)),
    "pattern": _of_text(lambda text, pattern: ~text.str.contains(patterns.to_rust(pattern))),
    "format": _no_date,
}
