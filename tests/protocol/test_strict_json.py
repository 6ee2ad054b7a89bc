from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from jobs.protocol import strict_json
from jobs.protocol.errors import ConfigInvalid
from jobs.protocol.json_scan import JsonInvalid, places

if TYPE_CHECKING:
    from collections.abc import Callable

BOM = b"\xef\xbb\xbf"
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)
TOKENS = (
    st.sampled_from("{}[],:\"1-0/'é \n\\\x01")
    | st.sampled_from(['"a"', '"b"', ".5", "e9", "1e400", "9007199254740993", "//", "\\ud800", "\\u0041"])
    | st.sampled_from(["true", "True", "null", "NaN", "Infinity", "-Infinity"])
)


def refusal(data: bytes, **how: Any) -> JsonInvalid:
    with pytest.raises(JsonInvalid) as caught:
        strict_json.parse(data, where="note.json", **how)
    return caught.value


@pytest.mark.parametrize(
    ("text", "place", "what", "hint"),
    [
        pytest.param('{"a": 1,\n "a": 2}', (2, 2), 'the key "a" appears twice', "keep one", id="a-key-twice"),
        pytest.param('{"a": 1, "\\u0061": 2}', (1, 10), "appears twice", "keep one", id="a-key-twice-once-escaped"),
        pytest.param('{\n  // why\n "a": 1}', (2, 3), "a comment", "remove it", id="a-line-comment"),
        pytest.param('{"a": /* why */ 1}', (1, 7), "a comment", "no comments", id="a-block-comment"),
        pytest.param('{"a": 1} # why', (1, 10), "a comment", "no comments", id="a-comment-at-the-end"),
        pytest.param('{"a": 1,\n}', (2, 1), "a comma before the closing }", "trailing comma", id="trailing-in-object"),
        pytest.param("[1,2, ]", (1, 7), "a comma before the closing ]", "trailing comma", id="trailing-in-list"),
        pytest.param("[,1]", (1, 2), "found no value", "write a string", id="a-leading-comma"),
        pytest.param("{'a': 1}", (1, 2), 'a quote that is not "', "double quotes", id="single-quotes"),
        pytest.param('{"a": “b”}', (1, 7), 'a quote that is not "', "double quotes", id="typographic-quotes"),
        pytest.param('{"a": True}', (1, 7), "found True", "true in small letters", id="True"),
        pytest.param('{"a": False}', (1, 7), "found False", "false in small letters", id="False"),
        pytest.param("[TRUE]", (1, 2), "found True", "true in small letters", id="TRUE"),
        pytest.param("[FALSE]", (1, 2), "found False", "false in small letters", id="FALSE"),
        pytest.param('{"a": None}', (1, 7), "found None", "write null", id="None"),
        pytest.param("[NULL]", (1, 2), "found None", "write null", id="NULL"),
        pytest.param("[nan]", (1, 2), "found NaN", "write null", id="nan"),
        pytest.param("[NaN]", (1, 2), "found NaN", "write null", id="NaN"),
        pytest.param("[Infinity]", (1, 2), "found Infinity", "write null", id="Infinity"),
        pytest.param("[-Infinity]", (1, 2), "found -Infinity", "write null", id="minus-Infinity"),
        pytest.param("[1e400]", (1, 2), "a number too large", "between -1e308 and 1e308", id="1e400"),
        pytest.param("[9007199254740993]", (1, 2), "an integer past 2^53", "15 digits", id="past-2-to-the-53"),
        pytest.param("[-90071992547409930]", (1, 2), "an integer past 2^53", "15 digits", id="far-below-zero"),
        pytest.param("[" + "9" * 5000 + "]", (1, 2), "an integer past 2^53", "15 digits", id="five-thousand-digits"),
        pytest.param('["a\\ud800"]', (1, 2), "half of a surrogate", "both halves", id="a-lone-surrogate"),
        pytest.param('{"\\udc00": 1}', (1, 2), "half of a surrogate", "both halves", id="a-lone-surrogate-in-a-key"),
        pytest.param('{"a": 1} {"b": 2}', (1, 10), "something follows", "one value", id="trailing-data"),
        pytest.param('{"a": 1}}', (1, 9), "something follows", "one value", id="a-bracket-too-many"),
        pytest.param('{"a": 1', (1, 8), "the end of the file", "saved only in part", id="half-saved"),
        pytest.param("", (1, 1), "the file is empty", "put back", id="empty"),
        pytest.param(" \n", (1, 1), "the file is empty", "put back", id="blank"),
        pytest.param('{"a": "b', (1, 7), "a string without an end", "only in part", id="half-saved-in-a-string"),
        pytest.param('{"a": "b\nc"}', (1, 9), "a line end or control", "close the string", id="a-line-end-in-a-string"),
        pytest.param('["a\\d"]', (1, 4), "an escape that JSON does not have", "\\\\", id="a-backslash"),
        pytest.param('["\\n\\u12"]', (1, 5), "an escape that JSON does not have", "\\\\", id="a-short-escape"),
        pytest.param('{"a": 1 "b": 2}', (1, 9), "neither a comma nor }", "a comma", id="a-comma-forgotten"),
        pytest.param("[0.1 0.2]", (1, 6), "two pieces", "a comma between members", id="a-comma-forgotten-in-a-list"),
        pytest.param('{"a": 1,, "b": 2}', (1, 9), "a comma too many", "remove it", id="a-comma-twice"),
        pytest.param("[1,\n,2]", (2, 1), "a comma too many", "remove it", id="a-comma-twice-in-a-list"),
        pytest.param('{"a": ,}', (1, 7), "found no value", "a number", id="a-value-forgotten"),
        pytest.param('{"a" 1}', (1, 6), "no : after a key", '"key": value', id="a-colon-forgotten"),
        pytest.param("{a: 1}", (1, 2), "no key in double quotes", '"key": value', id="a-bare-key"),
        pytest.param('{"a": 0,65}', (1, 9), "no key in double quotes", "a decimal with a point", id="a-decimal-comma"),
        pytest.param("[yes]", (1, 2), "a bare word", "double quotes", id="a-bare-word"),
        pytest.param("[truex]", (1, 2), "a bare word", "double quotes", id="a-word-that-starts-well"),
        pytest.param("[01]", (1, 2), "not one in JSON", "leading zeros", id="a-leading-zero"),
        pytest.param("[1.]", (1, 2), "not one in JSON", "both sides", id="a-point-without-digits"),
        pytest.param("[.5]", (1, 2), "not one in JSON", "both sides of the point", id="a-point-first"),
        pytest.param("[-]", (1, 2), "a minus", "a number", id="only-a-minus"),
        pytest.param("[1\x00]", (1, 3), "a zero byte", "remove it", id="a-NUL"),
        pytest.param("[1\u00a0]", (1, 3), "a blank that is not one", "a plain space", id="a-no-break-space"),
    ],
)
def test_what_is_refused_is_named_with_its_place_and_its_mend(
    text: str, place: tuple[int, int], what: str, hint: str
) -> None:
    error = refusal(text.encode())
    assert (error.line, error.column) == place
    assert what in error.what
    assert hint in error.mend
    assert f"note.json: line {place[0]}, column {place[1]}" in error.where


def test_the_pointer_says_inside_what_it_is_wrong() -> None:
    error = refusal(b'{"a/b": [0, {"c~": NaN}]}')
    assert "column 20, in /a~1b/1/c~0" in str(error)


def test_a_key_cannot_steer_a_terminal_or_fill_a_log() -> None:
    said = str(refusal(b'{"\\u001b[2J\\u202e%s": {"a": 1, "a": 2}}' % (b"x" * 10_000)))
    assert "\x1b" not in said
    assert "\u202e" not in said
    assert len(said) < 600


def test_a_value_never_appears_in_a_message() -> None:
    canary = "canary7"
    texts = [f'["{canary}\n"]', f"[{canary}]", f'{{"a": "{canary}" "{canary}"}}', "[90071992547409931234]", "[7.7.7]"]
    for text in texts:
        assert not {canary, "90071992547409931234", "7.7.7"} & set(
            str(refusal(text.encode())).replace("'", " ").split()
        )
        assert canary not in str(refusal(text.encode()))


@pytest.mark.parametrize(
    ("data", "what"),
    [
        pytest.param(BOM + b"1", "byte order mark", id="a-BOM"),
        pytest.param('{"a": "é"}'.encode("latin-1"), "not UTF-8", id="latin-1"),
        pytest.param("1".encode("utf-16"), "not UTF-8", id="utf-16"),
        pytest.param(b'"\xed\xa0\x80"', "not UTF-8", id="a-surrogate-in-UTF-8"),
        pytest.param(b'"\xc0\x80"', "not UTF-8", id="an-overlong-form"),
        pytest.param(b"[" + b" " * 100 + b"]", "has 102 bytes", id="too-long"),
    ],
)
def test_bytes_that_are_no_text_of_ours_are_refused(data: bytes, what: str) -> None:
    assert what in refusal(data, limit=100).what


def test_the_place_of_a_bad_byte_counts_characters() -> None:
    error = refusal("é\né".encode() + b"\xff")
    assert (error.line, error.column) == (2, 2)


def test_a_byte_order_mark_is_accepted_only_where_allowed() -> None:
    assert strict_json.parse(BOM + b"[1]\r\n", where="note.json", allow_bom=True) == [1]
    refusal(BOM + BOM + b"[1]", allow_bom=True)


@pytest.mark.parametrize("opening", ["[", '{"a":'])
def test_depth_32_is_read_and_depth_33_is_refused(opening: str) -> None:
    closing = "]" if opening == "[" else "}"
    strict_json.parse((opening * 32 + "1" + closing * 32).encode(), where="note.json")
    assert "more than 32" in refusal((opening * 33 + "1" + closing * 33).encode()).what


def test_a_million_brackets_are_refused_without_recursion() -> None:
    assert "more than 32" in refusal(b"[" * 1_000_000).what
    assert "more than 32" in refusal(b'[{"a":' * 500_000).what
    assert "more than 32" in refusal(b"[" + b"[]," * 1_000_000 + b"[" * 1_000_000).what


def test_brackets_in_strings_are_not_depth() -> None:
    text = json.dumps(["[" * 100, '"[{' * 100, "\\" * 3 + "["])
    assert strict_json.parse(text.encode(), where="note.json") == json.loads(text)


def test_many_members_side_by_side_are_not_depth() -> None:
    value = [*({"a": [index]} for index in range(1000)), json.loads("[" * 31 + "]" * 31)]
    assert strict_json.parse(json.dumps(value).encode(), where="note.json") == value


def test_it_is_a_configuration_that_is_invalid() -> None:
    assert isinstance(refusal(b"["), ConfigInvalid)
    assert refusal(b"[").exit_code == 5


@given(VALUES)
@pytest.mark.parametrize("write", [strict_json.canonical, strict_json.pretty])
def test_what_is_written_is_read_back(write: Callable[[object], bytes], value: object) -> None:
    data = write(value)
    assert data.endswith(b"\n")
    assert strict_json.parse(data, where="note.json") == value


@given(st.dictionaries(st.text(max_size=3), st.integers(0, 9), max_size=5), st.randoms())
def test_the_canonical_text_does_not_depend_on_the_order_of_keys(value: dict[str, int], chance: Any) -> None:
    shuffled = list(value.items())
    chance.shuffle(shuffled)
    assert strict_json.canonical(dict(shuffled)) == strict_json.canonical(value)


def test_the_two_forms_are_as_documented() -> None:
    value = {"b": [1, 2.5], "a": "é"}
    assert strict_json.canonical(value) == '{"a":"é","b":[1,2.5]}\n'.encode()
    assert strict_json.pretty(value).startswith(b'{\n  "b": [\n    1,')


@pytest.mark.parametrize(
    "value",
    [math.nan, -math.inf, 2**53 + 1, "\ud800", {1: "a", "1": "b"}, json.loads("[" * 33 + "]" * 33)],
    ids=["NaN", "infinity", "past-2-to-the-53", "lone-surrogate", "keys-that-become-equal", "too-deep"],
)
def test_what_could_not_be_read_back_is_not_written(value: object) -> None:
    for write in (strict_json.canonical, strict_json.pretty):
        with pytest.raises((ValueError, TypeError)):  # json, the encoder and we each say it in their own words
            write(value)


@given(st.lists(TOKENS, max_size=12).map("".join))
@example('{"a":"\\')
@example('"\\ud83d\\ude00"')
def test_the_fast_reader_and_the_exact_one_refuse_the_same_texts(text: str) -> None:
    try:
        strict_json.parse(text.encode(), where="note.json")
    except JsonInvalid:
        with pytest.raises(JsonInvalid):
            places(text, "note.json")
    else:
        places(text, "note.json")
        json.loads(text)


@given(VALUES)
def test_every_value_has_its_place(value: object) -> None:
    text = json.dumps(value, indent=1)
    decoder = json.JSONDecoder()
    for pointer, at in places(text, "note.json").items():
        assert decoder.raw_decode(text, at)[0] == member(value, pointer)
    assert len(places(text, "note.json")) == count(value)


def member(value: Any, pointer: str) -> object:
    for step in pointer.split("/")[1:]:
        key = step.replace("~1", "/").replace("~0", "~")
        value = value[int(key)] if isinstance(value, list) else value[key]
    return value


def count(value: object) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + sum(count(each) for each in inner)
