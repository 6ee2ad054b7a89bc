"""Every spelling that domain knows, and the many that no one may guess at."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from jobs.preprocessing import parsing
from jobs.preprocessing.cleaning import landed_columns
from jobs.protocol.calendar import MONTHS
from jobs.protocol.layers import SOURCES, UNSEEN

if TYPE_CHECKING:
    from jobs.protocol.contract import Column

COLUMNS = {column.name: column for table in SOURCES for column in landed_columns(table)}
NOTHING = "says that there is no value"


def reading(column: Column, text: str | None) -> object:
    """What a cell is read as: a value, None, or the token that says there is none."""
    cell = pl.DataFrame({column.name: [text]}, schema={column.name: pl.String})
    quick, token, thorough = (
        cell.select(expression).item()
        for expression in (parsing.quick(column), parsing.is_token(column), parsing.thorough(column))
    )
    return quick if quick is not None else NOTHING if token else thorough


def case(column: str, text: str | None, expected: object, name: str) -> object:
    return pytest.param(column, text, expected, id=name)


@pytest.mark.parametrize(
    ("column", "text", "expected"),
    [
        case("int_rate", " 13.56%", 0.1356, "percent with a leading blank"),
        case("int_rate", "13.56%", 0.1356, "percent with its sign"),
        case("int_rate", "13.56", 0.1356, "percent without its sign"),
        case("int_rate", "13.56 %", 0.1356, "percent with a blank before its sign"),
        case("int_rate", "0.1356", 0.001356, "a fraction in a percent column is percent points too"),
        case("revol_util", "83.7%", 0.837, "utilisation with its sign"),
        case("revol_util", "0.5", 0.005, "half a percent is never half"),
        case("revol_util", "892.3%", 8.923, "utilisation far above one"),
        case("bc_util", "28.5", 0.285, "bc_util in points"),
        case("il_util", "64", 0.64, "il_util in points"),
        case("all_util", "101.0", 1.01, "all_util in points"),
        case("percent_bc_gt_75", "100.0", 1.0, "percent_bc_gt_75 in points"),
        case("pct_tl_nvr_dlq", "92.3", 0.923, "pct_tl_nvr_dlq in points"),
        case("int_rate", "13.56%%", None, "two percent signs"),
        case("int_rate", "%", None, "a lone percent sign"),
        case("int_rate", "13,56%", None, "a decimal comma"),
        case("term", " 36 months", 36, "term as it lands"),
        case("term", "60 months", 60, "term without the blank"),
        case("term", "36", 36, "term as a number"),
        case("term", "36.0", 36, "term as a float"),
        case("term", " 48 months", 48, "a term that the contract, not the parser, refuses"),
        case("term", "3 years", None, "term in years"),
        case("term", "36.5 months", None, "half a month"),
        case("emp_length", "10+ years", 10, "ten and more"),
        case("emp_length", "< 1 year", 0, "under a year"),
        case("emp_length", "1 year", 1, "one year"),
        case("emp_length", " 7  Years ", 7, "blanks and case"),
        case("emp_length", "5", 5, "years as a number"),
        case("emp_length", "n/a", NOTHING, "not stated"),
        case("emp_length", None, None, "absent"),
        case("emp_length", "<1 year", None, "a spelling that nobody writes"),
        case("emp_length", "11+ years", None, "off the ladder"),
        case("issue_d", "Dec-2011", date(2011, 12, 1), "month"),
        case("issue_d", "dec-2011", date(2011, 12, 1), "month in lower case"),
        case("issue_d", " DEC-2011 ", date(2011, 12, 1), "month in upper case between blanks"),
        case("issue_d", "2015-12-01", date(2015, 12, 1), "a parquet date"),
        case("issue_d", "2015-12-17", None, "a day within the month of issue"),
        case("issue_d", "Dec-11", None, "a year of two digits"),
        case("issue_d", "11-Dec", None, "a spreadsheet's month"),
        case("issue_d", "Dez-2011", None, "another language"),
        case("issue_d", "December-2011", None, "a month in full"),
        case("issue_d", "12/2011", None, "a month in numbers"),
        case("issue_d", "Dec-2011\n", date(2011, 12, 1), "a newline after the month"),
        case("earliest_cr_line", "Jan-62", None, "an ambiguous century"),
        case("earliest_cr_line", "Jan-1899", date(1899, 1, 1), "a year that the contract refuses"),
        case("earliest_cr_line", "2015-02-28", date(2015, 2, 28), "a day where days are meant"),
        case("earliest_cr_line", "2015-02-30", None, "a day that is not"),
        case("earliest_cr_line", "2015-2-3", None, "an unpadded day"),
        case("earliest_cr_line", "2015-02-03 00:00:00", None, "a time of day"),
        case("id", "149512747", 149512747, "an id"),
        case("id", "0012", 12, "an id with zeros before it"),
        case("id", "9223372036854775807", 2**63 - 1, "the largest id"),
        case("id", "9007199254740993", 2**53 + 1, "an id that no float holds"),
        case("id", "9223372036854775808", None, "an id too large"),
        case("id", " 12", None, "an id with a blank"),
        case("id", "12.0", None, "an id with a point"),
        case("id", "-12", None, "a negative id"),
        case("id", "+12", None, "a signed id"),
        case("id", "١٢", None, "digits of another script"),
        case("id", "Total amount funded in policy code 1: 6417608175", None, "a footer"),
        case("member_id", " MEM_7 ", "MEM_7", "a member between blanks"),
        case("member_id", "nan", NOTHING, "a member of pandas"),
        case("zip_code", "945xx", "945xx", "a zip code"),
        case("loan_amnt", "10000", 10_000.0, "a number"),
        case("loan_amnt", " 12 ", 12.0, "a number between blanks"),
        case("loan_amnt", "1e3", 1000.0, "an exponent"),
        case("loan_amnt", "1,000", None, "a thousands comma"),
        case("loan_amnt", "$1000", None, "a currency sign"),
        case("loan_amnt", "1_000", None, "an underscore"),
        case("loan_amnt", "0x10", None, "hexadecimal"),
        case("loan_amnt", "inf", None, "infinity"),
        case("loan_amnt", "-Infinity", None, "minus infinity"),
        case("loan_amnt", "1e400", None, "a number beyond all floats"),
        case("loan_amnt", "NAN", None, "a NaN that is no token"),
        case("loan_amnt", "NaN", NOTHING, "the token NaN"),
        case("loan_amnt", "nan", NOTHING, "the token nan"),
        case("loan_amnt", "", NOTHING, "empty"),
        case("loan_amnt", "   ", NOTHING, "blank"),
        case("loan_amnt", "NULL", NOTHING, "the token NULL"),
        case("loan_amnt", "None", NOTHING, "the token None"),
        case("open_acc", "12", 12, "a count"),
        case("open_acc", "12.0", 12, "a count as sources write it"),
        case("open_acc", " 12.0 ", 12, "a count between blanks"),
        case("open_acc", "12.5", None, "half a count"),
        case("open_acc", "32767", 32767, "the largest count"),
        case("open_acc", "32768", None, "a count too large, not wrapped"),
        case("open_acc", "-3.0", -3, "a negative count that the contract refuses"),
        case("open_acc", "nan", NOTHING, "no count"),
        case("open_acc", "inf", None, "an infinite count"),
        case("home_ownership", "NONE", "NONE", "NONE is a level"),
        case("home_ownership", "none", "NONE", "NONE in lower case is that level"),
        case("home_ownership", "None", "NONE", "None is that level too, not a missing value"),
        case("home_ownership", "NaN", NOTHING, "NaN is none"),
        case("home_ownership", " mortgage", "MORTGAGE", "case and blanks"),
        case("home_ownership", "HOUSEBOAT", UNSEEN, "a level nobody has seen"),
        case("home_ownership", UNSEEN, UNSEEN, "the word for unseen is itself unseen"),
        case("home_ownership", None, None, "no home stated"),
        case("loan_status", "Issued", "Current", "issued, nothing due yet"),
        case("loan_status", "LATE (31-120 DAYS)", "Late (31-120 days)", "a status in upper case"),
        case(
            "loan_status",
            "Does not meet the credit policy.  Status: Fully Paid",
            "Does not meet the credit policy. Status:Fully Paid",
            "two blanks, and one after the colon",
        ),
        case(
            "loan_status",
            "does not meet the credit policy. status:charged off",
            "Does not meet the credit policy. Status:Charged Off",
            "no blank after the colon",
        ),
        case("hardship_loan_status", "Issued", "Current", "the status when a hardship began"),
        case("application_type", "INDIVIDUAL", "Individual", "an older single application"),
        case("application_type", "DIRECT_PAY", "Individual", "an older single application that pays creditors"),
        case("application_type", "JOINT", "Joint App", "an older joint application"),
        case("verification_status", "VERIFIED - income source", "Source Verified", "an older source check"),
        case("verification_status", "VERIFIED - income", "Verified", "an older check"),
        case("verification_status", "not verified", "Not Verified", "an older no"),
        case("verification_status_joint", "VERIFIED - income source", "Source Verified", "an older joint check"),
        case("purpose", "debt consolidation", UNSEEN, "a blank is not an underscore"),
        case("pymnt_plan", "N", "n", "a flag in the wrong case"),
        case("hardship_flag", "y", "Y", "another flag in the wrong case"),
        case("sub_grade", "c1", "C1", "a sub-grade in lower case"),
    ],
)
def test_a_cell_is_read_as(column: str, text: str | None, expected: object) -> None:
    found = reading(COLUMNS[column], text)
    assert found == (pytest.approx(expected, rel=1e-15) if isinstance(expected, float) else expected)


@pytest.mark.parametrize("column", COLUMNS.values(), ids=COLUMNS)
def test_the_tokens_of_a_column_are_no_values_of_it(column: Column) -> None:
    assert {reading(column, token) for token in column.null_tokens} == {NOTHING}


CATEGORIES = {name: column for name, column in COLUMNS.items() if column.parse == "category"}


@pytest.mark.parametrize("column", CATEGORIES.values(), ids=CATEGORIES)
def test_every_level_is_read_as_itself_however_it_is_cased_or_spaced(column: Column) -> None:
    for level in parsing.levels(column):
        spellings = (level, level.upper(), level.lower(), f"\t{level} ", level.replace(" ", "  "))
        assert {reading(column, spelling) for spelling in spellings} == {level}


def test_the_ladder_of_employment_rises_year_by_year() -> None:
    texts = ["< 1 year", "1 year", *(f"{years} years" for years in range(2, 10)), "10+ years"]
    assert [reading(COLUMNS["emp_length"], text) for text in texts] == list(range(11))


@given(month=st.sampled_from(MONTHS), year=st.integers(1, 9999))
def test_a_month_of_any_year_is_its_first_day(month: str, year: int) -> None:
    found = reading(COLUMNS["issue_d"], f"{month}-{year:04}")
    assert found == date(year, MONTHS.index(month) + 1, 1)


@given(points=st.decimals(0, 1000, places=4, allow_nan=False))
def test_percent_columns_are_percent_points_whatever_their_size(points: object) -> None:
    found = [reading(COLUMNS["revol_util"], text) for text in (f"{points}", f"{points}%", f" {points}% ")]
    assert found == [float(str(points)) / 100] * 3


SPELLINGS = st.one_of(
    st.text(max_size=12),
    st.text("0123456789.-+eE %,", max_size=8),
    st.sampled_from([*parsing.EMP_LENGTH, *parsing.TERMS, "Dec-2011", "2015-12-01", "RENT", "none", "Issued", "945xx"]),
    st.integers(-(2**65), 2**65).map(str),
    st.floats().map(str),
)


@given(column=st.sampled_from(list(COLUMNS.values())), text=SPELLINGS)
@example(column=COLUMNS["open_acc"], text="12.5")
def test_the_quick_reading_never_differs_from_the_thorough_one(column: Column, text: str) -> None:
    cell = pl.DataFrame({column.name: [text]})
    quick = cell.select(parsing.quick(column)).item()
    assert quick is None or quick == cell.select(parsing.thorough(column)).item()


@pytest.mark.parametrize("column", ["open_acc", "mths_since_last_delinq", "deferral_term"])
@pytest.mark.parametrize("end", ["", ".0"])
def test_counts_are_read_alike_below_at_and_past_the_end_of_their_table(column: str, end: str) -> None:
    most = 127 if COLUMNS[column].dtype == "int8" else 32767
    for number in (0, 1, 126, 127, 128, 998, 999, 1000, 1001, 32767, 32768):
        found = reading(COLUMNS[column], f"{number}{end}")
        assert found == (number if number <= most else None)


@given(column=st.sampled_from(list(COLUMNS.values())), text=SPELLINGS)
def test_whatever_is_read_has_the_dtype_of_its_column(column: Column, text: str) -> None:
    cell = pl.DataFrame({column.name: [text]})
    dtypes = {"int8": pl.Int8, "int16": pl.Int16, "int64": pl.Int64, "float64": pl.Float64, "string": pl.String}
    for expression in (parsing.quick(column), parsing.thorough(column)):
        assert cell.select(expression).to_series().dtype == (dtypes | {"date": pl.Date})[column.dtype]
