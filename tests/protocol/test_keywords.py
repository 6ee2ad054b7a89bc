from __future__ import annotations

from typing import Any

import pytest
from jsonschema import Draft202012Validator

from jobs.protocol import keywords
from jobs.protocol.keywords import problems

DEEP: dict[str, Any] = {"properties": {"a/b": {"anyOf": [True, {"not": {"minimun": 1}}]}}}


def test_an_unknown_word_is_named_with_its_place_and_the_word_that_was_meant() -> None:
    assert list(problems(DEEP)) == [
        "/properties/a~1b/anyOf/1/not/minimun: minimun is no keyword; did you mean 'minimum'?"
    ]


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"minProperties": 1}, "/minProperties: minProperties is not supported"),
        ({"anyOf": [True, {"$ref": "#"}]}, "/anyOf/1/$ref: $ref is not supported"),
        ({"properties": {"a": {"pattern": "a$"}}}, "/properties/a/pattern: the pattern may be read differently: write"),
        ({"properties": {"a": {"format": "email"}}}, "/properties/a/format: give date: no other format is supported"),
    ],
)
def test_what_cannot_be_honoured_is_refused_by_name(schema: object, said: str) -> None:
    [problem] = problems(schema)
    assert problem.startswith(said)


def test_every_word_of_the_dialect_is_compiled_an_annotation_or_refused_with_a_reason() -> None:
    vocabulary: set[str] = set()
    for part in Draft202012Validator.META_SCHEMA["allOf"]:
        resolved = Draft202012Validator(part)._resolver.lookup(  # type: ignore[attr-defined]
            f"https://json-schema.org/draft/2020-12/{part['$ref']}"
        )
        vocabulary |= resolved.contents["properties"].keys()
    known = [set(keywords.COMPILED), set(keywords.ANNOTATIONS), set(keywords.REFUSED)]
    assert vocabulary == set().union(*known)
    assert sum(map(len, known)) == len(vocabulary)


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
    assert all(problem.startswith(f"/{keyword}") for problem in problems({keyword: argument}))
    assert list(problems({keyword: argument}))


def test_annotations_and_extensions_pass() -> None:
    assert not list(problems(dict.fromkeys([*keywords.ANNOTATIONS[1:], "x-anything"], "")))
