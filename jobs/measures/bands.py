"""Scores in bands of equal mass, from the safest to the riskiest, and what tables need of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from jobs.measures.counts import PARTS, ScoreCounts
from jobs.measures.proportions import jeffreys_interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """Rows of neighbouring scores, or of one grade: how many, how many bad, how many expected bad."""

    lowest: float
    highest: float
    n: int
    bads: int
    expected: float  # sum of the scores: the number of bads they promise, where they are probabilities

    @property
    def bad_rate(self) -> float:
        return self.bads / self.n

    @property
    def mean_score(self) -> float:
        return self.expected / self.n

    def bad_rate_interval(self) -> tuple[float, float]:
        return jeffreys_interval(self.bads, self.n)


def bands(counts: ScoreCounts, parts: int = PARTS) -> tuple[Band, ...]:
    """Cut at the inner quantiles of the scores; equal scores stay together, so ties make fewer bands."""
    if not counts.n:
        return ()
    edges = counts.unlabelled().edges(parts)
    ends = np.append(np.searchsorted(counts.scores, edges, side="right"), len(counts.scores))
    ends = np.unique(ends)  # an edge at the highest score leaves nothing above it
    starts = np.concatenate(([0], ends[:-1]))
    sums = (np.add.reduceat(each, starts) for each in (counts.rows, counts.bads, counts.rows * counts.scores))
    columns = (each.tolist() for each in (counts.scores[starts], counts.scores[ends - 1], *sums))
    return tuple(
        Band(lowest=lowest, highest=highest, n=n, bads=bads, expected=expected)
        for lowest, highest, n, bads, expected in zip(*columns, strict=True)
    )


def gains(of: Sequence[Band]) -> list[dict[str, Any]]:
    """Gains table, from the riskiest band down: cumulative shares of all bads and goods include all riskier bands.

    Bands are given from the safest on. A lift is a bad rate over that of all. Empty where goods or bads are lacking.
    """
    n, bads = sum(band.n for band in of), sum(band.bads for band in of)
    if bads in (0, n):
        return []
    rows, seen, seen_bads = [], 0, 0
    for band in reversed(of):
        seen, seen_bads = seen + band.n, seen_bads + band.bads
        of_bads, of_goods = seen_bads / bads, (seen - seen_bads) / (n - bads)
        told: dict[str, Any] = {"lowest": band.lowest, "highest": band.highest, "n": band.n, "bads": band.bads}
        told |= {"bad_rate": band.bad_rate, "mean_score": band.mean_score}
        told |= {"bad_rate_interval": list(band.bad_rate_interval())}
        told |= {"cumulative_bads": of_bads, "cumulative_goods": of_goods}
        told |= {"lift": band.bad_rate * n / bads, "cumulative_lift": of_bads * n / seen}
        rows.append(told | {"ks": abs(of_bads - of_goods)})
    return rows
