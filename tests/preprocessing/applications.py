"""Silver rows of applications: a test names only what it is about."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl

from jobs.preprocessing.features import features
from jobs.preprocessing.tables import FEATURE_SOURCES
from jobs.protocol import contract
from jobs.protocol.contract_polars import polars_schema

STORE = contract.load("gold/feature_store")
SILVER = tuple(contract.load(f"silver/{name}") for name in (*FEATURE_SOURCES, "loan_performance", "credit_performance"))
APPLIED = date(2016, 3, 14)
ORDINARY: dict[str, Any] = {
    "issue_d": date(2016, 3, 1),
    "application_date": APPLIED,
    "snapshot_date": APPLIED + timedelta(1),
    "application_type": "Individual",
    "loan_amnt": 10_000.0,
    "term": 36,
    "installment": 300.0,
    "annual_inc": 60_000.0,
}
Tables = dict[str, pl.DataFrame]


def silver(*rows: dict[str, Any]) -> Tables:
    """The four tables of some applications, numbered from 1; `without` names the tables that a row is missing in."""
    tables = {}
    for name in FEATURE_SOURCES:
        schema = polars_schema(contract.load(f"silver/{name}"))
        filled = [
            {"id": number, "member_id": f"MEM_{row.get('id', number)}", **ORDINARY, **row}
            for number, row in enumerate(rows, 1)
            if name not in row.get("without", ())
        ]
        data = {column: [row.get(column) for row in filled] for column in schema}
        tables[name] = pl.DataFrame(data, schema=schema)
    return tables


def built(tables: Tables) -> pl.DataFrame:
    return features(**tables)[0]


def of(**columns: Any) -> dict[str, Any]:
    """The features of one application."""
    return built(silver(columns)).row(0, named=True)


def random_silver(rows: int, seed: int) -> Tables:
    """Rows that keep the silver contracts, a sixth of the cells null, in no order."""
    chance = np.random.default_rng(seed)
    ids = chance.choice(10 * rows, rows, replace=False)
    tables = {}
    for name in FEATURE_SOURCES:
        table = contract.load(f"silver/{name}")
        data = {}
        for column in table.columns:
            values = _values(column, rows, chance)
            if column.nullable:
                values = [
                    None if is_null else value
                    for value, is_null in zip(values, chance.random(rows) < 1 / 6, strict=True)
                ]
            data[column.name] = values
        data["id"] = [int(loan) for loan in chance.permutation(ids)]
        tables[name] = pl.DataFrame(data, schema=polars_schema(table))
    return tables


def _values(column: contract.Column, rows: int, chance: np.random.Generator) -> list[Any]:
    if column.name in ORDINARY and column.dtype == "date":
        return [ORDINARY[column.name]] * rows
    if column.dtype == "date":
        return [date(1990, 1, 1) + timedelta(int(days)) for days in chance.integers(0, 9000, rows)]
    if "enum" in column.schema:
        levels = [level for level in column.schema["enum"] if level is not None]
        return [levels[place] for place in chance.integers(0, len(levels), rows)]
    if column.dtype == "string":
        return ["x"] * rows
    low, high = column.schema.get("minimum", 1), column.schema.get("maximum", 100)
    drawn = chance.uniform(low, min(high, 1000), rows)
    return [float(value) if column.dtype == "float64" else int(value) for value in drawn]
