from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given

from jobs.measures.counts import ScoreCounts
from jobs.measures.measure import Measure
from jobs.measures.performance import at_cutoff
from jobs.measures.proportions import jeffreys_interval
from tests.measures.populations import ROWS, SCORES, Row, binormal, counted, of_toad


def reached(counts: ScoreCounts, cutoff: float | None) -> dict[str, Measure]:
    return at_cutoff(counts.scores, counts.goods, counts.bads, cutoff)


@given(rows=ROWS, cutoff=SCORES)
def test_a_cut_off_counts_every_row_once(rows: list[Row], cutoff: float) -> None:
    found = reached(counted(rows), cutoff)
    taken, bads = [label for score, label in rows if score >= cutoff], sum(label for _, label in rows)
    assert (found["precision"].n, found["recall"].n, found["f1"].n) == (len(taken), bads, len(rows))
    assert found["precision"].value == (sum(taken) / len(taken) if taken else None)
    assert found["recall"].value == (sum(taken) / bads if bads else None)
    assert found["f1"].value == (2 * sum(taken) / (len(taken) + bads) if taken or bads else None)


def test_precision_recall_and_f1_by_hand() -> None:
    found = reached(counted([(0.9, 1)] * 30 + [(0.9, 0)] * 10 + [(0.1, 1)] * 20 + [(0.1, 0)] * 40), 0.5)
    assert (found["precision"].value, found["precision"].n) == (0.75, 40)
    assert (found["recall"].value, found["recall"].n) == (0.6, 50)
    assert found["f1"].value == pytest.approx(2 * 0.75 * 0.6 / (0.75 + 0.6))
    assert found["precision"].interval == jeffreys_interval(30, 40)
    assert found["f1"].interval is None


def test_toad_f1() -> None:
    data = of_toad()
    found = reached(ScoreCounts.of(-data["feature"], data["target"]), -0.5)  # its lower values are taken for bads
    assert found["f1"].value == pytest.approx(0.51417004048583, abs=1e-14)


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
    found = reached(counts, float(counts.scores[::-1][np.searchsorted(caught, recall)]))
    assert found["recall"].value == pytest.approx(recall, abs=5e-4)
    assert found["precision"].value == pytest.approx(precision, abs=2e-3)
    assert found["f1"].value == pytest.approx(f1, abs=1e-3)


def test_shares_of_nothing_have_reasons() -> None:
    goods = reached(counted([(0.1, 0)]), 0.5)
    assert goods["precision"].reason == "no score reaches the cut-off"
    assert goods["precision"].n == 0
    assert goods["recall"].reason == "there are no bads"
    assert goods["f1"].reason == "there are no bads and no score reaches the cut-off"
    assert reached(ScoreCounts.of((), ()), 0.5)["f1"].n == 0
    assert {one.reason for one in reached(counted([(0.1, 0)]), None).values()} == {"there is no cut-off"}


def test_estimated_numbers_are_not_counts_and_get_no_interval_of_counts() -> None:
    found = at_cutoff(np.array([0.1, 0.9]), np.array([4.5, 1.5]), np.array([0.5, 3.5]), 0.5)
    assert found["precision"].value == 0.7
    assert found["precision"].interval is None
    found = at_cutoff(np.array([0.1, 0.9]), np.array([4.4, 1.4]), np.array([0.5, 3.5]), 0.5)
    assert [(name, one.n) for name, one in found.items()] == [("precision", 5), ("recall", 4), ("f1", 10)]
