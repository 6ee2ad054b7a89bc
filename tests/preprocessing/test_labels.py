from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.preprocessing.labels import judged, label, labels
from jobs.protocol import contract
from jobs.protocol.calendar import add_months
from jobs.protocol.contract_polars import offences, polars_schema
from jobs.protocol.layers import LABELS
from tests.preprocessing.loan_histories import (
    BRISK,
    DAYS,
    DNMCP,
    FIRST,
    FOR_EVER,
    LAST,
    RULE,
    STATUSES,
    Row,
    Verdict,
    by_hand,
    frame,
    histories,
    known,
    told,
)


@pytest.mark.parametrize(
    ("loan", "expected", "mature"),
    [
        pytest.param("2015-12-10|Charged Off|2016-04", "1|bad|2016-08-08|2016-09-08", "2017-01-10", id="A"),
        pytest.param("2015-12-10|Charged Off|2018-02", "0|survived|None|2017-01-10", "2017-01-10", id="B"),
        pytest.param("2016-01-05|Charged Off|", "1|bad|2016-05-05|2016-06-05", "2017-02-05", id="C"),
        pytest.param("2015-12-10|Fully Paid|2016-07", "0|early_good|None|2016-08-31", "2017-01-10", id="D"),
        pytest.param("2018-10-20|Current|2019-03", "None|None|None|None", "2019-11-20", id="E"),
        pytest.param("2018-06-15|Late (31-120 days)|2018-11", "1|bad|2019-03-15|2019-04-15", "2019-07-16", id="F"),
        pytest.param("2018-06-15|Late (31-120 days)|2019-01", "None|None|None|None", "2019-07-16", id="G"),
        pytest.param("2015-12-10|Current|2019-03", "0|survived|None|2017-01-10", "2017-01-10", id="H"),
    ],
)
def test_the_worked_examples_of_the_definition(loan: str, expected: str, mature: str) -> None:
    applied, status, paid = loan.split("|")
    row = Row(
        application_date=date.fromisoformat(applied),
        loan_status=status,
        last_pymnt_d=date.fromisoformat(f"{paid}-01") if paid else None,
    )
    cut_off = pl.lit(date(2019, 3, 31))
    found = label(frame([row]), RULE, knows_until=cut_off, stands_until=cut_off).collect()
    told = found.select("y", "label_kind", "event_date", "known_date").row(0)
    assert "|".join(map(str, told)) == expected
    assert str(found["mature_date"].item()) == mature


@pytest.mark.parametrize(
    ("status", "paid", "cut_off", "kind"),
    [
        pytest.param("Late (31-120 days)", "2016-02-01", "2016-06-08", "bad", id="late-90-days-on-the-last-day"),
        pytest.param("Late (31-120 days)", "2016-02-01", "2016-06-07", None, id="late-89-days"),
        pytest.param("Current", "2016-02-01", "2016-06-08", "bad", id="unpaid-90-days-on-the-last-day"),
        pytest.param("Current", "2016-02-01", "2016-06-07", None, id="unpaid-89-days"),
        pytest.param("Current", "2016-12-01", "2016-12-10", "survived", id="the-window-ends-on-the-last-day"),
        pytest.param("Current", "2016-12-01", "2016-12-09", None, id="the-window-ends-a-day-later"),
    ],
)
def test_the_last_day_of_the_file_counts(status: str, paid: str, cut_off: str, kind: str | None) -> None:
    row = Row(loan_status=status, last_pymnt_d=date.fromisoformat(paid))
    at = pl.lit(date.fromisoformat(cut_off))
    assert label(frame([row]), RULE, knows_until=at, stands_until=at).collect()["label_kind"].item() == kind


def test_a_payoff_on_the_last_day_of_the_window_is_within_it() -> None:
    paid = Row(application_date=date(2015, 12, 31), loan_status="Fully Paid", last_pymnt_d=date(2016, 12, 1))
    assert told([paid]) == [Verdict(0, "early_good", None, date(2017, 1, 31))]


@given(rows=histories(), cut_off=DAYS, dpd=st.sampled_from([30, 60, 90, 120]))
def test_one_final_file_is_labelled_as_by_hand(rows: list[Row], cut_off: date, dpd: int) -> None:
    rule, at = replace(BRISK, dpd=dpd), pl.lit(cut_off)
    found = label(frame(rows), rule, knows_until=at, stands_until=at).collect().to_dicts()
    for row, one in zip(rows, found, strict=True):
        verdict, mature = by_hand(row, rule, cut_off, cut_off)
        assert one["mature_date"] == mature
        expected = verdict or (None, None, None, None)
        assert (one["y"], one["label_kind"], one["event_date"], one["known_date"]) == tuple(expected)


@given(day=st.dates(date(1970, 1, 1), date(2100, 1, 1)), months=st.integers(1, 65))
def test_months_end_early_for_columns_as_they_do_in_the_calendar(day: date, months: int) -> None:
    assert pl.select(pl.lit(day).dt.offset_by(f"{months}mo")).item() == add_months(day, months)


CURRENT = Row()  # applied for on 2015-12-10: the first instalment is due on 2016-01-10, 90 days late on 2016-04-09


def news(day: str, status: str, paid: str | None = None) -> Row:
    """A later row of that loan, landed on this day; its last payment came in this month."""
    return CURRENT._replace(
        loan_status=status,
        last_pymnt_d=date.fromisoformat(f"{paid}-01") if paid else None,
        snapshot_date=date.fromisoformat(day),
    )


SURVIVED = Verdict(0, "survived", None, date(2017, 1, 10))
LATE = news("2016-02-20", "Late (16-30 days)")
BAD = Verdict(1, "bad", date(2016, 4, 9), date(2016, 5, 10))


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        pytest.param([], [SURVIVED], id="no-news-is-good-news-once-mature"),
        pytest.param([LATE], [BAD], id="late-and-never-heard-of-again-is-bad-after-90-days-and-the-lag"),
        pytest.param([LATE, news("2016-05-09", "Current", "2016-04")], [SURVIVED], id="a-payment-the-day-before-cures"),
        pytest.param([LATE, news("2016-05-10", "Current", "2016-04")], [SURVIVED], id="news-of-the-very-day-counts"),
        pytest.param(
            [LATE, news("2016-05-11", "Current", "2016-04")], [BAD, SURVIVED], id="news-of-the-day-after-corrects"
        ),
        pytest.param([LATE, news("2016-06-20", "Charged Off")], [BAD], id="a-charge-off-that-says-the-same-is-silent"),
        pytest.param(
            [news("2016-02-01", "Charged Off")],
            [Verdict(1, "bad", date(2016, 1, 31), date(2016, 3, 2))],
            id="an-early-charge-off-is-an-event-on-the-last-day-its-row-knows",
        ),
        pytest.param(
            [news("2016-12-01", "Charged Off")],
            [Verdict(1, "bad", date(2016, 4, 9), date(2016, 12, 1))],
            id="never-known-before-what-it-rests-on-has-landed",
        ),
        pytest.param(
            [news("2016-06-01", "Current")],
            [Verdict(1, "bad", date(2016, 4, 9), date(2016, 6, 1))],
            id="current-but-unpaid-for-90-days-is-bad",
        ),
        pytest.param(
            [news("2016-07-09", "Fully Paid", "2016-07")],
            [Verdict(0, "early_good", None, date(2016, 8, 31))],
            id="paid-off-within-the-window",
        ),
        pytest.param(
            [news("2016-12-09", "Fully Paid", "2016-12")], [SURVIVED], id="paid-off-after-the-window-survived"
        ),
        pytest.param([news("2016-07-09", "__UNSEEN__")], [], id="a-status-nobody-can-read-gives-no-label"),
        pytest.param(
            [news("2017-07-12", "Charged Off", "2016-05")],
            [SURVIVED, Verdict(1, "bad", date(2016, 9, 8), date(2017, 7, 12))],
            id="late-truth-corrects-until-the-label-is-final",
        ),
        pytest.param([news("2017-07-13", "Charged Off", "2016-05")], [SURVIVED], id="a-day-later-the-label-is-final"),
    ],
)
def test_what_a_loan_is_told_to_be(rows: list[Row], expected: list[Verdict]) -> None:
    assert told([CURRENT, *rows]) == expected


def test_the_last_day_on_which_a_label_can_change_is_a_day_like_any_other() -> None:
    rows, day = [CURRENT, news("2017-07-12", "Charged Off", "2016-05")], date(2017, 7, 12)
    [found] = known(rows, RULE, day, day)
    assert (found["y"], found["label_version"]) == (1, 2)


def test_an_instalment_due_on_the_31st_is_due_on_the_last_of_a_shorter_month() -> None:
    late = Row(application_date=date(2015, 10, 31), loan_status="Late (31-120 days)", last_pymnt_d=date(2016, 1, 1))
    assert told([late]) == [Verdict(1, "bad", date(2016, 5, 29), date(2016, 6, 29))]


def test_a_label_carries_its_rule_and_the_day_of_its_partition() -> None:
    [found] = known([CURRENT], RULE, date(2017, 1, 10), date(2017, 1, 10))
    assert list(found) == [column.name for column in contract.load(LABELS).columns]
    assert (found["window_months"], found["dpd_threshold"], found["label_version"]) == (12, 90, 1)
    assert found["snapshot_date"] == found["known_date"] == found["mature_date"] == date(2017, 1, 10)
    assert found["policy_exception"] is False


@given(rows=histories())
@settings(max_examples=30)
def test_labels_keep_their_contract(rows: list[Row]) -> None:
    store = contract.load("gold/label_store")
    found = labels(judged(frame(rows), BRISK), FIRST, LAST).collect()
    assert found.schema == pl.Schema(polars_schema(store))
    broken = found.select(breaks.any().alias(":".join(rule)) for rule, breaks in offences(store).items())
    assert [rule for rule, is_broken in broken.row(0, named=True).items() if is_broken] == []
    is_bad = pl.col("y") == 1
    wrong = (is_bad != (pl.col("label_kind") == "bad")) | (is_bad != pl.col("event_date").is_not_null())
    assert found.filter(wrong).is_empty()


def test_a_loan_found_to_be_outside_the_credit_policy_is_told_again() -> None:
    lost = news("2016-06-20", f"{DNMCP}Charged Off")
    found = known([CURRENT, LATE, lost], RULE, FIRST, FOR_EVER)
    assert [(one["y"], one["policy_exception"], one["label_version"]) for one in found] == [(1, False, 1), (1, True, 2)]


@pytest.mark.parametrize(("term", "months"), [(36, 41), (60, 65)])
def test_the_window_may_be_the_whole_life_of_the_loan(term: int, months: int) -> None:
    rule = replace(RULE, window_months="term")
    [found] = known([CURRENT._replace(term=term)], rule, FIRST, FOR_EVER)
    assert found["window_months"] == months
    assert found["mature_date"] == add_months(CURRENT.application_date, months) + timedelta(31)
    assert known([CURRENT._replace(term=None)], rule, FIRST, FOR_EVER) == []


def test_news_with_a_term_that_cannot_be_read_is_news() -> None:
    rule, late = replace(RULE, window_months="term"), news("2016-02-20", "Late (16-30 days)")
    assert told([CURRENT, late], rule) == [BAD]
    assert told([CURRENT, late, news("2016-05-10", "Charged Off")._replace(term=None)], rule) == []
    assert told([CURRENT, news("2016-05-10", "Charged Off")._replace(term=None)], rule) == []  # no longer: survived


def test_every_status_of_the_contract_is_read() -> None:
    column = contract.load("silver/loan_performance").column("loan_status")
    statuses = set(column.schema["enum"]) - {"__UNSEEN__", None}
    assert statuses == set(STATUSES) - {"Issued"}  # cleaning reads Issued as Current
    assert len(STATUSES) == len(set(STATUSES))
