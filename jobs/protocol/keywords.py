"""The words of a contract: some of JSON Schema 2020-12, and `x-` annotations; others are refused by name."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from jobs.protocol import patterns
from jobs.protocol.json_scan import pointer_to

DIALECT = "https://json-schema.org/draft/2020-12/schema"
TYPES = ("null", "boolean", "integer", "number", "string", "array", "object")
FORMATS = ("date",)
JSON_TYPES: Mapping[str, str] = {
    **dict.fromkeys(("int8", "int16", "int32", "int64"), "integer"),
    "float64": "number",
    "boolean": "boolean",
    **dict.fromkeys(("string", "date"), "string"),
}
PARSES = ("integer", "number", "percent", "months_term", "emp_length", "month", "date", "text", "category", "flag")
ROLES = ("key", "time", "orig", "bureau", "pricing", "joint", "geo_proxy", "text_proxy", "post", "constant")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


@dataclass(frozen=True, slots=True)
class Word:
    """Its meaning and its values in words, and how to tell one of them."""

    meaning: str
    allowed: str
    is_right: Callable[[Any], bool]
    is_needed: bool = False


Values = tuple[str, Callable[[Any], bool]]


def _is_number(value: object) -> bool:  # finite and not past 2^53: a contract is strict JSON
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_name(value: object) -> bool:
    return isinstance(value, str) and _NAME.fullmatch(value) is not None


def _list_of(what: str, is_one: Callable[[Any], bool], *, each_once: bool = False) -> Values:
    def is_right(value: object) -> bool:
        return isinstance(value, list) and all(map(is_one, value)) and (not each_once or len(set(value)) == len(value))

    return f"a list of {what}", is_right


def _one_of(*values: object) -> Values:
    said = ", ".join(str(value) for value in values)
    return f"one of {said}", lambda value: not isinstance(value, bool | float) and value in values


def _are_types(value: object) -> bool:
    names = [value] if isinstance(value, str) else value
    return isinstance(names, list) and 0 < len(names) == len({*map(str, names)} & {*TYPES})


_ANY: Values = ("any value", lambda _: True)
_TEXT: Values = ("a string", _is_text)
_WORD: Values = ("a word", _is_name)
_BOUND: Values = ("a number", _is_number)
_LENGTH: Values = ("an integer from 0", lambda value: _is_number(value) and value >= 0 and value == int(value))
_VERSION: Values = ("an integer from 1", lambda value: type(value) is int and value > 0)
_TYPE: Values = (f"a type or a list of them: {', '.join(TYPES)}", _are_types)
_COLUMNS: Values = _list_of("columns", _is_text, each_once=True)
_FORMAT: Values = (f"{', '.join(FORMATS)}: no other format is supported", lambda value: value in FORMATS)
_SCHEMA: Values = ("a schema", lambda value: isinstance(value, dict | bool))
_SCHEMAS: Values = ("a list of schemas", lambda value: isinstance(value, list) and bool(value))
_SCHEMA_MAP: Values = ("a schema for each name", lambda value: isinstance(value, dict))
_LIMIT: Values = ("a number, or a date YYYY-MM-DD", lambda it: _is_number(it) or bool(_DATE.fullmatch(str(it))))

COMPILED: Mapping[str, Word] = {
    "type": Word("the value is of one of these types; an empty cell is of type null; 36.0 is an integer", *_TYPE),
    "enum": Word("the value is one of these; null only if listed", *_list_of("values", lambda _: True)),
    "const": Word("the value is this one", *_ANY),
    "minimum": Word("a number is at least this", *_BOUND),
    "maximum": Word("a number is at most this", *_BOUND),
    "exclusiveMinimum": Word("a number is above this", *_BOUND),
    "exclusiveMaximum": Word("a number is below this", *_BOUND),
    "minLength": Word("a string has at least so many characters (code points)", *_LENGTH),
    "maxLength": Word("a string has at most so many characters (code points)", *_LENGTH),
    "pattern": Word("a string matches; only patterns that Python and Rust surely read alike", *_TEXT),
    "format": Word("`date` only, asserted: a string is a date YYYY-MM-DD of the years 1 to 9999", *_FORMAT),
    "properties": Word("what each column holds", *_SCHEMA_MAP),
    "required": Word("these columns are in the table (an empty cell is there)", *_list_of("names", _is_text)),
    "additionalProperties": Word("what columns not named in `properties` hold; `false`: there are none", *_SCHEMA),
    "allOf": Word("the row or value keeps all of these", *_SCHEMAS),
    "anyOf": Word("the row or value keeps one or more of these", *_SCHEMAS),
    "not": Word("the row or value does not keep this", *_SCHEMA),
    "if": Word("rows or values that keep this must keep `then`, others `else`", *_SCHEMA),
    **dict.fromkeys(("then", "else"), Word("see `if`", *_SCHEMA)),
}
ANNOTATIONS = (
    *("$schema", "$comment", "title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly"),
    *("contentEncoding", "contentMediaType", "contentSchema"),
)
_ONE_PLACE = "a contract says everything where it is used, in one file"
_NO_LISTS = "a cell is never a list"
_FIXED = "the columns of a table are fixed: name them in `properties`"
REFUSED: Mapping[str, str] = {  # in the contract of a table
    **dict.fromkeys(("$id", "$anchor", "$defs", "$ref", "$dynamicRef", "$dynamicAnchor", "$vocabulary"), _ONE_PLACE),
    **dict.fromkeys(("items", "prefixItems", "unevaluatedItems", "contains", "minContains", "maxContains"), _NO_LISTS),
    **dict.fromkeys(("minItems", "maxItems", "uniqueItems"), _NO_LISTS),
    **dict.fromkeys(("minProperties", "maxProperties", "propertyNames", "patternProperties"), _FIXED),
    **dict.fromkeys(("unevaluatedProperties", "dependentSchemas", "dependentRequired"), _FIXED),
    "multipleOf": "floats are no multiples of fractions: count in the smallest unit",
    "oneOf": "say anyOf, with choices that exclude one another",
}
OF_TABLE: Mapping[str, Word] = {
    "x-version": Word("raised when the contract changes", *_VERSION, is_needed=True),
    "x-key": Word("columns that name a row; none where nothing does", *_COLUMNS, is_needed=True),
}
OF_COLUMN: Mapping[str, Word] = {
    "x-dtype": Word("how the column is stored", *_one_of(*JSON_TYPES), is_needed=True),
    "x-parse": Word("how silver reads the text that landed", *_one_of(*PARSES)),
    "x-role": Word("what the column is to a model; features are chosen by role only", *_one_of(*ROLES)),
    "x-unit": Word("the unit of its numbers, such as usd, fraction, months", *_WORD),
    "x-era": Word("the year from which it is filled", *_one_of(2007, 2012, 2015, 2017)),
    "x-null-tokens": Word("texts that mean: no value", *_list_of("texts", _is_text, each_once=True)),
    "x-sentinels": Word(
        "values that mean: no value, and are refused", *_list_of("values", lambda it: _is_text(it) or _is_number(it))
    ),
    "x-soft-minimum": Word("below it a value is flagged, not refused", *_LIMIT),
    "x-soft-maximum": Word("above it a value is flagged, not refused", *_LIMIT),
    "x-monotone": Word("1: risk may only rise with it, -1: only fall, 0: either", *_one_of(-1, 0, 1)),
    "x-severity": Word("how grave many refused cells are", *_one_of("warn", "fail")),
    "x-group": Word("the reason it counts towards when a score is explained", *_WORD),
    "x-profiles": Word("the feature profiles that may use it", *_list_of("profiles", _is_text, each_once=True)),
}


def problems(schema: object, pointer: str = "") -> Iterator[str]:
    """Everything in a schema that would not be honoured, by JSON pointer."""
    if not isinstance(schema, dict):
        yield from () if isinstance(schema, bool) else [f"{pointer or '/'}: a schema is an object, true or false"]
        return
    for keyword, argument in schema.items():
        here = pointer_to(pointer, keyword)
        if keyword == "$schema" and argument != DIALECT:
            yield f"{here}: only {DIALECT} is read"
        elif keyword in COMPILED:
            yield from _problems_of(COMPILED[keyword], argument, here)
        elif not keyword.startswith("x-") and keyword not in ANNOTATIONS:
            near = suggestion(keyword, [*COMPILED, *ANNOTATIONS]) or "see docs/contracts.md"
            refused = f"is not supported: {REFUSED[keyword]}" if keyword in REFUSED else f"is no keyword; {near}"
            yield f"{here}: {keyword} {refused}"


def _problems_of(word: Word, argument: Any, here: str) -> Iterator[str]:  # noqa: ANN401
    if not word.is_right(argument):
        yield f"{here}: give {word.allowed}"
    elif word is COMPILED["pattern"] and (why := patterns.objection(argument)):
        yield f"{here}: the pattern may be read differently: {why}"
    elif word.allowed == _SCHEMA[0]:
        yield from problems(argument, here)
    elif word.allowed in (_SCHEMAS[0], _SCHEMA_MAP[0]):
        for name, inner in argument.items() if isinstance(argument, dict) else enumerate(argument):
            yield from problems(inner, pointer_to(here, name))


def problems_of_table(schema: Mapping[str, Any]) -> Iterator[str]:
    """What else is wrong with the contract of a table whose keywords are all right, by JSON pointer."""
    yield from _misused(schema, "", OF_TABLE)
    columns = schema.get("properties", {})
    if schema.get("type") != "object" or not columns or schema.get("additionalProperties") is not False:
        yield "/: a row has type object, properties, and additionalProperties false"
    for keyword in ("required", "x-key"):
        for name in schema.get(keyword, []):
            if name not in columns:
                yield f"/{keyword}: {name!r} is no column; {suggestion(str(name), columns)}"
    for name, column in columns.items():
        here = f"/properties/{name}"
        if not _is_name(name):
            yield f"{here}: a column's name has letters, digits and _ only"
        if not isinstance(column, dict) or not column.get("description"):
            yield f"{here}/description: say what the column holds"
        elif wrong := list(_misused(column, here, OF_COLUMN)):
            yield from wrong
        else:
            yield from _contradictions(column, here)


def _misused(schema: Mapping[str, Any], here: str, known: Mapping[str, Word]) -> Iterator[str]:
    for name, word in known.items():
        if word.is_needed and name not in schema:
            yield f"{here}/{name}: it is missing; give {word.allowed}"
        elif name in schema and not word.is_right(schema[name]):
            yield f"{here}/{name}: give {word.allowed}"
    for name in schema:
        if name.startswith("x-") and name not in known:
            yield f"{here}/{name}: unknown annotation; {suggestion(name, known) or 'see docs/contracts.md'}"


def _contradictions(column: Mapping[str, Any], here: str) -> Iterator[str]:
    dtype, types = column["x-dtype"], column.get("type", [])
    if {*([types] if isinstance(types, str) else types)} - {"null"} != {JSON_TYPES[dtype]}:
        yield f"{here}/type: x-dtype {dtype} is {JSON_TYPES[dtype]} in JSON, with or without null"
    if (dtype == "date") != (column.get("format") == "date"):
        yield f"{here}/format: x-dtype date goes with format date"
    if "pattern" in column and not patterns.is_anchored(column["pattern"]):
        yield f"{here}/pattern: begin it with \\A and end it with \\Z"


def suggestion(word: str, known: Collection[str]) -> str:
    """What a person probably meant by an unknown word; empty where nothing comes near."""
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"did you mean {near[0]!r}?" if near else ""
