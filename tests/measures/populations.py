"""Populations that several tests measure."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from scipy.special import ndtr, ndtri

from jobs.measures.counts import FloatArray, IntArray, ScoreCounts

Row = tuple[float, int]

SCORES = st.integers(0, 12).map(lambda n: n / 12)  # few distinct values, so that ties are common
ROWS = st.lists(st.tuples(SCORES, st.integers(0, 1)), max_size=40)
BOTH_CLASSES = ROWS.filter(lambda rows: {label for _, label in rows} == {0, 1})


def counted(rows: list[Row]) -> ScoreCounts:
    return ScoreCounts.of([score for score, _ in rows], [label for _, label in rows])


def same(first: ScoreCounts, second: ScoreCounts) -> bool:
    """Whether two counts are equal to the last bit."""
    pairs = ((getattr(first, name), getattr(second, name)) for name in ("scores", "goods", "bads"))
    return all((one.dtype, one.tobytes()) == (other.dtype, other.tobytes()) for one, other in pairs)


def of_toad() -> dict[str, FloatArray | IntArray]:
    """The data of toad's tests (toad/metrics_test.py, MIT), drawn in its order from the seed it sets."""
    generator = np.random.RandomState(1)
    return {
        "feature": generator.rand(500),
        "target": generator.randint(2, size=500),
        "base": generator.rand(500),
        "A": generator.rand(500),
        "B": generator.rand(500),
        "baseA": generator.rand(500),
        "baseB": generator.rand(500),
    }


def binormal(auc: float) -> ScoreCounts:
    """A thousand million rows with normal scores, a fifth of them bads, shifted until the AUC is this one."""
    shift = np.sqrt(2) * ndtri(auc)
    edges = np.linspace(-7, 9, 20_001)
    goods, bads = (
        np.rint(np.diff(ndtr(edges - by)) * rows).astype(np.int64) for by, rows in ((0.0, 8e8), (shift, 2e8))
    )
    some = goods + bads > 0
    return ScoreCounts(edges[1:][some], goods[some], bads[some])
