"""What a contract says beside JSON Schema: each `x-` annotation with its meaning and the values it may have."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from jobs.protocol import keywords, patterns

INTEGERS = ("int8", "int16", "int32", "int64")
JSON_TYPES: Mapping[str, str] = {
    **dict.fromkeys(INTEGERS, "integer"),
    "float64": "number",
    "boolean": "boolean",
    **dict.fromkeys(("string", "date"), "string"),
}
PARSES = ("integer", "number", "percent", "months_term", "emp_length", "month", "date", "text", "category", "flag")
ROLES = ("key", "time", "orig", "bureau", "pricing", "joint", "geo_proxy", "text_proxy", "post", "constant")
_COLUMN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


@dataclass(frozen=True, slots=True)
class Annotation:
    """Its meaning and its values in words, and how to tell one of them."""

    meaning: str
    allowed: str
    is_right: Callable[[Any], bool]
    is_needed: bool = False


def _one_of(*values: object) -> tuple[str, Callable[[Any], bool]]:
    said = ", ".join(str(value) for value in values)
    return f"one of {said}", lambda value: not isinstance(value, bool | float) and value in values


def _is_name(value: object) -> bool:
    return isinstance(value, str) and _COLUMN_NAME.fullmatch(value) is not None


def _is_version(value: object) -> bool:
    return keywords.is_number(value) and isinstance(value, int) and value > 0


def _is_list_of_names(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(name, str) for name in value) and len(set(value)) == len(value)


def _is_list_of_values(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) or keywords.is_number(each) for each in value)


def _is_limit(value: object) -> bool:
    return keywords.is_number(value) or (isinstance(value, str) and _DATE.fullmatch(value) is not None)


_LIMIT = ("a number, or a date YYYY-MM-DD", _is_limit)
OF_TABLE: Mapping[str, Annotation] = {
    "x-version": Annotation("raised when the contract changes", "an integer from 1", _is_version, is_needed=True),
    "x-key": Annotation(
        "columns that name a row; none where nothing does",
        "a list of columns",
        _is_list_of_names,
        is_needed=True,
    ),
}
OF_COLUMN: Mapping[str, Annotation] = {
    "x-dtype": Annotation("how the column is stored", *_one_of(*JSON_TYPES), is_needed=True),
    "x-parse": Annotation("how silver reads the text that landed", *_one_of(*PARSES)),
    "x-role": Annotation("what the column is to a model; features are chosen by role only", *_one_of(*ROLES)),
    "x-unit": Annotation("the unit of its numbers, such as usd, fraction, months", "a word", _is_name),
    "x-era": Annotation("the year from which it is filled", *_one_of(2007, 2012, 2015, 2017)),
    "x-null-tokens": Annotation("texts that mean: no value", "a list of texts", _is_list_of_names),
    "x-sentinels": Annotation("values that mean: no value, and are refused", "a list of values", _is_list_of_values),
    "x-soft-minimum": Annotation("below it a value is flagged, not refused", *_LIMIT),
    "x-soft-maximum": Annotation("above it a value is flagged, not refused", *_LIMIT),
    "x-monotone": Annotation("1: risk may only rise with it, -1: only fall, 0: either", *_one_of(-1, 0, 1)),
    "x-severity": Annotation("how grave many refused cells are", *_one_of("warn", "fail")),
    "x-group": Annotation("the reason it counts towards when a score is explained", "a word", _is_name),
    "x-profiles": Annotation("the feature profiles that may use it", "a list of profiles", _is_list_of_names),
}


def problems(schema: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with the contract of a table whose keywords are all right, by JSON pointer."""
    yield from _wrong(schema, "", OF_TABLE)
    columns = schema.get("properties", {})
    if schema.get("type") != "object" or not columns or schema.get("additionalProperties") is not False:
        yield "/: a row has type object, properties, and additionalProperties false"
    for keyword in ("required", "x-key"):
        for name in schema.get(keyword, []):
            if name not in columns:
                yield f"/{keyword}: {name!r} is no column; {keywords.suggestion(str(name), columns)}"
    for name, column in columns.items():
        if not _is_name(name):
            yield f"/properties/{name}: a column's name has letters, digits and _ only"
        yield from _of_column(column, f"/properties/{name}")


def _of_column(schema: Any, here: str) -> Iterator[str]:  # noqa: ANN401
    if not isinstance(schema, dict) or not schema.get("description"):
        yield f"{here}/description: say what the column holds"
        return
    wrong = list(_wrong(schema, here, OF_COLUMN))
    yield from wrong
    if wrong:
        return
    dtype, types = schema["x-dtype"], schema.get("type", [])
    if {*([types] if isinstance(types, str) else types)} - {"null"} != {JSON_TYPES[dtype]}:
        yield f"{here}/type: x-dtype {dtype} is {JSON_TYPES[dtype]} in JSON, with or without null"
    if (dtype == "date") != (schema.get("format") == "date"):
        yield f"{here}/format: x-dtype date goes with format date"
    if "pattern" in schema and not patterns.is_anchored(schema["pattern"]):
        yield f"{here}/pattern: begin it with \\A and end it with \\Z"


def _wrong(schema: Mapping[str, Any], here: str, known: Mapping[str, Annotation]) -> Iterator[str]:
    for name, annotation in known.items():
        if name not in schema:
            if annotation.is_needed:
                yield f"{here}/{name}: it is missing; give {annotation.allowed}"
        elif not annotation.is_right(schema[name]):
            yield f"{here}/{name}: give {annotation.allowed}"
    for name in schema:
        if name.startswith("x-") and name not in known:
            yield f"{here}/{name}: unknown annotation; {keywords.suggestion(name, known) or 'see docs/contracts.md'}"
