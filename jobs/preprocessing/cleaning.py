"""Bronze text to typed silver: pure, one shard at a time, with every row and cell accounted for.

`clean` takes a shard (some rows of one landed table) and returns its silver tables, rejects and counts. Counts add up
over shards and rows keep their order, so it does not matter how a table is cut; see `accounts` for what they mean.
Which row is which loan (`with_ids`, `clashes`) is found before, from the whole table.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache

import polars as pl

from jobs.preprocessing import accounts, parsing, rules
from jobs.preprocessing.accounts import Mark
from jobs.preprocessing.rules import Refusal
from jobs.protocol import contract, contract_polars
from jobs.protocol.calendar import application_date
from jobs.protocol.contract import Column, Contract
from jobs.protocol.layers import SILVER_OF, SOURCE, SOURCE_FILE, SOURCE_ROW, UNSEEN

KEYS = ("id", "issue_d")  # a row that lacks one of these is refused whole
SMALL = 1 << 14  # rows: for fewer, planning a lazy query takes longer than it saves
CLASHES = pl.Schema({SOURCE_FILE: pl.String(), SOURCE_ROW: pl.Int64(), "rule": pl.String()})
_LOAN = parsing.loan_id(pl.col("id")).alias("loan")

ROUNDING = {"total_rec_late_fee": -1e-6}  # rounding leaves tiny negatives in the files: they mean 0


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

    `clashing` is what `clashes` found in the whole table. `origins` holds id, and issue_d or application_type
    or both, of the loans of the same snapshot: with it, rules that compare with a column of another table refuse cells
    here; without it they are not applied.
    """
    absent = [column.name for column in landed_columns(table) if column.name not in bronze.columns]
    texts = bronze.with_columns(pl.lit(None, pl.String).alias(name) for name in absent) if absent else bronze
    values, marks = _read(texts, table)
    values, rounded = _rounded(values)
    values, broken = _checked(values, table, origins)
    marks = [*_still_there(marks, values), *rounded, *broken]
    refused = _refused_rows(texts, values, clashing)
    kept = texts
    if refused.height:
        gone = refused["row"].implode()
        stays = ~pl.int_range(pl.len(), dtype=pl.UInt32).is_in(gone)
        kept, values = texts.filter(stays), values.filter(stays)
        marks = [mark._replace(rows=mark.rows.filter(~mark.rows.is_in(gone))) for mark in marks]
    made = values["member_id"].null_count()
    if made:
        values = values.with_columns(pl.col("member_id").fill_null(pl.format("MEM_{}", "id")))
    counts = accounts.counts_of_rows(texts, refused) | accounts.counts_of_cells(texts, kept, values, marks)
    counts |= {"cells.made": made} | accounts.counts_of_rules(values, _measures(table))
    dates = {"snapshot_date": pl.lit(snapshot_date)}
    if "issue_d" in values.columns:
        dates["application_date"] = application_date(pl.col("id"), pl.col("issue_d"))
    values = values.with_columns(**dates)
    silver = {name: values[[column.name for column in contract.columns]] for name, contract in _silver(table)}
    return Cleaned(silver, accounts.rejects(texts, refused, marks), counts)


@cache
def landed_columns(table: str) -> tuple[Column, ...]:
    """The columns of a landed table that silver reads, each once, in the order of the contracts."""
    found = {column.name: column for _, silver in _silver(table) for column in silver.columns if column.parse}
    return tuple(found.values())


def _silver(table: str) -> list[tuple[str, Contract]]:
    return [(name, contract.load(f"silver/{name}")) for name in SILVER_OF[table]]


def _read(texts: pl.DataFrame, table: str) -> tuple[pl.DataFrame, list[Mark]]:
    """Read every cell the quick way, and the few that this leaves null the thorough way."""
    marks: list[Mark] = []
    mended = []
    quick, slow = _readings(table)
    values = texts.select(quick) if texts.height < SMALL else texts.lazy().select(quick).collect()
    landed = landed_columns(table)
    for column, text, value in zip(landed, texts[values.columns].get_columns(), values.get_columns(), strict=True):
        if value.null_count() > text.null_count():
            left = (text.is_not_null() & value.is_null()).arg_true()
            token, thorough = slow[column.name]
            is_token = _evaluated(token, text.gather(left))
            rows = left.filter(~is_token)
            found = _evaluated(thorough, text.gather(rows))
            mended.append(value.scatter(rows, found))
            marks.append(Mark(column.name, "token", left.filter(is_token)))
            marks.append(Mark(column.name, "parse", rows.filter(found.is_null())))
            if column.parse == "category":
                marks.append(Mark(column.name, "unseen", rows.filter(found == UNSEEN)))
    return values.with_columns(mended) if mended else values, marks


def _evaluated(expression: pl.Expr, text: pl.Series) -> pl.Series:
    return text.to_frame().select(expression).to_series()


@cache
def _readings(table: str) -> tuple[list[pl.Expr], dict[str, tuple[pl.Expr, pl.Expr]]]:
    columns = landed_columns(table)
    slow = {column.name: (parsing.is_token(column), parsing.thorough(column)) for column in columns}
    return [parsing.quick(column).alias(column.name) for column in columns], slow


def _rounded(values: pl.DataFrame) -> tuple[pl.DataFrame, list[Mark]]:
    marks = []
    for name, least in ROUNDING.items():
        if name in values.columns:
            rows = values[name].is_between(least, 0, closed="none").arg_true()
            values = values.with_columns(values[name].scatter(rows, 0.0))
            marks.append(Mark(name, "rounded", rows))
    return values, marks


def _checked(values: pl.DataFrame, table: str, origins: pl.DataFrame | None) -> tuple[pl.DataFrame, list[Mark]]:
    """Set every refused cell to null; if a cell breaks several rules, the first is recorded."""
    seen = values  # if both have a column, the table's own keeps the name
    if origins is not None:
        near = origins.filter(pl.col("id").is_in(values["id"].implode()))  # else all are hashed for every shard
        seen = values.join(near, on="id", how="left", validate="m:1", maintain_order="left")
    checks, sums = _checks(table, tuple(seen.columns))
    broken = seen.select(sums).row(0)
    rows_of: dict[str, pl.Series] = {}
    marks = []
    for check in (check for check, count in zip(checks, broken, strict=True) if count):
        rows = seen.select(check.breaks.fill_null(value=False).arg_true()).to_series()
        known = rows_of.get(check.column, rows.clear())
        rows = rows.filter(~rows.is_in(known.implode()))
        rows_of[check.column] = pl.concat([known, rows])
        marks.append(Mark(check.column, check.name, rows))
    mended = [values[name].scatter(rows, None) for name, rows in rows_of.items()]
    return values.with_columns(mended) if mended else values, marks


@cache
def _checks(table: str, known: tuple[str, ...]) -> tuple[list[Refusal], list[pl.Expr]]:
    """The checks that apply when these columns are available, and an expression that counts the breaches of each."""
    limits = {rule: breaks for _, silver in _silver(table) for rule, breaks in contract_polars.offences(silver).items()}
    found = rules.refusals({column.name: column for column in landed_columns(table)}, limits)
    checks = [check for check in found if set(check.breaks.meta.root_names()) <= set(known)]
    return checks, [check.breaks.sum().alias(str(place)) for place, check in enumerate(checks)]


def _still_there(marks: list[Mark], values: pl.DataFrame) -> Iterator[Mark]:
    """Drop "unseen" marks of cells that another rule has refused since: that rule alone is recorded."""
    for mark in marks:
        if mark.rule == "unseen":
            yield mark._replace(rows=mark.rows.filter(values[mark.column].gather(mark.rows).is_not_null()))
        else:
            yield mark


def _refused_rows(texts: pl.DataFrame, values: pl.DataFrame, clashing: pl.DataFrame | None) -> pl.DataFrame:
    """The rows that cannot be kept, each with the first reason found."""
    row = pl.int_range(pl.len(), dtype=pl.UInt32).alias("row")
    nothing = pl.lit(None, pl.String)
    no_id = pl.when(pl.col("id").is_null()).then(pl.lit("no_id")).otherwise(pl.lit("key"))
    found = [pl.DataFrame(schema=accounts.REFUSED)]
    for name in KEYS:
        if name in values.columns and values[name].null_count():
            keys = texts.select(row, column=pl.lit(name), raw=pl.col(name), rule=no_id)
            found.append(keys.filter(values[name].is_null()))
    if clashing is not None and clashing.height:
        rows = texts.select(row, *SOURCE).join(clashing, on=SOURCE, maintain_order="left")
        found.append(rows.select("row", column=nothing, raw=nothing, rule="rule"))
    return pl.concat(found).unique("row", keep="first", maintain_order=True)


@cache
def _measures(table: str) -> list[pl.Expr]:
    names = {column.name for column in landed_columns(table)}
    within = {name: holds for name, holds in rules.RULES.items() if set(holds.meta.root_names()) <= names}
    return [*accounts.beyond_soft_limits(landed_columns(table)), *accounts.measured(within)]


def with_ids(bronze: pl.LazyFrame, loan_terms: pl.LazyFrame) -> pl.LazyFrame:
    """Give a bronze table that landed without `id` the ids of members who have exactly one loan that day."""
    pairs = loan_terms.select("member_id", "id").filter(pl.col("member_id").is_not_null()).unique()
    one_to_one = (pl.len().over("member_id") == 1) & (pl.len().over("id") == 1)
    known = pairs.filter(one_to_one).collect().lazy()  # once, for all shards
    return bronze.drop("id", strict=False).join(known, on="member_id", how="left", maintain_order="left")


def clashes(bronze: pl.LazyFrame | pl.DataFrame) -> pl.DataFrame:
    """Rows to refuse because another row has the same id: `_source_file`, `_source_row` and the refusing rule.

    Of identical rows the first stays; if any column differs nobody can tell which row is right, and all are refused.
    It looks at the whole table, so that the answer does not depend on how it is cut into shards.
    """
    landed = [name for name in bronze.collect_schema() if name not in SOURCE]
    if "id" not in landed:
        return pl.DataFrame(schema=CLASHES)
    ids = bronze.lazy().select(_LOAN).collect(engine="in-memory").to_series().drop_nulls()
    if ids.n_unique() == ids.len():
        return pl.DataFrame(schema=CLASHES)
    twice = ids.filter(ids.is_duplicated()).unique().to_frame()
    rows = (
        bronze.lazy()
        .with_columns(_LOAN)
        .join(twice.lazy(), on="loan", how="semi")
        .select("loan", *SOURCE, content=pl.struct(landed).hash())
        .collect()
        .sort(SOURCE)
    )
    alike = pl.col("content").n_unique().over("loan") == 1
    first = pl.int_range(pl.len()).over("loan") == 0
    rule = pl.when(~alike).then(pl.lit("duplicate_conflict")).when(~first).then(pl.lit("duplicate_identical"))
    return rows.select(*SOURCE, rule=rule).drop_nulls("rule")
