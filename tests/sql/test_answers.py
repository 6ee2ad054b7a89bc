"""Answers over the files of a view are those over one table that holds their rows."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import duckdb
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jobs.protocol import contract
from jobs.protocol import contract_polars as compiled
from jobs.protocol.files import Root
from jobs.sql import asking
from tests.sql.built import FIRST, build

if TYPE_CHECKING:
    from pathlib import Path

TABLE, DAYS = "silver/loan_terms", 7
NAN = float("nan")
FILES: list[dict[str, Any]] = [  # a day each, as contracts of other times wrote them
    {"id": [1, 2, 3], "loan_amnt": [1.0, None, NAN], "grade": ["A", None, "B"]},
    {"id": pl.Series([4, 5], dtype=pl.Int8), "loan_amnt": pl.Series([2.5, -3.0], dtype=pl.Float32)},
    {"grade": ["C", "A"], "given_up": ["x", "y"], "id": [2**40, 7]},
    {"id": pl.Series([], dtype=pl.Int64), "loan_amnt": pl.Series([], dtype=pl.Float64)},
    {"id": [8], "snapshot_date": [FIRST + timedelta(days=4)], "grade": ["\x00 'é"]},
    {"given_up": ["z"]},
    {"id": [9, None], "loan_amnt": [float("inf"), -0.0], "grade": ["", "A"]},
]
COLUMNS = ("id", "loan_amnt", "grade", "term", "snapshot_date")
CONDITIONS = (
    *(f"snapshot_date {sign} date '2024-01-0{day}'" for sign in ("=", "<", ">=", "<>") for day in (1, 3, 9)),
    *("id > 3", "id is null", "id in (2, 8)", "loan_amnt >= 1", "loan_amnt < 0", "isnan(loan_amnt)", "term is null"),
    *("grade = 'A'", "grade is not null", "grade like 'A%'", "grade > 'A' or id = 1", "day(snapshot_date) = id"),
)
SHAPES = ("select {0} from v where {1}", "select count(*) from v where {1}", "select count({0}), max({0}) from v")
GROUPED = ("select {0}, count(*) from v where {1} group by all", "select count(*) from v a join v b using ({0})")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("many")
    for number, rows in enumerate(FILES):
        build(path, TABLE, FIRST + timedelta(days=number), rows)
    return path


def answer(root: Path, query: str, until: date) -> tuple[list[str], list[str]]:
    names, rows = asking.ask(Root(root), query.replace(" v", " silver_loan_terms"), until)
    return names, sorted(map(repr, rows))


def expected(query: str, until: date) -> tuple[list[str], list[str]]:
    """The answer over one table in memory, made by another library."""
    dtypes = compiled.polars_schema(contract.load(TABLE)) | {"snapshot_date": pl.Date()}
    days = [
        pl.DataFrame(rows, schema_overrides={"snapshot_date": pl.Date}).with_columns(
            pl.lit(FIRST + timedelta(days=number)).alias("snapshot_date")
        )
        for number, rows in enumerate(FILES)
        if FIRST + timedelta(days=number) <= until
    ]
    empty = pl.DataFrame(schema=dtypes)
    v = pl.concat([empty, *days], how="diagonal_relaxed").select(pl.col(name).cast(dtypes[name]) for name in dtypes)  # noqa: F841 - the query's
    reader = duckdb.connect().sql(query).to_arrow_reader()
    rows = [tuple(row.values()) for batch in reader for row in batch.to_pylist()]
    return reader.schema.names, sorted(map(repr, rows))


@given(
    st.sampled_from([*SHAPES, *GROUPED]),
    st.lists(st.sampled_from(COLUMNS), min_size=1, max_size=3, unique=True),
    st.lists(st.sampled_from(CONDITIONS), min_size=1, max_size=2),
    st.integers(0, DAYS),
)
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_an_answer_does_not_depend_on_how_rows_lie_in_files(
    root: Path, shape: str, columns: list[str], conditions: list[str], days: int
) -> None:
    named = columns if shape == SHAPES[0] else columns[:1]
    query, until = shape.format(", ".join(named), " and ".join(conditions)), FIRST + timedelta(days=days)
    assert answer(root, query, until) == expected(query, until)


@pytest.mark.parametrize("query", ["from v", "describe v", "select count(*) from v, v b"])
def test_whole_views_are_the_same_too(root: Path, query: str) -> None:
    assert answer(root, query, date(2024, 12, 31)) == expected(query, date(2024, 12, 31))


def test_days_after_the_date_stay_closed(tmp_path: Path) -> None:
    parts = [build(tmp_path, TABLE, FIRST + timedelta(days=number), {"id": [number]}) for number in range(3)]
    parts[2].write_bytes(b"")
    assert answer(tmp_path, "select max(id) from v", date(2024, 1, 2))[1] == ["(1,)"]
