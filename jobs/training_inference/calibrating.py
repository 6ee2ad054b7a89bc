"""Turn the raw score of the trees into a probability: one line in log-odds, fitted on a slice of its own."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from jobs.measures.counts import ScoreCounts
from jobs.measures.recalibration import calibration_line

if TYPE_CHECKING:
    from jobs.measures.counts import FloatArray

SMALLEST = 1e-6  # no loan is sure to be paid back, and none sure to fail
LEAST_SLOPE, MOST_SLOPE = 0.1, 10.0


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
        return np.clip(_chance(self.intercept + self.slope * raw), SMALLEST, 1 - SMALLEST)

    def to_json(self) -> dict[str, Any]:
        return {"kind": "platt", **asdict(self)}


def fit(raw: FloatArray, labels: FloatArray) -> Platt:
    """The most likely line; where no rising one is, the level alone is set, so that ranks are never turned over."""
    counts = ScoreCounts.of(_chance(raw), labels)
    line = calibration_line(counts)
    if line.slope.value is not None and LEAST_SLOPE <= line.slope.value <= MOST_SLOPE:
        return Platt(line.intercept.known(), line.slope.known(), counts.n, counts.n_bad)
    return Platt(_level(raw, float(labels.mean())), 1.0, counts.n, counts.n_bad)


def from_json(stored: dict[str, Any]) -> Platt:
    """Rebuild a calibration; ValueError where it is none that keeps ranks."""
    found = Platt(*(stored[name] for name in ("intercept", "slope", "rows", "bads")))
    if stored["kind"] != "platt" or not (found.slope > 0 and np.isfinite([found.slope, found.intercept]).all()):
        raise ValueError("this is no calibration that keeps ranks")
    return found


def _level(raw: FloatArray, rate: float) -> float:
    """The shift at which the mean probability is the bad rate, by halving: it rises with the shift."""
    low, high = -50.0, 50.0
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if _chance(raw + middle).mean() < rate else (low, middle)
    return (low + high) / 2


def _chance(odds: FloatArray) -> FloatArray:
    chance: FloatArray = (1 + np.tanh(odds / 2)) / 2
    return chance
