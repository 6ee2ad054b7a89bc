"""Where a value stands in a JSON text."""

from __future__ import annotations

from codecs import BOM_UTF8

from jobs.protocol import strict_json
from jobs.protocol.json_scan import pointer_to


def test_a_place_is_a_line_and_a_column() -> None:
    data = BOM_UTF8 + b'{\n  "a": [1,\n    {"b/c": 2}]}'
    assert strict_json.place_of(data, "/a/1/b~1c") == (3, 13)
    assert strict_json.place_of(data, "/a/1/absent") == (3, 5)
    assert strict_json.place_of(data, "/absent") == (1, 1)


def test_a_pointer_escapes_what_it_must() -> None:
    assert pointer_to("/a", "b/c~") == "/a/b~1c~0"
