"""What a scenario changes, from which day on, and that it changes nothing else."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import pytest

from jobs.simulate.settings import NEW_LEVEL, SCENARIOS, Shift
from tests.built_once import scratch
from tests.simulate.simulated import TABLES, fingerprints, landed, run, settings, truth

if TYPE_CHECKING:
    from collections.abc import Mapping

C = pl.col
FIRST, LAST = "2018-02-10", "2018-04-03"
SINCE = date(2018, 3, 15)  # in the middle of a month
OTHER_RISK, OTHER_PEOPLE = ("concept", "base-rate"), ("covariate", "covariate-large")


@cache
def simulated(*names: str) -> Path:
    root = scratch()
    asked = [part for name in names for part in ("--scenario", f"{name}@{SINCE}")]
    assert run(root, FIRST, LAST, *asked, "--dirt", "0.01", loans=60) == 0
    return root


def before_and_after(names: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """Files by their date, which stands in their names."""
    dates = {name: date(*(int(part) for part in name.partition(".")[0].split("_")[-3:])) for name in names}
    early = {name: digest for name, digest in names.items() if dates[name] < SINCE}
    return early, {name: digest for name, digest in names.items() if name not in early}


def opened(table: str, *names: str) -> pl.DataFrame:
    """Applications that landed from the date on, by id, without their file's place; unspoiled cells only matter."""
    rows = landed(simulated(*names), table).filter(C("date") >= SINCE).drop("row", "date")
    ids = truth(simulated(*names)).filter(C("application_date") >= SINCE).select(C("id").cast(pl.String))
    return rows.join(ids, on="id", how="semi").unique("id", keep="first").sort("id")


@pytest.mark.parametrize("name", [*SCENARIOS, "covariate, new-level"])
def test_files_of_earlier_dates_are_those_of_a_plain_simulation(name: str) -> None:
    plain, shifted = (
        before_and_after(fingerprints(simulated(*names))) for names in ((), tuple(name.replace(",", "").split()))
    )
    assert shifted[0] == plain[0]
    assert shifted[1] != plain[1]


@pytest.mark.parametrize("name", [*OTHER_PEOPLE, *OTHER_RISK])
def test_loans_of_before_have_the_fates_they_would_have_had(name: str) -> None:
    plain, shifted = (truth(simulated(*names)).filter(C("application_date") < SINCE) for names in ((), (name,)))
    earlier = plain.filter(C("application_date") < date(2018, 3, 14))  # the 14th lands on the 15th
    assert shifted.filter(C("application_date") < date(2018, 3, 14)).equals(earlier)
    old = earlier.select(C("id").cast(pl.String))
    rows = [landed(simulated(*names), "loan_terms").join(old, on="id", how="semi") for names in ((), (name,))]
    assert rows[0].filter(C("date") >= SINCE).height > 30  # their servicing goes on
    clean = ["id", "date", "loan_status", "last_pymnt_amnt", "total_rec_int"]
    assert rows[0].select(clean).sort(clean).equals(rows[1].select(clean).sort(clean))


@pytest.mark.parametrize("name", OTHER_RISK)
def test_another_risk_leaves_every_application_as_it_was(name: str) -> None:
    for table in TABLES:
        known = {"id", "member_id", "issue_d", "int_rate", "loan_amnt", "fico_range_low", "dti", "annual_inc"}
        columns = sorted(known & set(opened(table).columns))
        assert opened(table, name).select(columns).equals(opened(table).select(columns))


def test_a_higher_base_rate_keeps_the_ranking_and_a_concept_flattens_it() -> None:
    frames = {name: truth(simulated(*name)).filter(C("application_date") >= SINCE) for name in ((), *zip(OTHER_RISK))}
    plain = frames[()]["true_pd"]
    base_rate, concept = frames[("base-rate",)]["true_pd"], frames[("concept",)]["true_pd"]
    odds = (base_rate / (1 - base_rate)) / (plain / (1 - plain))
    assert odds.max() == pytest.approx(odds.min())
    assert base_rate.mean() / plain.mean() == pytest.approx(1.2, abs=0.02)  # type: ignore[operator]
    assert concept.mean() / plain.mean() == pytest.approx(1, abs=0.03)  # type: ignore[operator]
    assert concept.std() < 0.5 * plain.std()  # type: ignore[operator]


def test_other_people_have_the_risk_that_people_like_them_always_had() -> None:
    """Weaker files, more defaults; the same function of the file: its numbers in the market are untouched."""
    of_risk = {"risk_level", "risk_slope", "lender_noise"}
    means = []
    for names in ((), *((name,) for name in OTHER_PEOPLE)):
        assert all(not of_risk & set(SCENARIOS[name].market) for name in names)
        fico = opened("credit_history", *names)["fico_range_low"].cast(pl.Float64, strict=False).mean()
        risk = truth(simulated(*names)).filter(C("application_date") >= SINCE)["true_pd"].mean()
        means.append((fico, risk))
    (fico, risk), (fico_1, risk_1), (fico_2, risk_2) = means
    assert fico - 33 < fico_1 < fico - 20  # type: ignore[operator]
    assert fico_2 < fico_1 - 4  # type: ignore[operator]
    assert risk_2 > risk_1 > 1.3 * risk  # type: ignore[operator]


def test_a_unit_shift_lasts_two_files() -> None:
    plain, shifted = (landed(simulated(*names), "financial") for names in ((), ("unit-shift",)))
    ratio = shifted["revol_util"].cast(pl.Float64, strict=False) / plain["revol_util"].cast(pl.Float64, strict=False)
    by_day = pl.DataFrame({"date": plain["date"], "ratio": ratio}).filter(C("ratio").is_finite()).group_by("date")
    shares = dict(by_day.agg(C("ratio").median()).iter_rows())
    assert {day for day, share in shares.items() if share < 0.5} == {SINCE, date(2018, 3, 16)}
    assert shares[SINCE] == pytest.approx(0.01)


def test_a_new_purpose_is_on_a_twelfth_of_the_applications_and_stays_theirs(tmp_path: Path) -> None:
    assert run(tmp_path, "2018-03-24", "2018-06-10", "--scenario", "new-level@2018-03-27", loans=60) == 0
    terms, new = landed(tmp_path, "loan_terms"), C("purpose") == NEW_LEVEL
    applied = truth(tmp_path).filter(C("application_date") >= date(2018, 3, 26))
    assert terms.filter(new)["id"].n_unique() / applied.height == pytest.approx(0.08, abs=0.025)
    by_loan = terms.group_by("id").agg(rows=pl.len(), named=new.sum())
    assert by_loan.filter(C("named") > 1).height > 2  # loans that landed again
    assert by_loan.filter(~((C("named") == 0) | (C("named") == C("rows")))).height == 0


def test_one_file_never_comes_and_landing_it_later_gives_the_plain_simulation(tmp_path: Path) -> None:
    asked = ("2018-03-14", "2018-03-17")
    assert run(tmp_path, *asked, "--scenario", f"missing-table@{SINCE}") == 0
    missing = fingerprints(tmp_path)
    assert run(tmp_path, *asked) == 0
    plain = fingerprints(tmp_path)
    financial = "datamart/landing/financial/financial_2018_03_15.csv"
    assert plain.keys() - missing.keys() == {financial, f"{financial}.sha256"}
    assert {name: plain[name] for name in missing} == missing


def test_scenarios_add_up() -> None:
    both = simulated("covariate", "base-rate")
    one = truth(simulated("covariate")).filter(C("application_date") >= SINCE)["true_pd"]
    two = truth(both).filter(C("application_date") >= SINCE)["true_pd"]
    assert ((two / (1 - two)) / (one / (1 - one))).min() == pytest.approx(2.718281828**0.21)


def test_a_scenario_may_be_asked_for_twice(tmp_path: Path) -> None:
    asked = ("--scenario", "new-level@2018-03-15", "--scenario", "new-level@2018-03-16")
    assert run(tmp_path, "2018-03-15", "2018-03-16", *asked) == 0
    assert landed(tmp_path, "loan_terms").filter(C("purpose") == NEW_LEVEL)["date"].n_unique() == 2


def test_on_each_date_those_scenarios_go_that_have_begun_and_last() -> None:
    shifts = (Shift("unit-shift", date(2018, 3, 10)), Shift("concept", date(2018, 3, 11)))
    asked = replace(settings("2018-03-01", "2018-04-01"), shifts=shifts)
    found = {day: asked.scenarios(date(2018, 3, day)) for day in (9, 10, 11, 12, 31)}
    unit, concept = SCENARIOS["unit-shift"], SCENARIOS["concept"]
    assert found == {9: [], 10: [unit], 11: [unit, concept], 12: [concept], 31: [concept]}


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("base_rate@2018-03-01", "there is no scenario 'base_rate'; there are covariate, covariate-large"),
        ("concept@2018-02-30", "'2018-02-30' is not a date like 2024-01-31"),
        ("concept@", "'' is not a date"),
    ],
)
def test_what_cannot_be_understood_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], asked: str, said: str
) -> None:
    assert run(tmp_path, FIRST, LAST, "--scenario", asked) == 2
    assert said in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_help_tells_every_scenario_in_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        run(Path(), FIRST, LAST, "--help")
    lines = capsys.readouterr().out.splitlines()
    for name, scenario in SCENARIOS.items():
        assert any(line.split() == [name, *scenario.sentence.split()] for line in lines)
