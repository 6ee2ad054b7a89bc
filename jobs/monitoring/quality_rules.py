"""The rules of data quality, DQ-1 to DQ-10: from a week's counts (collected by `quality.section`) to findings. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from statistics import median
from typing import NamedTuple

from jobs.measures.calibration import chance_of_bads
from jobs.measures.measure import adjusted
from jobs.measures.proportions import share_change
from jobs.monitoring import quality_bounds as bounds
from jobs.monitoring.terms import rank
from jobs.protocol.strict_json import Json

MISSING_P, TOP = 0.01, 5
ALL_MISSING, OFTEN_THERE = 0.99, 0.9  # "all missing"; a feature missing more often than the second may be so by chance
UNIT_FACTOR = 20.0  # only a change of unit moves a median by so much in a day
VOLUME_P, DAY_P = 1e-3, 1e-4  # a week tests some 28 volumes and 800 daily medians: chance should cause no finding
COLUMNS = {"absent": "no longer lands", "new": "has begun to land", "unknown": "lands, and no contract knows it"}


class Day(NamedTuple):
    """A feature on one day."""

    day: str
    rows: int
    missing: int
    median: float | None


class Usual(NamedTuple):
    """The (positive) median of a reference, and upper bounds of the shares of values UNIT_FACTOR below and above it."""

    median: float
    low_share: float
    high_share: float


class Feature(NamedTuple):
    """A feature of the model, day by day, and its description in the model's reference."""

    name: str
    known: Json
    usual: Usual | None
    is_documented: bool  # its contract announces that it is filled by now
    was_filled: bool  # on some day of the four weeks before the week
    days: tuple[Day, ...]


def worst_first(found: Iterable[Json]) -> list[Json]:
    """The worst finding of each rule and subject, worst first."""
    worst: dict[tuple[str, str], Json] = {}
    for one in sorted(found, key=lambda one: (-rank(one["severity"]), int(one["rule"][3:]), one["subject"])):
        worst.setdefault((one["rule"], one["subject"]), one)
    return [*worst.values()]


def missing_rates(features: Sequence[Feature]) -> Iterator[Json]:
    """DQ-1: a feature is missing more often than in the reference. The p-values are adjusted for multiple testing."""
    top = {feature.name for feature in sorted(features, key=lambda each: -each.known["shap_share"])[:TOP]}
    counted = [(each, sum(day.rows for day in each.days), sum(day.missing for day in each.days)) for each in features]
    seen = [(feature, rows, missing) for feature, rows, missing in counted if rows]
    changes = [
        share_change(round(each.known["missing"] * (learned := sum(each.known["rows"]))), learned, missing, rows)
        for each, rows, missing in seen
    ]
    family = adjusted([1.0 if change.p is None else change.p for change in changes])
    for (feature, rows, missing), p in zip(seen, family, strict=True):
        rate, before = missing / rows, feature.known["missing"]
        rise, least = rate - before, max(bounds.LEAST_RISE, bounds.RELATIVE_RISE * before)
        if rise > least and p < MISSING_P:
            high = rise > bounds.MOST_RISE and feature.name in top
            severity = "high" if high else "medium" if rise > bounds.MUCH_RISE else "low"
            limit = bounds.MOST_RISE if high else bounds.MUCH_RISE if severity == "medium" else least
            said = f"{rate:.1%} of {feature.name} are missing, {before:.1%} in the reference."
            yield _finding("DQ-1", feature.name, severity, (rate, before + limit, rows, p), said)


def share(rule: str, subject: str, hits: int, n: int) -> Iterator[Json]:
    """DQ-2, 3, 4, 8 and 9: `hits` of the `n` rows that were checked break the rule."""
    rate = hits / n if n else 0.0
    what, limits = bounds.SHARES[rule]
    passed = [limit for limit in limits if rate > limit[0]]
    if passed:
        limit, severity = passed[-1]
        said = f"{subject}: {hits} of {n} rows {what} ({rate:.2%}, the limit is {limit:.2%})."
        yield _finding(rule, subject, severity, (rate, limit, n, None), said)


def volume(table: str, day: str, rows: int, before: Sequence[int]) -> Iterator[Json]:
    """DQ-5: unusually few or many rows for that weekday. Chance is no finding: small lenders have such days."""
    usual = median(before) if before else 0
    if not usual:
        return
    ratio = rows / usual
    total, part = rows + sum(before), 1 / (1 + len(before))
    few = ratio < 1
    p = chance_of_bads(total, total - rows, 1 - part) if few else chance_of_bads(total, rows, part)
    if not bounds.HALF <= ratio <= bounds.TWICE and p <= VOLUME_P:
        critical = rows == 0 or ratio > bounds.FIVEFOLD
        limit = bounds.HALF if few else bounds.FIVEFOLD if critical else bounds.TWICE
        said = f"{table} has {rows} rows on {day}, {ratio:.2f} times what that weekday had before."
        yield _finding("DQ-5", table, "critical" if critical else "medium", (ratio, limit, rows, p), said)


def absence(table: str, expected: int, days: int) -> Iterator[Json]:
    """DQ-6: a table landed on fewer days than expected."""
    lacking = expected - days
    if lacking > 0:
        severity, limit = ("critical", bounds.FEW_DAYS) if lacking > bounds.FEW_DAYS else ("high", 0)
        said = f"{table} has nothing for {lacking} of {expected} days."
        yield _finding("DQ-6", table, severity, (lacking, limit, expected, None), said)


def column(name: str, what: str, *, is_documented: bool, is_used: bool) -> Json:
    """DQ-7 for a landed column that has disappeared, or appeared, compared with the four weeks before.

    A column that no contract knows reaches no model; one that a contract announces is no surprise.
    """
    harmless = is_documented or what == "unknown"
    severity = "low" if harmless else "critical" if is_used else "medium"
    return _finding("DQ-7", name, severity, (1, 0, 1, None), f"{name} {COLUMNS[what]}.")


def silence(feature: Feature) -> Iterator[Json]:
    """DQ-7 for a feature: one that used to be filled is empty on some day, or one that never was is suddenly filled.

    The second is expected if the contract gives its year. A feature empty for more than four weeks is no longer
    critical: only a training without it helps, and critical findings forbid trainings.
    """
    uses, before = feature.known["shap_share"] > 0, feature.known["missing"]
    for day in feature.days:
        rate = day.missing / day.rows if day.rows else 0.0
        by_chance = before**day.rows
        if rate >= ALL_MISSING and before <= OFTEN_THERE and by_chance <= DAY_P:
            severity = "medium" if not uses else "critical" if feature.was_filled else "high"
            said = f"{feature.name} is missing on {day.day}; {before:.1%} were in the reference."
            yield _finding("DQ-7", feature.name, severity, (rate, ALL_MISSING, day.rows, None), said)
        elif day.rows and rate <= bounds.HALF and before >= ALL_MISSING:
            severity = "low" if feature.is_documented else "critical" if uses else "medium"
            said = f"{feature.name} is filled on {day.day}, as it never was in the reference."
            yield _finding("DQ-7", feature.name, severity, (rate, bounds.HALF, day.rows, None), said)


def unit(feature: Feature) -> Iterator[Json]:
    """DQ-10: a median is so far off that its unit must have changed, unless so few rows make that chance."""
    usual = feature.usual
    for day in feature.days:
        n = day.rows - day.missing
        if usual is None or day.median is None or not n:
            continue
        low, high = day.median < usual.median / UNIT_FACTOR, day.median > usual.median * UNIT_FACTOR
        p = chance_of_bads(n, (n + 1) // 2, usual.low_share if low else usual.high_share) if low or high else 1.0
        if p <= DAY_P:
            where = f"The median of {feature.name} on {day.day} is {'below' if low else 'above'} the reference's"
            said = f"{where} by a factor of more than {UNIT_FACTOR:g}: its unit may have changed."
            numbers = day.median / usual.median, 1 / UNIT_FACTOR if low else UNIT_FACTOR, n, p
            yield _finding("DQ-10", feature.name, "critical", numbers, said)


def _finding(rule: str, subject: str, severity: str, numbers: tuple[float, float, int, float | None], say: str) -> Json:
    value, threshold, n, p = numbers
    head = {"rule": rule, "subject": subject, "severity": severity, "value": value, "threshold": threshold}
    return {**head, "n": n, "p": p, "sentence": say}
