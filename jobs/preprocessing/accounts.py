"""What became of every row and cell of a shard: one line each in the rejects, and counts that add up over shards.

    rows.in = rows.out + rows.rejected
    cells.in + cells.made = cells.out + cells.token + cells.rejected + cells.in_rejected_rows

A cell is a non-null text in a column that silver keeps. `token` counts texts that mean "no value"; `made` counts values
built without a text (a member_id made from the id). A category that is not among its levels stays in `cells.out` as
`__UNSEEN__` and is also listed in the rejects, which have rows.rejected + cells.rejected + cells.unseen lines.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import NamedTuple

import polars as pl

from jobs.protocol import contract
from jobs.protocol.contract import Column
from jobs.protocol.contract_polars import polars_schema
from jobs.protocol.layers import SOURCE_ROW

REJECTS = pl.Schema(polars_schema(contract.load("silver/_rejects")))
REFUSED = pl.Schema({"row": pl.UInt32(), "column": pl.String(), "raw": pl.String(), "rule": pl.String()})
_NOT_REJECTED = ("token", "rounded")


class Mark(NamedTuple):
    """The rows in which one rule has something to say about a column's cell."""

    column: str
    rule: str
    rows: pl.Series


def rejects(texts: pl.DataFrame, refused: pl.DataFrame, marks: Iterable[Mark]) -> pl.DataFrame:
    """One line for each refused row, refused cell and unseen category, in the order of the rows."""
    cells = [
        texts.select(
            row=pl.lit(mark.rows),
            column=pl.lit(mark.column),
            raw=pl.col(mark.column).gather(mark.rows),
            rule=pl.lit(mark.rule),
        )
        for mark in marks
        if mark.rule not in _NOT_REJECTED and mark.rows.len()
    ]
    if refused.is_empty() and not cells:
        return pl.DataFrame(schema=REJECTS)
    lines = pl.concat([refused, *cells]).sort("row", maintain_order=True)
    source = texts.select("id", source_row=SOURCE_ROW)[lines["row"]]
    return source.hstack(lines.select("column", "raw", "rule")).cast(REJECTS)


def counts_of_rows(texts: pl.DataFrame, refused: pl.DataFrame) -> dict[str, int]:
    """The rows that came in, went out and were rejected, and `row.<rule>` for each rule that refused any."""
    doors = {"in": texts.height, "out": texts.height - refused.height, "rejected": refused.height}
    by_rule = refused["rule"].value_counts().sort("rule").iter_rows() if refused.height else ()
    return {f"rows.{name}": count for name, count in doors.items()} | {f"row.{rule}": count for rule, count in by_rule}


def counts_of_cells(
    texts: pl.DataFrame, kept: pl.DataFrame, values: pl.DataFrame, marks: Iterable[Mark]
) -> dict[str, int]:
    """The cells that came in and went out, what happened in between, and `cell.<column>.<rule>` for each rule hit."""
    between = {"token": 0, "rejected": 0, "unseen": 0, "rounded": 0}
    by_rule = {}
    for mark in marks:
        if mark.rows.len():
            by_rule[f"cell.{mark.column}.{mark.rule}"] = mark.rows.len()
            between[mark.rule if mark.rule in between else "rejected"] += mark.rows.len()
    landed = _filled(texts, values.columns)
    refused = 0 if kept is texts else landed - _filled(kept, values.columns)
    doors = {"in": landed, "out": _filled(values, values.columns), "in_rejected_rows": refused}
    return {f"cells.{name}": count for name, count in (doors | between).items()} | by_rule


def _filled(frame: pl.DataFrame, names: list[str]) -> int:
    return sum(frame.height - column.null_count() for column in frame[names].get_columns())


def counts_of_rules(values: pl.DataFrame, measures: Iterable[pl.Expr]) -> dict[str, int]:
    """How often each rule between columns was checked and failed, and each soft limit exceeded (where it ever was)."""
    counts = values.select(measures).row(0, named=True)
    return {name: count for name, count in counts.items() if count or name.startswith("rule.")}


def beyond_soft_limits(columns: Iterable[Column]) -> list[pl.Expr]:
    """`soft.<column>` for each column with soft limits: how many values lie outside them. The values are kept."""
    found = []
    for column in columns:
        value = pl.col(column.name)
        limits = ((value.lt, column.soft_minimum), (value.gt, column.soft_maximum))
        outside = [
            is_beyond(date.fromisoformat(limit) if isinstance(limit, str) else limit)  # dates are written as text
            for is_beyond, limit in limits
            if limit is not None
        ]
        if outside:
            found.append(pl.any_horizontal(outside).sum().cast(pl.Int64).alias(f"soft.{column.name}"))
    return found


def measured(rules: Mapping[str, pl.Expr]) -> list[pl.Expr]:
    """`rule.<name>.checked` and `rule.<name>.failed` for each rule: counts of a frame, which add up over shards."""
    return [
        count.cast(pl.Int64).alias(f"rule.{name}.{what}")
        for name, holds in rules.items()
        for what, count in (("checked", holds.count()), ("failed", holds.not_().sum()))
    ]
