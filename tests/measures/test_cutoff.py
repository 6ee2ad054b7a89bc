from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given

from jobs.measures.counts import ScoreCounts
from jobs.measures.cutoff import Confusion, confusion
from jobs.measures.proportions import jeffreys_interval
from tests.measures.populations import ROWS, SCORES, Row, binormal, counted


@given(rows=ROWS, cutoff=SCORES)
def test_a_cut_off_counts_every_row_once(rows: list[Row], cutoff: float) -> None:
    table = confusion(counted(rows), cutoff)
    assert table == Confusion(
        true_bads=sum(score >= cutoff and label == 1 for score, label in rows),
        false_bads=sum(score >= cutoff and label == 0 for score, label in rows),
        false_goods=sum(score < cutoff and label == 1 for score, label in rows),
        true_goods=sum(score < cutoff and label == 0 for score, label in rows),
    )
    assert table.n == len(rows)


def test_precision_recall_and_f1_by_hand() -> None:
    table = Confusion(true_bads=30, false_bads=10, false_goods=20, true_goods=40)
    assert (table.precision().value, table.precision().n) == (0.75, 40)
    assert (table.recall().value, table.recall().n) == (0.6, 50)
    assert table.f1().value == pytest.approx(2 * 0.75 * 0.6 / (0.75 + 0.6))
    assert table.precision().interval == jeffreys_interval(30, 40)


@pytest.mark.parametrize(
    ("auc", "recall", "precision", "f1"),
    [
        (0.70, 0.5, 0.353, 0.414),
        (0.70, 0.8, 0.270, 0.404),
        (0.75, 0.7, 0.344, 0.461),
        (0.80, 0.5, 0.517, 0.508),
        (0.97, 0.8, 0.853, 0.826),
        (0.943, 0.70, 0.80, 0.747),  # what the gates of a fraud system would need
        (0.951, 0.80, 0.75, 0.774),
    ],
)
def test_what_a_binormal_score_can_reach(auc: float, recall: float, precision: float, f1: float) -> None:
    """Domain notes, 9.5: a fifth of the rows are bad."""
    counts = binormal(auc)
    caught = np.cumsum(counts.bads[::-1]) / counts.n_bad
    table = confusion(counts, float(counts.scores[::-1][np.searchsorted(caught, recall)]))
    assert table.recall().value == pytest.approx(recall, abs=5e-4)
    assert table.precision().value == pytest.approx(precision, abs=2e-3)
    assert table.f1().value == pytest.approx(f1, abs=1e-3)


def test_shares_of_nothing_have_reasons() -> None:
    goods = confusion(counted([(0.1, 0)]), 0.5)
    assert goods.precision().reason == "no score reaches the cut-off"
    assert goods.precision().n == 0
    assert goods.recall().reason == "there are no bads"
    assert goods.f1().reason == "there are no bads and no score reaches the cut-off"
    assert confusion(ScoreCounts.of((), ()), 0.5).n == 0


def test_estimated_numbers_are_not_counts_and_get_no_interval_of_counts() -> None:
    table = Confusion(true_bads=3.5, false_bads=1.5, false_goods=0.5, true_goods=4.5, estimated=True)
    assert table.precision().value == 0.7
    assert table.precision().interval is None
