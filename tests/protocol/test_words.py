"""The words of contracts: what each may be given, and that no other is passed over."""

from __future__ import annotations

from typing import Any

import pytest
from jsonschema import Draft202012Validator

from jobs.protocol import schemas
from tests.contract_suite import unclear

DEEP: dict[str, Any] = {"properties": {"a/b": {"anyOf": [True, {"not": {"minimun": 1}}]}}}
WORDS = schemas.document("contract")["$defs"]["schema"]["properties"]


def test_an_unknown_word_is_named_with_its_place_and_the_word_that_was_meant() -> None:
    assert [one.what for one in unclear(DEEP)] == [
        "/properties/a~1b/anyOf/1/not/minimun is unknown; did you mean 'minimum'?"
    ]


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"minProperties": 1}, "minProperties is 1, but may be nothing: the columns of a table are fixed"),
        ({"anyOf": [True, {"$ref": "#"}]}, '/anyOf/1/$ref is "#", but may be nothing: a contract says everything'),
        ({"properties": {"a": {"pattern": "a$"}}}, "/properties/a/pattern may be read differently: write"),
        ({"properties": {"a": {"format": "email"}}}, "but may be date: no other format is supported"),
    ],
)
def test_what_cannot_be_honoured_is_refused_by_name(schema: object, said: str) -> None:
    [problem] = unclear(schema)
    assert said in problem.what


def test_every_word_of_the_dialect_is_known_here() -> None:
    vocabulary: set[str] = set()
    for part in Draft202012Validator.META_SCHEMA["allOf"]:
        resolved = Draft202012Validator(part)._resolver.lookup(  # type: ignore[attr-defined]
            f"https://json-schema.org/draft/2020-12/{part['$ref']}"
        )
        vocabulary |= resolved.contents["properties"].keys()
    assert vocabulary == {name for name in WORDS if not name.startswith("x-")}


@pytest.mark.parametrize(
    ("keyword", "argument"),
    [
        ("type", "int"),
        ("type", []),
        ("type", ["null", "null"]),
        ("type", 1),
        ("enum", "a"),
        ("minimum", "1"),
        ("minimum", True),
        ("exclusiveMaximum", None),
        ("minLength", -1),
        ("maxLength", 1.5),
        ("pattern", 1),
        ("pattern", "a$"),
        ("format", "email"),
        ("properties", []),
        ("required", ["a", 1]),
        ("additionalProperties", 1),
        ("allOf", []),
        ("anyOf", {}),
        ("anyOf", [1]),
        ("not", None),
        ("if", "x"),
        ("then", 0),
        ("else", []),
        ("$schema", "http://json-schema.org/draft-07/schema#"),
    ],
)
def test_an_argument_of_the_wrong_shape_is_refused_in_its_place(keyword: str, argument: object) -> None:
    found = unclear({keyword: argument})
    assert found
    assert all(problem.pointer.startswith(f"/{keyword}") for problem in found)


def test_annotations_pass() -> None:
    ignored = [name for name, word in WORDS.items() if not word]
    assert len(ignored) > 10
    assert not unclear(dict.fromkeys(ignored, ""))
