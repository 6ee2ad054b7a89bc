"""The line in log-odds that turns the raw score of trees into a probability."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from jobs.measures.counts import FloatArray

SMALLEST = 1e-6  # no loan is sure to be paid back, and none sure to fail


@dataclass(frozen=True, slots=True)
class Platt:
    """pd = 1 / (1 + exp(-(intercept + slope * raw))).

    A line rather than isotonic steps: trees boosted on log-loss are off by little more than level and slope, a line
    needs few rows, keeps every difference of rank, and is smooth beyond the scores that it was fitted on.
    """

    intercept: float
    slope: float
    rows: int
    bads: int

    def __call__(self, raw: FloatArray) -> FloatArray:
        return np.clip(chance(self.intercept + self.slope * raw), SMALLEST, 1 - SMALLEST)

    def to_json(self) -> dict[str, Any]:
        return {"kind": "platt", **asdict(self)}


def from_json(stored: dict[str, Any]) -> Platt:
    """Rebuild a calibration; ValueError where it is none that keeps ranks."""
    found = Platt(*(stored[name] for name in ("intercept", "slope", "rows", "bads")))
    if stored["kind"] != "platt" or not (found.slope > 0 and np.isfinite([found.slope, found.intercept]).all()):
        raise ValueError("this is no calibration that keeps ranks")
    return found


def chance(odds: FloatArray) -> FloatArray:
    chance: FloatArray = (1 + np.tanh(odds / 2)) / 2
    return chance
