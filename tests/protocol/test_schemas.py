from __future__ import annotations

from typing import Any

import pytest

from jobs.protocol.schemas import complaints

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
        ({"id": -1}, "id is of type integer, but may be a whole number from 0"),
        ({"id": 36.0}, "id is of type number, but may be a whole number from 0"),
        ({"id": True}, "id is of type boolean, but may be a whole number from 0"),
        ({"id": 1, "int_rate": 13.56}, "int_rate is of type number, but may be a number to 1 or null"),
        ({"id": 1, "grade": "Q"}, 'grade is of type string, but may be one of "A", "B", null'),
        (
            {"id": 1, "issue_d": "2015-12-02"},
            "issue_d is of type string, but may be a text that matches \\A[0-9]{4}-[0-9]{2}-01\\Z in the format date",
        ),
        ({"id": 1, "parts": ["a", "abc"]}, "/parts/1 is of type string, but may be a text with a length to 2"),
        ({}, "id must be there"),
        ({"id": 1, "int_rat": 0}, "int_rat is unknown; did you mean 'int_rate'?"),
        ({"id": 1, "zzz": 0}, "zzz is unknown; known here: id, int_rate, grade, issue_d, parts"),
        ({"id": 1, "never": 0}, "the row is of type integer, but may be nothing"),
        ({"id": 1, "odd": 2}, "odd is of type integer, but may be what its contract says"),
        ([], "the row is of type array, but may be an object in { }"),
    ],
)
def test_a_breach_is_told_by_place_kind_and_what_is_allowed(row: dict[str, object], said: str) -> None:
    schema = SCHEMA | {"properties": SCHEMA["properties"] | {"never": False, "odd": {"not": {"const": 2}}}}
    schema = SCHEMA if "zzz" in row else schema
    (complaint,) = complaints(schema, row)
    assert complaint.what == said


def test_what_a_person_wrote_is_quoted_and_nothing_of_it_steers_a_terminal() -> None:
    (complaint,) = complaints(SCHEMA, {"id": "\u001b[2J" + "x" * 100}, quoting=True)
    assert complaint.what.startswith('id is "\\u001b[2Jxxx')
    assert len(complaint.what) < 150


def test_every_breach_is_told_once() -> None:
    found = complaints(SCHEMA, {"int_rate": 2, "grade": "C", "a": 1, "b": 2})
    assert [complaint.pointer for complaint in found] == ["", "/a", "/b", "/grade", "/int_rate"]


def test_no_value_of_a_row_is_repeated() -> None:
    canary = "canary-7"
    row = {"id": canary, "int_rate": canary, "grade": canary, "issue_d": canary, "parts": [canary]}
    assert len(complaints(SCHEMA, row)) >= 5
    assert canary not in str(complaints(SCHEMA, row))


def test_formats_are_asserted() -> None:
    assert complaints({"format": "date"}, "2020-02-29") == []
    assert [one.keyword for one in complaints({"format": "date"}, "2021-02-29")] == ["format"]
