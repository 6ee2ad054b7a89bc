"""What a finding of data quality tells beside its severity: value, limit, rows, p, and a sentence."""

from __future__ import annotations

from typing import Any

import pytest

from jobs.monitoring import quality_rules
from tests.monitoring.fed_days import day, feature, severity

NAMES = ("value", "threshold", "n", "sentence")
BEFORE = (100, 100, 100, 100)
UNIT = "its unit may have changed."
FOUND = [
    (
        quality_rules.missing_rates([feature(day(600, 20), day(400, 40))]),
        ("DQ-1", "dti", 0.06, 0.03, 1000, "6.0% of dti are missing, 2.0% in the reference."),
    ),
    (
        quality_rules.missing_rates([feature(day(1000, 121))]),
        ("DQ-1", "dti", 0.121, 0.12, 1000, "12.1% of dti are missing, 2.0% in the reference."),
    ),
    (
        quality_rules.missing_rates([feature(day(1000, 280))]),
        ("DQ-1", "dti", 0.28, 0.27, 1000, "28.0% of dti are missing, 2.0% in the reference."),
    ),
    (
        quality_rules.share("DQ-8", "x", 101, 10_000),
        (
            *("DQ-8", "x", 0.0101, 0.01, 10_000),
            "x: 101 of 10000 rows are there twice, or lack their partner (1.01%, the limit is 1.00%).",
        ),
    ),
    (
        quality_rules.volume("t", "Monday", 49, BEFORE),
        ("DQ-5", "t", 0.49, 0.5, 49, "t has 49 rows on Monday, 0.49 times what that weekday had before."),
    ),
    (
        quality_rules.volume("t", "Monday", 201, BEFORE),
        ("DQ-5", "t", 2.01, 2.0, 201, "t has 201 rows on Monday, 2.01 times what that weekday had before."),
    ),
    (
        quality_rules.volume("t", "Monday", 501, BEFORE),
        ("DQ-5", "t", 5.01, 5.0, 501, "t has 501 rows on Monday, 5.01 times what that weekday had before."),
    ),
    (quality_rules.absence("t", 7, 6), ("DQ-6", "t", 1, 0, 7, "t has nothing for 1 of 7 days.")),
    (quality_rules.absence("t", 7, 4), ("DQ-6", "t", 3, 2, 7, "t has nothing for 3 of 7 days.")),
    (
        [quality_rules.column("c", "new", is_documented=False, is_used=True)],
        ("DQ-7", "c", 1, 0, 1, "c has begun to land."),
    ),
    (
        quality_rules.silence(feature(day(100, 99))),
        ("DQ-7", "dti", 0.99, 0.99, 100, "dti is missing on 2016-02-03; 2.0% were in the reference."),
    ),
    (
        quality_rules.silence(feature(day(100, 40), missing=1.0)),
        ("DQ-7", "dti", 0.4, 0.5, 100, "dti is filled on 2016-02-03, as it never was in the reference."),
    ),
    (
        quality_rules.unit(feature(day(100, 10, 0.18))),
        (
            *("DQ-10", "dti", 0.01, 0.05, 90),
            f"The median of dti on 2016-02-03 is below the reference's by a factor of more than 20: {UNIT}",
        ),
    ),
    (
        quality_rules.unit(feature(day(100, 10, 1800.0))),
        (
            *("DQ-10", "dti", 100.0, 20.0, 90),
            f"The median of dti on 2016-02-03 is above the reference's by a factor of more than 20: {UNIT}",
        ),
    ),
]


@pytest.mark.parametrize(("found", "told"), FOUND, ids=lambda it: it[0] if isinstance(it, tuple) else " ")
def test_a_finding_tells_its_numbers_and_a_sentence(found: Any, told: tuple[Any, ...]) -> None:
    (one,) = found
    assert (one["rule"], one["subject"], *(one[name] for name in NAMES)) == (
        *told[:2],
        *(pytest.approx(number) for number in told[2:4]),
        *told[4:],
    )
    by_chance = {"DQ-1": 1e-2, "DQ-5": 1e-3, "DQ-10": 1e-4}.get(one["rule"])  # others have nothing to do with chance
    assert (one["p"] is None) if by_chance is None else (0 <= one["p"] <= by_chance)


@pytest.mark.parametrize(
    ("missing", "before", "expected"),
    [
        *[(98, 0.02, None), (99, 0.02, "critical"), (100, 0.9, "critical"), (100, 0.91, None)],
        *[(51, 1.0, None), (50, 1.0, "critical"), (50, 0.99, "critical"), (50, 0.98, None)],
    ],
)
def test_a_day_is_silent_or_filled_from_its_bounds_on(missing: int, before: float, expected: str | None) -> None:
    assert severity("DQ-7", quality_rules.silence(feature(day(100, missing), missing=before))) == expected
