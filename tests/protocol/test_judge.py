from __future__ import annotations

import math
from datetime import date
from typing import Any

import pytest

from jobs.protocol.judge import complaints, keeps

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "id": {"type": "integer", "minimum": 0},
        "int_rate": {"type": ["number", "null"], "maximum": 1},
        "grade": {"enum": ["A", "B", None]},
        "issue_d": {"type": "string", "format": "date", "pattern": "\\A[0-9]{4}-[0-9]{2}-01\\Z"},
        "parts": {"items": {"type": "string", "maxLength": 2}},
    },
    "required": ["id"],
    "additionalProperties": False,
}


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"id": -1}, "/id: found an integer; allowed: at least 0"),
        ({"id": 36.0}, '/id: found a number; allowed: of type "integer"'),
        ({"id": True}, '/id: found a boolean; allowed: of type "integer"'),
        ({"id": 1, "int_rate": 13.56}, "/int_rate: found a number; allowed: at most 1"),
        ({"id": 1, "int_rate": math.nan}, "/int_rate: found NaN or an infinity; allowed: a finite number or null"),
        ({"id": 1, "grade": "Q"}, '/grade: found a string; allowed: one of ["A", "B", null]'),
        ({"id": 1, "issue_d": date(2015, 12, 2)}, "/issue_d: found a string; allowed: text that matches"),
        ({"id": 1, "parts": ["a", "abc"]}, "/parts/1: found a string; allowed: characters: at most 2"),
        ({}, "/id: found nothing; allowed: any value that the contract names"),
        (
            {"id": 1, "int_rat": 0},
            "/int_rat: found an unknown name; allowed: known names only, did you mean 'int_rate",
        ),
        ({"id": 1, "zzz": 0}, "/zzz: found an unknown name; allowed: only id, int_rate, grade, issue_d, parts"),
    ],
)
def test_a_breach_is_told_by_place_kind_and_what_is_allowed(row: dict[str, object], said: str) -> None:
    (complaint,) = complaints(SCHEMA, row)
    assert complaint.sentence.startswith(said)


def test_every_breach_is_told_once() -> None:
    found = complaints(SCHEMA, {"int_rate": 2, "grade": "C", "a": 1, "b": 2})
    assert [complaint.pointer for complaint in found] == ["/id", "/a", "/b", "/grade", "/int_rate"]


def test_no_value_of_a_row_is_repeated() -> None:
    canary = "canary-7"
    row = {"id": canary, "int_rate": canary, "grade": canary, "issue_d": canary, "parts": [canary]}
    assert len(complaints(SCHEMA, row)) >= 5
    assert canary not in str(complaints(SCHEMA, row))


def test_by_the_letter_of_the_draft_36_0_is_an_integer_and_nan_is_nothing() -> None:
    assert keeps(SCHEMA, {"id": 36.0})
    assert not keeps(True, {"id": math.nan})
    assert not keeps({"not": {"properties": {"id": {"maximum": 1}}}}, {"id": math.nan})


def test_formats_are_asserted() -> None:
    assert keeps({"format": "date"}, "2020-02-29")
    assert not keeps({"format": "date"}, "2021-02-29")
