"""What lands of a loan, and when: the label's worked examples, and labels of the feed against those of the file."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise, product
from typing import TYPE_CHECKING

import polars as pl
import pytest

from jobs.import_lending_club import columns, loans
from jobs.preprocessing import labels
from jobs.protocol.calendar import application_date
from jobs.protocol.policy import LabelPolicy
from tests.import_lending_club.public_file import id_applied_on, landed, loan, month_name, put, run, text_of

if TYPE_CHECKING:
    from pathlib import Path

CUT_OFF = date(2019, 3, 31)
CHARGED_OFF, LATE, PAID = "Charged Off", "Late (31-120 days)", "Fully Paid"
POLICY = "Does not meet the credit policy. Status:"
DECEMBER, JANUARY, JUNE, OCTOBER = date(2015, 12, 10), date(2016, 1, 5), date(2018, 6, 15), date(2018, 10, 20)
EXAMPLES = {  # applied, status, last payment; the landing dates of: shows late, final state
    "A-charged-off": (DECEMBER, CHARGED_OFF, "Apr-2016", date(2016, 6, 11), date(2016, 10, 8)),
    "A-in-default": (DECEMBER, "Default", "Apr-2016", date(2016, 6, 11), date(2016, 9, 9)),
    "A-outside-the-policy": (DECEMBER, f"{POLICY}Charged Off", "Apr-2016", date(2016, 6, 11), date(2016, 10, 8)),
    "B-charged-off-late": (DECEMBER, CHARGED_OFF, "Feb-2018", date(2018, 4, 11), date(2018, 8, 8)),
    "C-never-paid": (JANUARY, CHARGED_OFF, "", date(2016, 3, 8), date(2016, 7, 5)),
    "D-paid-early": (DECEMBER, PAID, "Jul-2016", None, date(2016, 8, 1)),
    "D-in-old-spelling": (DECEMBER, f"{POLICY[:-1]}:  FULLY PAID", "Jul-2016", None, date(2016, 8, 1)),
    "E-young-and-current": (OCTOBER, "Current", "Mar-2019", None, date(2019, 4, 1)),
    "F-late": (JUNE, LATE, "Nov-2018", date(2019, 1, 16), date(2019, 4, 1)),
    "G-late-for-less": (JUNE, LATE, "Jan-2019", date(2019, 3, 19), date(2019, 4, 1)),
    "H-current": (DECEMBER, "Current", "Mar-2019", None, date(2019, 4, 1)),
    "late-for-a-month-only": (JUNE, "Late (16-30 days)", "Feb-2019", None, date(2019, 4, 1)),
    "charged-off-before-its-time": (JUNE, CHARGED_OFF, "Mar-2019", None, date(2019, 4, 1)),
    "paid-in-the-month-of-issue": (date(2016, 1, 31), PAID, "Jan-2016", None, date(2016, 2, 2)),
    "paid-on-a-date-we-cannot-read": (DECEMBER, CHARGED_OFF, "Apr-16", None, date(2019, 4, 1)),
    "end-of-month-clamped": (date(2016, 12, 31), CHARGED_OFF, "Jan-2017", date(2017, 4, 1), date(2017, 7, 29)),
}


SETTLEMENT = {"debt_settlement_flag": "N", "debt_settlement_flag_date": "", "settlement_date": ""}


def dated(applied: date, status: str, paid: str, **cells: str) -> pl.DataFrame:
    cells = SETTLEMENT | cells | {"loan_status": status, "last_pymnt_d": paid}
    row = loan(id=id_applied_on(applied), issue_d=month_name(applied), **cells)
    judged = loans.judged(pl.DataFrame([row]), ("issue_d", "last_pymnt_d"), None)
    return loans.dated(judged, CUT_OFF)


@pytest.mark.parametrize(("applied", "status", "paid", "late", "final"), EXAMPLES.values(), ids=EXAMPLES)
def test_each_state_lands_the_day_after_it_is_known(
    applied: date, status: str, paid: str, late: date | None, final: date
) -> None:
    day_before = timedelta(days=1)
    seen = dated(applied, status, paid).select("_applied", "_late", "_final").row(0)
    assert seen == (applied, late and late - day_before, final - day_before)


def test_at_the_application_nothing_of_the_outcome_is_known() -> None:
    outcomes = columns.OUTCOMES & set(loan())
    one, other = (
        loans.at_application(dated(DECEMBER, status, paid).with_columns(out_prncp=pl.lit(left)), outcomes)
        for status, paid, left in ((CHARGED_OFF, "Apr-2016", "0.0"), ("In Grace Period", "", "412.7"))
    )
    assert one.select(list(loan())).equals(other.select(list(loan())))
    seen = one.select("loan_status", "out_prncp", "total_pymnt", "last_pymnt_d", "funded_amnt_inv").row(0)
    assert seen == ("Current", "5000.0", "0", None, None)
    assert one.select("last_fico_range_high", "fico_range_low").row(0) == (None, "735.0")


def test_at_the_application_every_outcome_is_nothing_no_or_unknown() -> None:
    row = loans.at_application(dated(DECEMBER, CHARGED_OFF, "Apr-2016"), columns.OUTCOMES)
    told = {name: text for name, text in row.select(columns.OUTCOMES).row(0, named=True).items() if text is not None}
    assert {name: text for name, text in told.items() if text != "0"} == {
        "loan_status": "Current",
        "out_prncp": "5000.0",
        "pymnt_plan": "n",
        "hardship_flag": "N",
        "debt_settlement_flag": "N",
    }
    assert {name for name, text in told.items() if text == "0"} == {
        *("total_pymnt", "total_pymnt_inv", "total_rec_prncp", "total_rec_int", "total_rec_late_fee"),
        *("recoveries", "collection_recovery_fee", "last_pymnt_amnt"),
    }


@pytest.mark.parametrize("status", ["In Review", "", None])
def test_a_status_we_do_not_know_is_never_called_current(status: str | None) -> None:
    row = dated(DECEMBER, "Current", "Mar-2019").with_columns(loan_status=pl.lit(status, pl.String))
    assert loans.at_application(row, ["loan_status"])["loan_status"].to_list() == [status]


def test_a_late_row_says_no_more_than_what_was_known_that_day() -> None:
    outcomes = [*columns.OUTCOMES & set(loan()), "loan_status"]
    row = dated(DECEMBER, CHARGED_OFF, "Apr-2016", last_pymnt_amnt="163.0")
    late, final = loans.later(row, [*outcomes, "last_pymnt_amnt"]).iter_rows(named=True)
    assert (late["loan_status"], late["last_pymnt_d"], late["last_pymnt_amnt"]) == (LATE, "Apr-2016", "163.0")
    assert late["funded_amnt_inv"] == "4975.0"
    assert (late["total_pymnt"], late["out_prncp"], late["last_fico_range_high"]) == (None, None, None)
    assert (final["loan_status"], final["total_pymnt"]) == (CHARGED_OFF, "5863.15")
    assert late["dti"] == final["dti"] == "27.65"


@pytest.mark.parametrize(
    ("flagged", "settled", "lands"),
    [
        pytest.param("Nov-2016", "Feb-2018", date(2018, 3, 1), id="settled-later"),
        pytest.param("Jan-2019", "Feb-2018", date(2019, 2, 1), id="flagged-again-later"),
        pytest.param("Nov-2016", "Oct-2016", date(2016, 12, 1), id="flagged-later"),
        pytest.param("Oct-2016", "", date(2016, 11, 1), id="in-the-month-of-the-charge-off"),
        pytest.param("Apr-2019", "", date(2019, 4, 1), id="past-the-cut-off"),
        pytest.param("Sep-2016", "Sep-2016", None, id="before-the-charge-off"),
        pytest.param("", "", None, id="never"),
    ],
)
def test_a_settlement_lands_when_it_was_known_and_not_with_the_charge_off(
    flagged: str, settled: str, lands: date | None
) -> None:
    cells = {"debt_settlement_flag": "Y", "debt_settlement_flag_date": flagged, "settlement_date": settled}
    outcomes = [*columns.OUTCOMES & {*loan(), *SETTLEMENT}]
    _, *rows = loans.later(dated(DECEMBER, CHARGED_OFF, "Apr-2016", **cells), outcomes).iter_rows(named=True)
    told = [(row["_day"], *(row[name] or "" for name in SETTLEMENT), row["total_pymnt"]) for row in rows]
    charged_off, whole = date(2016, 10, 7), ("Y", flagged, settled, "5863.15")
    before = [] if lands is None else [(charged_off, "N", "", "", "5863.15")]
    assert told == [*before, (lands - timedelta(days=1) if lands else charged_off, *whole)]


def test_a_settlement_of_the_day_on_which_the_state_is_known_needs_no_row_of_its_own() -> None:
    paid = dated(DECEMBER, PAID, "Apr-2016", debt_settlement_flag_date="Apr-2016")
    assert paid.select("_final", "_settled").row(0) == (date(2016, 4, 30), None)


def test_a_settlement_past_the_cut_off_adds_nothing_to_a_state_that_is_known_on_it() -> None:
    loan_charged_off = dated(JUNE, CHARGED_OFF, "Mar-2019", debt_settlement_flag_date="May-2019")
    assert loans.later(loan_charged_off, [*columns.OUTCOMES & {*loan(), *SETTLEMENT}])["_day"].to_list() == [CUT_OFF]


def every_fate() -> list[dict[str, str]]:
    """Loans of every status, applied for over two years, last paid in any month until the cut-off or never."""
    statuses = (CHARGED_OFF, "Default", PAID, LATE, "Late (16-30 days)", "In Grace Period", "Current")
    months = [date(2017 + number // 12, number % 12 + 1, 1) for number in range(27)]
    first_ids = iter(range(1, 10**6))
    return [
        loan(id=str(next(first_ids)), issue_d=month_name(issued), loan_status=status, last_pymnt_d=paid)
        for issued, status in product(months[:24:2], statuses)
        for paid in ["", *(month_name(month) for month in months if month >= issued)]
    ]


def servicing_rows(root: Path) -> pl.DataFrame:
    rows = landed(root, "loan_terms").with_columns(pl.col("id").cast(pl.Int64), term=pl.lit(36, pl.Int8))
    return rows.with_columns(issue_d=loans.month_of("issue_d"), last_pymnt_d=loans.month_of("last_pymnt_d")).select(
        "id", "term", "loan_status", "last_pymnt_d", "snapshot_date",
        application_date=application_date(pl.col("id"), pl.col("issue_d")),
    )  # fmt: skip


@pytest.fixture(scope="module")
def feed(tmp_path_factory: pytest.TempPathFactory) -> pl.DataFrame:
    folder = tmp_path_factory.mktemp("feed")
    assert run(folder / "root", put(folder, text_of(*every_fate()))) == 0
    return servicing_rows(folder / "root")


@pytest.mark.parametrize(("dpd", "window"), [(90, 12), (90, 6), (30, 12), (120, 18)])
def test_labels_of_the_feed_are_those_of_the_file(feed: pl.DataFrame, dpd: int, window: int) -> None:
    """A loan is labelled from the rows as they land just as it would be from the one file, once that is known."""
    rule = LabelPolicy(dpd=dpd, window_months=window, lag_days=31, closing_days=1, policy_exceptions="exclude")
    last = feed["snapshot_date"].max()
    assert last == CUT_OFF + timedelta(days=1)
    final = feed.sort("snapshot_date").group_by("id", maintain_order=True).last().lazy()
    cut_off = pl.lit(CUT_OFF)
    facts = ("id", "y", "label_kind", "event_date", "known_date", "mature_date")
    of_file = labels.label(final, rule, knows_until=cut_off, stands_until=cut_off).filter(pl.col("known_date") <= last)
    of_feed = labels.labels(labels.judged(feed.lazy(), rule), date(2017, 1, 1), CUT_OFF + timedelta(days=1))
    expected = of_file.select(facts).collect().sort("id")
    assert of_feed.select(facts).collect().sort("id").equals(expected)
    assert set(expected["label_kind"]) == {"bad", "early_good", "survived"}


def test_a_loan_has_one_row_a_day_in_the_order_of_its_life(feed: pl.DataFrame) -> None:
    for rows in feed.sort("snapshot_date").partition_by("id"):
        days = rows["snapshot_date"].to_list()
        assert all(earlier < later for earlier, later in pairwise(days))
        assert rows["loan_status"][0] == "Current" or len(days) == 1
