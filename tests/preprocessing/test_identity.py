"""Ids that other tables lend, and rows that claim the same one."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.preprocessing import cleaning
from tests.preprocessing.bronze_rows import as_bronze, bronze

IDENTICAL, CONFLICT = "duplicate_identical", "duplicate_conflict"


def clashing(*rows: tuple[str | None, str]) -> dict[int, str]:
    frame = as_bronze(pl.DataFrame(rows, schema={"id": pl.String, "grade": pl.String}, orient="row"))
    found = cleaning.clashes(frame.lazy())
    assert found.schema == cleaning.CLASHES
    return dict(found.select("_source_row", "rule").iter_rows())


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        pytest.param([("1", "A"), ("2", "A")], {}, id="no two rows of one loan"),
        pytest.param([("1", "A"), ("2", "B"), ("1", "A")], {3: IDENTICAL}, id="of two alike the first stays"),
        pytest.param([("1", "A"), ("1", "A"), ("1", "A")], {2: IDENTICAL, 3: IDENTICAL}, id="of three alike too"),
        pytest.param([("1", "A"), ("1", "B")], {1: CONFLICT, 2: CONFLICT}, id="of two that differ none stays"),
        pytest.param(
            [("1", "A"), ("1", "A"), ("1", "B")],
            {1: CONFLICT, 2: CONFLICT, 3: CONFLICT},
            id="nor of three of which two are alike",
        ),
        pytest.param([("007", "A"), ("7", "A")], {1: CONFLICT, 2: CONFLICT}, id="one loan in two spellings"),
        pytest.param([(None, "A"), (None, "A"), ("x", "A"), ("x", "A")], {}, id="what is no id clashes with nothing"),
    ],
)
def test_rows_with_one_id(rows: list[tuple[str | None, str]], expected: dict[int, str]) -> None:
    assert clashing(*rows) == expected


def test_a_null_and_a_text_are_not_alike() -> None:
    rows = pl.DataFrame({"id": ["1", "1"], "grade": [None, "A"]}, schema_overrides={"grade": pl.String})
    assert cleaning.clashes(as_bronze(rows).lazy())["rule"].to_list() == [CONFLICT, CONFLICT]


def test_the_first_of_rows_alike_is_the_first_by_file_and_number() -> None:
    rows = pl.DataFrame({"id": ["1"], "grade": ["A"]})
    late, early = as_bronze(rows, "b.csv"), as_bronze(rows, "a.csv")
    assert cleaning.clashes(pl.concat([late, early]).lazy())["_source_file"].to_list() == ["b.csv"]


def test_a_table_without_ids_has_no_clashes() -> None:
    frame = as_bronze(pl.DataFrame({"member_id": ["a", "a"]}))
    assert cleaning.clashes(frame.lazy()).is_empty()


@given(ids=st.lists(st.sampled_from("123"), max_size=8), grades=st.lists(st.sampled_from("AB"), min_size=8, max_size=8))
def test_what_stays_is_unique_and_what_goes_had_a_rival(ids: list[str], grades: list[str]) -> None:
    rows = list(zip(ids, grades, strict=False))
    gone = clashing(*rows)
    staying = [row for number, row in enumerate(rows, start=1) if number not in gone]
    assert len({loan for loan, _ in staying}) == len(staying)
    for number, rule in gone.items():
        loan = rows[number - 1][0]
        versions = {grade for other, grade in rows if other == loan}
        assert ids.count(loan) > 1
        assert rule == (IDENTICAL if len(versions) == 1 else CONFLICT)


def test_only_members_that_stand_for_one_loan_lend_its_id() -> None:
    loans = pl.DataFrame(
        {
            "member_id": [
                "one",
                "two loans",
                "two loans",
                "shares",
                "shares too",
                None,
                "seen twice",
                "seen twice",
                "loses",
            ],
            "id": ["1", "2", "3", "4", "4", "5", "6", "6", None],
        }
    )
    rows = bronze("financial", *({"member_id": name} for name in loans["member_id"].unique(maintain_order=True)))
    borrowed = cleaning.with_ids(rows.lazy(), loans.lazy()).collect()
    assert borrowed["id"].to_list() == ["1", None, None, None, None, "6", None]


def test_a_row_without_a_member_does_not_keep_another_from_lending_its_id() -> None:
    loans = pl.DataFrame({"member_id": ["one", None], "id": ["1", "1"]})
    assert cleaning.with_ids(bronze("financial", {"member_id": "one"}).lazy(), loans.lazy()).collect()["id"][0] == "1"


def test_a_table_without_ids_borrows_them_and_keeps_its_order() -> None:
    rows = bronze("financial", {"member_id": "b"}, {"member_id": "stranger"}, {"member_id": "a"}, {"member_id": None})
    members = pl.DataFrame({"member_id": ["a", "b"], "id": ["1", "2"]})
    for landed in (rows.drop("id"), rows.with_columns(id=pl.lit(None, pl.String))):
        borrowed = cleaning.with_ids(landed.lazy(), members.lazy()).collect()
        assert borrowed["id"].to_list() == ["2", None, "1", None]
        assert borrowed["_source_row"].to_list() == [1, 2, 3, 4]
