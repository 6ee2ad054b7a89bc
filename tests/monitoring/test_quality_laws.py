"""Two laws of the ten rules: worse data is never judged milder, and chance raises no alarm."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from jobs.monitoring import quality_bounds, quality_rules
from tests.monitoring.fed_days import day, feature, severity

RANK = {None: -1, "low": 0, "medium": 1, "high": 2, "critical": 3}
COUNTS = st.integers(0, 400)


@given(rule=st.sampled_from(sorted(quality_bounds.SHARES)), n=st.integers(1, 400), hits=COUNTS, more=COUNTS)
def test_more_hits_are_never_milder(rule: str, n: int, hits: int, more: int) -> None:
    few, many = (severity(rule, quality_rules.share(rule, "x", min(n, each), n)) for each in (hits, hits + more))
    assert RANK[few] <= RANK[many]


@given(before=st.lists(COUNTS, min_size=1, max_size=4), rows=COUNTS, further=COUNTS)
def test_a_volume_farther_from_the_usual_is_never_milder(before: list[int], rows: int, further: int) -> None:
    usual = float(np.median(before))
    beyond = max(0, rows - further) if rows < usual else rows + further
    near, far = (severity("DQ-5", quality_rules.volume("t", "d", each, before)) for each in (rows, beyond))
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
    for rule, found in (
        ("DQ-1", lambda one: quality_rules.missing_rates([*family, one])),
        ("DQ-7", quality_rules.silence),
    ):
        assert RANK[severity(rule, found(few))] <= RANK[severity(rule, found(many))]


@given(median=st.floats(0, 18), lower=st.floats(0, 1), rows=st.integers(1, 60))
def test_a_median_farther_off_is_never_milder(median: float, lower: float, rows: int) -> None:
    near, far = (
        severity("DQ-10", quality_rules.unit(feature(day(rows, 0, each)))) for each in (median, median * lower)
    )
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
        alarms += severity("DQ-1", quality_rules.missing_rates(family)) not in (None, "low")
    assert alarms <= 1
