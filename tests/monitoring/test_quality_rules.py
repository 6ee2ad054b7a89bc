"""The ten rules at their limits."""

from __future__ import annotations

from typing import Any

import pytest

from jobs.monitoring import quality_rules
from tests.monitoring.fed_days import day, feature, severity


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
        found = [severity(rule, quality_rules.share(rule, "x", n, 10_000)) for n in (hits, hits + 1)]
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
    assert severity("DQ-5", quality_rules.volume("financial", "2016-02-04", rows, (100, 100, 100, 100))) == expected
    assert severity("DQ-5", quality_rules.volume("financial", "2016-02-04", rows, ())) is None


def test_half_the_rows_of_a_small_day_are_chance() -> None:
    assert severity("DQ-5", quality_rules.volume("t", "d", 3, (8, 8, 8, 8))) is None
    few = [severity("DQ-5", quality_rules.volume("t", "d", rows, (36, 36, 36, 36))) for rows in (17, 15)]
    assert few == [None, "medium"], "this day is one of five that a row could have come on"


@pytest.mark.parametrize(("days", "expected"), [(7, None), (6, "high"), (5, "high"), (4, "critical"), (0, "critical")])
def test_missing_days_are_high_and_more_than_two_critical(days: int, expected: str | None) -> None:
    assert severity("DQ-6", quality_rules.absence("t", 7, days)) == expected


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
    found = quality_rules.missing_rates([feature(day(1000, missing), missing=before), *heavier])
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
    found = severity("DQ-1", quality_rules.missing_rates([feature(day(10_000, missing), missing=before), *others]))
    assert found == ("medium" if expected == "high" and heavier == quality_rules.TOP else expected)


@pytest.mark.parametrize(("missing", "expected"), [(10, None), (11, "medium")], ids=["p-0.029", "p-0.009"])
def test_a_missing_rate_counts_from_one_in_a_hundred_on(missing: int, expected: str | None) -> None:
    known = feature(day(40, missing), missing=0.13, rows=[1000])
    assert severity("DQ-1", quality_rules.missing_rates([known])) == expected
    others = [feature(day(), name=f"f{n}") for n in range(9)]
    assert severity("DQ-1", quality_rules.missing_rates([known, *others])) is None, "one of ten may do so by chance"


def test_a_feature_without_rows_is_neither_missing_nor_silent_nor_filled() -> None:
    assert [*quality_rules.missing_rates([feature()])] == []
    assert [*quality_rules.silence(feature(day(0, 0, None), missing=1.0))] == []


def test_a_median_that_is_off_counts_from_so_many_rows_on_that_chance_does_not_move_half_of_them() -> None:
    found = [severity("DQ-10", quality_rules.unit(feature(day(rows, 0, 0.18)))) for rows in (12, 13)]
    assert found == [None, "critical"]


@pytest.mark.parametrize(("missing", "expected"), [(50, "critical"), (51, None)])
def test_a_feature_begins_to_be_told_where_half_of_a_day_is_filled(missing: int, expected: str | None) -> None:
    assert severity("DQ-7", quality_rules.silence(feature(day(100, missing), missing=0.99))) == expected


def test_a_rise_that_chance_explains_is_no_finding() -> None:
    assert severity("DQ-1", quality_rules.missing_rates([feature(day(20, 5), missing=0.1)])) is None
    assert severity("DQ-1", quality_rules.missing_rates([feature(day(200, 50), missing=0.1)])) == "medium"


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
    assert severity("DQ-7", quality_rules.silence(feature(day(), day(100, 100, None), **changed))) == expected


@pytest.mark.parametrize(("rows", "expected"), [(0, None), (8, None), (100, "critical")])
def test_a_feature_that_is_often_missing_is_silent_on_a_small_day_by_chance(rows: int, expected: str | None) -> None:
    assert severity("DQ-7", quality_rules.silence(feature(day(rows, rows, None), missing=0.85))) == expected


@pytest.mark.parametrize(
    ("changed", "expected"),
    [({"is_documented": True}, "low"), ({}, "critical"), ({"shap_share": 0.0}, "medium")],
    ids=str,
)
def test_a_documented_wave_of_columns_is_noted_and_blocks_nothing(changed: dict[str, Any], expected: str) -> None:
    assert severity("DQ-7", quality_rules.silence(feature(day(), missing=1.0, **changed))) == expected


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
    assert (
        severity("DQ-7", [quality_rules.column("mort_acc", what, is_documented=documented, is_used=used)]) == expected
    )


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
    assert severity("DQ-10", quality_rules.unit(feature(day(), day(rows, 0, median)))) == expected


def test_of_one_rule_and_subject_the_worst_is_told_and_the_worst_of_all_comes_first() -> None:
    found = [
        each
        for name, hits in (("a", 2), ("b", 30), ("a", 300))
        for each in quality_rules.share("DQ-4", name, hits, 1000)
    ]
    assert [(each["subject"], each["severity"], each["value"]) for each in quality_rules.worst_first(found)] == [
        ("a", "critical", 0.3),
        ("b", "high", 0.03),
    ]


def test_findings_as_grave_stand_in_the_order_of_their_rules_and_then_of_their_subjects() -> None:
    found = [
        *quality_rules.absence("t", 7, 6),
        *quality_rules.share("DQ-3", "y", 200, 1000),
        *quality_rules.share("DQ-3", "x", 200, 1000),
    ]
    found += [*quality_rules.unit(feature(day(100, 0, 0.18))), *quality_rules.absence("u", 7, 0)]
    named = [(each["severity"], each["rule"], each["subject"]) for each in quality_rules.worst_first(found)]
    assert named[:2] == [("critical", "DQ-6", "u"), ("critical", "DQ-10", "dti")]
    assert named[2:] == [("high", "DQ-3", "x"), ("high", "DQ-3", "y"), ("high", "DQ-6", "t")]
