"""Bronze text to typed silver: pure, one shard at a time, with every row and cell accounted for.

`clean` takes a shard (some rows of one landed table) and gives its silver tables, its rejects and its counts. Counts of
shards add up and rows keep their order, so it does not matter how a table is cut; `accounts` says what they prove.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache

import polars as pl

from jobs.preprocessing import accounts, identity, parsing, rules, tables
from jobs.preprocessing.accounts import Mark
from jobs.protocol import columns, contract
from jobs.protocol.calendar import application_date_expr
from jobs.protocol.contract import Column, Contract

KEYS = ("id", "issue_d")  # a row that does not say which loan it is, or when, is refused whole
ROUNDING = {"total_rec_late_fee": -1e-6}  # sums of cents leave such negatives in the files: they mean 0


@dataclass(frozen=True, slots=True)
class Cleaned:
    """What became of a shard. A rule that `counts` does not name was not broken."""

    tables: Mapping[str, pl.DataFrame]
    rejects: pl.DataFrame
    counts: Mapping[str, int]


def clean(
    bronze: pl.DataFrame,
    table: str,
    snapshot_date: date,
    *,
    clashing: pl.DataFrame | None = None,
    origins: pl.DataFrame | None = None,
) -> Cleaned:
    """Clean a shard of a bronze table.

    `clashing` is what `identity.clashes` found in the whole table. `origins` holds id, and issue_d or application_type
    or both, of the loans of the same snapshot: with it, rules that compare with a column of another table refuse cells
    here; without it they are not applied.
    """
    texts = _with_every_column(bronze, table)
    values, read = _read(texts, table)
    values, rounded = _rounded(values)
    values, broken = _checked(values, table, origins)
    marks = [*_still_there(read, values), *rounded, *broken]
    refused = _refused_rows(texts, values, clashing)
    kept = texts
    if refused.height:
        gone = refused["row"].implode()
        stays = ~pl.int_range(pl.len(), dtype=pl.UInt32).is_in(gone)
        kept, values = texts.filter(stays), values.filter(stays)
        marks = [mark._replace(rows=mark.rows.filter(~mark.rows.is_in(gone))) for mark in marks]
    made = values["member_id"].null_count()
    values = values.with_columns(pl.col("member_id").fill_null(pl.format("MEM_{}", "id")))
    counts = accounts.counts_of_rows(texts, refused) | accounts.counts_of_cells(texts, kept, values, marks)
    counts |= {"cells.made": made} | accounts.counts_of_rules(values, _measures(table))
    silver = {name: _silver_table(values, name, snapshot_date) for name in tables.SILVER_OF[table]}
    return Cleaned(silver, accounts.rejects(texts, refused, marks), counts)


@cache
def landed_columns(table: str) -> tuple[Column, ...]:
    """The columns of a landed table that silver reads, each once, in the order of the contracts."""
    found = {column.name: column for silver in _contracts(table) for column in silver.columns if column.parse}
    return tuple(found.values())


def _contracts(table: str) -> list[Contract]:
    return [contract.load(tables.silver(name)) for name in tables.SILVER_OF[table]]


def _with_every_column(bronze: pl.DataFrame, table: str) -> pl.DataFrame:
    absent = [column.name for column in landed_columns(table) if column.name not in bronze.columns]
    return bronze.with_columns(pl.lit(None, pl.String).alias(name) for name in absent) if absent else bronze


def _read(texts: pl.DataFrame, table: str) -> tuple[pl.DataFrame, list[Mark]]:
    """Every cell by its quick reading, and those it leaves, usually few, by the thorough one."""
    marks: list[Mark] = []
    mended = []
    values = texts.lazy().select(_quick(table)).collect()
    for column in landed_columns(table):
        text, value = texts[column.name], values[column.name]
        if value.null_count() > text.null_count():
            left = (text.is_not_null() & value.is_null()).arg_true()
            token, thorough = _slow(table)[column.name]
            is_token = _evaluated(token, text.gather(left))
            rows = left.filter(~is_token)
            found = _evaluated(thorough, text.gather(rows))
            mended.append(value.scatter(rows, found))
            marks += _marks(column, left.filter(is_token), rows, found)
    return values.with_columns(mended), marks


def _evaluated(expression: pl.Expr, text: pl.Series) -> pl.Series:
    return text.to_frame().lazy().select(expression).collect().to_series()


def _marks(column: Column, tokens: pl.Series, rows: pl.Series, found: pl.Series) -> Iterator[Mark]:
    yield Mark(column.name, "token", tokens)
    yield Mark(column.name, "parse", rows.filter(found.is_null()))
    if column.parse == "category":
        yield Mark(column.name, "unseen", rows.filter(found == parsing.UNSEEN))


@cache
def _quick(table: str) -> list[pl.Expr]:
    return [parsing.quick(column).alias(column.name) for column in landed_columns(table)]


@cache
def _slow(table: str) -> dict[str, tuple[pl.Expr, pl.Expr]]:
    return {column.name: (parsing.is_token(column), parsing.thorough(column)) for column in landed_columns(table)}


def _rounded(values: pl.DataFrame) -> tuple[pl.DataFrame, list[Mark]]:
    marks = []
    for name, least in ROUNDING.items():
        if name in values.columns:
            rows = values[name].is_between(least, 0, closed="none").arg_true()
            values = values.with_columns(values[name].scatter(rows, 0.0))
            marks.append(Mark(name, "rounded", rows))
    return values, marks


def _checked(values: pl.DataFrame, table: str, origins: pl.DataFrame | None) -> tuple[pl.DataFrame, list[Mark]]:
    """Null every cell that is refused; of several rules that a cell breaks, the first tells of it."""
    seen = values  # where both have a column, the table's own keeps the name
    if origins is not None:
        near = origins.filter(pl.col("id").is_in(values["id"].implode()))  # else all are hashed for every shard
        seen = values.join(near, on="id", how="left", validate="m:1", maintain_order="left")
    checks = [check for check in _checks(table) if check.needs <= set(seen.columns)]
    broken = seen.lazy().select(check.breaks.sum().alias(str(n)) for n, check in enumerate(checks)).collect().row(0)
    rows_of: dict[str, pl.Series] = {}
    marks = []
    for check in (check for check, count in zip(checks, broken, strict=True) if count):
        rows = seen.select(check.breaks.fill_null(value=False).arg_true()).to_series()
        known = rows_of.get(check.column, rows.clear())
        rows = rows.filter(~rows.is_in(known.implode()))
        rows_of[check.column] = pl.concat([known, rows])
        marks.append(Mark(check.column, check.name, rows))
    return values.with_columns(values[name].scatter(rows, None) for name, rows in rows_of.items()), marks


@cache
def _checks(table: str) -> list[rules.Refusal]:
    """What may refuse a cell: sentinels, then the hard limits of the contracts, then columns that contradict it."""
    landed = {column.name: column for column in landed_columns(table)}
    limits = {
        (name, keyword): rules.Refusal(
            name=keyword,
            column=name,
            breaks=breaks if landed[name].nullable else breaks & pl.col(name).is_not_null(),  # a null has its own rules
        )
        for silver in _contracts(table)
        for (name, keyword), breaks in columns.offences(silver).items()
        if name in landed
    }
    joint = [name for name, column in landed.items() if column.role == "joint"]
    return [*rules.sentinels(landed.values()), *limits.values(), *rules.contradictions(landed, joint)]


def _still_there(marks: list[Mark], values: pl.DataFrame) -> Iterator[Mark]:
    """An unseen category that another rule refused since is told of by that rule alone."""
    for mark in marks:
        if mark.rule == "unseen":
            yield mark._replace(rows=mark.rows.filter(values[mark.column].gather(mark.rows).is_not_null()))
        else:
            yield mark


def _refused_rows(texts: pl.DataFrame, values: pl.DataFrame, clashing: pl.DataFrame | None) -> pl.DataFrame:
    """The rows that cannot be kept; where there are several reasons the first one found is told."""
    row = pl.int_range(pl.len(), dtype=pl.UInt32).alias("row")
    nothing = pl.lit(None, pl.String)
    no_id = pl.when(pl.col("id").is_null()).then(pl.lit("no_id")).otherwise(pl.lit("key"))
    found = [pl.DataFrame(schema=accounts.REFUSED)]
    for name in KEYS:
        if name in values.columns and values[name].null_count():
            keys = texts.select(row, column=pl.lit(name), raw=pl.col(name), rule=no_id)
            found.append(keys.filter(values[name].is_null()))
    if clashing is not None and clashing.height:
        rows = texts.select(row, *identity.SOURCE).join(clashing, on=identity.SOURCE, maintain_order="left")
        found.append(rows.select("row", column=nothing, raw=nothing, rule="rule"))
    return pl.concat(found).unique("row", keep="first", maintain_order=True)


def _silver_table(values: pl.DataFrame, name: str, snapshot_date: date) -> pl.DataFrame:
    made = {"snapshot_date": pl.lit(snapshot_date)}
    if "issue_d" in values.columns:
        made["application_date"] = application_date_expr(pl.col("id"), pl.col("issue_d"))
    names = [column.name for column in contract.load(tables.silver(name)).columns]
    return values.select(made.get(name, pl.col(name)).alias(name) for name in names)


@cache
def _measures(table: str) -> list[pl.Expr]:
    within = [rule for rule in rules.RULES if set(rule.tables) <= set(tables.SILVER_OF[table])]
    return [*accounts.beyond_soft_limits(landed_columns(table)), *accounts.measured(within)]
