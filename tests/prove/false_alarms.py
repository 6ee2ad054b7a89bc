"""How often monitoring cries wolf: weeks drawn from the reference of a real model, in which nothing has changed."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from jobs.protocol import strict_json
from tests.monitoring import quiet_weeks
from tests.training_inference import population

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

REFERENCE = "reference_profile.json"
WEEKS, ROWS, SEEDS = 200, 1_050, 5  # 150 loans a day: outcomes of four weeks are just enough to judge by
HALF_A_YEAR = 26


def false_alarms(_: Path, options: argparse.Namespace) -> int:
    """An alert in half a year at most."""
    reference = strict_json.parse(population.trained().files[REFERENCE], where=REFERENCE)
    weeks, alerts, kinds = WEEKS // options.every * SEEDS, 0, Counter[str]()
    for seed in range(SEEDS):
        judged = quiet_weeks.QuietWeeks(reference, population.POLICY, ROWS, seed).judged(WEEKS // options.every)
        alerts += quiet_weeks.alerts(judged)
        kinds += Counter(verdict["decision"] for verdict in judged)
    rate = alerts / weeks * HALF_A_YEAR
    print(
        f"false alarms: {rate:.2f} in {HALF_A_YEAR} weeks, of {weeks} weeks {dict(sorted(kinds.items()))}", flush=True
    )
    return int(rate > 1)
