from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

import duckdb
import polars as pl
import pytest

from jobs.sql import asking
from tests.sql.built import FIRST, SECOND, ask, build, refused

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CANARY = "canary-4711"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two days of loans, and beside the root a file that no query may read."""
    (tmp_path / "secret.csv").write_text(f"a\n{CANARY}\n")
    pl.DataFrame({"a": [CANARY]}).write_parquet(tmp_path / "secret.parquet")
    root = tmp_path / "root"
    build(root, "silver/loan_terms", FIRST, {"id": [1, 2], "loan_amnt": [1.0, None], "grade": ["A", None]})
    build(root, "silver/loan_terms", SECOND, {"id": [3], "loan_amnt": [-3.0], "grade": [CANARY]})
    return root


READING = [
    "select * from read_csv('{secret}.csv')",
    "select * from read_csv_auto('{secret}.csv')",
    "select * from read_text('{secret}.csv')",
    "select * from read_blob('{secret}.csv')",
    "select * from read_json('{secret}.csv')",
    "select * from read_ndjson_objects('{secret}.csv')",
    "select * from sniff_csv('{secret}.csv')",
    "select * from read_parquet('{secret}.parquet')",
    "select * from parquet_metadata('{secret}.parquet')",
    "select * from parquet_scan(['{secret}.parquet'])",
    "select * from glob('{secret}*')",
    "select * from '{secret}.csv'",
    'select * from "{secret}.parquet"',
    "select * from silver_loan_terms, (from read_text('{secret}.csv'))",
    "select (select content from read_text('{secret}.csv')) from silver_loan_terms",
    "from query('select * from read_text(''{secret}.csv'')')",
    "from query_table('{secret}.parquet')",
    "from json_execute_serialized_sql(json_serialize_sql('select * from read_text(''{secret}.csv'')'))",
    "describe select * from read_csv('{secret}.csv')",
    "summarize from read_csv('{secret}.csv')",
    "with stolen as materialized (from read_text('{secret}.csv')) from stolen",
    "from read_text('{part}')",
    "from read_parquet('{part}')",
    "select * from read_csv('http://127.0.0.1:9/x.csv')",
    "select getenv('HOME')",
    "from enable_logging('file')",
    "from duckdb_extensions()",
    "from secret",
]
CHANGING = [
    "copy (select 1) to '{secret}-2.csv'",
    "copy silver_loan_terms from '{secret}.csv'",
    "attach '{secret}.db'",
    "install httpfs",
    "load httpfs",
    "load '{secret}.csv'",
    "export database '{secret}-2'",
    "import database '{secret}'",
    "set enable_external_access = true",
    "set lock_configuration = false",
    "reset enable_external_access",
    "pragma enable_external_access = true",
    "pragma version",
    "call enable_logging('all', storage='file', storage_path='{secret}-2')",
    "create secret s (type s3, key_id 'a', secret 'b')",
    "create table t as from read_csv('{secret}.csv')",
    "create view t as from read_csv('{secret}.csv')",
    "with t as (insert into silver_loan_terms by name select 1 as id returning 1) from t",
    "drop view silver_loan_terms",
    "prepare p as from read_csv('{secret}.csv')",
    "update extensions",
    "explain analyze from read_csv('{secret}.csv')",
    "select 1; select 2",
    "select 1; copy (select 1) to '{secret}-2.csv'",
    "-- nothing",
    "",
]


@pytest.mark.parametrize("query", [*READING, *CHANGING])
def test_nothing_but_the_views_can_be_read_and_nothing_written(
    query: str, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(root.parent.rglob("*"))
    part = next((root / "datamart/silver/loan_terms/snapshot_date=2024-01-01").glob("part-*"))
    code, told = refused(capsys, root, query.format(secret=root.parent / "secret", part=part))
    assert code == 2, told
    assert CANARY not in told
    assert sorted(root.parent.rglob("*")) == before


@pytest.mark.parametrize("query", [*READING, *CHANGING[:11], CHANGING[13]])
def test_the_connection_alone_refuses_them_too(query: str, root: Path) -> None:
    connection = asking.locked()
    part = next((root / "datamart/silver/loan_terms/snapshot_date=2024-01-01").glob("part-*"))
    secret = pl.DataFrame({"a": [CANARY]})  # noqa: F841 - what Python calls so is no table either
    with pytest.raises(duckdb.Error):
        connection.sql(query.format(secret=root.parent / "secret", part=part)).fetchall()


@pytest.mark.parametrize("name", ["r*t", "r[op][op]t", "ro?t"])
def test_a_root_whose_name_is_a_pattern_is_only_itself(
    name: str, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    build(
        root.parent / name, "silver/loan_terms", FIRST, {"id": [1, 2], "loan_amnt": [1.0, None], "grade": ["A", None]}
    )
    assert ask(capsys, root.parent / name, "select count(*) as n from silver_loan_terms") == "n\n2\n"


def test_the_largest_numbers_are_told_as_they_are(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    numbers = [2**128 - 1, 2**127, 2**127 - 1, 0]
    columns = ", ".join(f"{number}::uhugeint" for number in numbers) + ", null::uhugeint, -1::hugeint"
    told = ask(capsys, root, f"select {columns}").splitlines()[1]
    assert told == ",".join(map(str, numbers)) + ",,-1"


def test_what_only_reads_is_answered(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ask(capsys, root, "select current_setting('temp_directory') as spills_to") == 'spills_to\n""\n'
    for query in (
        "from silver_loan_terms",
        "WITH t AS (FROM Silver_Loan_Terms) SELECT * FROM t;",
        'select * from "silver_loan_terms" -- all of it',
        "describe silver_loan_terms",
        "summarize silver_loan_terms",
        "pivot silver_loan_terms on grade in ('A', 'B') using count(*)",
        "select * from silver_loan_terms qualify row_number() over (partition by grade order by id) = 1",
    ):
        assert ask(capsys, root, query).count("\n") > 1
    assert (
        ask(capsys, root, "select count(*) as n, max(snapshot_date) as d from silver_loan_terms")
        == "n,d\n3,2024-01-02\n"
    )


@pytest.mark.parametrize(
    ("condition", "meant"),
    [
        ("<", operator.lt),
        ("<=", operator.le),
        ("=", operator.eq),
        ("<>", operator.ne),
        (">", operator.gt),
        (">=", operator.ge),
    ],
)
def test_conditions_pushed_into_the_files_mean_what_sql_means(
    condition: str, meant: Callable[[Any, Any], bool], root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [(1, 1.0, "A", 1), (2, None, None, 1), (3, -3.0, CANARY, 2)]
    for column, value, at in (("id", 2, 0), ("loan_amnt", 1.0, 1), ("grade", "A", 2), ("day(snapshot_date)", 2, 3)):
        kept = [str(row[0]) for row in rows if row[at] is not None and meant(row[at], value)]
        query = f"select id from silver_loan_terms where {column} {condition} {value!r} order by id"  # noqa: S608
        assert ask(capsys, root, query).split() == ["id", *kept]
    assert ask(capsys, root, "select id from silver_loan_terms where grade is null") == "id\n2\n"


@pytest.mark.parametrize(
    "query",
    [
        "select cast(grade as int) from silver_loan_terms",
        "select id from silver_loan_terms order by cast(grade as int)",
        "select error(grade) from silver_loan_terms where id = 3",
        "select grade::json from silver_loan_terms",
        "select 9223372036854775807 + id from silver_loan_terms",
        "select regexp_matches('a', '(' || grade) from silver_loan_terms",
        "select date '10000-01-01'",
        "from silver_loan_terms limit (select max(grade) from silver_loan_terms)",
        "select cast(if(i = 399999, (select max(grade) from silver_loan_terms), '1') as int) from range(400000) t(i)",
    ],
)
def test_a_query_that_fails_on_a_row_does_not_tell_its_values(
    query: str, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, told = refused(capsys, root, query)
    assert code == 2
    assert "the query failed: " in told
    assert CANARY not in told
    assert "9223372036854775807" not in told


@pytest.mark.parametrize(
    ("query", "said"),
    [
        pytest.param("from silver_loan_term", "did you mean 'silver_loan_terms'?", id="a-view-misspelled"),
        pytest.param("from SILVER_LABEL_STORE", "did you mean 'gold_label_store'?", id="of-another-layer"),
        pytest.param("from query_table('silver_' || 'loan_terms')", "does not exist", id="a-name-put-together"),
        pytest.param("select lone_amnt from silver_loan_terms", '"loan_amnt"', id="a-column-misspelled"),
        pytest.param("selec 1", 'syntax error at or near "selec"', id="not-sql"),
        pytest.param("pivot silver_loan_terms on grade using count(*)", "by IN", id="a-pivot-by-rows"),
        pytest.param("select try_cast('x' as int), no_such(1)", "no_such", id="a-function"),
    ],
)
def test_what_is_wrong_with_a_query_is_told_with_its_mend(
    query: str, said: str, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, told = refused(capsys, root, query)
    assert code == 2
    assert said in told
    assert told.count("\n  where: the query\n  mend:  ") == 1
    assert "mend:   " not in told
    assert "pg_" not in told
