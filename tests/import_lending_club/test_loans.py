"""Which rows are loans, and what their text becomes."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.import_lending_club import loans
from jobs.protocol.calendar import MONTHS
from tests.import_lending_club.public_file import id_applied_on, loan

if TYPE_CHECKING:
    from collections.abc import Mapping

MONTH_COLUMNS = ("issue_d", "last_pymnt_d", "earliest_cr_line")


def judged(*rows: Mapping[str, str | None], cut_off: date | None = None) -> pl.DataFrame:
    schema = dict.fromkeys(loan(), pl.String)
    numbered = pl.DataFrame(list(rows), schema=schema).with_row_index("_row", offset=1)
    return loans.judged(numbered, MONTH_COLUMNS, cut_off)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("Dec-2015", "Dec-2015", id="as-the-file-has-it"),
        pytest.param(" dec-2015 ", "Dec-2015", id="lower-case-and-blanks"),
        pytest.param("2015-12-01", "Dec-2015", id="iso"),
        pytest.param("2015-12-01 00:00:00.000000", "Dec-2015", id="iso-with-a-time"),
        pytest.param("2015-12", "Dec-2015", id="iso-month"),
        pytest.param("2018/5/1", "May-2018", id="slashes-and-short"),
        pytest.param("2018/10/1", "Oct-2018", id="slashes-and-long"),
        pytest.param("2015-13-01", "2015-13-01", id="no-such-month"),
        pytest.param("Dec-15", "Dec-15", id="two-digit-years-are-ambiguous"),
        pytest.param("12/1/2015", "12/1/2015", id="day-and-month-are-ambiguous"),
        pytest.param("Dez-2015", "Dez-2015", id="not-english"),
        pytest.param("", "", id="empty"),
        pytest.param(None, None, id="absent"),
    ],
)
def test_months_are_written_in_one_way_and_other_text_is_kept(text: str | None, expected: str | None) -> None:
    frame = pl.DataFrame({"m": [text]}, schema={"m": pl.String})
    assert frame.select(loans.month_text(pl.col("m"))).item() == expected


@given(day=st.dates(date(1930, 1, 1), date(2049, 12, 31)))
def test_every_spelling_of_a_month_is_that_month(day: date) -> None:
    name = f"{MONTHS[day.month - 1]}-{day.year}"
    spellings = [name, name.upper(), day.isoformat(), f"{day:%Y/}{day.month}/{day.day}", f"{day:%Y-%m}"]
    frame = pl.DataFrame({"m": spellings}).with_columns(loans.month_text(pl.col("m")))
    assert set(frame["m"]) == {name}
    assert set(frame.select(loans.month_of("m")).to_series()) == {day.replace(day=1)}


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        pytest.param({"id": "1077501"}, "1077501", id="digits"),
        pytest.param({"id": " 1077501.0 "}, "1077501", id="a-float-of-a-data-frame"),
        pytest.param({"id": "1077501.00"}, "1077501", id="a-float-of-two-digits"),
        pytest.param({"id": "007"}, "7", id="leading-zeros"),
        pytest.param({"id": "", "url": "https://l.com/browse/loanDetail.action?loan_id=12&x=1"}, "12", id="in-the-url"),
        pytest.param({"id": "nan", "url": "https://l.com/browse/loanDetail.action?loan_id=12"}, "12", id="nan"),
        pytest.param({"id": "NULL", "url": "?loan_id=12"}, "12", id="null"),
        pytest.param({"id": " n/a", "url": "?loan_id=12"}, "12", id="not-available"),
        pytest.param({"issue_d": "Jan-2007", "last_pymnt_d": "Jun-2007"}, "1077501", id="issued-in-the-first-year"),
    ],
)
def test_the_keys_are_written_as_the_contracts_want_them(cells: dict[str, str], expected: str) -> None:
    row = judged(loan(**cells, member_id="1296599")).row(0, named=True)
    assert (row["id"], row["member_id"], row["_reason"]) == (expected, f"MEM_{expected}", None)


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        pytest.param({"id": "Total amount funded in policy code 1: 6417608175"}, "footer", id="footer"),
        pytest.param({"id": "Loans that do not meet the credit policy"}, "footer", id="heading"),
        pytest.param({"id": "Notes offered by Prospectus (https://www"}, "footer", id="preamble-amid-rows"),
        pytest.param({"id": "id", "issue_d": "issue_d"}, "repeated_header", id="header-of-a-file-appended"),
        pytest.param({"id": "", "url": ""}, "no_id", id="no-id"),
        pytest.param({"id": "abc", "url": "x?loan_id=3"}, "id_not_digits", id="an-id-that-is-no-number"),
        pytest.param({"id": "12.5"}, "id_not_digits", id="half-an-id"),
        pytest.param({"id": "9" * 19}, "id_not_digits", id="an-id-too-long-to-be-one"),
        pytest.param({"issue_d": ""}, "no_issue_month", id="no-issue-month"),
        pytest.param({"issue_d": "Dec-15"}, "no_issue_month", id="an-ambiguous-issue-month"),
        pytest.param({"issue_d": "Dec-1915"}, "no_issue_month", id="a-century-early"),
        pytest.param({"issue_d": "Dec-2006"}, "no_issue_month", id="before-the-first-loan"),
    ],
)
def test_rows_that_are_no_loans_have_a_reason(cells: dict[str, str], reason: str) -> None:
    assert judged(loan(**cells))["_reason"].to_list() == [reason]
    assert reason in loans.REASONS


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        pytest.param({"issue_d": "Nov-2016", "last_pymnt_d": ""}, "after_cut_off", id="issued-in-a-later-month"),
        pytest.param(
            {"id": id_applied_on(date(2016, 10, 16)), "issue_d": "Oct-2016"}, "after_cut_off", id="a-day-late"
        ),
        pytest.param({"id": id_applied_on(date(2016, 10, 15)), "issue_d": "Oct-2016"}, None, id="applied-on-the-day"),
        pytest.param({"last_pymnt_d": "Nov-2016"}, "after_cut_off", id="paid-in-a-later-month"),
        pytest.param({"last_pymnt_d": "Oct-2016"}, None, id="paid-in-its-month"),
    ],
)
def test_a_cut_off_given_leaves_out_what_lies_past_it(cells: dict[str, str], reason: str | None) -> None:
    assert judged(loan(**cells), cut_off=date(2016, 10, 15))["_reason"].to_list() == [reason]
    assert reason in {None, *loans.REASONS}


def test_a_payment_of_the_month_that_begins_on_the_cut_off_is_not_past_it() -> None:
    assert judged(loan(last_pymnt_d="Oct-2016"), cut_off=date(2016, 10, 1))["_reason"].to_list() == [None]


def test_an_unreadable_payment_month_is_told_from_none() -> None:
    rows = judged(loan(), loan(last_pymnt_d=""), loan(last_pymnt_d="NaN"), loan(last_pymnt_d="Jul-16"))
    assert rows["_unclear"].to_list() == [False, False, False, True]
    assert rows["_paid"].to_list() == [date(2016, 1, 1), None, None, None]


def test_a_loan_read_twice_is_taken_once_whatever_the_chunk() -> None:
    first = judged(loan(id="1"), loan(id="2"), loan(id="1"), loan(id="2", dti="9"))
    then = judged(loan(id="1.0"), loan(id="3"), loan(id="2", dti="9"))
    one, taken = loans.repeats(first, loans.NONE_TAKEN)
    two, taken = loans.repeats(then, taken)
    assert one["_reason"].to_list() == [None, None, "repeated_loan", "conflicting_loan"]
    assert two["_reason"].to_list() == ["repeated_loan", None, "conflicting_loan"]
    assert taken["_number"].to_list() == [1, 2, 3]
