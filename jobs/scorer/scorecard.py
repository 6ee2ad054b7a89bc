"""Convert probabilities to points and grades on a fixed scale that does not change with the model."""

from __future__ import annotations

import math

import numpy as np
import polars as pl

from jobs.measures.calibration import Band
from jobs.measures.counts import FloatArray, IntArray
from jobs.measures.recalibration import log_odds

FACTOR = 20.0 / math.log(2)  # of points: so many double the odds
OFFSET = 600.0 - FACTOR * math.log(50.0)
GRADES = ("A", "B", "C", "D", "E", "F", "G")
UPPER_PD = (0.02, 0.04, 0.07, 0.11, 0.17, 0.26)  # each grade ends below its bound; the last has none


def points(pd: FloatArray) -> IntArray:
    """Whole points that rise as risk falls: 600 at odds of 50 goods to 1 bad, 20 more for each doubling of the odds."""
    return np.rint(OFFSET - FACTOR * log_odds(pd)).astype(np.int64)


def grades(pd: FloatArray) -> pl.Series:
    """Grade by the master scale."""
    return pl.Series("grade", GRADES)[np.searchsorted(UPPER_PD, pd, side="right")]


def grade_bands(pd: FloatArray, labels: IntArray) -> dict[str, Band]:
    """Expected and actual bads of each grade; grades without rows are left out."""
    places = np.searchsorted(UPPER_PD, pd, side="right")
    return {
        grade: Band(
            lowest=float(pd[mine].min()),
            highest=float(pd[mine].max()),
            n=int(mine.sum()),
            bads=int(labels[mine].sum()),
            expected=float(pd[mine].sum()),
        )
        for place, grade in enumerate(GRADES)
        if (mine := places == place).any()
    }
