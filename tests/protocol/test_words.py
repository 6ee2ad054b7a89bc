"""The words of contracts: what each may be given, and that no other is passed over."""

from __future__ import annotations

from typing import Any

import pytest
from jsonschema import Draft202012Validator

from jobs.protocol import schemas

LANGUAGE = schemas.document("contract")["$defs"]
WORDS = LANGUAGE["schema"]["properties"]


def unclear(schema: object) -> list[schemas.Complaint]:
    return schemas.complaints({"$defs": LANGUAGE, "$ref": "#/$defs/schema"}, schema, quoting=True)


def test_an_unknown_word_is_named_with_its_place_and_the_word_that_was_meant() -> None:
    deep: dict[str, Any] = {"properties": {"a/b": {"minimun": 1}}}
    assert [one.what for one in unclear(deep)] == ["/properties/a~1b/minimun is unknown; did you mean 'minimum'?"]


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"minProperties": 1}, "minProperties is 1, but may be nothing: the columns of a table are fixed"),
        ({"anyOf": [True]}, "anyOf is [true], but may be nothing: a contract says what one cell may hold"),
        ({"properties": {"a": {"$ref": "#"}}}, '/a/$ref is "#", but may be nothing: a contract says everything'),
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
        ("format", "email"),
        ("properties", []),
        ("required", ["a", 1]),
        ("additionalProperties", 1),
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
