"""What a score is: kept to its contract, the same alone or among others, and told with its reasons."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from jobs.measures.calibration import Band
from jobs.protocol.contract import load
from jobs.protocol.contract_polars import offences
from jobs.scorer import scorecard
from jobs.scorer import scorer as scorers
from jobs.training_inference import scoring
from tests.training_inference.population import STORE, data, loans, scorer

if TYPE_CHECKING:
    from jobs.measures.counts import FloatArray
    from jobs.scorer.scorer import Scorer

OOT = "oot"


def scores(rows: pl.DataFrame, most_explained: int = scoring.MOST_ROWS) -> pl.DataFrame:
    return scoring.scores(scorer(), rows, threads=1, most_explained=most_explained)


def raw_scores(model: Scorer, rows: pl.DataFrame) -> FloatArray:
    return scorers.predicted(model.booster, model.encoding.table(rows), threads=1, raw_score=True)


def test_score_scale_of_the_trade() -> None:
    """Twenty points double the odds, 600 at 50 to 1 (domain notes, 9.3)."""
    assert pytest.approx(28.8539, abs=5e-5) == scorecard.FACTOR
    assert pytest.approx(487.1229, abs=5e-5) == scorecard.OFFSET
    assert scorecard.points(np.array([1 / 51, 1 / 101])).tolist() == [600, 620]
    assert np.abs(scorecard.points(np.array([0.0, 1.0]))).max() < 2000


def test_a_grade_ends_below_its_bound_and_the_last_has_none() -> None:
    bounds = (0.02, 0.04, 0.07, 0.11, 0.17, 0.26)
    assert scorecard.grades(np.array([0.0, *bounds])).to_list() == [*"ABCDEFG"]
    assert scorecard.grades(np.nextafter([*bounds, 1.0], 0)).to_list() == [*"ABCDEFG"]


def test_a_band_of_a_grade_holds_what_was_promised_and_what_came_and_none_is_empty() -> None:
    pd, labels = np.array([0.03, 0.5, 0.02, 0.3]), np.array([0, 1, 1, 0])
    assert scorecard.grade_bands(pd, labels) == {
        "B": Band(lowest=0.02, highest=0.03, n=2, bads=1, expected=0.05),
        "G": Band(lowest=0.3, highest=0.5, n=2, bads=1, expected=0.8),
    }


def test_a_probability_is_what_the_line_makes_of_the_raw_score() -> None:
    rows, line = data().frames[OOT].head(200), scorer().calibration
    odds = line.intercept + line.slope * raw_scores(scorer(), rows)
    np.testing.assert_allclose(scorer().pd(rows, threads=1), 1 / (1 + np.exp(-odds)), rtol=1e-9)


@pytest.mark.parametrize(("rows", "threads"), [(1, 1), (999, 1), (1_000, 2), (2_500, 3), (100_000, 4)])
def test_a_thread_more_is_started_for_every_thousand_rows(rows: int, threads: int) -> None:
    class Booster:
        def predict(self, _: pl.DataFrame, *, num_threads: int) -> list[int]:
            return [num_threads]

    booster: Any = Booster()
    assert scorers.predicted(booster, pl.DataFrame({"n": range(rows)}), threads=4).tolist() == [threads]


def test_columns_in_another_order_score_the_same() -> None:
    rows = data().frames[OOT].head(200)
    turned = rows.select(reversed(rows.columns))
    assert np.array_equal(scorer().pd(rows, threads=1), scorer().pd(turned, threads=1))


def test_a_level_is_coded_by_its_place_one_never_seen_by_the_place_after_the_last_and_null_stays() -> None:
    rows = pl.DataFrame({"other": [0] * 4, "grade": ["B", "A", "Z", None], "n": [1, 2, 3, 4]})
    coded = scorers.Encoding(("n", "grade"), {"grade": ("A", "B")}).table(rows)
    assert coded.rows() == [(1, 1), (2, 0), (3, 2), (4, None)]


def test_a_level_never_seen_and_a_missing_one_are_scored() -> None:
    rows = (
        data()
        .frames[OOT]
        .head(50)
        .with_columns(pl.lit("__UNSEEN__").alias("purpose_grp"), grade=pl.lit(None, pl.String))
    )
    assert np.isfinite(scorer().pd(rows, threads=1)).all()


def test_scores_keep_their_contract() -> None:
    scored = scores(loans()[0].tail(300)).with_columns(
        snapshot_date=pl.col("application_date"),
        model_id=pl.lit("20170701-0123456789ab"),
        ledger_seq=pl.lit(1, pl.Int64),
        feature_hash=pl.lit(0, pl.Int64),
    )
    agreed = load("gold/predictions")
    broken = scored.select(breaks.any().alias(":".join(rule)) for rule, breaks in offences(agreed).items())
    assert not any(broken.row(0))
    assert set(scored.columns) == {column.name for column in agreed.columns}


def test_a_day_scored_alone_or_among_others_has_the_same_scores() -> None:
    rows = loans()[0].tail(120)
    assert_frame_equal(scores(rows).tail(20), scores(rows.tail(20)))


def test_no_rows_give_no_scores_of_the_same_shape() -> None:
    rows = loans()[0].head(3)
    assert scores(rows.clear()).schema == scores(rows).schema


def test_where_not_all_can_be_explained_the_riskiest_are() -> None:
    rows = loans()[0].tail(100)
    scored = scores(rows, most_explained=10)
    explained = scored.filter(pl.col("reason_1").is_not_null())
    assert explained.height == 10
    assert explained["pd"].min() >= scored.filter(pl.col("reason_1").is_null())["pd"].max()  # type: ignore[operator]
    assert_frame_equal(explained, scores(rows).filter(pl.col("id").is_in(explained["id"].implode())))


def test_contributions_add_up_to_the_raw_score() -> None:
    model, rows = scorer(), data().frames[OOT].head(100)
    parts = scoring.contributions(model.booster, model.encoding.table(rows), threads=1).sum(axis=1)
    gap = raw_scores(model, rows) - parts
    assert np.ptp(gap) < 1e-6  # what is left is the base value, the same for all


def test_a_low_credit_score_is_a_reason_and_a_high_one_is_not() -> None:
    rows = data().frames[OOT].sort("fico_mid")
    for some, expected in ((rows.head(20), 1.0), (rows.tail(20), 0.0)):
        named = scores(some).select((pl.col("^reason_[1-4]$") == "credit_score").fill_null(value=False))
        assert named.select(pl.any_horizontal(pl.all())).to_series().mean() == pytest.approx(expected, abs=0.15)


def test_every_group_of_features_is_told_to_people_in_words() -> None:
    told = (Path(__file__).parents[2] / "docs/regulatory.md").read_text("utf-8")
    groups = {column.group for column in STORE.columns if column.profiles}
    assert [group for group in groups if f"| `{group}` |" not in told] == []


@pytest.mark.parametrize(
    ("pd", "points", "grade"), [(1 / 51, 600, "A"), (1 / 101, 620, "A"), (0.02, 599, "B"), (0.5, 487, "G")]
)
def test_points_and_grades_stand_where_the_scale_says(pd: float, points: int, grade: str) -> None:
    assert (int(scorecard.points(np.array([pd]))[0]), str(scorecard.grades(np.array([pd]))[0])) == (points, grade)
