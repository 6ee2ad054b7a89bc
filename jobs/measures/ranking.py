"""How well a score ranks bads above goods, and its curves. A higher score means a riskier loan; ties count half."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from jobs.measures.calibration import Band
from jobs.measures.counts import FloatArray, IntArray, ScoreCounts, ValueCounts, binary, collapsed, weighted_sum
from jobs.measures.measure import Comparison, Measure, difference, missing, normal_interval
from jobs.protocol.strict_json import Json

POINTS = 201  # of a curve: few enough to draw


@dataclass(frozen=True, slots=True, kw_only=True)
class Separation(Measure):
    """The Kolmogorov-Smirnov distance and the cut-off that reaches it: the lowest score on the side of the bads."""

    at: float | None = None


def auc(counts: ScoreCounts) -> Measure:
    """Chance that a bad scores above a good, with DeLong's variance and interval."""
    if reason := counts.one_class():
        return missing(reason, n=counts.n)
    value = _pairs_won(counts) / (2 * counts.n_good * counts.n_bad)
    variance = _delong(*_placements(counts), counts.bads, counts.goods)
    interval = None if variance is None else normal_interval(value, variance, (0.0, 1.0))
    return Measure(value=value, n=counts.n, interval=interval, variance=variance)


def gini(counts: ScoreCounts) -> Measure:
    """Twice the AUC less one."""
    area = auc(counts)
    if area.value is None:
        return area
    interval = area.interval and (2 * area.interval[0] - 1, 2 * area.interval[1] - 1)
    variance = None if area.variance is None else 4 * area.variance
    return replace(area, value=2 * area.value - 1, interval=interval, variance=variance)


def ks(counts: ScoreCounts) -> Separation:
    """Largest distance between the shares of bads and of goods below a score, and the lowest such score."""
    if reason := counts.one_class():
        return Separation(value=None, n=counts.n, reason=reason)
    # Whole numbers, so that shards and the whole agree to the last bit.
    distances = np.abs(np.cumsum(counts.bads) * counts.n_good - np.cumsum(counts.goods) * counts.n_bad)
    place = int(distances.argmax())
    value = int(distances[place]) / (counts.n_good * counts.n_bad)
    above = min(place + 1, len(counts.scores) - 1)  # a single distinct score has nothing above it
    return Separation(value=value, n=counts.n, at=float(counts.scores[above]))


def average_precision(counts: ScoreCounts) -> Measure:
    """Area under the precision-recall steps (no interpolation between them)."""
    if reason := counts.one_class():
        return missing(reason, n=counts.n)
    bads, rows = counts.bads[::-1], counts.rows[::-1]
    return Measure(value=weighted_sum(np.cumsum(bads) / np.cumsum(rows), bads) / counts.n_bad, n=counts.n)


def auc_loss(reference: Measure, current: Measure) -> Comparison:
    """Reference AUC minus current AUC, measured on different rows, so their variances add up."""
    for side, area in (("the reference", reference), ("the current data", current)):
        if area.value is None:
            reason = f"{side} has no AUC: {area.reason}"
            return Comparison(value=None, n=current.n, n_reference=reference.n, reason=reason)
    value = reference.known() - current.known()
    variance = None if reference.variance is None or current.variance is None else reference.variance + current.variance
    return difference(value, variance, (-1.0, 1.0), n=current.n, n_reference=reference.n)


def paired_auc_change(before: npt.ArrayLike, after: npt.ArrayLike, labels: npt.ArrayLike) -> Comparison:
    """Second model's AUC minus the first's on the same rows, with DeLong's paired variance (after Sun and Xu)."""
    first, second, bad = ScoreCounts.of(before, labels), ScoreCounts.of(after, labels), binary(labels)
    if reason := first.one_class():
        return Comparison(value=None, n=first.n, n_reference=first.n, reason=reason)
    places = np.searchsorted(first.scores, before) * len(second.scores) + np.searchsorted(second.scores, after)
    pairs, goods, bads = collapsed(places, 1 - bad, bad)
    at_first, at_second = np.divmod(pairs, len(second.scores))
    of_bads, of_goods = (
        of_second[at_second] - of_first[at_first]
        for of_first, of_second in zip(_placements(first), _placements(second), strict=True)
    )
    value = (_pairs_won(second) - _pairs_won(first)) / (2 * first.n_good * first.n_bad)
    variance = _delong(of_bads, of_goods, bads, goods)
    return difference(value, variance, (-1.0, 1.0), n=first.n, n_reference=first.n)


def auc_with_mix_of(current: ValueCounts, reference: ScoreCounts) -> Measure:
    """Reference AUC reweighted to the current mix of score bands: what a change of population alone explains."""
    if reason := reference.one_class() or (None if current.n else "the current data has no rows"):
        return missing(reason, n=reference.n)
    edges = reference.unlabelled().edges()
    band = np.searchsorted(edges, reference.scores)
    before = np.bincount(band, reference.rows, len(edges) + 1)
    after = np.bincount(np.searchsorted(edges, current.values), current.counts, len(edges) + 1)
    weights = np.divide(after, before, out=np.zeros_like(after), where=before > 0)[band]
    goods, bads = reference.goods * weights, reference.bads * weights
    area = weighted_auc(goods, bads)
    otherwise = None if area is not None else "no current score lies in a band that had both goods and bads"
    return Measure(value=area, n=reference.n, reason=otherwise)


def weighted_auc(goods: npt.NDArray[Any], bads: npt.NDArray[Any]) -> float | None:
    """AUC of rows that count by weight, at scores in rising order; None where all goods or all bads weigh nothing."""
    whole = 2 * float(goods.sum()) * float(bads.sum())
    return weighted_sum(2 * np.cumsum(goods) - goods, bads) / whole if whole else None


def curves(counts: ScoreCounts, points: int = POINTS) -> dict[str, tuple[FloatArray, ...]]:
    """Points of curves, thinned to at most `points`; empty if there is only one class.

    `roc`: share of goods lost and of bads caught, `pr`: recall and precision, both from the strictest cut-off on;
    `ks`: scores, and shares of goods and of bads up to each, the widest gap among them.
    """
    if counts.one_class():
        return {}
    goods, bads = (np.cumsum(np.append(0, side[::-1])) for side in (counts.goods, counts.bads))
    kept = _spread_out(len(goods), points)
    caught = _spread_out(len(goods) - 1, points) + 1  # nothing is caught at the first, so it has no precision
    up_to = np.cumsum(counts.goods), np.cumsum(counts.bads)
    widest = int(np.abs(up_to[1] * counts.n_good - up_to[0] * counts.n_bad).argmax())
    some = np.union1d(_spread_out(len(counts.scores), points), widest)
    return {
        "roc": (goods[kept] / counts.n_good, bads[kept] / counts.n_bad),
        "pr": (bads[caught] / counts.n_bad, bads[caught] / (goods[caught] + bads[caught])),
        "ks": (counts.scores[some], up_to[0][some] / counts.n_good, up_to[1][some] / counts.n_bad),
    }


def gains(of: Sequence[Band]) -> list[Json]:
    """Gains table, from the riskiest band down: cumulative shares of all bads and goods include all riskier bands.

    Bands are given from the safest on. A lift is a bad rate over that of all. A band is in order if its bad rate is no
    higher than that of the riskier one before it. Empty where goods or bads are lacking.
    """
    n, bads = sum(band.n for band in of), sum(band.bads for band in of)
    if bads in (0, n):
        return []
    rows: list[Json] = []
    seen = seen_bads = 0
    for band in reversed(of):
        seen, seen_bads = seen + band.n, seen_bads + band.bads
        of_bads, of_goods = seen_bads / bads, (seen - seen_bads) / (n - bads)
        told: Json = {"lowest": band.lowest, "highest": band.highest, "n": band.n, "bads": band.bads}
        told |= {"bad_rate": band.bad_rate, "bad_rate_interval": list(band.bad_rate_interval())}
        told |= {"mean_score": band.mean_score, "in_order": not rows or band.bad_rate <= rows[-1]["bad_rate"]}
        told |= {"cumulative_bads": of_bads, "cumulative_goods": of_goods, "ks": abs(of_bads - of_goods)}
        rows.append(told | {"lift": band.bad_rate * n / bads, "cumulative_lift": of_bads * n / seen})
    return rows


def _spread_out(length: int, points: int) -> IntArray:
    """At most so many places of a line, both ends among them."""
    places: IntArray = np.unique(np.linspace(0, length - 1, min(points, length)).round().astype(np.int64))
    return places


def _pairs_won(counts: ScoreCounts) -> int:
    """Twice the number of pairs of a bad and a good in which the bad scores higher; ties count one."""
    return int(counts.bads @ (2 * np.cumsum(counts.goods) - counts.goods))


def _placements(counts: ScoreCounts) -> tuple[FloatArray, FloatArray]:
    """For each score: the share of goods that a bad there beats, and the share of bads that beat a good there."""
    goods_beaten = (2 * np.cumsum(counts.goods) - counts.goods) / (2 * counts.n_good)
    beaten_by_bads = 1 - (2 * np.cumsum(counts.bads) - counts.bads) / (2 * counts.n_bad)
    return goods_beaten, beaten_by_bads


def _delong(of_bads: FloatArray, of_goods: FloatArray, bads: IntArray, goods: IntArray) -> float | None:
    """Variance of a mean placement, or of a difference of two; None with fewer than two rows of a class."""
    n_bad, n_good = int(bads.sum()), int(goods.sum())
    if min(n_bad, n_good) < 2:  # noqa: PLR2004 - a variance needs two
        return None
    return ValueCounts(of_bads, bads).variance() / n_bad + ValueCounts(of_goods, goods).variance() / n_good
