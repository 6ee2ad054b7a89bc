"""Many small files are read by another library than few or large ones: every answer is the same, damage too."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jobs.protocol import partitions
from jobs.protocol.errors import StoreDamaged
from jobs.protocol.files import Root
from jobs.sql import asking
from tests.sql.built import FIRST, build, refused

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


def answer(root: Path, query: str, until: date = date(2024, 12, 31)) -> tuple[list[str], list[str]]:
    names, rows = asking.ask(Root(root), query.replace(" v", " silver_loan_terms"), until)
    return names, sorted(map(repr, rows))


def both(root: Path, query: str, until: date = date(2024, 12, 31)) -> list[tuple[list[str], list[str]]]:
    """The answers where files are few, and where they are many: two are read at a time then."""
    answers = []
    for many in (asking.MANY, 2):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(asking, "MANY", many)
            answers.append(answer(root, query, until))
    return answers


@given(
    st.sampled_from([*SHAPES, *GROUPED]),
    st.lists(st.sampled_from(COLUMNS), min_size=1, max_size=3, unique=True),
    st.lists(st.sampled_from(CONDITIONS), min_size=1, max_size=2),
    st.integers(-1, DAYS),
)
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_an_answer_does_not_depend_on_how_many_files_there_are(
    root: Path, shape: str, columns: list[str], conditions: list[str], days: int
) -> None:
    named = columns if shape == SHAPES[0] else columns[:1]
    query, until = shape.format(", ".join(named), " and ".join(conditions)), FIRST + timedelta(days=days)
    few, many = both(root, query, until if days >= 0 else date(2024, 12, 31))
    assert few == many


@pytest.mark.parametrize("query", ["from v", "describe v", "select count(*) from v, v b"])
def test_whole_views_are_the_same_too(root: Path, query: str) -> None:
    few, many = both(root, query)
    assert few == many
    assert few[1]


def test_a_count_opens_no_file_and_what_is_read_is_read_by_the_other_library(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "MANY", 2)
    monkeypatch.setattr(pl, "scan_parquet", lambda *_, **__: pytest.fail("a file was opened"))
    assert answer(root, "select count(*) from v where snapshot_date < date '2024-01-04'")[1] == ["(7,)"]
    with pytest.raises(StoreDamaged):
        answer(root, "select max(id) from v")


@pytest.mark.parametrize("query", ["select count(*) from v", "select sum(id) from v", "select grade from v"])
@pytest.mark.parametrize("place", [4, -1, -9, 0.3, 0.6])
def test_a_file_in_which_one_bit_has_changed_is_refused(
    query: str, place: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(asking, "MANY", 2)
    parts = [build(tmp_path, TABLE, FIRST + timedelta(days=n), {"id": [1, 2], "grade": ["A", "B"]}) for n in range(3)]
    data = bytearray(parts[1].read_bytes())
    data[place if isinstance(place, int) else int(place * len(data))] ^= 1
    parts[1].write_bytes(data)
    code, told = refused(capsys, tmp_path, query.replace(" v", " silver_loan_terms"))
    assert code == 6
    assert "where: silver_loan_terms\n" in told


def test_large_files_are_not_held_against_their_hashes(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "MANY", 2)
    monkeypatch.setattr(asking, "SMALL", 1)
    monkeypatch.setattr(partitions, "verified", lambda *_: pytest.fail("a large file was hashed"))
    assert answer(root, "select max(id) from v")[1] == [f"({2**40},)"]
