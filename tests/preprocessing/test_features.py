from __future__ import annotations

import hashlib
import io
import struct
from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from jobs.preprocessing.features import KEPT, columns_read, feature_columns, feature_hash, features
from jobs.protocol.contract_polars import offences, polars_schema
from tests.preprocessing.applications import APPLIED, STORE, built, of, random_silver, silver

COLUMNS = feature_columns(STORE)
NAMES = [column.name for column in COLUMNS]
OUTCOMES = ["loan_status", "last_pymnt_d", "total_pymnt", "last_fico_range_high", "hardship_flag", "next_pymnt_d"]


def as_bytes(frame: pl.DataFrame) -> bytes:
    written = io.BytesIO()
    frame.write_parquet(written)
    return written.getvalue()


def test_a_row_is_what_the_contract_says_and_in_its_order() -> None:
    found = built(silver({"id": 7}))
    assert found.schema == pl.Schema(polars_schema(STORE))
    assert found.select("id", "application_date", "snapshot_date", "feature_set_version").row(0) == (
        7,
        APPLIED,
        APPLIED + timedelta(1),
        STORE.version,
    )
    assert (*KEPT[:-1], *NAMES, KEPT[-1]) == tuple(found.columns)


@pytest.mark.parametrize("seed", range(3))
def test_features_of_whatever_silver_lets_pass_keep_the_contract(seed: int) -> None:
    found = built(random_silver(300, seed))
    broken = found.select(breaks.any().alias(":".join(rule)) for rule, breaks in offences(STORE).items())
    assert [rule for rule, is_broken in broken.row(0, named=True).items() if is_broken] == []
    assert found.height == 300


def test_a_loan_without_any_other_row_of_its_day_is_servicing_news_and_no_application() -> None:
    everywhere = ("credit_history", "demographic", "financial")
    found = built(silver({}, {"without": everywhere}, {"without": everywhere[:2]}))
    assert found["id"].to_list() == [1, 3]


def test_what_a_missing_table_would_have_told_is_unknown_not_never() -> None:
    without_history = of(without=("credit_history",), revol_bal=1.0)
    assert without_history["delinq_recency"] is None
    assert without_history["revol_bal"] == 1.0
    without_demographic = of(without=("demographic",))
    assert without_demographic["emp_length_missing"] is None
    assert without_demographic["is_joint"] is None
    assert without_demographic["loan_to_income"] is None


def test_rows_in_are_rows_out_and_what_was_lost() -> None:
    tables = silver({}, {"without": ("financial",)}, {"without": ("credit_history", "demographic", "financial")})
    tables["demographic"] = pl.concat([tables["demographic"], silver({"id": 99})["demographic"]])
    assert features(**tables)[1] == {
        "applications": 2,
        "servicing_news": 1,
        "without_credit_history": 0,
        "without_demographic": 0,
        "without_financial": 1,
        "unmatched_credit_history": 0,
        "unmatched_demographic": 1,
        "unmatched_financial": 0,
        "of_other_days": 0,
    }


@pytest.mark.parametrize(
    ("landed", "expected"),
    [
        (date(2016, 2, 29), 1),  # its whole month is to come
        (date(2016, 3, 1), 0),  # of a loan its month alone is known
        (APPLIED + timedelta(days=31), 0),
        (APPLIED + timedelta(days=32), 1),
    ],
)
def test_applications_of_another_month_than_their_file_are_counted(landed: date, expected: int) -> None:
    found = features(**silver({"snapshot_date": landed}, {"snapshot_date": APPLIED}))
    assert found[1]["of_other_days"] == expected


@pytest.mark.parametrize("table", ["loan_terms", "credit_history", "demographic", "financial"])
def test_a_loan_that_is_there_twice_is_never_multiplied(table: str) -> None:
    tables = silver({}, {})
    tables[table] = pl.concat([tables[table], tables[table]])
    with pytest.raises(pl.exceptions.ComputeError, match="1:1"):
        built(tables)


@given(order=st.permutations(range(6)), table=st.sampled_from(["loan_terms", "credit_history", "financial"]))
@settings(max_examples=20)
def test_the_order_of_the_rows_changes_nothing(order: list[int], table: str) -> None:
    tables = silver(*({"loan_amnt": 1000.0 + number, "open_acc": number} for number in range(6)))
    expected = built(tables)
    tables[table] = tables[table][order]
    assert_frame_equal(built(tables), expected)
    assert expected["id"].is_sorted()


def test_features_do_not_move_with_the_day_they_landed() -> None:
    tables = random_silver(50, 4)
    expected = built(tables).drop("snapshot_date")
    later = {name: table.with_columns(pl.col("snapshot_date") + timedelta(400)) for name, table in tables.items()}
    assert_frame_equal(built(later).drop("snapshot_date"), expected)


def test_the_columns_that_are_read_suffice_and_no_others_are() -> None:
    tables = random_silver(50, seed=4)
    narrow = {name: table.select(columns_read(name)) for name, table in tables.items()}
    assert_frame_equal(built(narrow), built(tables))
    for name, table in narrow.items():
        for column in table.columns:
            with pytest.raises(pl.exceptions.ColumnNotFoundError):
                built(narrow | {name: table.drop(column)})


def test_outcomes_cannot_change_a_byte_even_where_they_stand_beside_the_columns() -> None:
    tables = random_silver(200, 5)
    poison = [pl.col("id").hash(seed).cast(pl.String).alias(name) for seed, name in enumerate(OUTCOMES)]
    expected = as_bytes(built(tables))
    for columns in (poison, [pl.lit(None).alias(name) for name in OUTCOMES]):
        poisoned = {name: table.with_columns(columns if name != "financial" else []) for name, table in tables.items()}
        poisoned |= {name: poisoned[name].drop(OUTCOMES) for name in ("credit_history", "demographic")}
        assert as_bytes(built(poisoned)) == expected


def hash_by_hand(row: dict[str, Any]) -> int:
    """The definition of the ADR, in plain integers."""

    def constant(text: str) -> int:
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") | 1

    total = 0
    for column in COLUMNS:
        value = row[column.name]
        if value is None:
            number = constant("null")
        elif isinstance(value, str):
            number = constant(value)
        elif isinstance(value, float):
            bits = struct.unpack("<Q", struct.pack("<d", value + 0.0))[0]
            number = bits ^ (bits >> 32)
        else:
            number = value
        total += number * constant(column.name)
    return (total + 2**63) % 2**64 - 2**63


def test_the_hash_is_that_of_its_definition() -> None:
    for row in built(random_silver(200, 7)).iter_rows(named=True):
        assert row["feature_hash"] == hash_by_hand(row)


def test_zero_has_one_hash_whatever_its_sign() -> None:
    assert of(dti=0.0)["feature_hash"] == of(dti=-0.0)["feature_hash"]


def test_the_hash_never_changes_from_one_release_to_the_next() -> None:
    columns = tuple(STORE.column(name) for name in ("loan_amnt", "term", "purpose_grp", "annual_inc"))
    row = pl.DataFrame({"loan_amnt": [1234.5], "term": [36], "purpose_grp": ["home"], "annual_inc": [None]})
    row = row.cast({"term": pl.Int8, "annual_inc": pl.Float64})
    assert feature_hash(row, columns).item() == -6820060628632825554


@given(values=st.lists(st.none() | st.floats(allow_nan=False), min_size=2, max_size=50, unique=True))
@example([1.0, -3.9999999999999996])  # their bits are each other's complement
@example([None, 0.0])
def test_rows_that_differ_in_one_feature_differ_in_their_hash(values: list[float | None]) -> None:
    column = STORE.column("annual_inc")
    rows = pl.DataFrame({column.name: values}, schema={column.name: pl.Float64})
    assert feature_hash(rows, (column,)).n_unique() == len({value and value + 0.0 for value in values})
