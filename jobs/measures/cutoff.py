"""What a cut-off does: rows with a score at or above it are taken for bads."""

from __future__ import annotations

from dataclasses import asdict

from jobs.measures import calibration, ranking
from jobs.measures.counts import FloatArray, IntArray, ScoreCounts
from jobs.measures.measure import Measure, missing
from jobs.measures.proportions import jeffreys_interval
from jobs.protocol.strict_json import Json

FIGURES = ("precision", "recall", "f1")


def at_cutoff(
    scores: FloatArray, goods: FloatArray | IntArray, bads: FloatArray | IntArray, cutoff: float | None
) -> dict[str, Measure]:
    """Precision, recall and their harmonic mean F1, of the goods and bads at each score, counted or to be expected.

    Only counted rows, in whole numbers, give an interval.
    """
    rows = round((goods + bads).sum())
    if cutoff is None:
        return {name: missing("there is no cut-off", n=rows) for name in FIGURES}
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


def performance(counts: ScoreCounts, at: float) -> dict[str, Json]:
    """The figures of model cards and weekly evidence: ranking, losses, and performance at the cut-off."""
    found = {
        "auc": ranking.auc(counts),
        "gini": ranking.gini(counts),
        "ks": ranking.ks(counts),
        "average_precision": ranking.average_precision(counts),
        "log_loss": calibration.log_loss(counts),
        "brier": calibration.brier(counts),
        **at_cutoff(counts.scores, counts.goods, counts.bads, at),
    }
    return {name: asdict(measure) for name, measure in found.items()}
