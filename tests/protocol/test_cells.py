from __future__ import annotations

import math
from datetime import date
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.protocol.contract_polars import polars_schema
from tests.protocol.judged_rows import kept, table, verdicts
from tests.protocol.row_schemas import CELLS, NUMBERS, OF_A_VALUE, frames

OWN_CASES = [
    pytest.param({"minimum": 1.5}, "int64", [1, 2, None], [False, True, True], id="a-fraction-bounds-integers"),
    pytest.param({"maximum": 1000}, "int8", [127], [True], id="a-bound-beyond-the-dtype-binds-nothing"),
    pytest.param({"minimum": 1000}, "int8", [127, None], [False, True], id="a-bound-beyond-the-dtype-binds-all"),
    pytest.param({"maximum": 2.0**53}, "int64", [2**53, 2**53 + 1], [True, False], id="integers-are-never-rounded"),
    pytest.param({"exclusiveMaximum": 0}, "float64", [-0.0, -5e-324], [False, True], id="minus-zero-is-zero"),
    pytest.param(
        {"type": "number"}, "float64", [math.nan, math.inf, 1e308], [False, False, True], id="NaN-is-no-number"
    ),
    pytest.param({"maximum": 1}, "float64", [math.nan, -math.inf], [False, False], id="NaN-is-in-no-range"),
    pytest.param({"maximum": 1}, "string", ["36", None], [True, True], id="a-bound-says-nothing-of-texts"),
    pytest.param({"enum": [1, "a"]}, "int64", [1, 2, None], [True, False, False], id="null-must-be-listed"),
    pytest.param({"enum": [None, 1.0]}, "int64", [1, None, 2], [True, True, False], id="1.0-is-1"),
    pytest.param({"enum": [1, 300, -40000]}, "int8", [1, 44, 2], [True, False, False], id="choices-beyond-the-dtype"),
    pytest.param({"const": 300}, "int8", [44, None], [False, False], id="a-value-beyond-the-dtype"),
    pytest.param({"const": 1}, "boolean", [True, False], [False, False], id="true-is-not-1"),
    pytest.param({"const": True}, "boolean", [True, False, None], [True, False, False], id="true-is-true"),
    pytest.param({"maxLength": 2}, "string", ["😀é", "abc"], [True, False], id="length-counts-code-points"),
    pytest.param(
        {"pattern": "\\A[0-9]+\\Z"}, "string", ["1", "1\n", "٢", None], [True, False, False, True], id="anchors"
    ),
    pytest.param(
        {"pattern": "\\A.*-01\\Z"}, "date", [date(2015, 12, 1), date(2015, 12, 2)], [True, False], id="dates-are-texts"
    ),
]


@pytest.mark.parametrize("keyword", sorted(OF_A_VALUE))
@settings(max_examples=40)
@given(data=st.data())
def test_each_keyword_gives_the_judge_s_verdict_on_every_dtype(keyword: str, data: st.DataObject) -> None:
    argument = data.draw(OF_A_VALUE[keyword])
    made = table({dtype: (dtype, {keyword: argument}) for dtype in CELLS})
    frame = data.draw(frames(made))
    for column in made.columns:
        alone = table({column.name: (column.dtype, {keyword: argument})})
        assert verdicts(alone, frame.select(column.name)) == kept(alone, frame.select(column.name))


@pytest.mark.parametrize("keyword", ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"])
def test_numbers_are_judged_exactly_on_a_whole_grid(keyword: str) -> None:
    floats = pl.DataFrame({"float64": [float(number) for number in NUMBERS]})
    integers = [*(number for number in NUMBERS if isinstance(number, int)), 2**53 + 1, -(2**63)]
    for argument in NUMBERS:
        for frame in (floats, pl.DataFrame({"int64": integers})):
            [dtype] = frame.columns
            made = table({dtype: (dtype, {keyword: argument})})
            assert verdicts(made, frame) == kept(made, frame)


@pytest.mark.parametrize(("words", "dtype", "cells", "expected"), OWN_CASES)
def test_a_cell_is_judged_by_what_it_is_in_json(
    words: dict[str, Any], dtype: str, cells: list[object], expected: list[bool]
) -> None:
    made = table({"a": (dtype, words)})
    frame = pl.DataFrame({"a": cells}, schema=polars_schema(made))
    assert verdicts(made, frame) == kept(made, frame) == expected
