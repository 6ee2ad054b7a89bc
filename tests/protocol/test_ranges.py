"""The hash of a range of days, by which those who read many partitions know whether any has changed."""

from __future__ import annotations

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from jobs.protocol.partitions import Ranges

days = st.dates(date(2015, 1, 1), date(2016, 12, 31))


@given(st.dictionaries(days, st.text("ab", min_size=1), min_size=2), days, st.integers(0, 500))
def test_a_range_s_hash_changes_with_any_day_of_it_and_with_no_other(
    contents: dict[date, str], first: date, length: int
) -> None:
    last = first + timedelta(days=length)
    whole = Ranges("t", contents).input(first, last)
    for day in contents:
        changed = Ranges("t", contents | {day: "other"}).input(first, last)
        assert (changed != whole) == (first.replace(day=1) <= day <= last)


@given(st.dictionaries(days, st.text("ab", min_size=1), min_size=2), st.lists(st.tuples(days, days), min_size=2))
def test_ranges_asked_for_together_are_those_asked_for_alone(
    contents: dict[date, str], asked: list[tuple[date, date]]
) -> None:
    together = Ranges("t", contents)
    for first, last in asked:
        assert together.input(first, last) == Ranges("t", contents).input(first, last)
