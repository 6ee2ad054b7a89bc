from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import date, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.measures.counts import ScoreCounts
from jobs.measures.ranking import auc
from jobs.preprocessing import leaks
from jobs.preprocessing.features import expression, feature_columns
from jobs.preprocessing.leaks import can_judge, refuse_leaks, refuse_suspicious, suspicious
from jobs.protocol import contract, judge, policy
from jobs.protocol.columns import polars_schema
from jobs.protocol.errors import ContractBroken
from jobs.protocol.layers import LABELS
from tests.preprocessing.applications import SILVER, STORE, built, random_silver

if TYPE_CHECKING:
    from jobs.preprocessing.stock import Stock

OUTCOMES = """
loan_status pymnt_plan out_prncp out_prncp_inv total_pymnt total_pymnt_inv total_rec_prncp total_rec_int
total_rec_late_fee recoveries collection_recovery_fee last_pymnt_d last_pymnt_amnt next_pymnt_d last_credit_pull_d
last_fico_range_high last_fico_range_low hardship_flag hardship_type hardship_reason hardship_status deferral_term
hardship_amount hardship_start_date hardship_end_date payment_plan_start_date hardship_length hardship_dpd
hardship_loan_status orig_projected_additional_accrued_interest hardship_payoff_balance_amount
hardship_last_payment_amount debt_settlement_flag debt_settlement_flag_date settlement_status settlement_date
settlement_amount settlement_percentage settlement_term funded_amnt_inv
"""
NEVER = "id member_id issue_d application_date snapshot_date zip_code addr_state emp_title url desc title policy_code"
RULE = policy.load(None, "").leaks
COLUMNS = feature_columns(STORE)
ROWS = 2000


def with_feature(name: str, **said: Any) -> contract.Contract:
    """The store's contract after somebody has added a feature, or changed what is said of one."""
    schema = json.loads((judge.HOME / f"{STORE.name}.json").read_text())
    added = {"description": "x", "type": ["number", "null"], "x-dtype": "float64", "x-role": "bureau"}
    schema["properties"][name] = (
        schema["properties"].get(name, {**added, "x-profiles": ["investor", "granting"]}) | said
    )
    return contract.read(json.dumps(schema).encode(), name=STORE.name)


def refusal(store: contract.Contract) -> str:
    with pytest.raises(ContractBroken) as caught:
        refuse_leaks(store, *SILVER)
    return caught.value.what


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


def test_the_store_leaks_nothing() -> None:
    refuse_leaks(STORE, *SILVER)
    read = {name for feature in COLUMNS for name in expression(feature.name).meta.root_names()}
    assert read & {*OUTCOMES.split(), *NEVER.split()} <= {"issue_d"}, (
        "of an application its month is known, and no more"
    )


@pytest.mark.parametrize("name", OUTCOMES.split())
def test_no_outcome_can_become_a_feature(name: str) -> None:
    assert name not in {column.name for column in COLUMNS}
    assert f"{name} reads {name}, whose role is post" in refusal(with_feature(name))


def test_there_are_forty_outcomes_and_silver_has_no_other() -> None:
    assert len(set(OUTCOMES.split())) == 40
    assert {column.name for table in SILVER for column in table.with_role("post")} == set(OUTCOMES.split())


@pytest.mark.parametrize("name", NEVER.split())
def test_no_key_date_place_or_text_can_become_a_feature(name: str) -> None:
    dtype = "date" if name.endswith(("_d", "_date")) else "float64"
    said = {"x-dtype": dtype, "x-profiles": ["investor"]}
    if dtype == "date":
        said |= {"type": "string", "format": "date"}
    else:
        said |= {"type": "number"}
    assert f"{name} reads {name}, whose role is" in refusal(with_feature(name, **said))


@pytest.mark.parametrize(
    ("name", "said", "refused"),
    [
        pytest.param(
            "earliest_cr_line",
            {"x-dtype": "date", "type": ["string", "null"], "format": "date"},
            "earliest_cr_line is a date, which tells the vintage",
            id="a-date-of-an-allowed-role",
        ),
        pytest.param(
            "int_rate",
            {"x-profiles": ["investor", "granting"]},
            "int_rate reads the lender's pricing",
            id="pricing-for-granting",
        ),
        pytest.param(
            "dti_with_loan",
            {"x-profiles": ["granting"]},
            "dti_with_loan reads the lender's pricing",
            id="made-of-pricing-for-granting",
        ),
        pytest.param("made_up", {}, "made_up reads made_up, whose role is unknown", id="a-column-that-nobody-lands"),
        pytest.param("made_up", {"x-profiles": []}, "made_up is neither a key", id="a-column-of-no-profile"),
        pytest.param("dti", {"x-profiles": ["invetsor"]}, "unknown profile invetsor", id="a-mistyped-profile"),
        pytest.param("dti", {"x-role": "post"}, "dti has the role post", id="a-feature-that-calls-itself-an-outcome"),
    ],
)
def test_a_feature_is_refused_by_name(name: str, said: dict[str, Any], refused: str) -> None:
    assert refused in refusal(with_feature(name, **said))


def test_a_column_whose_role_differs_between_tables_counts_as_the_worst() -> None:
    table = SILVER[3]
    columns = tuple(replace(column, role="post" if column.name == "dti" else column.role) for column in table.columns)
    worse = replace(table, columns=columns)
    for tables in ((*SILVER, worse), (worse, *SILVER)):
        with pytest.raises(ContractBroken, match="dti reads dti, whose role is post"):
            refuse_leaks(STORE, *tables)


def test_what_a_feature_reads_is_told_in_one_order() -> None:
    with pytest.raises(ContractBroken) as caught:
        refuse_leaks(STORE)
    told = re.findall(r"(\w+) reads (\w+), whose role is unknown", caught.value.what)
    names = [column.name for column in COLUMNS]
    assert told == sorted(told, key=lambda pair: (names.index(pair[0]), pair[1]))


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
