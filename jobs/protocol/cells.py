"""One column of a table as JSON sees its values, and the keywords of JSON Schema that judge a single value."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from operator import ge, gt, le, lt
from typing import Any

import polars as pl

from jobs.protocol import patterns
from jobs.protocol.errors import ConfigInvalid

Truth = bool | pl.Expr  # of every row alike, or row by row and never null

_BITS: Mapping[type[pl.DataType], int] = {pl.Int8: 7, pl.Int16: 15, pl.Int32: 31, pl.Int64: 63}
_KINDS: Mapping[type[pl.DataType], str] = {
    **dict.fromkeys(_BITS, "integer"),
    pl.Float64: "number",
    pl.Boolean: "boolean",
    pl.String: "string",
    pl.Date: "date",
    pl.Null: "null",
}
_TYPES: Mapping[str, tuple[str, ...]] = {  # that every value of the kind has; 36.0 is an integer besides
    "integer": ("integer", "number"),
    "number": ("number",),
    "boolean": ("boolean",),
    **dict.fromkeys(("string", "date"), ("string",)),
    "null": (),
}
_DATE = r"\A[0-9]{4}-[0-9]{2}-[0-9]{2}\z"


@dataclass(frozen=True, slots=True)
class Cell:
    """A column: what its values are in JSON (a null is always of type null) and how to get at them."""

    kind: str
    expr: pl.Expr
    dtype: type[pl.DataType]

    @classmethod
    def of(cls, name: str, dtype: pl.DataType) -> Cell:
        base = dtype.base_type()
        if base not in _KINDS:
            raise ConfigInvalid(f"a column of dtype {dtype} has no JSON type", where=name, mend="cast it")
        if name == "*" or (name.startswith("^") and name.endswith("$")):
            raise ConfigInvalid("polars takes this column's name for a pattern", where=name, mend="rename it")
        return cls(_KINDS[base], pl.col(name), base)

    @property
    def text(self) -> pl.Expr:
        return self.expr.dt.to_string("%Y-%m-%d") if self.kind == "date" else self.expr

    @property
    def is_null(self) -> Truth:
        return True if self.kind == "null" else self.expr.is_null()

    def where(self, condition: pl.Expr) -> Truth:
        """A condition on values, false for null."""
        return condition.fill_null(value=False)


def any_of(*truths: Truth) -> Truth:
    found: Truth = False
    for truth in truths:
        if truth is True or found is True:
            return True
        if truth is not False:
            found = truth if found is False else found | truth
    return found


def all_of(*truths: Truth) -> Truth:
    found: Truth = True
    for truth in truths:
        if truth is False or found is False:
            return False
        if truth is not True:
            found = truth if found is True else found & truth
    return found


def inverse(truth: Truth) -> Truth:
    return not truth if isinstance(truth, bool) else ~truth


def equals(cell: Cell, values: list[Any]) -> Truth:
    """Where the value is one of these, as JSON compares: 1 is 1.0, but neither is true."""
    null = any(value is None for value in values) and cell.is_null
    return any_of(null, _is_one_of(cell, values))


def _is_one_of(cell: Cell, values: list[Any]) -> Truth:
    if cell.kind == "boolean":
        wanted = {value for value in values if isinstance(value, bool)}
        return any_of(*(cell.where(cell.expr if value else ~cell.expr) for value in wanted))
    if cell.kind in {"string", "date"}:
        return _is_in(cell, cell.text, [value for value in values if isinstance(value, str)], pl.String)
    numbers = [value for value in values if isinstance(value, int | float) and not isinstance(value, bool)]
    if cell.kind == "integer":
        limit = 2 ** _BITS[cell.dtype]
        whole = [int(value) for value in numbers if value == int(value)]
        return _is_in(cell, cell.expr, [value for value in whole if -limit <= value < limit], cell.dtype)
    return _is_in(cell, cell.expr, [float(value) for value in numbers], pl.Float64) if cell.kind == "number" else False


def _is_in(cell: Cell, expr: pl.Expr, values: list[Any], dtype: type[pl.DataType]) -> Truth:
    if not values:
        return False
    if len(values) == 1:
        return cell.where(expr == pl.lit(values[0], dtype=dtype))
    return cell.where(expr.is_in(pl.lit(pl.Series(values, dtype=dtype)).implode()))


def _enum(cell: Cell, values: list[Any]) -> Truth:
    return inverse(equals(cell, values))


def _type(cell: Cell, names: str | list[str]) -> Truth:
    allowed = {names} if isinstance(names, str) else set(names)
    null = False if "null" in allowed else cell.is_null
    if allowed.intersection(_TYPES[cell.kind]):
        return null
    if cell.kind == "number" and "integer" in allowed:
        return any_of(null, cell.where(cell.expr != cell.expr.floor()))
    return any_of(null, inverse(cell.is_null))


def _compared(compare: Callable[[Any, Any], Any], to_integer: Callable[[float], int]) -> Callable[[Cell, float], Truth]:
    """A bound; on integers it is made an integer first, so that none is rounded to a float."""

    def breaks(cell: Cell, bound: float) -> Truth:
        if cell.kind == "number":
            return cell.where(compare(cell.expr, pl.lit(float(bound))))
        if cell.kind != "integer":
            return False
        limit, whole = 2 ** _BITS[cell.dtype], to_integer(bound)
        if -limit <= whole < limit:
            return cell.where(compare(cell.expr, pl.lit(whole, dtype=cell.dtype)))
        return inverse(cell.is_null) if compare(0, whole) else False  # the bound lies beyond all values of the dtype

    return breaks


def _multiple_of(cell: Cell, step: float) -> Truth:
    if cell.kind == "integer" and isinstance(step, int):
        return cell.where(cell.expr.cast(pl.Int64) % step != 0)
    if cell.kind not in {"integer", "number"}:
        return False
    values = cell.expr.cast(pl.Float64)
    return values.is_not_null() & values.map_batches(lambda column: _remains(column, step), return_dtype=pl.Boolean)


def _remains(column: pl.Series, step: float) -> pl.Series:
    """Where a remainder is left: polars' own division and remainder of floats round in ways that IEEE does not."""
    import numpy as np

    values = column.to_numpy()
    with np.errstate(invalid="ignore", over="ignore"):
        remains = np.fmod(values, step) != 0
        if not isinstance(step, int):  # then the quotient must be whole; one past all floats is left to fmod, exactly
            quotient = values / step
            remains = np.where(np.isinf(quotient), remains, quotient != np.floor(quotient))
    return pl.Series(remains)


def _shorter(cell: Cell, least: float) -> Truth:
    return cell.where(cell.text.str.len_chars() < int(least)) if cell.kind in {"string", "date"} else False


def _longer(cell: Cell, most: float) -> Truth:
    return cell.where(cell.text.str.len_chars() > int(most)) if cell.kind in {"string", "date"} else False


def _unmatched(cell: Cell, pattern: str) -> Truth:
    if cell.kind not in {"string", "date"}:
        return False
    return cell.where(~cell.text.str.contains(patterns.to_rust(pattern)))


def _no_date(cell: Cell, _: str) -> Truth:
    if cell.kind == "date":
        return cell.where(~cell.expr.is_between(date.min, date.max))
    if cell.kind != "string":
        return False
    is_date = cell.expr.str.contains(_DATE) & cell.expr.str.to_date("%Y-%m-%d", strict=False).is_not_null()
    is_year_0 = cell.expr.str.starts_with("0000")  # which Python's calendar does not have
    return cell.where(cell.expr.is_not_null() & (~is_date | is_year_0))


BREAKS: Mapping[str, Callable[[Cell, Any], Truth]] = {
    "type": _type,
    "enum": _enum,
    "const": lambda cell, value: _enum(cell, [value]),
    "minimum": _compared(lt, math.ceil),
    "maximum": _compared(gt, math.floor),
    "exclusiveMinimum": _compared(le, math.floor),
    "exclusiveMaximum": _compared(ge, math.ceil),
    "multipleOf": _multiple_of,
    "minLength": _shorter,
    "maxLength": _longer,
    "pattern": _unmatched,
    "format": _no_date,
}
