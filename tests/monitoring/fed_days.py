"""A feature on a day as it usually is; a test names only what it is about."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from jobs.monitoring import quality_rules
from jobs.monitoring.quality_rules import Day, Feature, Usual


def feature(*days: Day, **changes: Any) -> Feature:
    known = {"shap_share": 0.1, "missing": 0.02, "rows": [10_000]}
    known |= {key: changes.pop(key) for key in known.keys() & changes}
    usual = {"name": "dti", "usual": Usual(18.0, 0.1, 0.1), "is_documented": False, "was_filled": True}
    return Feature(**{"known": known, "days": days, **usual, **changes})


def day(rows: int = 100, missing: int = 2, median: float | None = 18.0) -> Day:
    return Day(day="2016-02-03", rows=rows, missing=missing, median=median)


def severity(rule: str, found: Iterable[dict[str, Any]]) -> str | None:
    return next((each["severity"] for each in quality_rules.worst_first(found) if each["rule"] == rule), None)
