"""Drift against a small reference: what moves, what only came or went, and what has no rows."""

from __future__ import annotations

import itertools
from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.measures import bins
from jobs.measures.counts import ValueCounts
from jobs.measures.drift import ZeroPolicy
from jobs.monitoring import drift, weeks

Json = dict[str, Any]

ROWS = 4000
ADDITIVE = ZeroPolicy.ADDITIVE
NAMES = {"steady": 0.78, "moving": 0.02, "slight": 0.01, "constant": 0.19, "empty": 0.0}


def frame(shift: float = 0.0, rows: int = ROWS, seed: int = 1) -> pl.DataFrame:
    draw = np.random.default_rng(seed)
    return pl.DataFrame(
        {
            "steady": draw.normal(size=rows),
            "moving": draw.normal(loc=shift, size=rows),
            "slight": draw.normal(loc=2 * shift, size=rows),
            "constant": np.full(rows, 7.0),
            "empty": pl.Series([None] * rows, dtype=pl.Float64),
        }
    )


def scores(shift: float = 0.0, rows: int = ROWS, seed: int = 2) -> ValueCounts:
    return ValueCounts.of(np.random.default_rng(seed).beta(2, 8 - shift, size=rows))


REFERENCE_FRAME, FROZEN = frame(), bins.freeze(frame(), list(NAMES))


def kept() -> ValueCounts:
    """The scores of the reference, as exact as it keeps them."""
    return ValueCounts.of(np.repeat(scores().values.round(4), scores().counts))


def reference() -> Json:
    learned, of_scores = bins.count(REFERENCE_FRAME, FROZEN), scores()
    score_bins = bins.freeze_numbers(of_scores)
    return {
        "cutoff": 0.3,
        "features": {
            name: {
                "bins": bins.to_json(FROZEN[name]),
                "rows": list(learned[name].rows),
                "missing": learned[name].part(bins.MISSING) / ROWS,
                "shap_share": share,
            }
            for name, share in NAMES.items()
        },
        "scores": {"bins": bins.to_json(score_bins), "rows": list(score_bins.count(of_scores).rows)},
        "grades": {"A": {"n": 17}},
    }


def section(found: pl.DataFrame, of_scores: ValueCounts) -> Json:
    return drift.section(reference(), kept(), of_scores, bins.count(found, FROZEN), ADDITIVE)[0]


def feature(said: Json, name: str) -> Json:
    found: Json = next(one for one in said["features"] if one["name"] == name)
    return found


def test_the_same_rows_have_not_drifted() -> None:
    said = section(frame(), scores())
    assert said["value"] == pytest.approx(0)
    assert said["approval"]["value"] == 0
    assert said["mean_pd"]["value"] == 0
    assert all(one["csi"]["value"] == pytest.approx(0) for one in said["features"])


def test_what_moved_shows_weighted_by_its_importance() -> None:
    said = section(frame(shift=1.0, seed=3), scores(seed=4))
    csi = {one["name"]: one["csi"]["value"] for one in said["features"]}
    assert csi["moving"] > 0.5
    assert said["weighted"]["value"] == pytest.approx(sum(NAMES[name] * value for name, value in csi.items()))
    assert said["largest"] == {"value": csi["moving"], "subject": "moving"}  # slight moved more, and hardly matters
    assert csi["slight"] > csi["moving"]
    assert said["value"] == said["weighted"]["value"] > said["score"]["value"]
    assert feature(said, "moving")["p_adjusted"] < 1e-6
    assert feature(said, "steady")["p_adjusted"] > 0.001


def test_adjusted_p_is_never_below_p() -> None:
    said = section(frame(shift=0.05, rows=500, seed=5), scores(rows=500, seed=6))
    assert all(one["p_adjusted"] >= one["csi"]["p"] for one in said["features"])


def test_riskier_scores_are_approved_less_and_their_mean_rises() -> None:
    said = section(frame(), scores(shift=4, seed=7))
    assert said["score"]["value"] > 0.25
    assert said["value"] == said["score"]["value"]
    assert said["approval"]["value"] < 0 < said["mean_pd"]["value"]
    assert sum(grade["rows"] for grade in said["grades"]) == ROWS
    low, high = map(float, said["cutoff"]["bin"].strip("(]").split(","))
    assert low < said["cutoff"]["value"] == 0.3 <= high
    assert said["grades"][0]["reference_rows"] == 17


@pytest.mark.parametrize(
    ("name", "share", "another"),
    [
        pytest.param("moving", 1.0, True, id="a-column-went"),
        pytest.param("moving", 0.985, False, id="most-of-a-column-went"),
        pytest.param("empty", 0.0, True, id="a-column-came"),
        pytest.param("empty", 0.5, True, id="half-of-a-column-came"),
        pytest.param("empty", 0.6, False, id="less-than-half-of-a-column-came"),
    ],
)
def test_a_column_that_comes_or_goes_is_another_schema_and_no_drift(name: str, share: float, another: bool) -> None:
    missing = pl.int_range(pl.len()) < share * ROWS
    found = frame(seed=8).with_columns(pl.when(missing).then(None).otherwise(pl.lit(1.5)).alias(name))
    said = section(found, scores())
    assert feature(said, name)["schema_change"] is another
    assert (feature(said, name)["p_adjusted"] is None) is another
    counted = {one["name"]: one["csi"]["value"] for one in said["features"] if not one["schema_change"]}
    assert said["weighted"]["value"] == pytest.approx(sum(NAMES[each] * csi for each, csi in counted.items()))
    assert (name in counted) is not another


def test_a_column_that_the_store_lacks_is_another_schema() -> None:
    said = section(frame().drop("moving"), scores())
    gone = feature(said, "moving")
    assert gone["schema_change"]
    assert gone["csi"]["reason"] == "the feature store has no such column"
    assert gone["missing"] is None


@pytest.mark.parametrize("name", ["constant", "empty"])
def test_a_feature_of_one_value_or_none_is_steady_while_it_stays_so(name: str) -> None:
    one = feature(section(frame(seed=9), scores()), name)
    assert one["csi"]["value"] == pytest.approx(0)
    assert one["schema_change"] is False


def test_without_rows_nothing_is_known_and_nothing_came_or_went() -> None:
    said = section(frame().head(0), ValueCounts.of(()))
    assert said["value"] is None
    assert said["weighted"] == {"value": None}
    assert said["largest"] == {"value": None, "subject": None}
    assert {one["csi"]["reason"] for one in said["features"]} == {"the current data has no rows"}
    assert not any(one["schema_change"] for one in said["features"])
    assert said["approval"]["reason"] == "the current data has no rows"


@given(cuts=st.lists(st.integers(0, 300), max_size=3))
def test_counts_of_shards_give_what_the_whole_gives(cuts: list[int]) -> None:
    whole, of_scores = frame(shift=0.3, rows=300, seed=10), np.random.default_rng(11).random(300)
    ends = [0, *sorted(cuts), 300]
    shards = list(itertools.pairwise(ends))
    features = [bins.count(whole[start:end], FROZEN) for start, end in shards]
    summed = features[0]
    for other in features[1:]:
        summed = {name: summed[name] + counted for name, counted in other.items()}
    merged = ValueCounts.merged(ValueCounts.of(of_scores[start:end]) for start, end in shards)
    together = section(whole, ValueCounts.of(of_scores))
    assert drift.section(reference(), kept(), merged, summed, ADDITIVE)[0] == together


def test_every_bin_of_every_subject_is_told() -> None:
    counted = bins.count(frame(shift=1.0, seed=3), FROZEN)
    said, rows = drift.section(reference(), kept(), scores(seed=4), counted, ADDITIVE)
    by_subject = dict(rows.group_by("subject").agg(pl.col("contribution").sum()).iter_rows())
    assert by_subject["score"] == pytest.approx(said["score"]["value"])
    assert by_subject["moving"] == pytest.approx(feature(said, "moving")["csi"]["value"])
    for name, now in counted.items():
        told = rows.filter(pl.col("subject") == name)
        before = reference()["features"][name]
        assert (told["rows"].to_list(), told["reference_rows"].to_list()) == ([*now.rows], [*before["rows"]])
    assert rows.filter(pl.col("subject") == "score")["rows"].sum() == ROWS


@given(day=st.dates(date(2007, 1, 1), date(2030, 1, 1)))
def test_a_week_is_named_by_the_last_saturday_before_a_day(day: date) -> None:
    week = weeks.named_by(day)
    assert week.strftime("%A") == "Saturday"
    assert timedelta(days=1) <= day - week <= timedelta(days=7)


def test_a_score_at_the_cutoff_is_refused_and_one_at_the_bound_of_a_grade_is_of_the_worse() -> None:
    known = reference() | {"cutoff": 0.12344}
    before, now = (ValueCounts.of(np.array(pds)) for pds in ((0.01, 0.2), (0.01, 0.02, 0.12336, 0.2, 0.5)))
    said = drift.section(known, before, now, bins.count(frame(), FROZEN), ADDITIVE)[0]
    assert said["approval"]["value"] == pytest.approx(2 / 5 - 1 / 2), "scores are as exact as the reference's"
    assert [one["rows"] for one in said["grades"]] == [1, 1, 0, 0, 1, 1, 1]


def test_what_the_bins_add_beside_missing_and_unseen_values_is_told() -> None:
    fewer = frame().with_columns(steady=pl.when(pl.col("steady") > 0).then("steady"))
    csi = feature(section(fewer, scores()), "steady")["csi"]
    assert csi["missing_part"] > 0.1
    assert csi["body"] == pytest.approx(csi["value"] - csi["missing_part"])
