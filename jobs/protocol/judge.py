"""`jsonschema` as the judge of a row and the explainer of its breaches: slow, asked about few rows."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import reduce
from typing import Any, cast

from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend

from jobs.protocol.json_scan import pointer_to, printable
from jobs.protocol.keywords import FORMATS, suggestion

_FORMATS = FormatChecker(FORMATS)
_Strict = extend(  # type: ignore[no-untyped-call]
    Draft202012Validator,
    type_checker=Draft202012Validator.TYPE_CHECKER.redefine(
        "integer", lambda _, value: isinstance(value, int) and not isinstance(value, bool)
    ),
)
_ALLOWED = {
    "minimum": "at least",
    "maximum": "at most",
    "exclusiveMinimum": "above",
    "exclusiveMaximum": "below",
    "multipleOf": "a multiple of",
    "minLength": "characters: at least",
    "maxLength": "characters: at most",
    "pattern": "text that matches",
    "const": "only",
    "enum": "one of",
    "type": "of type",
    "format": "text in the format",
}


@dataclass(frozen=True, slots=True)
class Complaint:
    """One breach: where, of which keyword, what kind of thing was found, what is allowed. It holds no values."""

    pointer: str
    keyword: str
    found: str
    allowed: str

    @property
    def sentence(self) -> str:
        return f"{printable(self.pointer) or '/'}: found {self.found}; allowed: {self.allowed}"


def keeps(schema: Mapping[str, Any] | bool, value: object) -> bool:  # noqa: FBT001
    """Whether a value keeps a schema, by the letter of the draft, formats asserted; what is not JSON keeps none."""
    plain = _plain(value)
    return not list(_not_json(plain, "")) and Draft202012Validator(schema, format_checker=_FORMATS).is_valid(plain)


def complaints(schema: Mapping[str, Any], value: object) -> list[Complaint]:
    """Everything that is wrong with a value. Stricter than the draft in one thing: 36.0 is no integer."""
    plain = _plain(value)
    if found := list(_not_json(plain, "")):
        return found
    ordered = sorted(errors(schema, plain), key=lambda error: error.json_path)
    return list(dict.fromkeys(complaint for error in ordered for complaint in _complaints(error)))


def errors(schema: Mapping[str, Any], value: object) -> Iterator[Any]:
    """What `jsonschema` says of JSON, with 2.0 for no integer: a file has one reading."""
    yield from _Strict(schema, format_checker=_FORMATS).iter_errors(value)


def pointer_of(error: ValidationError) -> str:
    return reduce(pointer_to, error.absolute_path, "")


def _plain(value: Any) -> Any:  # noqa: ANN401
    """A row as JSON has it: dates are strings."""
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    return value.isoformat() if isinstance(value, date) else value


def _not_json(value: object, pointer: str) -> Iterator[Complaint]:
    """`jsonschema` finds NaN within every range, so this is asked first."""
    if isinstance(value, float) and not math.isfinite(value):
        yield Complaint(pointer, "type", "NaN or an infinity", "a finite number or null")
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in inside:
        yield from _not_json(each, pointer_to(pointer, key))


def _complaints(error: ValidationError) -> Iterator[Complaint]:
    pointer, keyword = pointer_of(error), str(error.validator)
    known = error.schema.get("properties", {}) if isinstance(error.schema, dict) else {}
    if keyword == "additionalProperties" and isinstance(error.instance, dict):
        for name in sorted(error.instance.keys() - known.keys()):
            near = suggestion(str(name), known)
            allowed = f"known names only, {near}" if near else f"only {', '.join(known) or 'no name at all'}"
            yield Complaint(pointer_to(pointer, name), keyword, "an unknown name", allowed)
    elif keyword == "required" and isinstance(error.instance, dict):
        for name in cast("list[str]", error.validator_value):
            if name not in error.instance:
                yield Complaint(pointer_to(pointer, name), keyword, "nothing", "any value that the contract names")
    else:
        argument = json.dumps(error.validator_value, ensure_ascii=False)
        allowed = f"{_ALLOWED[keyword]} {argument}" if keyword in _ALLOWED else f"what {keyword} says"
        yield Complaint(pointer, keyword, _kind(error.instance), allowed)


def _kind(value: object) -> str:
    kinds = {
        bool: "a boolean",
        int: "an integer",
        float: "a number",
        str: "a string",
        list: "a list",
        dict: "an object",
    }
    return next((said for kind, said in kinds.items() if isinstance(value, kind)), "null")
