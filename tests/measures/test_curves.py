from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given

from jobs.measures import ranking
from jobs.measures.counts import ScoreCounts
from jobs.measures.ranking import curves
from tests.measures.populations import BOTH_CLASSES, Row, binormal, counted


@given(rows=BOTH_CLASSES)
def test_the_area_under_the_roc_curve_is_the_auc(rows: list[Row]) -> None:
    x, y = curves(counted(rows))["roc"]
    assert (x[0], y[0], x[-1], y[-1]) == (0, 0, 1, 1)
    area = float(((y[1:] + y[:-1]) / 2 * np.diff(x)).sum())
    assert area == pytest.approx(ranking.auc(counted(rows)).known())


@given(rows=BOTH_CLASSES)
def test_the_steps_of_the_precision_recall_curve_sum_to_average_precision(rows: list[Row]) -> None:
    recall, precision = curves(counted(rows))["pr"]
    assert recall[-1] == 1
    steps = float((np.diff(recall, prepend=0) * precision).sum())
    assert steps == pytest.approx(ranking.average_precision(counted(rows)).known())


@given(rows=BOTH_CLASSES)
def test_the_widest_gap_is_among_the_points_of_the_ks_curve(rows: list[Row]) -> None:
    scores, goods, bads = curves(counted(rows), points=2)["ks"]
    assert len(scores) <= 3
    assert float(np.abs(bads - goods).max()) == pytest.approx(ranking.ks(counted(rows)).known())


def test_long_curves_are_thinned_to_few_points_and_keep_their_shape() -> None:
    counts = binormal(0.8)
    x, y = curves(counts)["roc"]
    assert len(x) <= 201
    assert (x[0], y[-1]) == (0, 1)
    assert (np.diff(x) >= 0).all()


@pytest.mark.parametrize("rows", [[], [(0.5, 0)], [(0.5, 1)]], ids=["empty", "goods-only", "bads-only"])
def test_one_class_has_no_curve(rows: list[Row]) -> None:
    assert curves(ScoreCounts.of([s for s, _ in rows], [y for _, y in rows])) == {}
