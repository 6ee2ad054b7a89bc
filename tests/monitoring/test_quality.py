"""The facts of a week on a small simulated lender: a clean feed, and one with a fault for every rule."""

from __future__ import annotations

import json
import shutil
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import polars as pl
import pytest

from jobs.measures import bins
from jobs.monitoring import quality
from jobs.protocol import contract
from jobs.protocol.files import Root
from jobs.protocol.index import Index
from jobs.protocol.layers import FEATURES, SOURCES
from jobs.protocol.shelf import Shelf
from tests.built_once import scratch
from tests.monitoring.fed_lenders import FIRST, SUNDAY, WEEK, clean, dirty, sick

if TYPE_CHECKING:
    from jobs.monitoring.quality import Manifests


@cache
def reference() -> dict[str, Any]:
    """The profile of a model that learned from the two weeks before, and uses all its features alike."""
    shelf = opened(clean())
    rows = shelf.scan("gold/feature_store", [day for day in shelf.built("gold/feature_store") if day < SUNDAY])
    names = [column.name for column in contract.load("gold/feature_store").columns if column.profiles]
    frame = rows.select(names).collect()
    frozen = bins.freeze(frame, names)
    counted = bins.count(frame, frozen)
    features = {
        name: {
            "bins": bins.to_json(frozen[name]),
            "rows": list(counted[name].rows),
            "missing": counted[name].part(bins.MISSING) / frame.height,
            "shap_share": 1 / len(names),
        }
        for name in names
    }
    return {"features": features}


def opened(root: Path) -> Shelf:
    return Shelf(root=Root(root), index=Index(Root(root), "monitoring"))


def days_of(shelf: Shelf, week: date) -> tuple[list[date], list[dict[str, Any]]]:
    """The days of a week on which features were built, and what is asked of each."""
    days = [day for day in shelf.built(FEATURES) if timedelta(0) <= week - day < timedelta(days=7)]
    if not days:
        return [], []
    return days, quality.daily(shelf.scan(FEATURES, days).collect(), reference()["features"])


@cache
def found(root: Path, week: date = WEEK) -> dict[tuple[str, str], str]:
    shelf = opened(root)
    section = quality.section(shelf, week, reference(), days_of(shelf, week)[1])
    json.dumps(section, allow_nan=False)
    return {(each["rule"], each["subject"]): each["severity"] for each in section["findings"]}


@pytest.mark.parametrize("week", [WEEK, WEEK - timedelta(weeks=1), WEEK - timedelta(weeks=2)], ids=str)
def test_a_clean_feed_has_no_finding_above_low(week: date) -> None:
    assert set(found(clean(), week).values()) <= {"low"}


@pytest.mark.parametrize(
    ("rule", "subject", "severity"),
    [
        ("DQ-2", "open_acc", "critical"),
        ("DQ-3", "purpose", "medium"),
        ("DQ-3", "purpose_grp", "medium"),
        ("DQ-4", "int_rate", "high"),
        ("DQ-5", "demographic", "medium"),
        ("DQ-6", "financial", "high"),
        ("DQ-7", "mort_acc", "critical"),
        ("DQ-7", "loan_terms.novelty", "low"),
        ("DQ-8", "demographic", "critical"),
        ("DQ-9", "annuity_identity", "high"),
        ("DQ-9", "application_date", "high"),
        ("DQ-10", "revol_util", "critical"),
    ],
)
def test_each_fault_is_found_by_its_rule(rule: str, subject: str, severity: str) -> None:
    assert found(sick()).get((rule, subject)) == severity


def test_features_are_held_against_the_profile_of_the_model() -> None:
    shelf, known = opened(clean()), reference()["features"]
    often = next(name for name, one in known.items() if 0.2 < one["missing"] < 0.8)
    learned = known | {often: known[often] | {"missing": 0.0}, "income_log": known["income_log"] | {"missing": 1.0}}
    section = quality.section(shelf, WEEK, {"features": learned}, days_of(shelf, WEEK)[1])
    named = {(each["rule"], each["subject"]) for each in section["findings"]}
    assert {("DQ-1", often), ("DQ-7", "income_log")} <= named


@pytest.mark.parametrize("week", [WEEK, FIRST + timedelta(days=6)], ids=["filled-before", "no-week-before"])
def test_a_feature_that_the_store_has_no_more_is_silent(week: date) -> None:
    shelf, learned = opened(clean()), reference()["features"]
    rows = shelf.scan(FEATURES, days_of(shelf, week)[0]).collect().drop("dti")
    section = quality.section(shelf, week, reference(), quality.daily(rows, learned))
    named = {(each["rule"], each["subject"]): each["severity"] for each in section["findings"]}
    assert named["DQ-7", "dti"] == "critical"


@pytest.mark.parametrize(
    ("edges", "rows", "expected"),
    [
        ((1.0, 10.0, 20.0, 250.0), (2, 3, 3, 1, 1), (10.0, 0.2, 0.2)),
        ((1.0, 10.0, 20.0, 199.0, 250.0), (2, 3, 3, 1, 0, 1), (10.0, 0.2, 0.1)),
        ((1.0, 10.0), (4, 5, 1), (10.0, 0.4, 0.1)),
        ((1.0, 10.0), (1, 1, 3), None),  # above all edges
        ((-5.0, 0.0, 5.0), (1, 6, 1, 1), None),  # no factor leads to it
        ((1.0, 10.0), (0, 0, 0), None),
    ],
)
def test_what_is_usual_is_the_median_of_the_reference_and_what_lies_far_from_it(
    edges: tuple[float, ...], rows: tuple[int, ...], expected: tuple[float, ...] | None
) -> None:
    described = {"bins": bins.to_json(bins.NumericBins(edges)), "rows": [*rows, 1_000]}  # the last are missing
    found = quality._usual(described)
    assert found == (None if expected is None else pytest.approx(expected))


def test_a_day_s_volume_is_held_against_the_median_of_four_weeks() -> None:
    rows = {WEEK: 301} | {WEEK - timedelta(weeks=n): count for n, count in enumerate((100, 100, 200, 200, 900), 1)}
    built = {day: SimpleNamespace(rows=count) for day, count in rows.items()}
    found = list(quality._volumes(cast("Shelf", SimpleNamespace(built=lambda _: built)), [WEEK]))
    assert {each["subject"]: each["value"] for each in found} == dict.fromkeys(SOURCES, 301 / 150)


def test_shares_are_of_the_rows_that_a_rule_looked_at_and_rows_without_their_loan_are_lost_too() -> None:
    counted = {
        "loan_terms": {"rows.in": 100, "rule.annuity_identity.checked": 10, "rule.annuity_identity.failed": 1},
        FEATURES: {"applications": 100, "without_financial": 2, "unmatched_financial": 3, "of_other_days": 4},
    }
    manifests = {name: [SimpleNamespace(counts=counted.get(name, {}), rows=0)] for name in (*SOURCES, FEATURES)}
    found = {(rule, of): share for rule, of, *share in quality.shares(cast("Manifests", manifests), [])}
    assert found["DQ-9", "annuity_identity"] == [1, 10]
    assert found["DQ-8", "financial"] == [5, 103]
    assert found["DQ-9", "application_date"] == [4, 100]


def test_nothing_is_found_that_is_not_wrong() -> None:
    subjects = {rule: {subject for each, subject in found(sick()) if each == rule} for rule, _ in found(sick())}
    assert subjects["DQ-5"] == {"demographic"}
    assert subjects["DQ-6"] == {"financial", "credit_history"}
    assert subjects["DQ-10"] == {"revol_util"}


def test_a_lender_s_first_week_lacks_no_days_before_its_first() -> None:
    assert not any(rule in ("DQ-5", "DQ-6") for rule, _ in found(clean(), FIRST + timedelta(days=3)))


def test_a_week_in_which_nothing_came_is_critical() -> None:
    late = found(clean(), WEEK + timedelta(weeks=1))
    assert {subject for (rule, subject), severity in late.items() if (rule, severity) == ("DQ-6", "critical")} == {
        *SOURCES
    }


def test_a_feed_that_begins_again_after_months_lacks_the_days_before() -> None:
    root, late = scratch(), WEEK + timedelta(weeks=8)
    shutil.copytree(clean(), root, dirs_exist_ok=True)
    for source in SOURCES:
        home = root / f"datamart/silver/{source}"
        shutil.copytree(home / f"snapshot_date={WEEK}", home / f"snapshot_date={late}")
    assert {subject for rule, subject in found(root, late) if rule == "DQ-6"} == {*SOURCES}


@pytest.mark.parametrize(
    ("kind", "rule", "table", "column"),
    [
        ("not_a_number", "DQ-4", "credit_history", "inq_last_6mths"),
        ("impossible_length", "DQ-4", "demographic", "emp_length"),
        ("unseen_level", "DQ-3", "demographic", "verification_status"),
        ("bad_zip_code", "DQ-2", "demographic", "zip_code"),
        ("impossible_term", "DQ-2", "loan_terms", "term"),
        ("more_open_than_total", "DQ-9", "financial", "open_within_all_accounts"),
    ],
)
def test_planted_dirt_is_counted_cell_by_cell(kind: str, rule: str, table: str, column: str) -> None:
    """Each spoiled cell counts once, but for those in rows that were refused whole."""
    root = dirty()
    planted = pl.read_parquet(root / "truth/dirt_*.parquet").filter(table=table, kind=kind).height
    shelf = opened(root)
    days, daily = days_of(shelf, WEEK)
    shares = quality.shares(quality.manifests(shelf, days), daily)
    counted = sum(hits for of, subject, hits, _ in shares if (of, subject) == (rule, column))
    assert planted / 2 < counted <= planted
