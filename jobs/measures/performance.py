"""The figures of a score: realised where outcomes are known, and estimated from calibrated scores where not (CBPE).

Rows with a score at or above the cut-off are taken for bads. An estimate holds as long as the calibration does and the
relation between features and outcome has not changed: a concept drift cannot be seen in it.
"""

from __future__ import annotations

import math
from dataclasses import asdict

from jobs.measures import calibration, ranking
from jobs.measures.counts import FloatArray, IntArray, ScoreCounts, ValueCounts
from jobs.measures.measure import Measure, missing
from jobs.measures.proportions import jeffreys_interval
from jobs.measures.recalibration import Isotonic, isotonic
from jobs.protocol.strict_json import Json

AT_CUTOFF = ("precision", "recall", "f1")
ESTIMATED = ("auc", *AT_CUTOFF)
DEVIATIONS = 3.0


def at_cutoff(
    scores: FloatArray, goods: FloatArray | IntArray, bads: FloatArray | IntArray, cutoff: float | None
) -> dict[str, Measure]:
    """Precision, recall and their harmonic mean F1, of the goods and bads at each score, counted or to be expected.

    Only counted rows, in whole numbers, give an interval.
    """
    rows = round((goods + bads).sum())
    if cutoff is None:
        return {name: missing("there is no cut-off", n=rows) for name in AT_CUTOFF}
    taken = scores >= cutoff
    caught, accused, missed = (each.sum().item() for each in (bads[taken], goods[taken], bads[~taken]))

    def share(whole: float, otherwise: str) -> Measure:
        if not whole:
            return missing(otherwise, n=0)
        interval = jeffreys_interval(int(caught), whole) if isinstance(whole, int) else None
        return Measure(value=caught / whole, n=round(whole), interval=interval)

    whole = 2 * caught + accused + missed
    nothing = missing("there are no bads and no score reaches the cut-off", n=rows)
    return {
        "precision": share(caught + accused, "no score reaches the cut-off"),
        "recall": share(caught + missed, "there are no bads"),
        "f1": Measure(value=2 * caught / whole, n=rows) if whole else nothing,
    }


def realised(counts: ScoreCounts, cutoff: float) -> dict[str, Json]:
    """The figures of model cards and weekly evidence: ranking, losses, and performance at the cut-off."""
    found = {
        "auc": ranking.auc(counts),
        "gini": ranking.gini(counts),
        "ks": ranking.ks(counts),
        "average_precision": ranking.average_precision(counts),
        "log_loss": calibration.log_loss(counts),
        "brier": calibration.brier(counts),
        **at_cutoff(counts.scores, counts.goods, counts.bads, cutoff),
    }
    return {name: asdict(measure) for name, measure in found.items()}


def estimated(scores: ValueCounts, reference: ScoreCounts, cutoff: float) -> Json:
    """Estimate for these scores by the outcomes of the reference, with the limits that chance keeps to.

    `drop` is the AUC lost against the same estimate for the scores of the reference.
    """
    curve = isotonic(reference)
    found, before = expected(scores, curve, cutoff), expected(reference.unlabelled(), curve, cutoff)["auc"]
    area = found["auc"].value
    return {
        **{name: asdict(measure) for name, measure in found.items()},
        "limits": control_limits(reference, scores.n),
        "drop": None if area is None else before.known() - area,
        "n": scores.n,
    }


def expected(scores: ValueCounts, curve: Isotonic, cutoff: float | None) -> dict[str, Measure]:
    """The figures to expect when each row is bad with its calibrated probability."""
    chances = curve(scores.values)
    bads, goods = chances * scores.counts, (1 - chances) * scores.counts
    area, otherwise = ranking.weighted_auc(goods, bads), "no bads or no goods are expected"
    reason = None if area is not None else otherwise if scores.n else "there are no rows"
    return {"auc": Measure(value=area, n=scores.n, reason=reason), **at_cutoff(scores.values, goods, bads, cutoff)}


def control_limits(reference: ScoreCounts, n: int) -> tuple[float, float] | None:
    """AUC of the reference plus or minus three standard deviations of the AUC of n of its rows, within [0, 1].

    The limit of mean and spread over reference chunks of n rows, without having to choose chunks; None if the
    reference has no AUC or no spread.
    """
    area = ranking.auc(reference)
    if area.value is None or not area.variance or not n:
        return None
    half = DEVIATIONS * math.sqrt(area.variance * reference.n / n)
    return max(0.0, area.value - half), min(1.0, area.value + half)
