"""Turn the raw score of the trees into a probability: one line in log-odds, fitted on a slice of its own."""

from __future__ import annotations

from jobs.measures.counts import FloatArray, ScoreCounts
from jobs.measures.recalibration import calibration_line
from jobs.scorer.calibration import Platt, chance

LEAST_SLOPE, MOST_SLOPE = 0.1, 10.0


def fit(raw: FloatArray, labels: FloatArray) -> Platt:
    """The most likely line; where no rising one is, the level alone is set, so that ranks are never turned over."""
    counts = ScoreCounts.of(chance(raw), labels)
    line = calibration_line(counts)
    if line.slope.value is not None and LEAST_SLOPE <= line.slope.value <= MOST_SLOPE:
        return Platt(line.intercept.known(), line.slope.known(), counts.n, counts.n_bad)
    return Platt(_level(raw, float(labels.mean())), 1.0, counts.n, counts.n_bad)


def _level(raw: FloatArray, rate: float) -> float:
    """The shift at which the mean probability is the bad rate, by halving: it rises with the shift."""
    low, high = -50.0, 50.0
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if chance(raw + middle).mean() < rate else (low, middle)
    return (low + high) / 2
