from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from jobs.measures.proportions import jeffreys_interval
from jobs.monitoring.vintages import COUNTS, CURVES, count, immature, vintages
from jobs.protocol import policy as policy_in_force
from jobs.protocol import strict_json

RULE = policy_in_force.load(None, "").label
LOANS = {"id": pl.Int64, "application_date": pl.Date}
LABELS = {"id": pl.Int64, "y": pl.Int8, "event_date": pl.Date, "mature_date": pl.Date}
UNTIL = date(2024, 6, 1)  # with a lag of 31 days, all is known to the end of April
Loan = tuple[date, date | None]  # applied, went bad


def counted(loans: list[Loan], *, first_id: int = 1, until: date = UNTIL) -> pl.DataFrame:
    """Counts of loans; a loan has a label where it went bad or its window is over."""
    applied = [(first_id + place, loan[0]) for place, loan in enumerate(loans)]
    labels = []
    for (loan_id, day), (_, bad) in zip(applied, loans, strict=True):
        mature = day.replace(year=day.year + 1) + timedelta(days=31)
        if bad or mature <= until:
            labels.append((loan_id, int(bad is not None), bad, mature))
    frames = (pl.DataFrame(labels, schema=LABELS, orient="row"), pl.DataFrame(applied, schema=LOANS, orient="row"))
    return count(*frames, until, RULE)


def rows_of(counts: pl.DataFrame) -> list[Any]:
    return counts.rows()


@pytest.mark.parametrize(
    ("loan", "seen", "went_bad", "labelled"),
    [
        ((date(2023, 1, 15), date(2023, 5, 16)), 12, 4, True),
        ((date(2023, 1, 15), None), 12, None, True),
        ((date(2023, 5, 1), None), 11, None, True),  # matures on the very day
        ((date(2023, 5, 2), None), 11, None, False),
        ((date(2023, 12, 31), date(2024, 4, 30)), 4, 4, False),
        ((date(2024, 4, 1), None), 0, None, False),
        ((date(2024, 5, 1), None), -1, None, False),
        ((date(2024, 6, 1), None), -1, None, False),
    ],
)
def test_months_on_book_are_calendar_months(loan: Loan, seen: int, went_bad: int | None, labelled: bool) -> None:
    month, quarter = loan[0].strftime("%Y-%m"), f"{loan[0].year}-Q{(loan[0].month + 2) // 3}"
    assert rows_of(counted([loan])) == [(month, quarter, seen, went_bad, labelled, 1)]


def test_a_month_is_seen_only_once_it_is_over() -> None:
    before, after = (counted([(date(2024, 1, 5), None)], until=day) for day in (date(2024, 5, 30), date(2024, 5, 31)))
    assert (before["seen"].item(), after["seen"].item()) == (2, 3)


def test_curves_and_maturity_by_hand() -> None:
    """Of four loans of a quarter one goes bad in month 2; of the three younger ones one does in month 1."""
    january, march = date(2024, 1, 10), date(2024, 3, 10)
    loans: list[Loan] = [(january, date(2024, 3, 20)), *[(january, None)] * 3]
    loans += [(march, date(2024, 4, 20)), *[(march, None)] * 2]
    said, curves = vintages(counted(loans), RULE)
    assert [(row["month_on_book"], row["at_risk"], row["bads"], row["immature"]) for row in curves.to_dicts()] == [
        (0, 7, 0, False),
        (1, 7, 1, False),
        (2, 4, 1, True),
        (3, 3, 0, True),
    ]
    assert curves["share"].to_list() == pytest.approx([0, 1 / 7, 1 - 6 / 7 * 3 / 4, 1 - 6 / 7 * 3 / 4])
    assert set(curves["quarter"]) == {"2024-Q1"}
    assert [(one["month"], one["loans"], one["matured"], one["bad_rate"]) for one in said["months"]] == [
        ("2024-01", 4, 0, None),
        ("2024-03", 3, 0, None),
    ]
    assert said["curves"] == [{"quarter": "2024-Q1", "month_on_book": 3, "share": curves["share"][3], "immature": True}]


def test_a_mature_vintage_ends_at_its_bad_rate() -> None:
    loans: list[Loan] = [(date(2022, 2, 3), date(2023, 2, 3)), (date(2022, 2, 3), date(2022, 7, 1))]
    loans += [(date(2022, 1, 31), None)] * 6
    said, curves = vintages(counted(loans), RULE)
    assert curves["month_on_book"].to_list() == list(range(13))
    assert not curves["immature"].any()
    assert curves["share"][-1] == pytest.approx(2 / 8)
    low, high = jeffreys_interval(2, 2)
    expected = {"loans": 2, "matured": 2, "share_matured": 1.0, "bad_rate": 1.0, "low": low, "high": high}
    assert said["months"][1] == {"month": "2022-02", **expected}


def test_a_loan_that_went_bad_early_does_not_make_its_month_mature() -> None:
    said, _ = vintages(counted([(date(2024, 1, 10), date(2024, 2, 1)), (date(2024, 1, 10), None)]), RULE)
    assert (said["months"][0]["matured"], said["months"][0]["bad_rate"]) == (0, None)


def test_months_are_immature_while_most_outcomes_are_open() -> None:
    counts = counted(
        [(date(2023, 5, 1), None), (date(2023, 5, 20), None), (date(2023, 5, 21), None), (date(2023, 4, 9), None)]
    )
    assert set(immature(counts)["month"]) == {"2023-05"}
    assert immature(counted([(date(2023, 5, 1), None), (date(2023, 5, 20), None)])).is_empty(), "half is not most"


def test_nothing_gives_nothing() -> None:
    said, curves = vintages(counted([]), RULE)
    assert said == {"months": [], "curves": []}
    assert curves.schema == CURVES
    assert counted([]).schema == COUNTS


def test_a_term_long_window_counts_to_the_charge_off() -> None:
    assert replace(RULE, window_months="term").longest_months == 65


DAYS = st.dates(date(2022, 1, 1), date(2024, 5, 31)).map(lambda day: min(day, day.replace(day=28)))
FATES = st.lists(st.tuples(DAYS, st.none() | st.integers(1, 360)), max_size=25)


@given(fates=FATES, cut=st.integers(0, 25))
def test_shards_say_what_the_whole_says(fates: list[tuple[date, int | None]], cut: int) -> None:
    loans: list[Loan] = [
        (day, bad if after and (bad := day + timedelta(days=after)) < UNTIL else None) for day, after in fates
    ]
    whole = vintages(counted(loans), RULE)
    shards = pl.concat([counted(loans[cut:], first_id=cut + 1), counted(loans[:cut])])
    said, curves = vintages(shards, RULE)
    assert strict_json.canonical(said) == strict_json.canonical(whole[0])
    assert_frame_equal(curves, whole[1], check_exact=True)
    for _, of in curves.group_by("quarter"):
        assert of.sort("month_on_book")["share"].is_sorted()


def test_one_label_a_loan_is_asked_for() -> None:
    loan = pl.DataFrame([(1, date(2023, 1, 1))], schema=LOANS, orient="row")
    label = pl.DataFrame([(1, 0, None, date(2024, 2, 1))] * 2, schema=LABELS, orient="row")
    with pytest.raises(pl.exceptions.ComputeError):
        count(label, loan, UNTIL, RULE)
