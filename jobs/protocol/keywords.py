"""Which words of JSON Schema 2020-12 a contract may use: what is not known here is refused by name, never ignored."""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from jobs.protocol import patterns
from jobs.protocol.json_scan import LARGEST, pointer_to

DIALECT = "https://json-schema.org/draft/2020-12/schema"
TYPES = ("null", "boolean", "integer", "number", "string", "array", "object")
FORMATS = ("date",)
_SMALLEST_STEP = 1e-100  # a quotient by less could leave the range of a float64

COMPILED: Mapping[str, str] = {
    "type": "the value is of one of these types; an empty cell is of type null; 36.0 is an integer",
    "enum": "the value is one of these; null only if listed",
    "const": "the value is this one",
    "minimum": "a number is at least this",
    "maximum": "a number is at most this",
    "exclusiveMinimum": "a number is above this",
    "exclusiveMaximum": "a number is below this",
    "multipleOf": "a number is a multiple of this, which is above 1e-100",
    "minLength": "a string has at least so many characters (code points)",
    "maxLength": "a string has at most so many characters (code points)",
    "pattern": "a string matches; only patterns that Python and Rust surely read alike",
    "format": "`date` only, asserted: a string is a date YYYY-MM-DD of the years 1 to 9999",
    "properties": "what each column holds",
    "required": "these columns are in the table (an empty cell is there)",
    "additionalProperties": "what columns not named in `properties` hold; `false`: there are none",
    "dependentRequired": "where a column is in the table, so are these",
    "allOf": "the row or value keeps all of these",
    "anyOf": "the row or value keeps one or more of these",
    "oneOf": "the row or value keeps exactly one of these",
    "not": "the row or value does not keep this",
    "if": "rows or values that keep this must keep `then`, others `else`",
    "then": "see `if`",
    "else": "see `if`",
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
    **dict.fromkeys(("unevaluatedProperties", "dependentSchemas"), _FIXED),
}
TABLE = frozenset(COMPILED)
DOCUMENT = (
    TABLE
    | {  # a manifest, a note: judged by `jsonschema` alone, so lists and names of any kind have their words
        *("$defs", "$ref", "items", "prefixItems", "contains", "minContains", "maxContains", "minItems", "maxItems"),
        *("uniqueItems", "minProperties", "maxProperties", "propertyNames", "dependentSchemas"),
    }
)
_ONE_SCHEMA = ("additionalProperties", "not", "if", "then", "else", "items", "contains", "propertyNames")
_SCHEMA_LISTS = ("allOf", "anyOf", "oneOf", "prefixItems")
_SCHEMA_MAPS = ("properties", "$defs", "dependentSchemas")
_LENGTHS = ("minLength", "maxLength", "minItems", "maxItems", "minContains", "maxContains")


def problems(schema: object, pointer: str = "", *, known: Collection[str] = TABLE) -> Iterator[str]:
    """Everything in a schema that would not be honoured, by JSON pointer."""
    if isinstance(schema, bool):
        return
    if not isinstance(schema, dict):
        yield f"{pointer or '/'}: a schema is an object, true or false"
        return
    for keyword, argument in schema.items():
        here = pointer_to(pointer, keyword)
        if keyword.startswith("x-") or keyword in ANNOTATIONS:
            if keyword == "$schema" and argument != DIALECT:
                yield f"{here}: only {DIALECT} is read"
        elif keyword not in known:
            yield f"{here}: {_unknown(keyword, known)}"
        elif reason := _SHAPES[keyword](argument):
            yield f"{here}: {reason}"
        else:
            for place, inner in _inner(keyword, argument, here):
                yield from problems(inner, place, known=known)


def suggestion(word: str, known: Collection[str]) -> str:
    """What a person probably meant by an unknown word; empty where nothing comes near."""
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"did you mean {near[0]!r}?" if near else ""


def _unknown(keyword: str, known: Collection[str]) -> str:
    if keyword in REFUSED:
        return f"{keyword} is not supported: {REFUSED[keyword]}"
    return f"{keyword} is no keyword; {suggestion(keyword, [*known, *ANNOTATIONS]) or 'see docs/contracts.md'}"


def _inner(keyword: str, argument: Any, here: str) -> list[tuple[str, object]]:  # noqa: ANN401
    """The schemas that stand under a keyword, with their pointers."""
    if keyword in _SCHEMA_LISTS:
        return [(pointer_to(here, index), schema) for index, schema in enumerate(argument)]
    if keyword in _SCHEMA_MAPS:
        return [(pointer_to(here, name), schema) for name, schema in argument.items()]
    return [(here, argument)] if keyword in _ONE_SCHEMA else []


def is_number(value: object) -> bool:
    """A number that every reader takes for the same: finite, and no integer past 2^53."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return math.isfinite(value) if isinstance(value, float) else abs(value) <= LARGEST


def _bound(value: object) -> str:
    return "" if is_number(value) else "give a finite number, an integer not past 2^53"


def _step(value: Any) -> str:  # noqa: ANN401
    return "" if is_number(value) and value > _SMALLEST_STEP else "give a number above 1e-100"


def _length(value: Any) -> str:  # noqa: ANN401
    return "" if is_number(value) and value >= 0 and value == int(value) else "give an integer from 0"


def _type(value: object) -> str:
    names = [value] if isinstance(value, str) else value
    if isinstance(names, list) and names and len({str(name) for name in names}) == len(names):
        unknown = [name for name in names if name not in TYPES]
        return f"{unknown[0]!r} is no type; {suggestion(str(unknown[0]), TYPES)}" if unknown else ""
    return f"give a type or a list of them: {', '.join(TYPES)}"


def _values(value: object) -> str:
    return _value(value) if isinstance(value, list) else "give a list of values"


def _value(value: object) -> str:
    inner = value if isinstance(value, list) else value.values() if isinstance(value, dict) else []
    if isinstance(value, int | float) and not isinstance(value, bool) and not is_number(value):
        return "it holds a number that not every reader takes for the same"
    return next((reason for each in inner if (reason := _value(each))), "")


def _pattern(value: object) -> str:
    if not isinstance(value, str):
        return "give a string"
    try:
        patterns.to_rust(value)
    except patterns.PatternRefused as refused:
        return f"the pattern may be read differently: {refused}"
    return ""


def _format(value: object) -> str:
    return "" if value in FORMATS else f"format {value!r} is not supported, only {', '.join(FORMATS)}"


def _names(value: object) -> str:
    is_list = isinstance(value, list) and all(isinstance(name, str) for name in value)
    return "" if is_list else "give a list of names"


def _name_lists(value: object) -> str:
    is_map = isinstance(value, dict) and not any(_names(names) for names in value.values())
    return "" if is_map else "give a list of names for each name"


def _schema(value: object) -> str:
    return "" if isinstance(value, dict | bool) else "give a schema"


def _schemas(value: object) -> str:
    return "" if isinstance(value, list) and value else "give a list of schemas"


def _schema_map(value: object) -> str:
    return "" if isinstance(value, dict) else "give a schema for each name"


def _reference(value: object) -> str:
    return "" if isinstance(value, str) and value.startswith("#/$defs/") else "refer to #/$defs/... of this file"


def _flag(value: object) -> str:
    return "" if isinstance(value, bool) else "give true or false"


_SHAPES: Mapping[str, Callable[[Any], str]] = {
    "type": _type,
    "enum": _values,
    "const": _value,
    **dict.fromkeys(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"), _bound),
    "multipleOf": _step,
    **dict.fromkeys((*_LENGTHS, "minProperties", "maxProperties"), _length),
    "pattern": _pattern,
    "format": _format,
    **dict.fromkeys(_SCHEMA_MAPS, _schema_map),
    "$ref": _reference,
    "uniqueItems": _flag,
    "required": _names,
    "dependentRequired": _name_lists,
    **dict.fromkeys(_ONE_SCHEMA, _schema),
    **dict.fromkeys(_SCHEMA_LISTS, _schemas),
}
