"""What becomes of landed rows: values, rejects and counts that account for every cell."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from jobs.preprocessing import accounts, cleaning, tables
from jobs.preprocessing.cleaning import Cleaned, clean, landed_columns
from jobs.protocol import contract, contract_polars
from jobs.protocol.layers import SOURCES, UNSEEN
from tests.application_dates import application_date
from tests.preprocessing.bronze_rows import DAY, ORIGINS, bronze, lines

TABLE_OF = {column.name: table for table in SOURCES for column in landed_columns(table)}


def cleaned(table: str, *rows: dict[str, str | None]) -> Cleaned:
    return clean(bronze(table, *rows), table, DAY)


@pytest.mark.parametrize(
    ("column", "raw", "value", "rule"),
    [
        ("dti", "999", None, "sentinel"),
        ("dti", "-1", None, "sentinel"),
        ("dti", "-0.01", None, "sentinel"),
        ("dti", "100.01", 100.01, None),
        ("dti", "lots", None, "parse"),
        ("annual_inc", "0.0", None, "sentinel"),
        ("annual_inc", "-5", None, "exclusiveMinimum"),
        ("annual_inc", "1e10", None, "maximum"),
        ("annual_inc", "inf", None, "parse"),
        ("annual_inc", "NaN", None, None),
        ("int_rate", "0.1356", 0.001356, None),
        ("int_rate", "100.01", None, "maximum"),
        ("int_rate", "-0.01", None, "minimum"),
        ("term", " 48 months", None, "enum"),
        ("fico_range_low", "299", None, "minimum"),
        ("fico_range_low", "851", None, "maximum"),
        ("fico_range_low", "660", 660, None),
        ("last_fico_range_high", "0.0", 0, None),
        ("open_acc", "-1.0", None, "minimum"),
        ("open_acc", "12.5", None, "parse"),
        ("open_acc", "40000", None, "parse"),
        ("mths_since_last_delinq", "1201", None, "maximum"),
        ("earliest_cr_line", "Dec-1929", None, "pattern"),
        ("earliest_cr_line", "Jan-1930", date(1930, 1, 1), None),
        ("earliest_cr_line", "Jan-62", None, "parse"),
        ("total_rec_late_fee", "-0.0000009", 0.0, None),
        ("total_rec_late_fee", "-0.000001", None, "minimum"),
        ("zip_code", "94501", None, "pattern"),
        ("zip_code", "945xx", "945xx", None),
        ("home_ownership", "NONE", "NONE", None),
        ("home_ownership", "yurt", UNSEEN, "unseen"),
        ("home_ownership", UNSEEN, UNSEEN, "unseen"),
        ("loan_status", "Issued", "Current", None),
        ("annual_inc_joint", "90000", None, "joint_while_individual"),
        ("verification_status_joint", "never seen", None, "joint_while_individual"),
        ("revol_util", "99999", 999.99, None),
        ("revol_util", "100000.1", None, "maximum"),
    ],
)
def test_a_cell_is_kept_or_told_of_once(
    column: str, raw: str, value: float | str | date | None, rule: str | None
) -> None:
    table = TABLE_OF[column]
    found = cleaned(table, {column: raw})
    silver = next(frame for frame in found.tables.values() if column in frame.columns)
    assert silver[column].to_list() == [value]
    assert lines(found) == ([(column, raw, rule)] if rule else [])
    if rule:
        assert found.counts[f"cell.{column}.{rule}"] == 1


def test_a_joint_application_keeps_its_joint_cells() -> None:
    found = cleaned("demographic", {"application_type": "JOINT", "annual_inc_joint": "90000"})
    assert found.tables["demographic"]["annual_inc_joint"].to_list() == [90_000.0]
    assert lines(found) == []


@pytest.mark.parametrize(
    ("key", "raw", "rule"),
    [
        ("id", "Total amount funded in policy code 1: 6417608175", "key"),
        ("id", " 7", "key"),
        ("id", "99999999999999999999", "key"),
        ("id", "NaN", "key"),
        ("id", None, "no_id"),
        ("issue_d", "Dec-15", "key"),
        ("issue_d", "Dec-1929", "key"),
        ("issue_d", "2015-12-17", "key"),
        ("issue_d", "", "key"),
        ("issue_d", None, "key"),
    ],
)
def test_a_row_that_does_not_say_which_loan_or_when_is_refused_whole(key: str, raw: str | None, rule: str) -> None:
    found = cleaned("loan_terms", {}, {key: raw, "grade": "unheard of", "loan_amnt": "nonsense"}, {})
    assert [frame["id"].to_list() for frame in found.tables.values()] == [[1, 3], [1, 3]]
    assert found.rejects.select("source_row", "column", "raw", "rule").rows() == [(2, key, raw, rule)]
    assert (found.counts["rows.in"], found.counts["rows.out"], found.counts["rows.rejected"]) == (3, 2, 1)
    assert found.counts[f"row.{rule}"] == 1


def test_rejects_hold_the_id_as_it_came() -> None:
    found = cleaned("financial", {"id": "007", "dti": "a lot"}, {"id": "x"})
    assert found.rejects.schema == accounts.REJECTS
    assert found.rejects.rows() == [("007", 1, "dti", "a lot", "parse"), ("x", 2, "id", "x", "key")]


def test_rows_that_clash_are_refused_where_they_are_found() -> None:
    frame = bronze("financial", {"id": "5"}, {"id": "5"}, {"id": "6", "dti": "1"}, {"id": "6", "dti": "2"}, {"id": "7"})
    clashing = cleaning.clashes(frame.lazy())
    found = clean(frame, "financial", DAY, clashing=clashing)
    assert found.tables["financial"]["id"].to_list() == [5, 7]
    assert found.rejects.select("source_row", "column", "raw", "rule").rows() == [
        (2, None, None, "duplicate_identical"),
        (3, None, None, "duplicate_conflict"),
        (4, None, None, "duplicate_conflict"),
    ]
    assert clean(frame[4:], "financial", DAY, clashing=clashing).rejects.is_empty()


def test_an_unreadable_key_is_told_of_before_a_clash() -> None:
    frame = bronze("loan_terms", {"id": "5"}, {"id": "5", "issue_d": "soon"})
    found = clean(frame, "loan_terms", DAY, clashing=cleaning.clashes(frame.lazy()))
    assert found.rejects["rule"].to_list() == ["duplicate_conflict", "key"]


def test_a_table_without_ids_is_refused_by_one_rule() -> None:
    frame = bronze("financial", {}, {}).drop("id")
    found = clean(frame, "financial", DAY)
    assert found.rejects["rule"].to_list() == ["no_id", "no_id"]
    assert found.tables["financial"].is_empty()


def test_a_member_is_made_of_the_id_where_none_landed() -> None:
    found = cleaned("financial", {"id": "12", "member_id": None}, {"id": "13", "member_id": "nan"}, {"member_id": "m"})
    assert found.tables["financial"]["member_id"].to_list() == ["MEM_12", "MEM_13", "m"]
    assert (found.counts["cells.made"], found.counts["cells.token"]) == (2, 1)


def test_loan_terms_are_split_in_origination_and_outcome() -> None:
    found = cleaned("loan_terms", {"id": "150070", "funded_amnt_inv": "149.99"})
    terms, performance = found.tables["loan_terms"], found.tables["loan_performance"]
    outcomes = {column.name for column in contract.load("silver/loan_performance").with_role("post")}
    assert len(outcomes) == 37
    assert not outcomes & set(terms.columns)
    assert performance["funded_amnt_inv"].to_list() == [149.99]
    day = application_date(150070, date(2015, 12, 1))
    for frame in (terms, performance):
        assert frame.select("application_date", "snapshot_date").row(0) == (day, DAY)


def test_what_is_refreshed_after_issue_is_kept_apart_from_credit_history() -> None:
    found = cleaned("credit_history", {"last_fico_range_low": "500", "last_credit_pull_d": "Mar-2019"})
    outcomes = ["last_credit_pull_d", "last_fico_range_low", "last_fico_range_high"]
    assert not set(outcomes) & set(found.tables["credit_history"].columns)
    assert found.tables["credit_performance"].select(outcomes).row(0) == (date(2019, 3, 1), 500, None)


@pytest.mark.parametrize("table", SOURCES)
@pytest.mark.parametrize("rows", [0, 1])
def test_silver_is_as_its_contract_says_also_where_columns_or_all_rows_are_missing(table: str, rows: int) -> None:
    core = {"id", "issue_d", "_source_file", "_source_row"}
    for frame in (bronze(table, {}), bronze(table, {}).select(pl.col(sorted(core & set(bronze(table, {}).columns))))):
        found = clean(frame[:rows], table, DAY)
        for name, silver in found.tables.items():
            agreed = contract.load(tables.silver(name))
            assert dict(silver.schema) == contract_polars.polars_schema(agreed)
            assert list(silver.columns) == [column.name for column in agreed.columns]
            assert silver.height == rows


def test_with_the_origins_of_loans_cells_that_contradict_them_are_refused() -> None:
    rows = bronze(
        "credit_history",
        {"earliest_cr_line": "Dec-2015", "sec_app_fico_range_low": "700"},
        {"earliest_cr_line": "Nov-2015", "sec_app_fico_range_low": "700"},
        {"earliest_cr_line": "Dec-2020"},
    )
    found = clean(rows, "credit_history", DAY, origins=ORIGINS)
    assert found.rejects.select("source_row", "column", "rule").rows() == [
        (1, "earliest_cr_line", "not_before_issue"),
        (1, "sec_app_fico_range_low", "joint_while_individual"),
    ]
    assert found.tables["credit_history"]["sec_app_fico_range_low"].to_list() == [None, 700, None]
    assert clean(rows, "credit_history", DAY).rejects.is_empty()
    only_dates = clean(rows, "credit_history", DAY, origins=ORIGINS.drop("application_type"))
    assert only_dates.rejects["rule"].to_list() == ["not_before_issue"]


def test_a_table_trusts_its_own_column_before_that_of_another() -> None:
    rows = bronze("demographic", {"application_type": "Joint App", "annual_inc_joint": "9000"})
    assert clean(rows, "demographic", DAY, origins=ORIGINS).rejects.is_empty()


def test_unusual_values_and_broken_rules_are_counted_and_kept() -> None:
    found = cleaned("financial", {"dti": "120", "open_acc": "9", "total_acc": "8"}, {})
    assert found.tables["financial"]["dti"].to_list() == [120.0, 12.5]
    assert found.counts["soft.dti"] == 1
    assert {name for name in found.counts if name.startswith("soft.")} == {"soft.dti"}, "others were passed by no value"
    assert found.counts["rule.open_within_all_accounts.checked"] == 2
    assert found.counts["rule.open_within_all_accounts.failed"] == 1
    assert found.counts["rule.instalment_12m_within_24m.checked"] == 0
    assert found.rejects.is_empty()
