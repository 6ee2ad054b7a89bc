"""Contracts compiled to polars: one expression per column and keyword, true in the rows that break it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import polars as pl

from jobs.protocol import keywords
from jobs.protocol.cells import BREAKS, Cell, Truth, all_of, any_of, equals, inverse
from jobs.protocol.contract import Contract
from jobs.protocol.errors import ConfigInvalid

ROW = ""  # stands for the column where a whole row breaks a keyword
DTYPES: Mapping[str, pl.DataType] = {
    "int8": pl.Int8(),
    "int16": pl.Int16(),
    "int32": pl.Int32(),
    "int64": pl.Int64(),
    "float64": pl.Float64(),
    "boolean": pl.Boolean(),
    "string": pl.String(),
    "date": pl.Date(),
}
Offences = dict[tuple[str, str], pl.Expr]
Row = dict[str, Cell]


def polars_schema(contract: Contract) -> dict[str, pl.DataType]:
    """The dtype of every column of a table, in order."""
    return {column.name: DTYPES[column.dtype] for column in contract.columns}


def offences(contract: Contract) -> Offences:
    """(column, keyword) -> true in the rows that break it, never null; rules that no value can break are left out."""
    return offences_of(dict(contract.schema), polars_schema(contract))


def offences_of(schema: object, dtypes: Mapping[str, pl.DataType]) -> Offences:
    """`offences` of any schema of a row, for a frame of these columns; ConfigInvalid names what is not supported."""
    if problems := list(keywords.problems(schema)):
        raise ConfigInvalid("; ".join(problems), where="the schema", mend="docs/contracts.md lists what is supported")
    row = {name: Cell.of(name, dtype) for name, dtype in dtypes.items()}
    found: dict[tuple[str, str], Truth] = {}
    for column, keyword, breaks in (*_not_json(row), *_rules(schema, row)):
        found[column, keyword] = any_of(found.get((column, keyword), False), breaks)
    return {rule: pl.lit(breaks) if breaks is True else breaks for rule, breaks in found.items() if breaks is not False}


def _not_json(row: Row) -> Iterator[tuple[str, str, Truth]]:
    """NaN and the infinities are no JSON: whatever the schema says, the row is refused."""
    for name, cell in row.items():
        if cell.kind == "number":
            yield name, "type", cell.where(~cell.expr.is_finite())


def _rules(schema: Any, of: Row | Cell) -> Iterator[tuple[str, str, Truth]]:  # noqa: ANN401
    """Every rule of a schema with the column it is about and where it is broken."""
    if isinstance(schema, bool):
        yield ROW, "false", not schema
        return
    for keyword, argument in schema.items():
        if keyword in _COMBINED:
            yield ROW, keyword, _combined(keyword, argument, of)
        elif keyword == "if":
            yield ROW, keyword, _conditional(schema, of)
        elif isinstance(of, Cell):
            if keyword in BREAKS:
                yield ROW, keyword, BREAKS[keyword](of, argument)
        else:
            yield from _rules_of_row(keyword, argument, schema, of)


def _rules_of_row(keyword: str, argument: Any, schema: Any, row: Row) -> Iterator[tuple[str, str, Truth]]:  # noqa: ANN401
    if keyword == "type":
        yield ROW, keyword, "object" not in ([argument] if isinstance(argument, str) else argument)
    elif keyword in {"enum", "const"}:
        choices = argument if keyword == "enum" else [argument]
        yield ROW, keyword, all_of(*(inverse(_row_equals(row, choice)) for choice in choices))
    elif keyword == "required":
        yield from ((name, keyword, True) for name in argument if name not in row)
    elif keyword == "dependentRequired":
        needed = {name for present, names in argument.items() if present in row for name in names}
        yield from ((name, keyword, True) for name in sorted(needed) if name not in row)
    elif keyword == "properties":
        for name in (name for name in row if name in argument):
            yield from ((name, rule, breaks) for _, rule, breaks in _rules(argument[name], row[name]))
    elif keyword == "additionalProperties":
        for name in (name for name in row if name not in schema.get("properties", {})):
            yield name, keyword, _breaks(argument, row[name])


def _breaks(schema: Any, of: Row | Cell) -> Truth:  # noqa: ANN401
    return any_of(*(breaks for _, _, breaks in _rules(schema, of)))


_COMBINED = ("allOf", "anyOf", "oneOf", "not")


def _combined(keyword: str, argument: Any, of: Row | Cell) -> Truth:  # noqa: ANN401
    if keyword == "not":
        return inverse(_breaks(argument, of))
    broken = [_breaks(schema, of) for schema in argument]
    if keyword == "allOf":
        return any_of(*broken)
    if keyword == "anyOf":
        return all_of(*broken)
    kept_none: Truth = True
    kept_one: Truth = False
    for breaks in broken:
        kept_one = any_of(all_of(kept_one, breaks), all_of(kept_none, inverse(breaks)))
        kept_none = all_of(kept_none, breaks)
    return inverse(kept_one)


def _conditional(schema: Any, of: Row | Cell) -> Truth:  # noqa: ANN401
    breaks = _breaks(schema["if"], of)
    then, otherwise = _breaks(schema.get("then", True), of), _breaks(schema.get("else", True), of)
    return any_of(all_of(inverse(breaks), then), all_of(breaks, otherwise))


def _row_equals(row: Row, value: object) -> Truth:
    if not isinstance(value, dict) or value.keys() != row.keys():
        return False
    return all_of(*(equals(cell, [value[name]]) for name, cell in row.items()))
