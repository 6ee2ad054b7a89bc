from __future__ import annotations

import re

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from jobs.protocol.patterns import is_anchored, objection, to_rust

PIECES = st.sampled_from(
    [
        "\\A",
        "\\Z",
        "^",
        "a",
        "b",
        "é",
        "\n",
        ".",
        "[ab]",
        "[^a]",
        "[a-c-]",
        "[-b]",
        "[\\]\\\\]",
        "[^\\n]",
        "\\.",
        "\\-",
        " ",
    ]
) | st.sampled_from(
    ["(", "(?:", ")", "|", "*", "+", "?", "{2}", "{1,2}", "{0,1}", "{1,}", "*?", "\\/", "\\&", "\\~", "[\\^\\-x]", "&&"]
)
TEXTS = st.text(st.sampled_from("abcé\n.-]\\ 😀/&~^x"), max_size=6)


@given(st.lists(PIECES, max_size=8).map("".join), st.lists(TEXTS, min_size=1, max_size=8))
@example("\\A(?:a|b)+\\Z", ["a\n", "ab", ""])
@example("\\A(?:a+b?|[ab]{2})?\\.\\Z", ["ab.", ".\n", "."])
def test_an_accepted_pattern_means_the_same_to_both(pattern: str, texts: list[str]) -> None:
    if objection(pattern):
        return
    assert pl.Series(texts).str.contains(to_rust(pattern)).to_list() == [
        re.search(pattern, text) is not None for text in texts
    ]


@given(st.lists(PIECES, max_size=8).map("".join), TEXTS)
def test_an_anchored_pattern_matches_only_whole_texts(pattern: str, text: str) -> None:
    anchored = f"\\A{pattern}\\Z"
    if not objection(anchored) and is_anchored(anchored):
        assert (re.search(anchored, text) is None) == (re.fullmatch(pattern, text) is None)


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        pytest.param("a$", "\\Z", id="a-dollar"),
        pytest.param("\\d+", "[0-9]", id="digits-of-every-script"),
        pytest.param("\\w", "[A-Za-z0-9_]", id="letters-of-every-script"),
        pytest.param("\\s", "[ \\t]", id="blanks-of-every-script"),
        pytest.param("\\bword", "not surely read alike", id="a-word-boundary"),
        pytest.param("\\p{L}", "not surely read alike", id="a-Unicode-property"),
        pytest.param("\\z", "\\Z", id="the-end-as-Rust-has-it"),
        pytest.param("(?=a)", "look-around", id="look-ahead"),
        pytest.param("(?i)a", "flags", id="a-flag"),
        pytest.param("(?P<x>a)", "named groups", id="a-named-group"),
        pytest.param("(a)\\1", "not surely read alike", id="a-back-reference"),
        pytest.param("(?:a?)*", "cannot be empty", id="a-repeat-of-what-may-be-empty"),
        pytest.param("(?:a|b{0,2})+", "cannot be empty", id="a-repeat-of-an-empty-alternative"),
        pytest.param("\\A*", "cannot be empty", id="a-repeat-of-an-anchor"),
        pytest.param("a*+", "once", id="a-possessive-repeat"),
        pytest.param("a{,2}", "not surely read alike", id="a-repeat-without-its-least"),
        pytest.param("a{2", "not surely read alike", id="an-open-repeat"),
        pytest.param("*a", "follows what cannot be empty", id="a-repeat-of-nothing"),
        pytest.param("[a&&b]", "a class may hold", id="a-set-operation"),
        pytest.param("[[:alpha:]]", "a class may hold", id="a-class-in-a-class"),
        pytest.param("[]a]", "a class may hold", id="a-bracket-first"),
        pytest.param("[z-a]", "not a pattern", id="a-range-backwards"),
        pytest.param("(a", "(...|...)", id="an-open-group"),
        pytest.param("a)", "(...|...)", id="a-closed-group"),
        pytest.param("(?:a{100}){100}", "* + ? at most", id="too-many-states"),
        pytest.param("(?:a{1000})", "not surely read alike", id="a-large-repeat-in-a-group"),
        pytest.param("[^a]{999}" * 6, "more than 5000", id="many-large-repeats"),
        pytest.param("((a))", "no group in it", id="a-group-in-a-group"),
    ],
)
def test_what_the_two_may_read_differently_is_refused_with_the_reason(pattern: str, why: str) -> None:
    assert why in objection(pattern)


@pytest.mark.parametrize("one", ["a", ".", "[^a]", "[^éà]", "[a-z0-9]"])
def test_the_largest_accepted_repeat_is_one_that_rust_compiles(one: str) -> None:
    assert pl.Series(["b"]).str.contains(to_rust(f"{one}{{999}}")).to_list() == [False]
    assert not objection(f"{one}{{999}}")
    assert objection(f"{one}{{1000}}")


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("\\A[0-9]{3}xx\\Z", True),
        ("\\A(a|b)\\Z", True),
        ("[0-9]\\Z", False),
        ("\\A[0-9]", False),
        ("\\Aa\\\\Z", False),
        ("", False),
    ],
)
def test_a_pattern_is_anchored_at_both_ends_of_the_text(pattern: str, expected: bool) -> None:
    assert not objection(pattern)
    assert is_anchored(pattern) is expected
