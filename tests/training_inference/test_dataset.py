from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.protocol.calendar import add_months
from jobs.protocol.errors import InputMissing
from jobs.scorer.scorer import Encoding
from jobs.training_inference import dataset
from jobs.training_inference.dataset import complete_until
from tests.training_inference.population import AS_OF, POLICY, data, labels, loans

if TYPE_CHECKING:
    from collections.abc import Mapping

DAYS = st.dates(date(2010, 1, 1), date(2030, 12, 31))
STRICT = replace(POLICY, label=replace(POLICY.label, policy_exceptions="exclude"))


@given(DAYS, st.integers(3, 60))
def test_a_cohort_is_complete_exactly_when_its_window_and_lag_are_over(as_of: date, months: int) -> None:
    rules = replace(POLICY, label=replace(POLICY.label, window_months=months))
    last = complete_until(as_of, rules)
    lag = timedelta(POLICY.label.lag_days)
    assert add_months(last, months) + lag <= as_of < add_months(last + timedelta(1), months) + lag


def test_slices_follow_one_another_in_time_and_an_embargo_parts_fitting_from_judging() -> None:
    spans = data().spans
    assert spans["train"][1] + timedelta(1) == spans["valid"][0]
    assert (spans["calibration"][0] - spans["valid"][1]).days == POLICY.label.lag_days + 1
    assert spans["calibration"][1] + timedelta(1) == spans["oot"][0]
    assert spans["oot"][1] == complete_until(AS_OF, POLICY)
    assert [lengths(spans)[name] for name in ("valid", "calibration", "oot")] == [61, 61, 92]
    for name, frame in data().frames.items():
        assert frame["application_date"].is_between(*spans[name]).all()


def lengths(spans: Mapping[str, dataset.Span]) -> dict[str, int]:
    return {name: (last - first).days + 1 for name, (first, last) in spans.items()}


def test_a_young_history_shrinks_every_slice_alike_and_an_old_one_is_forgotten() -> None:
    ends = complete_until(AS_OF, POLICY)

    def of(days: int) -> dict[str, int]:
        applied = [ends - timedelta(n) for n in range(days)]
        frame = pl.DataFrame({"application_date": [*applied, *applied], "y": [0] * days + [1] * days})
        return lengths(dataset._slices(frame.sort("application_date"), AS_OF, POLICY)[0])

    assert of(183) == {"train": 183 - 46 - 30 - 16 - 30, "valid": 30, "calibration": 30, "oot": 46}
    assert of(2000) == {"train": 1096, "valid": 61, "calibration": 61, "oot": 92}


@pytest.mark.parametrize("rare", [0, 1], ids=["goods", "bads"])
def test_a_slice_with_twenty_of_each_kind_is_enough_and_one_with_nineteen_is_told(rare: int) -> None:
    ends = complete_until(AS_OF, POLICY)

    def refuse(number: int) -> None:
        """Where the newest slice has so many of the rare kind, in labels as they are known on the day itself."""
        days = [ends - timedelta(n) for n in range(400)]
        applied, y = (
            [*days, *days],
            [1 - rare] * 400 + [rare if n < number or n >= 92 else 1 - rare for n in range(400)],
        )
        known: dict[str, Any] = {"mature_date": AS_OF, "snapshot_date": AS_OF, "policy_exception": False}
        found = pl.DataFrame({"id": range(800), "application_date": applied, "y": y}).with_columns(**known)
        dataset.refuse_too_few(found, AS_OF, POLICY)

    refuse(20)
    bads = 19 if rare else 184 - 19
    with pytest.raises(InputMissing, match=f"the oot slice has 184 rows and {bads} bads; 20 of each are needed"):
        refuse(19)


def test_the_waterfall_accounts_for_every_row() -> None:
    (first, all_rows), *rest = data().waterfall
    assert (first, all_rows) == ("applications", loans()[0].height)
    assert sum(rows for _, rows in rest) == all_rows


def test_each_reason_of_exclusion_is_counted_where_it_applies() -> None:
    store = loans()[0].with_columns(
        pl.when(pl.int_range(pl.len()) < 5).then(0).otherwise("feature_set_version").alias("feature_set_version")
    )
    marked = labels().with_columns((pl.int_range(pl.len()) % 100 == 99).alias("policy_exception"))
    marked = marked.filter(~pl.col("id").is_in(store["id"].head(50).implode()))
    found = dict(dataset.dataset(store, marked, date(2017, 4, 1), STRICT).waterfall)
    assert found["other_feature_set"] == 5
    assert found["unlabelled"] == 45
    assert found["immature"] > 2_000
    assert 150 < found["policy_exception"] < 280


def test_features_of_another_version_only_are_told_as_such_and_not_as_loans_to_wait_for() -> None:
    store = loans()[0].with_columns(pl.col("feature_set_version") + 1)
    with pytest.raises(InputMissing, match=r"no features are of version \d+.*(?s:.)*take the program of then"):
        dataset.dataset(store, labels(), AS_OF, POLICY)
    with pytest.raises(InputMissing, match="no application had matured"):
        dataset.dataset(store.clear(), labels(), AS_OF, POLICY)


def test_bads_that_are_known_early_wait_for_their_whole_cohort() -> None:
    early = labels().with_columns(
        pl.when(pl.col("y") == 1).then(pl.col("snapshot_date").dt.offset_by("-6mo")).otherwise("snapshot_date")
    )
    as_of = date(2017, 4, 1)
    found = dataset.dataset(loans()[0], early, as_of, POLICY).frames
    last = complete_until(as_of, POLICY)
    assert all((frame["application_date"] <= last).all() for frame in found.values())


def test_the_label_that_became_known_last_counts_whatever_its_number_and_later_news_does_not() -> None:
    loan = data().frames["train"].row(0, named=True)
    mine = labels().filter(pl.col("id") == loan["id"])
    turned = mine.with_columns((1 - pl.col("y")).alias("y"))
    for snapshot, expected in ((AS_OF, 1 - loan["y"]), (AS_OF + timedelta(1), loan["y"])):
        before = labels().with_columns(pl.lit(2, pl.Int16).alias("label_version"))  # the new one begins anew, with 1
        news = pl.concat([turned.with_columns(pl.lit(snapshot).alias("snapshot_date")), before])
        frame = dataset.dataset(loans()[0], news, AS_OF, POLICY).frames["train"]
        assert frame.filter(pl.col("id") == loan["id"])["y"].to_list() == [expected]


def test_rows_in_another_order_give_the_same_slices() -> None:
    shuffled = dataset.dataset(loans()[0].reverse(), labels().reverse(), AS_OF, POLICY)
    assert all(shuffled.frames[name].equals(data().frames[name]) for name in dataset.SLICES)


@pytest.mark.parametrize("as_of", [date(2016, 1, 1), date(2016, 2, 10)], ids=["nothing matured", "too few bads"])
def test_too_thin_a_history_is_an_input_not_there_yet(as_of: date) -> None:
    with pytest.raises(InputMissing):
        dataset.dataset(loans()[0], labels(), as_of, POLICY)


def test_levels_are_frozen_and_unknown_ones_differ_from_missing_ones() -> None:
    encoding = Encoding(("n", "grade"), {"grade": ("A", "B")})
    frame = pl.DataFrame({"grade": ["B", "A", "Z", "__UNSEEN__", None], "n": [1, 2, 3, 4, None]})
    assert encoding.table(frame).to_dict(as_series=False) == {"n": [1, 2, 3, 4, None], "grade": [1, 0, 2, 2, None]}


def test_a_granting_model_never_sees_what_the_lender_priced() -> None:
    granting = {column.role for column in dataset.features("granting")}
    assert granting == {"orig", "bureau", "joint"}
    assert {column.role for column in dataset.features("investor")} == granting | {"pricing"}
