"""On simulated loans the true risk is known: a model must rank nearly as well, and promise as many bads as come."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from jobs.measures import ranking as measures
from jobs.measures.counts import ScoreCounts
from jobs.scorer import scorer as scorers
from jobs.simulate.settings import Settings
from tests.training_inference import population

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

LOANS_A_DAY, SEEDS = 400, (21, 22, 23)  # seeds on which nothing was tuned
MOST_GAP, LEAST_RATIO, MOST_RATIO = 0.01, 0.95, 1.05


def ranking(_: Path, __: argparse.Namespace) -> int:
    """Out of time, AUC within 0.01 of that of the true risk, and observed over expected bads within 5 %."""
    wrong = 0
    for seed in SEEDS:
        population.SETTINGS = Settings(date(2015, 1, 2), date(2016, 5, 20), LOANS_A_DAY, seed, 0.0)
        for cached in (population.loans, population.labels, population.data, population.trained):
            cached.cache_clear()
        scorer = scorers.of(population.trained(2).files)
        truth = population.loans()[1].select("id", "true_pd")
        rows = population.data().frames["oot"].join(truth, on="id", how="left", maintain_order="left")
        labels, pd = rows["y"].to_numpy(), scorer.pd(rows, threads=2)
        best = measures.auc(ScoreCounts.of(rows["true_pd"].to_numpy(), labels)).known()
        found, ratio = measures.auc(ScoreCounts.of(pd, labels)).known(), labels.sum() / pd.sum()
        sound = best - found <= MOST_GAP and LEAST_RATIO <= ratio <= MOST_RATIO
        wrong += not sound
        told = f"AUC {found:.4f}, of the true risk {best:.4f}, observed over expected {ratio:.3f}"
        print(f"ranking, seed {seed}, {rows.height} loans out of time: {told}{'' if sound else ': WRONG'}", flush=True)
    return wrong
