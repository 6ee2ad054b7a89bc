"""Performance before outcomes are known, estimated from calibrated scores (CBPE).

It holds as long as the calibration does and the relation between features and outcome has not changed:
a concept drift cannot be seen here.
"""

from __future__ import annotations

import math
from dataclasses import asdict

from jobs.measures import cutoff as cutoffs
from jobs.measures.counts import FloatArray, ScoreCounts, ValueCounts
from jobs.measures.measure import Measure
from jobs.measures.ranking import auc, weighted_auc
from jobs.measures.recalibration import Isotonic, isotonic
from jobs.protocol.strict_json import Json

DEVIATIONS = 3.0
FIGURES = ("auc", *cutoffs.FIGURES)


def performance(scores: ValueCounts, reference: ScoreCounts, cutoff: float) -> Json:
    """Estimate for these scores by the outcomes of the reference, with the limits that chance keeps to.

    `drop` is the AUC lost against the same estimate for the scores of the reference.
    """
    curve = isotonic(reference)
    found, before = figures(scores, curve, cutoff), estimated_auc(reference.unlabelled(), curve)
    area = found["auc"].value
    return {
        **{name: asdict(measure) for name, measure in found.items()},
        "limits": control_limits(reference, scores.n),
        "drop": None if area is None else before.known() - area,
        "n": scores.n,
    }


def figures(scores: ValueCounts, calibration: Isotonic, cutoff: float | None) -> dict[str, Measure]:
    """What to expect when each row is bad with its calibrated probability."""
    bads, goods = _expected(scores, calibration)
    at_cutoff = cutoffs.at_cutoff(scores.values, goods, bads, cutoff)
    return {"auc": estimated_auc(scores, calibration), **at_cutoff}


def estimated_auc(scores: ValueCounts, calibration: Isotonic) -> Measure:
    """AUC to expect."""
    bads, goods = _expected(scores, calibration)
    area, otherwise = weighted_auc(goods, bads), "no bads or no goods are expected" if scores.n else "there are no rows"
    return Measure(value=area, n=scores.n, reason=None if area is not None else otherwise)


def _expected(scores: ValueCounts, calibration: Isotonic) -> tuple[FloatArray, FloatArray]:
    """Bads and goods to expect at each score."""
    chances = calibration(scores.values)
    return chances * scores.counts, (1 - chances) * scores.counts


def control_limits(reference: ScoreCounts, n: int) -> tuple[float, float] | None:
    """AUC of the reference plus or minus three standard deviations of the AUC of n of its rows, within [0, 1].

    The limit of mean and spread over reference chunks of n rows, without having to choose chunks; None if the
    reference has no AUC or no spread.
    """
    area = auc(reference)
    if area.value is None or not area.variance or not n:
        return None
    half = DEVIATIONS * math.sqrt(area.variance * reference.n / n)
    return max(0.0, area.value - half), min(1.0, area.value + half)
