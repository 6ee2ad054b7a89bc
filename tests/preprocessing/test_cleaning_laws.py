"""Laws of cleaning: every row and cell is accounted for, however a table is cut and whatever lies in it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from jobs.preprocessing import cleaning, tables
from jobs.preprocessing.cleaning import Cleaned, clean, landed_columns
from jobs.protocol import contract, contract_polars
from jobs.protocol.layers import SOURCES, UNSEEN
from tests.preprocessing.bronze_rows import DAY, ORIGINS, as_bronze, bronze, filled, lines

SAMPLE = Path(__file__).parents[2] / "../shared/data/lending_club_sample/lending_club_sample.csv"
ROW_RULES = ("no_id", "key", "duplicate_identical", "duplicate_conflict")

NUMBERS = ["999", "-1", "0", "1e3", "12.5", "1e400", "40000", "83.7%", "1,000"]
WORDS = ["", " ", "NaN", "nan", "n/a", "NULL", "None", "NONE", "RENT", "rent ", "Joint App", "10+ years", UNSEEN]
DATES = [" 36 months", "Dec-2015", "dec-2015", "Jan-62", "2015-12-17"]
DIRT = st.sampled_from([*NUMBERS, *WORDS, *DATES])


@st.composite
def dirty_shards(draw: st.DrawFn) -> tuple[str, pl.DataFrame]:
    table = draw(st.sampled_from(SOURCES))
    names = [column.name for column in landed_columns(table)]
    cells = st.dictionaries(st.sampled_from(names), st.one_of(st.none(), DIRT, st.text(max_size=5)), max_size=12)
    rows = draw(st.lists(cells, max_size=6))
    ids = draw(st.lists(st.sampled_from(["1", "2", "3", "03", "x", None]), min_size=len(rows), max_size=len(rows)))
    frame = bronze(table, *({"id": loan} | row for loan, row in zip(ids, rows, strict=True)))
    absent = draw(st.sets(st.sampled_from(names), max_size=3))
    return table, frame.drop(absent, strict=False)


def proves(table: str, frame: pl.DataFrame, found: Cleaned) -> None:
    """Nothing is lost, doubled or made up between the doors, by counts and by the tables themselves."""
    n = found.counts
    assert n["rows.in"] == frame.height == n["rows.out"] + n["rows.rejected"]
    assert all(silver.height == n["rows.out"] for silver in found.tables.values())
    assert n["rows.rejected"] == sum(count for name, count in n.items() if name.startswith("row."))
    assert n["cells.in"] == filled(frame, table)
    assert n["cells.in"] + n["cells.made"] == (
        n["cells.out"] + n["cells.token"] + n["cells.rejected"] + n["cells.in_rejected_rows"]
    )
    once = {name: silver[name] for silver in found.tables.values() for name in silver.columns}
    assert n["cells.out"] == sum(once[column.name].count() for column in landed_columns(table))
    categories = [once[column.name] for column in landed_columns(table) if column.parse == "category"]
    assert n["cells.unseen"] == sum((values == UNSEEN).sum() for values in categories)
    assert found.rejects.height == n["rows.rejected"] + n["cells.rejected"] + n["cells.unseen"]
    by_rule = Counter(f"cell.{column}.{rule}" for column, _, rule in lines(found) if rule not in ROW_RULES)
    told = {name: n[name] for name in n if name.startswith("cell.") and not name.endswith((".token", ".rounded"))}
    assert by_rule == told
    refused = frame.filter(pl.col("_source_row").is_in(found.rejects.filter(rule_of_row())["source_row"].implode()))
    assert n["cells.in_rejected_rows"] == filled(refused, table)


def rule_of_row() -> pl.Expr:
    return pl.col("rule").is_in(ROW_RULES)


@settings(max_examples=100)
@given(shard=dirty_shards())
def test_every_row_and_cell_is_accounted_for(shard: tuple[str, pl.DataFrame]) -> None:
    table, frame = shard
    clashing = cleaning.clashes(frame.lazy())
    found = clean(frame, table, DAY, clashing=clashing, origins=ORIGINS if table != "loan_terms" else None)
    proves(table, frame, found)
    for name, silver in found.tables.items():
        assert silver["id"].is_unique().all()
        for broken in contract_polars.offences(contract.load(tables.silver(name))).values():
            assert not silver.select(broken.any()).item()


@settings(max_examples=60)
@given(shard=dirty_shards(), cut=st.integers(0, 6))
def test_it_does_not_matter_how_a_table_is_cut(shard: tuple[str, pl.DataFrame], cut: int) -> None:
    table, frame = shard
    clashing = cleaning.clashes(frame.lazy())
    whole = clean(frame, table, DAY, clashing=clashing)
    parts = [clean(part, table, DAY, clashing=clashing) for part in (frame[:cut], frame[cut:])]
    for name, silver in whole.tables.items():
        assert_frame_equal(pl.concat([part.tables[name] for part in parts]), silver)
    assert_frame_equal(pl.concat([part.rejects for part in parts]), whole.rejects)
    added = Counter(parts[0].counts) + Counter(parts[1].counts)
    assert added == Counter({name: count for name, count in whole.counts.items() if count})


@pytest.mark.parametrize("table", SOURCES)
def test_no_value_of_a_row_appears_in_the_counts(table: str) -> None:
    canary = "CANARY-7f3a"
    names = [column.name for column in landed_columns(table) if column.name not in {"id", "issue_d"}]
    found = clean(
        bronze(table, dict.fromkeys(names, canary), {"id": canary}, {"unknown_" + canary: canary}), table, DAY
    )
    assert canary in found.rejects["raw"].to_list()
    assert canary not in repr(found.counts)


def test_nothing_is_remembered_from_one_shard_to_the_next() -> None:
    dirty = bronze("financial", {"dti": "999", "member_id": "nan"})
    before = dirty.clone()
    first = clean(dirty, "financial", DAY)
    second = clean(dirty, "financial", DAY)
    assert_frame_equal(dirty, before)
    assert_frame_equal(first.tables["financial"], second.tables["financial"])
    assert first.counts == second.counts


@pytest.mark.skipif(not SAMPLE.is_file(), reason="the public sample of Lending Club loans is not beside the project")
def test_real_loans_go_through_with_every_cell_accounted_for() -> None:
    sample = as_bronze(pl.read_csv(SAMPLE, infer_schema=False))
    origins: pl.DataFrame | None = None
    rejects = []
    for table in SOURCES:
        found = clean(sample, table, DAY, clashing=cleaning.clashes(sample.lazy()), origins=origins)
        proves(table, sample, found)
        assert found.counts["rows.out"] == 2000
        rejects += lines(found)
        if table == "loan_terms":
            origins = found.tables["loan_terms"].select("id", "issue_d")
        elif table == "demographic" and origins is not None:
            origins = origins.join(found.tables["demographic"].select("id", "application_type"), on="id")
    assert sorted(rejects) == [
        ("annual_inc", "0.0", "sentinel"),
        ("annual_inc", "0.0", "sentinel"),
        ("dti", "999.0", "sentinel"),
    ]
