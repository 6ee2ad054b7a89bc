"""Show a probability as points and as a grade, the same for every model, so that neither moves when a model does."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from jobs.measures.bands import Band
from jobs.measures.counts import FloatArray, IntArray
from jobs.measures.recalibration import score_points

GRADES = ("A", "B", "C", "D", "E", "F", "G")
UPPER_PD = (0.02, 0.04, 0.07, 0.11, 0.17, 0.26)  # each grade ends below its bound; the last has none


def points(pd: FloatArray) -> IntArray:
    """Whole points, falling as the risk rises."""
    return np.rint(score_points(pd)).astype(np.int64)


def grades(pd: FloatArray) -> npt.NDArray[np.str_]:
    """Grade by the master scale."""
    return np.array(GRADES)[np.searchsorted(UPPER_PD, pd, side="right")]


def grade_bands(pd: FloatArray, labels: IntArray) -> dict[str, Band]:
    """What each grade promised and what came of it; grades without rows are left out."""
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
