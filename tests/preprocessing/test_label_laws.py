"""Laws of the feed of labels, held against a life lived day by day."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from jobs.preprocessing.labels import judged, labels, window_start
from jobs.protocol.calendar import add_months
from tests.preprocessing.loan_histories import (
    BRISK,
    DAYS,
    FIRST,
    LAST,
    RULE,
    Row,
    Verdict,
    corrected_histories,
    day_by_day,
    frame,
    histories,
    known,
)


@given(rows=histories())
@settings(max_examples=60)
def test_labels_are_those_of_living_through_the_days(rows: list[Row]) -> None:
    found = known(rows, BRISK, FIRST, LAST)
    expected = day_by_day(rows, BRISK, FIRST, LAST)
    assert [
        (one["id"], one["label_version"], Verdict(one["y"], one["label_kind"], one["event_date"], one["known_date"]))
        for one in found
    ] == expected


@given(rows=histories() | corrected_histories(), cuts=st.sets(DAYS, max_size=6), data=st.data())
@settings(max_examples=60)
def test_days_may_be_asked_for_in_any_pieces_and_any_order(
    rows: list[Row], cuts: set[date], data: st.DataObject
) -> None:
    whole = labels(judged(frame(rows), BRISK), FIRST, LAST).collect()
    starts = sorted({FIRST, *cuts})
    pieces = [*zip(starts, [*(start - timedelta(1) for start in starts[1:]), LAST], strict=True)]
    parts = []
    for first, last in data.draw(st.permutations(pieces)):
        from_day = window_start(first, BRISK)
        read = [row for row in rows if from_day <= row.snapshot_date <= last]
        parts.append(labels(judged(frame(read), BRISK), first, last).collect())
    assert_frame_equal(pl.concat(parts).sort("id", "snapshot_date"), whole.sort("id", "snapshot_date"))


@given(rows=histories() | corrected_histories(), day=DAYS)
@settings(max_examples=60)
def test_a_day_alone_is_the_day_within_the_whole(rows: list[Row], day: date) -> None:
    read = [row for row in rows if window_start(day, BRISK) <= row.snapshot_date <= day]
    alone = labels(judged(frame(read), BRISK), day, day).collect()
    assert_frame_equal(
        alone, labels(judged(frame(rows), BRISK), FIRST, LAST).filter(pl.col("known_date") == day).collect()
    )


@given(rows=histories() | corrected_histories(), day=DAYS, poison=histories() | corrected_histories())
@settings(max_examples=60)
def test_nothing_that_lands_later_changes_what_was_known(rows: list[Row], day: date, poison: list[Row]) -> None:
    past = [row for row in rows if row.snapshot_date <= day]
    future = [row for row in poison if row.snapshot_date > day]
    expected = labels(judged(frame(past), BRISK), FIRST, day).collect()
    assert_frame_equal(labels(judged(frame(past + future), BRISK), FIRST, day).collect(), expected)
    assert_frame_equal(labels(judged(frame(rows), BRISK), FIRST, day).collect(), expected)


@given(rows=histories())
@settings(max_examples=60)
def test_versions_are_numbered_in_the_order_in_which_they_became_known(rows: list[Row]) -> None:
    found = labels(judged(frame(rows), BRISK), FIRST, LAST).collect()
    for loan in found.partition_by("id"):
        assert loan["label_version"].to_list() == list(range(1, len(loan) + 1))
        assert loan["known_date"].is_sorted()
        assert loan["known_date"].n_unique() == len(loan)
        told_now = loan.select("y", "label_kind", "event_date", "policy_exception").rows()
        assert all(now != before for before, now in pairwise(told_now))
    assert found.filter(pl.col("known_date") <= pl.col("application_date")).is_empty()
    assert found.filter(pl.col("known_date") > pl.col("mature_date") + pl.duration(days=BRISK.closing_days)).is_empty()
    assert found.filter((pl.col("y") == 1) != pl.col("event_date").is_not_null()).is_empty()


@given(rows=histories())
def test_news_after_the_label_is_final_is_counted_and_changes_nothing(rows: list[Row]) -> None:
    said, is_late = judged(frame(rows), BRISK), pl.col("snapshot_date") > pl.col("final_date")
    final = [add_months(row.application_date, 3) + timedelta(25) for row in rows]
    assert len(said.filter(is_late).collect()) == sum(
        row.snapshot_date > day for row, day in zip(rows, final, strict=True)
    )
    assert_frame_equal(labels(said.filter(~is_late), FIRST, LAST).collect(), labels(said, FIRST, LAST).collect())


@given(
    applied=st.dates(date(2007, 6, 1), date(2019, 1, 1)),
    window=st.sampled_from([3, 12, 18, 24, "term"]),
    wait=st.integers(0, 400),
    offset=st.integers(-3, 3),
)
def test_no_loan_older_than_the_window_can_still_get_a_label(
    applied: date, window: Any, wait: int, offset: int
) -> None:
    rule = replace(RULE, window_months=window, closing_days=wait)
    months = 65 if window == "term" else window
    final = add_months(applied, months) + timedelta(rule.lag_days + rule.closing_days)
    day = final + timedelta(offset)
    assert (applied >= window_start(day, rule)) or day > final
