"""A contract of given columns, and two verdicts on each row of a frame: that of the compiler and that of jsonschema."""

from __future__ import annotations

import math
from datetime import date
from typing import TYPE_CHECKING, Any

import polars as pl
from jsonschema import Draft202012Validator, FormatChecker

from jobs.protocol import contract, strict_json
from jobs.protocol.contract import JSON_TYPES, Contract
from jobs.protocol.contract_polars import offences

if TYPE_CHECKING:
    from collections.abc import Mapping


def table(columns: Mapping[str, tuple[str, Mapping[str, Any]]]) -> Contract:
    """A contract of these columns, each of a dtype with keywords; cells may be empty unless `type` is among them."""
    properties = {
        name: {"description": "A column.", "x-dtype": dtype, "type": [JSON_TYPES[dtype], "null"]}
        | ({"format": "date"} if dtype == "date" else {})
        | dict(words)
        for name, (dtype, words) in columns.items()
    }
    schema = {"description": "A row.", "type": "object", "x-version": 1, "x-key": [], "properties": properties}
    return contract.read(strict_json.pretty(schema | {"additionalProperties": False}), name="a table")


def verdicts(made: Contract, frame: pl.DataFrame) -> list[bool]:
    """Whether each row keeps the contract; and no expression is ever null."""
    rules = offences(made)
    found = frame.with_columns(breaks.alias(f"{n}") for n, breaks in enumerate(rules.values())).drop(frame.columns)
    assert all(dtype == pl.Boolean for dtype in found.dtypes)
    assert not any(column.null_count() for column in found)
    return [not any(row) for row in found.rows()] if rules else [True] * frame.height


def as_json(row: Mapping[str, object]) -> dict[str, object]:
    """A row as JSON has it: dates are strings."""
    return {name: cell.isoformat() if isinstance(cell, date) else cell for name, cell in row.items()}


def kept(made: Contract, frame: pl.DataFrame) -> list[bool]:
    """Whether each row keeps the contract, by the letter of the draft; a row that is not JSON does not."""
    judge = Draft202012Validator(made.schema, format_checker=FormatChecker(["date"]))
    return [is_json(row) and judge.is_valid(as_json(row)) for row in frame.to_dicts()]


def is_json(row: Mapping[str, object]) -> bool:
    return not any(isinstance(cell, float) and not math.isfinite(cell) for cell in row.values())
