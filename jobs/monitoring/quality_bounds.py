"""The bounds of the rules of data quality whose severity depends on how far a value is off. Pure."""

from __future__ import annotations

import math

Limits = tuple[tuple[float, str], ...]

SHARES: dict[str, tuple[str, Limits]] = {  # the share of rows above which a finding has each severity
    "DQ-2": ("lie outside the range of the contract", ((0.001, "low"), (0.01, "medium"), (0.05, "critical"))),
    "DQ-3": ("have a category that was never seen", ((0.001, "low"), (0.01, "medium"), (0.10, "high"))),
    "DQ-4": ("cannot be read", ((0.001, "low"), (0.02, "high"), (0.10, "critical"))),
    "DQ-8": ("are there twice, or lack their partner", ((0.0001, "medium"), (0.01, "critical"))),
    "DQ-9": ("contradict another column", ((0.01, "medium"), (0.05, "high"))),
}
LEAST_RISE, RELATIVE_RISE, MUCH_RISE, MOST_RISE = 0.01, 0.5, 0.10, 0.25
SOME, HALF, TWICE, FIVEFOLD = math.ulp(0.0), 0.5, 2.0, 5.0  # the first: any rows at all
FEW_DAYS = 2


def ladder(rule: str, at: float, severity: str) -> Limits:
    """The bounds at which a finding's severity would change with its value, as far as that can change a decision."""
    if rule == "DQ-1":
        before = at - {"medium": MUCH_RISE, "high": MOST_RISE}.get(severity, max(LEAST_RISE, at / 3))
        least = max(LEAST_RISE, RELATIVE_RISE * before)
        return (before + least, "low"), (before + max(least, MUCH_RISE), "medium")
    if rule == "DQ-5":
        return ((HALF, "medium"), (SOME, "critical")) if at == HALF else ((TWICE, "medium"), (FIVEFOLD, "critical"))
    if rule == "DQ-6":
        return (0, "high"), (FEW_DAYS, "critical")
    return SHARES[rule][1] if rule in SHARES else ((at, severity),)
