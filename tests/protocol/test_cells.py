from __future__ import annotations

import math
from datetime import date
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.protocol.row_schemas import CELLS, NUMBERS, OF_A_VALUE, keeps, verdicts

OWN_CASES = [
    pytest.param({"minimum": 1.5}, pl.Int64(), [1, 2, None], [False, True, True], id="a-fraction-bounds-integers"),
    pytest.param({"maximum": 1000}, pl.Int8(), [127], [True], id="a-bound-beyond-the-dtype-binds-nothing"),
    pytest.param({"minimum": 1000}, pl.Int8(), [127, None], [False, True], id="a-bound-beyond-the-dtype-binds-all"),
    pytest.param({"maximum": 2.0**53}, pl.Int64(), [2**53, 2**53 + 1], [True, False], id="integers-are-never-rounded"),
    pytest.param({"exclusiveMaximum": 0}, pl.Float64(), [-0.0, -5e-324], [False, True], id="minus-zero-is-zero"),
    pytest.param({"type": "integer"}, pl.Float64(), [1.0, 1.5, None], [True, False, False], id="36.0-is-an-integer"),
    pytest.param(
        {"type": "number"}, pl.Float64(), [math.nan, math.inf, 1e308], [False, False, True], id="NaN-is-no-number"
    ),
    pytest.param({"maximum": 1}, pl.Float64(), [math.nan, -math.inf], [False, False], id="NaN-is-in-no-range"),
    pytest.param({"not": {"minimum": 1}}, pl.Float64(), [math.nan, 0.5], [False, True], id="NaN-is-not-saved-by-not"),
    pytest.param({"maximum": 1}, pl.String(), ["36", None], [True, True], id="a-bound-says-nothing-of-texts"),
    pytest.param({"enum": [1, "a"]}, pl.Int64(), [1, 2, None], [True, False, False], id="null-must-be-listed"),
    pytest.param({"enum": [None, 1.0]}, pl.Int64(), [1, None, 2], [True, True, False], id="1.0-is-1"),
    pytest.param(
        {"enum": [1, 300, -40000]}, pl.Int8(), [1, 44, 2], [True, False, False], id="choices-beyond-the-dtype"
    ),
    pytest.param({"const": 300}, pl.Int8(), [44, None], [False, False], id="a-value-beyond-the-dtype"),
    pytest.param({"const": 1}, pl.Boolean(), [True, False], [False, False], id="true-is-not-1"),
    pytest.param({"const": True}, pl.Boolean(), [True, False, None], [True, False, False], id="true-is-true"),
    pytest.param({"maxLength": 2}, pl.String(), ["😀é", "abc"], [True, False], id="length-counts-code-points"),
    pytest.param(
        {"pattern": "\\A[0-9]+\\Z"}, pl.String(), ["1", "1\n", "٢", None], [True, False, False, True], id="anchors"
    ),
    pytest.param(
        {"pattern": "-01\\Z"}, pl.Date(), [date(2015, 12, 1), date(2015, 12, 2)], [True, False], id="dates-are-texts"
    ),
    pytest.param(
        {"format": "date"}, pl.String(), ["2021-02-29", "0000-01-01", "2020-02-29"], [False, False, True], id="dates"
    ),
    pytest.param(
        *({"if": {"minimum": 1}, "then": {"maximum": 5}, "else": {"const": -1}}, pl.Int8()),
        *([2, 9, 0, -1], [True, False, False, True]),
        id="else-is-asked-only-of-the-others",
    ),
]


@pytest.mark.parametrize("keyword", sorted(OF_A_VALUE))
@settings(max_examples=40)
@given(data=st.data())
def test_each_keyword_gives_the_judge_s_verdict_on_every_dtype(keyword: str, data: st.DataObject) -> None:
    schema = {"properties": {"p": {keyword: data.draw(OF_A_VALUE[keyword])}}}
    for dtype, cells in CELLS.items():
        column = pl.Series("p", [None, *data.draw(st.lists(cells, min_size=3, max_size=6))], dtype=dtype)
        frame = column.to_frame()
        assert verdicts(schema, frame) == [keeps(schema, row) for row in frame.to_dicts()]


@pytest.mark.parametrize("keyword", ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"])
def test_numbers_are_judged_exactly_on_a_whole_grid(keyword: str) -> None:
    floats = pl.DataFrame({"p": [float(number) for number in NUMBERS]})
    integers = pl.DataFrame({"p": [*(number for number in NUMBERS if isinstance(number, int)), 2**53 + 1, -(2**63)]})
    for argument in NUMBERS:
        schema = {"properties": {"p": {keyword: argument}}}
        for frame in (floats, integers):
            assert verdicts(schema, frame) == [keeps(schema, row) for row in frame.to_dicts()]


@pytest.mark.parametrize(("schema", "dtype", "cells", "expected"), OWN_CASES)
def test_a_cell_is_judged_by_what_it_is_in_json(
    schema: dict[str, Any], dtype: pl.DataType, cells: list[object], expected: list[bool]
) -> None:
    row_schema = {"properties": {"a": schema}}
    frame = pl.DataFrame({"a": pl.Series(cells, dtype=dtype)})
    assert verdicts(row_schema, frame) == expected
    assert [keeps(row_schema, row) for row in frame.to_dicts()] == expected
