"""What a cut-off does: rows with a score at or above it are taken for bads."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from jobs.measures import calibration, ranking
from jobs.measures.counts import ScoreCounts
from jobs.measures.measure import Measure, missing
from jobs.measures.proportions import jeffreys_interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Confusion:
    """Rows by what they were taken for and what they were; `estimated` ones are expected numbers, not whole."""

    true_bads: float
    false_bads: float
    false_goods: float
    true_goods: float
    estimated: bool = False

    @property
    def n(self) -> float:
        return self.true_bads + self.false_bads + self.false_goods + self.true_goods

    def precision(self) -> Measure:
        """Share of bads among the rows taken for bads."""
        return self._share(self.true_bads, self.true_bads + self.false_bads, "no score reaches the cut-off")

    def recall(self) -> Measure:
        """Share of the bads that were taken for bads."""
        return self._share(self.true_bads, self.true_bads + self.false_goods, "there are no bads")

    def f1(self) -> Measure:
        """Harmonic mean of precision and recall."""
        whole = 2 * self.true_bads + self.false_bads + self.false_goods
        if not whole:
            return missing("there are no bads and no score reaches the cut-off", n=round(self.n))
        return Measure(value=2 * self.true_bads / whole, n=round(self.n))

    def _share(self, part: float, whole: float, otherwise: str) -> Measure:
        if not whole:
            return missing(otherwise, n=0)
        interval = None if self.estimated else jeffreys_interval(int(part), int(whole))
        return Measure(value=part / whole, n=round(whole), interval=interval)


def confusion(counts: ScoreCounts, cutoff: float) -> Confusion:
    """Count what a cut-off gets right and wrong."""
    taken = counts.scores >= cutoff
    true_bads, false_bads = int(counts.bads[taken].sum()), int(counts.goods[taken].sum())
    false_goods, true_goods = counts.n_bad - true_bads, counts.n_good - false_bads
    return Confusion(true_bads=true_bads, false_bads=false_bads, false_goods=false_goods, true_goods=true_goods)


def performance(counts: ScoreCounts, at: float) -> dict[str, dict[str, Any]]:
    """What cards and weeks tell of a model: ranking, losses, and what the cut-off does, as far as they can be told."""
    taken = confusion(counts, at)
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
