"""Features that rank outcomes better than an honest one can."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.measures.counts import ScoreCounts
from jobs.measures.ranking import auc
from jobs.preprocessing import leaks
from jobs.preprocessing.features import feature_columns
from jobs.preprocessing.leaks import can_judge, refuse_suspicious, suspicious
from jobs.protocol import contract, policy
from jobs.protocol.contract_polars import polars_schema
from jobs.protocol.errors import ContractBroken
from jobs.protocol.layers import LABELS
from tests.preprocessing.applications import STORE, built, random_silver

if TYPE_CHECKING:
    from jobs.preprocessing.stock import Stock


RULE = policy.load(None, "").leaks
COLUMNS = feature_columns(STORE)
ROWS = 2000


def known(seed: int = 1, **columns: pl.Expr | pl.Series) -> pl.DataFrame:
    """Labelled rows of honest features, some of them overwritten; a fifth is bad."""
    chance = np.random.default_rng(seed)
    days = pl.Series(chance.integers(0, 28, ROWS))
    months = pl.Series(chance.integers(0, 24, ROWS))
    rows = built(random_silver(ROWS, seed)).with_columns(
        y=pl.Series(chance.random(ROWS) < 0.2).cast(pl.Int8),
        application_date=pl.lit(date(2015, 1, 1)).dt.offset_by(pl.format("{}mo", months))
        + pl.duration(days=pl.lit(days)),
    )
    return rows.with_columns(snapshot_date=pl.col("application_date") + pl.duration(days=1)).with_columns(**columns)


def test_honest_features_raise_no_suspicion() -> None:
    for seed in range(3):
        assert suspicious(known(seed), COLUMNS, RULE) == []
    refuse_suspicious(known(), COLUMNS, RULE)


def outcome(hit: float) -> pl.Expr:
    """The outcome itself, blurred until it ranks with about this AUC."""
    noise = pl.Series(np.random.default_rng(9).normal(0, 1, ROWS))
    return pl.col("y") * hit + noise


@pytest.mark.parametrize(
    ("column", "values", "measure"),
    [
        pytest.param("revol_util", outcome(1.3), "auc", id="ranks-too-well"),
        pytest.param("revol_util", -outcome(1.3), "auc", id="ranks-too-well-the-other-way-round"),
        pytest.param(
            "open_acc",
            pl.when(pl.int_range(pl.len()) % 4 == 0).then(None).otherwise(pl.col("y") * 3).cast(pl.Int16),
            "auc",
            id="ranks-too-well-where-it-is-known",
        ),
        pytest.param(
            "inq_fi", pl.when(pl.col("y") == 0).then(pl.lit(1, pl.Int16)), "auc of being missing", id="missing-if-bad"
        ),
        pytest.param(
            "inq_fi", pl.when(pl.col("y") == 1).then(pl.lit(1, pl.Int16)), "auc of being missing", id="missing-if-good"
        ),
        pytest.param(
            "grade", pl.when(pl.col("y") == 0).then(pl.lit("B")), "auc of being missing", id="no-category-if-bad"
        ),
        pytest.param("grade", pl.when(pl.col("y") == 1).then(pl.lit("B")).otherwise(pl.lit("E")), "auc", id="category"),
        pytest.param(
            "mort_acc",
            (pl.col("snapshot_date") - pl.col("application_date").dt.month_start()).dt.total_days().cast(pl.Int16),
            "correlation with landing",
            id="knows-when-it-landed",
        ),
    ],
)
def test_a_feature_that_is_too_good_to_be_true_is_named(column: str, values: pl.Expr, measure: str) -> None:
    rows = known().with_columns(values.alias(column))
    assert [(found.feature, found.measure) for found in suspicious(rows, COLUMNS, RULE)] == [(column, measure)]
    with pytest.raises(ContractBroken, match=f"{column}: {measure} is"):
        refuse_suspicious(rows, COLUMNS, RULE)


def test_a_column_that_is_missing_for_every_bad_and_half_the_goods_is_measured() -> None:
    goods_told = (pl.col("y") == 0) & (pl.int_range(pl.len()).over("y") % 2 == 0)
    rows = known().with_columns(inq_fi=pl.when(goods_told).then(pl.lit(1, pl.Int16)))
    [found] = suspicious(rows, COLUMNS, replace(RULE, max_single_feature_auc=0.74))
    assert found.value == pytest.approx(0.75, abs=0.001)


def test_the_limit_itself_is_not_suspicious() -> None:
    rows = known().with_columns(revol_util=outcome(1.3))
    [found] = suspicious(rows, COLUMNS, RULE)
    assert suspicious(rows, COLUMNS, replace(RULE, max_single_feature_auc=found.value)) == []
    assert (found.feature, found.measure, found.limit) == ("revol_util", "auc", 0.75)


def test_too_few_rows_are_not_judged_and_that_can_be_told() -> None:
    leak = known().with_columns(revol_util=pl.col("y").cast(pl.Float64))
    assert can_judge(leak, RULE)
    assert suspicious(leak, COLUMNS, RULE)
    bads, goods = leak.filter(pl.col("y") == 1), leak.filter(pl.col("y") == 0)
    for few in (leak.head(999), goods, pl.concat([bads] * 4), leak.clear()):
        assert not can_judge(few, RULE)
    assert can_judge(leak, replace(RULE, min_rows=leak.height, min_bads=bads.height)), "as many as must be"
    assert not can_judge(leak, replace(RULE, min_bads=bads.height + 1))


def test_a_value_that_few_bads_have_is_not_judged_by_itself() -> None:
    first = pl.int_range(pl.len()).over("y") < 100
    leak = known().with_columns(revol_util=pl.when(first).then(pl.col("y").cast(pl.Float64)))
    assert suspicious(leak, COLUMNS, RULE) == []


def test_a_value_that_few_loans_have_is_not_held_against_when_they_landed() -> None:
    landed = (pl.col("snapshot_date") - pl.col("application_date").dt.month_start()).dt.total_days().cast(pl.Int16)
    for rows, found in ((RULE.min_rows - 1, 0), (RULE.min_rows, 1)):
        leak = known().with_columns(mort_acc=pl.when(pl.int_range(pl.len()) < rows).then(landed))
        told = [one.measure for one in suspicious(leak, COLUMNS, RULE)]
        assert told.count("correlation with landing") == found


def test_the_drift_of_years_is_not_taken_for_knowledge_of_the_landing() -> None:
    drift = pl.col("application_date").dt.month_start().dt.epoch("d").cast(pl.Float64)
    landed_at_once = known().with_columns(revol_util=drift, snapshot_date=pl.lit(date(2019, 1, 1)))
    assert suspicious(landed_at_once, COLUMNS, RULE) == []


@given(values=st.lists(st.integers(0, 5), min_size=30, max_size=60), data=st.data())
@settings(max_examples=30)
def test_the_guard_ranks_as_the_measures_do(values: list[int], data: st.DataObject) -> None:
    y = data.draw(st.lists(st.integers(0, 1), min_size=len(values), max_size=len(values)))
    y[:2] = [0, 1]
    column = STORE.column("open_acc")
    rows = pl.DataFrame({"y": y, "open_acc": values}, schema={"y": pl.Int8, "open_acc": pl.Int16}).with_columns(
        application_date=date(2015, 1, 1), snapshot_date=date(2015, 1, 2)
    )
    rule = replace(RULE, min_rows=1, min_bads=1, max_single_feature_auc=0.5)
    expected = auc(ScoreCounts.of(values, y)).known()
    found = [one.value for one in suspicious(rows, [column], rule) if one.measure == "auc"]
    assert found == ([pytest.approx(max(expected, 1 - expected))] if expected != 0.5 else [])


def test_of_two_labels_of_a_loan_the_guard_looks_at_the_one_that_became_known_last() -> None:
    day, matured = date(2016, 3, 6), date(2016, 3, 1)
    told = [{"id": 1, "y": y, "snapshot_date": day - timedelta(days=n)} for n, y in ((0, 1), (9, 0))]
    found = pl.DataFrame(told).with_columns(mature_date=pl.lit(matured), application_date=pl.lit(date(2015, 2, 1)))
    nothing = cast("Stock", SimpleNamespace(built=lambda _: {}))
    for rows in (found, found.reverse()):
        types = pl.Schema({name: polars_schema(contract.load(LABELS))[name] for name in rows.columns})
        assert leaks._cohorts(nothing, policy.load(None, ""), rows.cast(types), day, day)["y"].to_list() == [1]
