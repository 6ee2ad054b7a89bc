"""Contracts compiled to polars: one expression per column and keyword, true in the rows that break it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import polars as pl

from jobs.protocol import keywords
from jobs.protocol.cells import BREAKS, DTYPES, Cell, Truth, all_of, any_of, inverse, where
from jobs.protocol.contract import Contract
from jobs.protocol.errors import ConfigInvalid

ROW = ""  # stands for the column where a whole row breaks a keyword
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
    found: dict[tuple[str, str], Truth] = {  # NaN and the infinities are no JSON, whatever the schema says
        (name, "type"): where(~cell.expr.is_finite()) for name, cell in row.items() if cell.kind == "number"
    }
    for column, keyword, breaks in _rules(schema, row):
        found[column, keyword] = any_of(found.get((column, keyword), False), breaks)
    return {rule: pl.lit(breaks) if breaks is True else breaks for rule, breaks in found.items() if breaks is not False}


def _rules(schema: Any, of: Row | Cell) -> Iterator[tuple[str, str, Truth]]:  # noqa: ANN401
    """Every rule of a schema with the column it is about and where it is broken."""
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
