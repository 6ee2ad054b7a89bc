from __future__ import annotations

from datetime import date

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.measures.bins import NumberLevels, NumericBins, TextLevels, count, freeze
from jobs.measures.counts import ValueCounts

CELLS = st.lists(st.none() | st.just(float("nan")) | st.integers(-5, 5).map(float) | st.just(99.0), max_size=40)


@given(reference=CELLS, current=CELLS)
def test_counting_a_frame_is_counting_its_values(reference: list[float | None], current: list[float | None]) -> None:
    frame = pl.DataFrame({"x": reference}, schema={"x": pl.Float64})
    bins = freeze(frame, ["x"], {"x": (99.0,)})["x"]
    counted = count(pl.DataFrame({"x": current}, schema={"x": pl.Float64}), {"x": bins})["x"]
    present = [value for value in current if value is not None and value == value]  # noqa: PLR0124 - NaN is missing
    assert not isinstance(bins, TextLevels)
    assert counted == bins.count(ValueCounts.of(present), missing=len(current) - len(present))


def test_every_kind_of_column_freezes_and_counts() -> None:
    frame = pl.DataFrame(
        {
            "whole": [1, 2, 3, None],
            "number": [0.5, None, float("nan"), 1.5],
            "text": ["a", "b", None, "a"],
            "truth": [True, False, None, True],
            "day": [date(2024, 1, 1), date(2024, 1, 2), date(2024, 1, 3), None],
            "kind": pl.Series(["x", "y", "x", None], dtype=pl.Enum(["x", "y"])),
            "nothing": pl.Series([None] * 4, dtype=pl.Float64),
        }
    )
    bins = freeze(frame, frame.columns)
    assert bins["whole"] == NumericBins((1.0, 2.0, 3.0))
    assert bins["number"] == NumericBins((0.5, 1.5))
    assert bins["text"] == TextLevels(("a", "b"), ())
    assert bins["truth"] == TextLevels(("false", "true"), ())
    assert bins["day"] == NumericBins((19723.0, 19724.0, 19725.0))
    assert bins["kind"] == TextLevels(("x", "y"), ())
    assert bins["nothing"] == NumberLevels(())
    counted = {name: counts.rows for name, counts in count(frame, bins).items()}
    assert counted == {
        "whole": (1, 1, 1, 0, 1),
        "number": (1, 1, 0, 2),
        "text": (2, 1, 0, 0, 1),
        "truth": (1, 2, 0, 0, 1),
        "day": (1, 1, 1, 0, 1),
        "kind": (2, 1, 0, 0, 1),
        "nothing": (0, 4),
    }


def test_each_column_freezes_with_its_own_sentinels_in_as_many_parts_as_asked_for() -> None:
    values = [1.0, 2.0, 3.0, 4.0, 5.0, 999.0, 999.0]
    frame = pl.DataFrame({"ratio": values, "rank": values})
    bins = freeze(frame, frame.columns, {"ratio": (999.0,)}, 3)
    assert bins["ratio"] == NumericBins((2.0, 4.0), (999.0,))
    assert bins["rank"] == NumericBins((3.0, 5.0))


def test_a_level_of_later_days_is_unseen_and_an_absent_column_is_left_out() -> None:
    bins = freeze(pl.DataFrame({"text": ["a", "b"], "gone": [1, 2]}), ["text", "gone"])
    counted = count(pl.DataFrame({"text": ["c", "__UNSEEN__", "a", None]}), bins)
    assert counted.keys() == {"text"}
    assert counted["text"].rows == (1, 0, 0, 2, 1)


@pytest.mark.parametrize("dtype", [pl.Float32, pl.Int8, pl.Int64, pl.Float64])
def test_the_type_of_a_column_does_not_move_its_rows(dtype: type[pl.DataType]) -> None:
    bins = freeze(pl.DataFrame({"x": range(20)}), ["x"])
    plain = count(pl.DataFrame({"x": range(20)}), bins)
    assert count(pl.DataFrame({"x": pl.Series(range(20), dtype=dtype)}), bins) == plain


@given(st.lists(st.none() | st.integers(-128, 127) | st.sampled_from([-(2**15), 2**15 - 1]), max_size=40))
def test_small_whole_numbers_freeze_as_any_others(values: list[int | None]) -> None:
    frame = pl.DataFrame({"x": values}, schema={"x": pl.Int16})
    sentinels = {"x": (0.0,)}
    assert freeze(frame, ["x"], sentinels) == freeze(frame.cast(pl.Float64), ["x"], sentinels)


def test_missing_rows_count_when_a_value_is_weighed() -> None:
    values = [0.0] * 990 + [1.0] * 5
    for missing, levels in ((5, (0.0, 1.0)), (6, (0.0,))):
        frame = pl.DataFrame({"x": [*values, *[None] * missing]})
        assert freeze(frame, ["x"])["x"] == NumberLevels(levels)


def test_infinite_values_take_no_part_in_the_edges_and_fall_into_the_outer_bins() -> None:
    frame = pl.DataFrame({"x": [float("-inf"), 1.0, 2.0, 3.0, float("inf")]})
    bins = freeze(frame, ["x"])
    assert bins["x"] == NumericBins((1.0, 2.0, 3.0))
    assert count(frame, bins)["x"].rows == (2, 1, 1, 1, 0)


def test_counts_of_shards_add_up() -> None:
    frame = pl.DataFrame({"x": [1.0, 2.0, None, 4.0, 5.0], "t": ["a", "b", "b", None, "c"]})
    bins = freeze(frame, frame.columns)
    first, second = count(frame[:2], bins), count(frame[2:], bins)
    assert {name: first[name] + second[name] for name in bins} == count(frame, bins)


def test_an_empty_frame_has_counts() -> None:
    frame = pl.DataFrame({"x": [1.0, 2.0], "t": ["a", "b"]})
    bins = freeze(frame, frame.columns)
    assert {name: counts.n for name, counts in count(frame.clear(), bins).items()} == {"x": 0, "t": 0}
    assert count(frame, {}) == {}
