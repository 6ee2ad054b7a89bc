"""The figures by which a model is told of wherever outcomes are known: in its card, and every week after."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from jobs.measures import calibration, cutoff, ranking
from jobs.measures.counts import ScoreCounts


def performance(counts: ScoreCounts, at: float) -> dict[str, dict[str, Any]]:
    """Ranking, losses, and what the cut-off does; each with its rows and interval, or the reason why it is missing."""
    taken = cutoff.confusion(counts, at)
    found = {
        "auc": ranking.auc(counts),
        "gini": ranking.gini(counts),
        "ks": ranking.ks(counts),
        "average_precision": ranking.average_precision(counts),
        "log_loss": calibration.log_loss(counts),
        "brier": calibration.brier(counts),
        "precision": taken.precision(),
        "recall": taken.recall(),
        "f1": taken.f1(),
    }
    return {name: asdict(measure) for name, measure in found.items()}
