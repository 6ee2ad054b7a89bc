"""Performance before outcomes are known, estimated from calibrated scores (CBPE).

It holds as long as the calibration does and the relation between features and outcome has not changed:
a concept drift cannot be seen here.
"""

from __future__ import annotations

from statistics import fmean, pstdev
from typing import TYPE_CHECKING

import numpy as np

from jobs.measures.counts import ValueCounts, weighted_sum
from jobs.measures.cutoff import Confusion
from jobs.measures.measure import Measure, missing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jobs.measures.recalibration import Isotonic

DEVIATIONS = 3.0


def estimated_auc(scores: ValueCounts, calibration: Isotonic) -> Measure:
    """AUC to expect when each row is bad with its calibrated probability."""
    chances = calibration(scores.values)
    bads, goods = chances * scores.counts, (1 - chances) * scores.counts
    whole = float(bads.sum()) * float(goods.sum())
    if not whole:
        return missing("no bads or no goods are expected" if scores.n else "there are no rows", n=scores.n)
    won = weighted_sum(2 * np.cumsum(goods) - goods, bads)
    return Measure(value=won / (2 * whole), n=scores.n)


def estimated_confusion(scores: ValueCounts, calibration: Isotonic, cutoff: float) -> Confusion:
    """Numbers to expect at a cut-off when each row is bad with its calibrated probability."""
    chances = calibration(scores.values)
    bads, goods = chances * scores.counts, (1 - chances) * scores.counts
    taken = scores.values >= cutoff
    return Confusion(
        true_bads=float(bads[taken].sum()),
        false_bads=float(goods[taken].sum()),
        false_goods=float(bads[~taken].sum()),
        true_goods=float(goods[~taken].sum()),
        estimated=True,
    )


def control_limits(of_reference: Sequence[float]) -> tuple[float, float] | None:
    """Mean of the reference chunks give or take three standard deviations, within [0, 1]; None without chunks."""
    if not of_reference:
        return None
    middle, half = fmean(of_reference), DEVIATIONS * pstdev(of_reference)
    return max(0.0, middle - half), min(1.0, middle + half)
