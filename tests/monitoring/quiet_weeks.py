"""Weeks drawn with replacement from what a model's reference holds: nothing has changed but the draw."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from jobs.measures import bins
from jobs.measures.bins import BinCounts
from jobs.measures.counts import ScoreCounts
from jobs.measures.drift import ZeroPolicy
from jobs.monitoring import drift, performance, quality_rules, retraining
from jobs.monitoring.quality_rules import Day, Feature
from tests.monitoring.evidences import evidence

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jobs.protocol.policy import Policy

Json = dict[str, Any]
FIRST, OUTCOME_WEEKS, WEEKS_BEFORE = date(2024, 1, 13), 4, 4
TABLES = ("credit_history", "demographic", "financial", "loan_terms")


def alerts(verdicts: Sequence[Json]) -> int:
    """How often an alert or a retraining began."""
    decisions = ["no_action", *(verdict["decision"] for verdict in verdicts)]
    return sum(1 for before, now in pairwise(decisions) if before == "no_action" != now)


class QuietWeeks:
    """A lender of so many loans a week; what its loans look like is drawn column by column."""

    def __init__(self, reference: Json, policy: Policy, rows: int, seed: int) -> None:
        self._reference, self._policy, self._rows = reference, policy, rows
        self._chance = np.random.default_rng(seed)
        self._learned = ScoreCounts(*(np.asarray(reference["score_counts"][name]) for name in _COUNTS))

    def judged(self, weeks: int) -> list[Json]:
        """Verdicts on weeks that follow one another, each with the outcomes of the four before."""
        matured = [self._outcomes() for _ in range(OUTCOME_WEEKS)]
        volumes = [self._volumes() for _ in range(WEEKS_BEFORE)]
        past: list[Json] = []
        for number in range(weeks):
            matured, volumes = [*matured[1:], self._outcomes()], [*volumes[-WEEKS_BEFORE:], self._volumes()]
            found = self._evidence(FIRST + timedelta(weeks=number), ScoreCounts.merged(matured), volumes)
            past.append(retraining.judge(found, self._policy, past))
        return past

    def _evidence(self, week: date, matured: ScoreCounts, volumes: list[list[int]]) -> Json:
        reference, cutoff = self._reference, self._reference["cutoff"]
        drawn = {
            name: self._drawn(BinCounts(bins.from_json(known["bins"]), tuple(known["rows"])))
            for name, known in reference["features"].items()
        }
        scores, zero = self._outcomes().unlabelled(), ZeroPolicy(self._policy.drift.zero_policy)
        told = [_feature(name, reference["features"][name], rows) for name, rows in drawn.items()]
        silent = [finding for each in told for finding in quality_rules.silence(each)]
        findings = quality_rules.worst_first([*quality_rules.missing_rates(told), *silent, *_told(volumes)])
        return evidence(
            week,
            window__rows=self._rows,
            drift=drift.section(reference, self._learned.unlabelled(), scores, drawn, zero)[0],
            performance={"n": matured.n, "bads": matured.n_bad, **performance.realised(matured, cutoff)},
            concept=performance.concept(self._learned, matured, [], self._policy),
            calibration=performance.calibration(matured, {}),
            estimate=performance.estimate(scores, self._learned, cutoff, self._policy),
            quality={"findings": findings, "tables": []},
        )

    def _outcomes(self) -> ScoreCounts:
        """A week of scores with what came of them."""
        cells = np.concatenate([self._learned.goods, self._learned.bads])
        rows = self._chance.multinomial(self._rows, cells / cells.sum())
        labels = np.repeat([0, 1], len(self._learned.scores))
        return ScoreCounts.of(np.repeat(np.tile(self._learned.scores, 2), rows), np.repeat(labels, rows))

    def _drawn(self, before: bins.BinCounts) -> bins.BinCounts:
        drawn = self._chance.multinomial(self._rows, np.asarray(before.rows) / before.n)
        return bins.BinCounts(before.bins, tuple(drawn.tolist()))

    def _volumes(self) -> list[int]:
        drawn: list[int] = self._chance.poisson(self._rows / 7, 7).tolist()
        return drawn


_COUNTS = ("scores", "goods", "bads")


def _feature(name: str, known: Json, drawn: bins.BinCounts) -> Feature:
    """Medians are not drawn: of bins they are not known."""
    of_week = Day(day="of the week", rows=drawn.n, missing=drawn.part(bins.MISSING), median=None)
    return Feature(name, known, usual=None, is_documented=False, was_filled=True, days=(of_week,))


def _told(volumes: list[list[int]]) -> list[Json]:
    days = [(volumes[-1][day], tuple(week[day] for week in volumes[:-1])) for day in range(7)]
    return [
        finding
        for table in TABLES
        for day, (rows, before) in enumerate(days)
        for finding in quality_rules.volume(table, str(day), rows, before)
    ]
