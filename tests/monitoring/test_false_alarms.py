"""Weeks in which nothing has changed but the draw: how often monitoring cries wolf."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pytest

from jobs.measures import bins, drift, measure
from jobs.measures.counts import ScoreCounts, ValueCounts
from jobs.monitoring import performance
from jobs.monitoring.retraining import judge
from jobs.protocol import policy
from tests.monitoring.evidences import WEEK, Json, evidence

POLICY = policy.load(None, "policy.json")
HASTY = policy.load(b'{"drift": {"psi": {"low": 0.001, "medium": 0.002, "high": 0.9, "critical": 1.0}}}', "policy.json")
WEEKS, ROWS, FEATURES = 200, 500, 12  # as few rows a week as drift is judged on
CUTOFF = 0.3
Drawn = tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]


def loans(chance: np.random.Generator, rows: int) -> Drawn:
    """Calibrated scores with an AUC of some 0.70, and what came of them."""
    scores = (1 / (1 + np.exp(-chance.normal(-1.6, 0.85, rows)))).round(4)
    return scores, (chance.random(rows) < scores).astype(np.int64)


def quiet_weeks(seed: int, rules: policy.Policy) -> list[Json]:
    """The verdicts on weeks that are all drawn like the reference."""
    chance = np.random.default_rng(seed)
    reference = ScoreCounts.of(*loans(chance, 5000))
    columns = [ValueCounts.of(chance.normal(size=10_000)) for _ in range(FEATURES)]
    frozen = [(found, found.count(of)) for of in columns for found in [bins.freeze_numbers(of)]]
    score_bins = bins.freeze_numbers(reference.unlabelled())
    months, past = [loans(chance, ROWS) for _ in range(3)], list[Json]()
    for number in range(WEEKS):
        months = [*months[-3:], loans(chance, ROWS)]
        matured = ScoreCounts.of(*(np.concatenate(side) for side in zip(*months, strict=True)))
        scores = ScoreCounts.of(*loans(chance, ROWS)).unlabelled()
        moved = [drift.psi(before, found.count(ValueCounts.of(chance.normal(size=ROWS)))) for found, before in frozen]
        found = evidence(
            WEEK + number * timedelta(days=7),
            window__rows=ROWS,
            drift__score=asdict(drift.psi(score_bins.count(reference.unlabelled()), score_bins.count(scores))),
            drift__weighted__value=float(np.mean([each.known() for each in moved])),
            drift__features=features(moved),
            performance__n=matured.n,
            performance__bads=matured.n_bad,
            performance__auc=performance.realised(matured, CUTOFF)["auc"],
            concept=performance.concept(reference, matured, [], rules),
            calibration=performance.calibration(matured, {}),
            estimate=performance.estimate(scores, reference, CUTOFF, rules),
        )
        past.append(judge(found, rules, past))
    return past


def features(moved: list[drift.Stability]) -> list[Json]:
    adjusted = measure.adjusted([each.p or 0.0 for each in moved])
    ordinary = {"share": 1 / FEATURES, "schema_change": False}
    return [
        {"name": f"feature_{place}", "csi": asdict(each), "p_adjusted": p, **ordinary}
        for place, (each, p) in enumerate(zip(moved, adjusted, strict=True))
    ]


@pytest.mark.parametrize(
    "rules",
    [
        pytest.param(POLICY, id="the-policy-as-it-comes"),
        pytest.param(HASTY, id="bounds-so-low-that-only-chance-is-asked"),
    ],
)
def test_weeks_without_a_change_open_an_alert_in_half_a_year_at_most_and_no_retraining(rules: policy.Policy) -> None:
    decisions = [verdict["decision"] for verdict in quiet_weeks(1, rules)]
    opened = sum(1 for before, now in pairwise(["no_action", *decisions]) if before == "no_action" != now)
    assert opened <= WEEKS / 26
    assert decisions.count("alert") <= WEEKS / 13  # an alert may last, for windows of outcomes overlap
    assert "retrain" not in decisions
