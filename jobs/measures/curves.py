"""Points of the pictures of ranking: few enough to draw, ends always kept."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from jobs.measures.counts import FloatArray, IntArray, ScoreCounts

POINTS = 201


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """Points of a line, in order."""

    x: FloatArray
    y: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class KsCurve:
    """Shares of goods and of bads at or below each score."""

    scores: FloatArray
    goods: FloatArray
    bads: FloatArray


def roc_curve(counts: ScoreCounts, points: int = POINTS) -> Curve | None:
    """Share of bads caught (y) over share of goods lost (x), from the strictest cut-off; None with one class only."""
    if counts.one_class():
        return None
    goods, bads = _from_riskiest(counts)
    kept = _spread_out(len(goods), points)
    return Curve(goods[kept] / counts.n_good, bads[kept] / counts.n_bad)


def precision_recall_curve(counts: ScoreCounts, points: int = POINTS) -> Curve | None:
    """Precision (y) over recall (x), from the strictest cut-off that catches anything; None with one class only."""
    if counts.one_class():
        return None
    goods, bads = _from_riskiest(counts)
    kept = _spread_out(len(goods) - 1, points) + 1  # nothing is caught at the first, so it has no precision
    return Curve(bads[kept] / counts.n_bad, bads[kept] / (goods[kept] + bads[kept]))


def ks_curve(counts: ScoreCounts, points: int = POINTS) -> KsCurve | None:
    """Distribution functions of goods and bads, their widest gap among the points; None with one class only."""
    if counts.one_class():
        return None
    goods, bads = np.cumsum(counts.goods), np.cumsum(counts.bads)
    widest = int(np.abs(bads * counts.n_good - goods * counts.n_bad).argmax())
    kept = np.union1d(_spread_out(len(goods), points), widest)
    return KsCurve(counts.scores[kept], goods[kept] / counts.n_good, bads[kept] / counts.n_bad)


def _from_riskiest(counts: ScoreCounts) -> tuple[IntArray, IntArray]:
    """Goods and bads at or above each score, from none to all."""
    goods, bads = (np.cumsum(np.append(0, side[::-1])) for side in (counts.goods, counts.bads))
    return goods, bads


def _spread_out(length: int, points: int) -> IntArray:
    """At most so many places of a line, both ends among them."""
    places: IntArray = np.unique(np.linspace(0, length - 1, min(points, length)).round().astype(np.int64))
    return places
