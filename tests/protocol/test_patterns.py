from __future__ import annotations

import re

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from jobs.protocol.patterns import objection, to_rust

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
@example("(?:a|b)", ["a\n", "ab", "a", ""])
@example("(?:a+b?|[ab]{2}|)\\.", ["ab.", ".\n", "."])
def test_an_accepted_pattern_means_the_same_to_both(inner: str, texts: list[str]) -> None:
    pattern = f"\\A{inner}\\Z"
    if objection(pattern):
        return
    assert pl.Series(texts).str.contains(to_rust(pattern)).to_list() == [
        re.search(pattern, text) is not None for text in texts
    ]


@given(st.lists(PIECES, max_size=8).map("".join), TEXTS)
def test_an_anchored_pattern_matches_only_whole_texts(pattern: str, text: str) -> None:
    anchored = f"\\A{pattern}\\Z"
    if not objection(anchored):
        assert (re.search(anchored, text) is None) == (re.fullmatch(pattern, text) is None)


@pytest.mark.parametrize(
    "pattern",
    [
        pytest.param("a$", id="a-dollar"),
        pytest.param("\\d+", id="digits-of-every-script"),
        pytest.param("\\w", id="letters-of-every-script"),
        pytest.param("\\s", id="blanks-of-every-script"),
        pytest.param("\\bword", id="a-word-boundary"),
        pytest.param("\\p{L}", id="a-Unicode-property"),
        pytest.param("\\z", id="the-end-as-Rust-has-it"),
        pytest.param("(?=a)", id="look-ahead"),
        pytest.param("(?i)a", id="a-flag"),
        pytest.param("(?P<x>a)", id="a-named-group"),
        pytest.param("(a)\\1", id="a-back-reference"),
        pytest.param("(?:a?)*", id="a-repeat-of-what-may-be-empty"),
        pytest.param("(?:a|b{0,2})+", id="a-repeat-of-an-empty-alternative"),
        pytest.param("\\A*", id="a-repeat-of-an-anchor"),
        pytest.param("a*+", id="a-possessive-repeat"),
        pytest.param("a{,2}", id="a-repeat-without-its-least"),
        pytest.param("a{2", id="an-open-repeat"),
        pytest.param("*a", id="a-repeat-of-nothing"),
        pytest.param("[a&&b]", id="a-set-operation"),
        pytest.param("[[:alpha:]]", id="a-class-in-a-class"),
        pytest.param("[]a]", id="a-bracket-first"),
        pytest.param("[z-a]", id="a-range-backwards"),
        pytest.param("(a", id="an-open-group"),
        pytest.param("a)", id="a-closed-group"),
        pytest.param("(?:a{100}){100}", id="too-many-states"),
        pytest.param("(?:a{1000})", id="a-large-repeat-in-a-group"),
        pytest.param("[^a]{999}" * 6, id="many-large-repeats"),
        pytest.param("((a))", id="a-group-in-a-group"),
    ],
)
def test_what_the_two_may_read_differently_is_refused(pattern: str) -> None:
    assert objection(f"\\A{pattern}\\Z")


@pytest.mark.parametrize("one", ["a", ".", "[^a]", "[^éà]", "[a-z0-9]"])
def test_the_largest_accepted_repeat_is_one_that_rust_compiles(one: str) -> None:
    largest = f"\\A{one}{{999}}\\Z"
    assert pl.Series(["b"]).str.contains(to_rust(largest)).to_list() == [False]
    assert not objection(largest)
    assert objection(f"\\A{one}{{1000}}\\Z")


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
def test_a_pattern_must_be_anchored_at_both_ends_of_the_text(pattern: str, expected: bool) -> None:
    assert (objection(pattern) == "") is expected
