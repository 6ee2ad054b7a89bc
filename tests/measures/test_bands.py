from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.measures import ranking
from jobs.measures.calibration import bands
from jobs.measures.counts import ScoreCounts
from jobs.measures.ranking import gains
from tests.measures.populations import BOTH_CLASSES, ROWS, Row, counted, of_toad


@given(rows=ROWS, parts=st.integers(1, 10))
def test_bands_keep_every_row_and_equal_scores_together(rows: list[Row], parts: int) -> None:
    found = bands(counted(rows), parts)
    assert sum(band.n for band in found) == len(rows)
    assert sum(band.bads for band in found) == sum(label for _, label in rows)
    assert sum(band.expected for band in found) == pytest.approx(sum(score for score, _ in rows))
    assert len(found) <= parts
    for safer, riskier in itertools.pairwise(found):
        assert safer.highest < riskier.lowest
    for band in found:
        assert band.n == sum(band.lowest <= score <= band.highest for score, _ in rows)


def test_distinct_scores_make_bands_of_equal_mass() -> None:
    counts = ScoreCounts.of(np.arange(1000), np.arange(1000) % 7 == 0)
    assert [band.n for band in bands(counts)] == [100] * 10
    assert [band.n for band in bands(counts, 3)] == [334, 333, 333]


def test_a_band_has_a_rate_with_an_interval() -> None:
    (band,) = bands(counted([(0.2, 0), (0.4, 1), (0.4, 0), (0.2, 0)]), 1)
    assert (band.n, band.bad_rate, band.lowest, band.highest) == (4, 0.25, 0.2, 0.4)
    assert band.mean_score == pytest.approx(0.3)
    low, high = band.bad_rate_interval()
    assert 0 < low < 0.25 < high < 1


def test_toad_ks_bucket_and_lift() -> None:
    """toad/metrics_test.py, MIT: KS of row 4 and lift of row 3 of ten quantile buckets, which it reads from below."""
    data = of_toad()
    rows = gains(bands(ScoreCounts.of(data["feature"], data["target"])))
    assert rows[4]["ks"] == pytest.approx(0.028036335090276976, rel=1e-14)  # toad gives it a sign
    assert rows[6]["cumulative_lift"] == pytest.approx(1.0038610038610036, rel=1e-14)


@given(rows=BOTH_CLASSES)
def test_gains_gather_all_bads_from_the_riskiest_down(rows: list[Row]) -> None:
    counts = counted(rows)
    table = gains(bands(counts))
    last = table[-1]
    assert [last[f"cumulative_{what}"] for what in ("bads", "goods", "lift")] == [1.0] * 3
    assert last["ks"] == 0.0
    assert max(row["ks"] for row in table) <= ranking.ks(counts).known() + 1e-12
    assert [row["highest"] for row in table] == sorted((row["highest"] for row in table), reverse=True)
    seen = [row["cumulative_bads"] for row in table]
    assert seen == sorted(seen)


def test_gains_by_hand() -> None:
    rows = gains(bands(counted([(0.1, 0)] * 5 + [(0.9, 1)] * 2 + [(0.9, 0)]), 2))
    assert [(row["lowest"], row["cumulative_bads"]) for row in rows] == [(0.9, 1.0), (0.1, 1.0)]
    assert [row["lift"] for row in rows] == pytest.approx([(2 / 3) / (2 / 8), 0.0])
    assert rows[0]["cumulative_goods"] == pytest.approx(1 / 6)
    assert rows[0]["ks"] == pytest.approx(5 / 6)


def test_a_band_is_out_of_order_if_it_is_worse_than_the_riskier_one_before() -> None:
    bads_of_four = {0.9: 2, 0.7: 3, 0.5: 3, 0.3: 0}
    rows = gains(bands(counted([(score, at < bads) for score, bads in bads_of_four.items() for at in range(4)]), 4))
    assert [row["bad_rate"] for row in rows] == [0.5, 0.75, 0.75, 0.0]
    assert [row["in_order"] for row in rows] == [True, False, True, True]


@pytest.mark.parametrize("rows", [[], [(0.5, 0)], [(0.5, 1)]], ids=["empty", "goods-only", "bads-only"])
def test_one_class_has_no_gains(rows: list[Row]) -> None:
    assert gains(bands(counted(rows))) == []
