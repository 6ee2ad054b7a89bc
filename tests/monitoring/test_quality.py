"""The ten rules at their limits, and two laws: worse data is never judged milder, and chance raises no alarm."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.monitoring import quality
from jobs.monitoring.quality import Day, Feature, Usual

RANK = {None: -1, "low": 0, "medium": 1, "high": 2, "critical": 3}


def feature(*days: Day, **changes: Any) -> Feature:
    known = {"shap_share": 0.1, "missing": 0.02, "rows": [10_000]}
    known |= {key: changes.pop(key) for key in known.keys() & changes}
    usual = {"name": "dti", "usual": Usual(18.0, 0.1, 0.1), "is_documented": False, "was_filled": True}
    return Feature(**{"known": known, "days": days, **usual, **changes})


def day(rows: int = 100, missing: int = 2, median: float | None = 18.0) -> Day:
    return Day(day="2016-02-03", rows=rows, missing=missing, median=median)


def severity(rule: str, found: Iterable[dict[str, Any]]) -> str | None:
    return next((each["severity"] for each in quality.worst_first(found) if each["rule"] == rule), None)


@pytest.mark.parametrize(
    ("rule", "limits"),
    [
        ("DQ-2", {10: "low", 100: "medium", 500: "critical"}),
        ("DQ-3", {10: "low", 100: "medium", 1000: "high"}),
        ("DQ-4", {10: "low", 200: "high", 1000: "critical"}),
        ("DQ-8", {1: "medium", 100: "critical"}),
        ("DQ-9", {100: "medium", 500: "high"}),
    ],
)
def test_a_share_of_ten_thousand_rows_has_the_severity_of_the_limit_it_passes(
    rule: str, limits: dict[int, str]
) -> None:
    before = None
    for hits, beyond in limits.items():
        found = [severity(rule, quality.share(rule, "x", n, 10_000)) for n in (hits, hits + 1)]
        assert found == [before, beyond]
        before = beyond


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        *[(100, None), (50, None), (49, "medium"), (0, "critical")],
        *[(200, None), (201, "medium"), (500, "medium"), (501, "critical")],
    ],
)
def test_a_day_s_volume_is_held_against_the_same_weekdays_before(rows: int, expected: str | None) -> None:
    assert severity("DQ-5", quality.volume("financial", "2016-02-04", rows, (100, 100, 100, 100))) == expected
    assert severity("DQ-5", quality.volume("financial", "2016-02-04", rows, ())) is None


def test_half_the_rows_of_a_small_day_are_chance() -> None:
    assert severity("DQ-5", quality.volume("t", "d", 3, (8, 8, 8, 8))) is None


@pytest.mark.parametrize(("days", "expected"), [(7, None), (6, "high"), (5, "high"), (4, "critical"), (0, "critical")])
def test_missing_days_are_high_and_more_than_two_critical(days: int, expected: str | None) -> None:
    assert severity("DQ-6", quality.absence("t", 7, days)) == expected


@pytest.mark.parametrize(
    ("missing", "before", "top", "expected"),
    [
        (20, 0.02, True, None),
        (30, 0.02, True, None),
        (60, 0.02, True, "low"),
        (121, 0.02, True, "medium"),
        (280, 0.02, True, "high"),
        (280, 0.02, False, "medium"),
        (375, 0.25, True, None),
        (376, 0.25, True, "medium"),
        (100, 0.0, True, "low"),
        (101, 0.0, True, "medium"),
        (250, 0.0, True, "medium"),
        (251, 0.0, True, "high"),
    ],
)
def test_a_missing_rate_is_graded_by_its_rise_and_by_the_weight_of_the_feature(
    missing: int, before: float, top: bool, expected: str | None
) -> None:
    heavier = [feature(day(), name=f"f{n}", shap_share=0.2) for n in range(0 if top else 5)]
    found = quality.missing_rates([feature(day(1000, missing), missing=before), *heavier])
    assert severity("DQ-1", found) == expected


@pytest.mark.parametrize(
    ("before", "missing", "expected"),
    [
        pytest.param(0.0, 100, None, id="exactly-a-point-more"),
        pytest.param(0.0, 101, "low", id="over-a-point-more"),
        pytest.param(0.04, 600, None, id="exactly-half-as-much-again"),
        pytest.param(0.04, 601, "low", id="over-half-as-much-again"),
        pytest.param(0.0, 1000, "low", id="exactly-ten-points-more"),
        pytest.param(0.0, 1001, "medium", id="over-ten-points-more"),
        pytest.param(0.0, 2500, "medium", id="exactly-a-quarter-more"),
        pytest.param(0.0, 2501, "high", id="over-a-quarter-more"),
    ],
)
@pytest.mark.parametrize("heavier", [4, 5])
def test_missing_rates_are_graded_beyond_their_bounds_and_five_features_are_the_top(
    before: float, missing: int, heavier: int, expected: str | None
) -> None:
    others = [feature(day(), name=f"f{n}", shap_share=0.2) for n in range(heavier)]
    found = severity("DQ-1", quality.missing_rates([feature(day(10_000, missing), missing=before), *others]))
    assert found == ("medium" if expected == "high" and heavier == quality.TOP else expected)


@pytest.mark.parametrize(("missing", "expected"), [(10, None), (11, "medium")], ids=["p-0.029", "p-0.009"])
def test_a_missing_rate_counts_from_one_in_a_hundred_on(missing: int, expected: str | None) -> None:
    known = feature(day(40, missing), missing=0.13, rows=[1000])
    assert severity("DQ-1", quality.missing_rates([known])) == expected


@pytest.mark.parametrize(("missing", "expected"), [(50, "critical"), (51, None)])
def test_a_feature_begins_to_be_told_where_half_of_a_day_is_filled(missing: int, expected: str | None) -> None:
    assert severity("DQ-7", quality.silence(feature(day(100, missing), missing=0.99))) == expected


def test_a_rise_that_chance_explains_is_no_finding() -> None:
    assert severity("DQ-1", quality.missing_rates([feature(day(20, 5), missing=0.1)])) is None
    assert severity("DQ-1", quality.missing_rates([feature(day(200, 50), missing=0.1)])) == "medium"


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, "critical"),
        ({"shap_share": 0.0}, "medium"),
        ({"was_filled": False}, "high"),
        ({"missing": 0.95}, None),
    ],
    ids=["used", "unused", "for a month already", "it seldom was filled"],
)
def test_a_used_feature_that_falls_silent_for_a_day_is_critical(changed: dict[str, Any], expected: str | None) -> None:
    assert severity("DQ-7", quality.silence(feature(day(), day(100, 100, None), **changed))) == expected


@pytest.mark.parametrize(("rows", "expected"), [(0, None), (8, None), (100, "critical")])
def test_a_feature_that_is_often_missing_is_silent_on_a_small_day_by_chance(rows: int, expected: str | None) -> None:
    assert severity("DQ-7", quality.silence(feature(day(rows, rows, None), missing=0.85))) == expected


@pytest.mark.parametrize(
    ("changed", "expected"),
    [({"is_documented": True}, "low"), ({}, "critical"), ({"shap_share": 0.0}, "medium")],
    ids=str,
)
def test_a_documented_wave_of_columns_is_noted_and_blocks_nothing(changed: dict[str, Any], expected: str) -> None:
    assert severity("DQ-7", quality.silence(feature(day(), missing=1.0, **changed))) == expected


@pytest.mark.parametrize(
    ("what", "documented", "used", "expected"),
    [
        ("absent", False, True, "critical"),
        ("absent", False, False, "medium"),
        ("new", True, True, "low"),
        ("new", False, True, "critical"),
        ("unknown", False, False, "low"),
    ],
)
def test_a_landed_column_that_comes_or_goes(what: str, documented: bool, used: bool, expected: str) -> None:
    assert severity("DQ-7", [quality.column("mort_acc", what, is_documented=documented, is_used=used)]) == expected


@pytest.mark.parametrize(
    ("median", "rows", "expected"),
    [
        (0.18, 100, "critical"),
        (0.89, 100, "critical"),
        (0.9, 100, None),
        (0.0, 100, "critical"),
        (361.0, 100, "critical"),
        (360.0, 100, None),
        (0.18, 8, None),
    ],
)
def test_another_unit_shows_in_a_day_s_median_unless_the_day_has_too_few_rows(
    median: float, rows: int, expected: str | None
) -> None:
    assert severity("DQ-10", quality.unit(feature(day(), day(rows, 0, median)))) == expected


def test_of_one_rule_and_subject_the_worst_is_told_and_the_worst_of_all_comes_first() -> None:
    found = [
        each for name, hits in (("a", 2), ("b", 30), ("a", 300)) for each in quality.share("DQ-4", name, hits, 1000)
    ]
    assert [(each["subject"], each["severity"], each["value"]) for each in quality.worst_first(found)] == [
        ("a", "critical", 0.3),
        ("b", "high", 0.03),
    ]


def test_findings_as_grave_stand_in_the_order_of_their_rules_and_then_of_their_subjects() -> None:
    found = [
        *quality.absence("t", 7, 6),
        *quality.share("DQ-3", "y", 200, 1000),
        *quality.share("DQ-3", "x", 200, 1000),
    ]
    found += [*quality.unit(feature(day(100, 0, 0.18))), *quality.absence("u", 7, 0)]
    named = [(each["severity"], each["rule"], each["subject"]) for each in quality.worst_first(found)]
    assert named[:2] == [("critical", "DQ-6", "u"), ("critical", "DQ-10", "dti")]
    assert named[2:] == [("high", "DQ-3", "x"), ("high", "DQ-3", "y"), ("high", "DQ-6", "t")]


COUNTS = st.integers(0, 400)


@given(rule=st.sampled_from(sorted(quality.SHARES)), n=st.integers(1, 400), hits=COUNTS, more=COUNTS)
def test_more_hits_are_never_milder(rule: str, n: int, hits: int, more: int) -> None:
    few, many = (severity(rule, quality.share(rule, "x", min(n, each), n)) for each in (hits, hits + more))
    assert RANK[few] <= RANK[many]


@given(before=st.lists(COUNTS, min_size=1, max_size=4), rows=COUNTS, further=COUNTS)
def test_a_volume_farther_from_the_usual_is_never_milder(before: list[int], rows: int, further: int) -> None:
    usual = float(np.median(before))
    beyond = max(0, rows - further) if rows < usual else rows + further
    near, far = (severity("DQ-5", quality.volume("t", "d", each, before)) for each in (rows, beyond))
    assert RANK[near] <= RANK[far]


@given(
    rows=st.integers(1, 400),
    missing=COUNTS,
    more=COUNTS,
    reference=st.floats(0, 0.98),
    others=st.lists(st.integers(0, 100), max_size=4),
)
def test_more_missing_values_are_never_milder(
    rows: int, missing: int, more: int, reference: float, others: list[int]
) -> None:
    family = [feature(day(100, each), name=f"f{each}") for each in others]
    few, many = (feature(day(rows, min(rows, each)), name="x", missing=reference) for each in (missing, missing + more))
    for rule, found in (("DQ-1", lambda one: quality.missing_rates([*family, one])), ("DQ-7", quality.silence)):
        assert RANK[severity(rule, found(few))] <= RANK[severity(rule, found(many))]


@given(median=st.floats(0, 18), lower=st.floats(0, 1), rows=st.integers(1, 60))
def test_a_median_farther_off_is_never_milder(median: float, lower: float, rows: int) -> None:
    near, far = (severity("DQ-10", quality.unit(feature(day(rows, 0, each)))) for each in (median, median * lower))
    assert RANK[near] <= RANK[far]


def test_weeks_without_drift_raise_nothing_above_low_for_missing_values() -> None:
    """Of 1,000 weeks of 200 applications and 40 features, one may."""
    generator = np.random.default_rng(7)
    rates = np.linspace(0, 0.95, 40)
    known = generator.binomial(5_000, rates) / 5_000
    alarms = 0
    for missing in generator.binomial(200, rates, size=(1_000, 40)):
        family = tuple(
            feature(day(200, int(count)), name=f"f{n}", missing=float(known[n]), rows=[5_000])
            for n, count in enumerate(missing)
        )
        alarms += severity("DQ-1", quality.missing_rates(family)) not in (None, "low")
    assert alarms <= 1
