from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.replay.schedule import Chances, Fate, Landing, days

FIRST, LAST = date(2015, 12, 25), date(2016, 3, 31)


def test_the_jobs_tick_at_their_hours_in_utc_and_monitoring_on_sundays_alone() -> None:
    planned = {day.date: [(tick.job, tick.at.hour) for tick in day.ticks] for day in days(FIRST, LAST, Chances())}
    daily = [("preprocessing", 1), ("training_inference", 2)]
    assert planned[date(2016, 1, 2)] == daily
    assert planned[date(2016, 1, 3)] == [*daily, ("monitoring", 6)]
    assert len(planned) == (LAST - FIRST).days + 1


def test_a_change_to_summer_time_moves_nothing() -> None:
    around = [day for day in days(date(2016, 3, 12), date(2016, 3, 28), Chances()) if day.date.weekday() == 6]
    assert {str(tick.at.utcoffset()) for day in around for tick in day.ticks} == {"0:00:00"}
    assert [tick.at.hour for tick in around[-1].ticks] == [1, 2, 6]


def test_without_mishaps_every_tick_runs_once_and_every_file_is_on_time() -> None:
    for day in days(FIRST, LAST, Chances()):
        assert {tick.fate for tick in day.ticks} == {Fate.ONCE}
        assert day.landing is Landing.ON_TIME


@given(seed=st.integers(0, 2**32 - 1), missed=st.floats(0, 0.3), twice=st.floats(0, 0.3), kill=st.floats(0, 0.3))
def test_the_last_day_goes_as_planned_and_a_seed_always_gives_the_same(
    seed: int, missed: float, twice: float, kill: float
) -> None:
    chances = Chances(missed=missed, twice=twice, kill=kill, seed=seed)
    planned = list(days(FIRST, LAST, chances))
    assert planned == list(days(FIRST, LAST, chances))
    assert {tick.fate for tick in planned[-1].ticks} == {Fate.ONCE}
    assert planned[-1].landing is Landing.ON_TIME


def test_mishaps_come_about_as_often_as_they_are_asked_for() -> None:
    chances = Chances(missed=0.2, twice=0.1, kill=0.05, seed=3)
    fates = [tick.fate for day in days(date(2010, 1, 1), date(2018, 1, 1), chances) for tick in day.ticks]
    for fate, rate in ((Fate.MISSED, 0.2), (Fate.TWICE, 0.1), (Fate.KILLED, 0.05)):
        assert fates.count(fate) / len(fates) == pytest.approx(rate, rel=0.15)


def test_what_becomes_of_a_day_s_files_says_nothing_of_what_becomes_of_its_ticks() -> None:
    planned = days(date(2010, 1, 1), date(2014, 1, 1), Chances(missed=0.5, seed=7))
    found = {(day.landing, tick.job, tick.fate) for day in planned for tick in day.ticks}
    jobs, fates = {job for _, job, _ in found}, (Fate.ONCE, Fate.MISSED)
    assert found == {(landing, job, fate) for landing in Landing for job in jobs for fate in fates}


def test_a_longer_replay_begins_as_a_shorter_one() -> None:
    chances = Chances(missed=0.3, seed=5)
    short, long = list(days(FIRST, date(2016, 1, 31), chances)), list(days(FIRST, LAST, chances))
    assert long[: len(short) - 1] == short[:-1]
