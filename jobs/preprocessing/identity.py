"""Which row is which loan: ids for tables that land without them, and rows that share an id."""

from __future__ import annotations

import polars as pl

from jobs.preprocessing.parsing import loan_id
from jobs.protocol.layers import SOURCE, SOURCE_FILE, SOURCE_ROW

CLASHES = pl.Schema({SOURCE_FILE: pl.String(), SOURCE_ROW: pl.Int64(), "rule": pl.String()})
_LOAN = loan_id(pl.col("id")).alias("loan")


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
