r"""The patterns that Python's and Rust's regular expressions surely read alike; others are refused, with the reason.

Python judges a value, Rust finds the offending rows of a column. They differ on `\d \w \s \b` (tables of Unicode), on
`$` (before a last line end), on flags, look-around, back-references, and repeats of what may be empty.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import accumulate

_DEEPEST = 20  # groups in one another
_LARGEST = 5000  # characters once repeats are written out: half of what Rust agrees to compile
_ESCAPED = r"\\[\\.^$*+?{}\[\]|()/&~nrt-]"
_ONE = rf"(?:[^\\\[\]&|~^-]|{_ESCAPED})"
_TOKEN = re.compile(
    rf"(?P<open>\((?:\?:|(?!\?)))|(?P<bar>\|)|(?:(?P<end>\\A|\\Z|\^)|(?P<close>\))"
    rf"|(?P<one>\.|\[\^?-?(?:{_ONE}(?:-{_ONE})?)+-?\]|[^\\.^$*+?{{}}\[\]|()]|{_ESCAPED}))"
    r"(?P<repeat>(?:(?P<sign>[*+?])|\{(?P<least>[0-9]{1,4})(?:(?P<comma>,)(?P<most>[0-9]{1,4})?)?\})\??)?"
)
_RUST = {"^": "\\A", "\\Z": "\\z"}
_WHY = {
    "$": "$ also matches before a last line end: write \\Z",
    "(": "flags, look-around and named groups are read differently: use only (...) and (?:...)",
    "[": "a class may hold characters, ranges and escaped signs; - stands first or last, & | ~ ^ [ escaped",
    "\\d": "\\d means other digits in other libraries: write [0-9]",
    "\\w": "\\w means other letters in other libraries: write [A-Za-z0-9_]",
    "\\s": "\\s means other blanks in other libraries: write [ \\t]",
    "\\z": "write \\Z",
}


class PatternRefused(ValueError):
    """Why a pattern might not mean the same everywhere."""


def to_rust(pattern: str) -> str:
    """The same pattern for Rust; PatternRefused where it might not be the same."""
    tokens = _tokens(pattern)
    if _measured(iter(tokens), 0)[2]:
        raise PatternRefused("a closing ) has no opening one")
    try:
        re.compile(pattern)
    except re.error as error:
        raise PatternRefused(f"it is not a pattern: {error.msg}") from None
    return "".join(_RUST.get(token.group(), token.group()) for token in tokens)


def objection(pattern: str) -> str:
    """Why a pattern is refused; empty where it is not."""
    try:
        to_rust(pattern)
    except PatternRefused as refused:
        return str(refused)
    return ""


def is_anchored(pattern: str) -> bool:
    r"""Whether an accepted pattern can only match a whole text: \A...\Z around no open alternative."""
    tokens = _tokens(pattern)
    depths = accumulate(bool(token["open"]) - bool(token["close"]) for token in tokens)
    is_open = any(token["bar"] and depth == 0 for token, depth in zip(tokens, depths, strict=True))
    return len(tokens) > 1 and not is_open and tokens[0].group() in ("\\A", "^") and tokens[-1].group() == "\\Z"


def _tokens(pattern: str) -> list[re.Match[str]]:
    tokens: list[re.Match[str]] = []
    at = 0
    while at < len(pattern):
        token = _TOKEN.match(pattern, at)
        if token is None:
            if tokens and tokens[-1]["repeat"] and pattern[at] in "*+?{":
                raise PatternRefused("a repeat of a repeat is read differently: put it in (?:...)")
            sign = pattern[at : at + (2 if pattern[at] == "\\" else 1)]
            plainly = f"{sign} is not surely read alike: escape a sign, or write the characters themselves"
            raise PatternRefused(_WHY.get(sign, plainly))
        tokens.append(token)
        at = token.end()
    return tokens


def _measured(tokens: Iterator[re.Match[str]], depth: int) -> tuple[bool, int, re.Match[str] | None]:
    """Whether what follows in its group may match nothing, its size, and the token that closes the group."""
    if depth > _DEEPEST:
        raise PatternRefused(f"more than {_DEEPEST} groups lie in one another")
    before, may_be_empty, size = False, True, 0  # an alternative before, this one so far, all of them
    for token in tokens:
        if token["close"]:
            return before or may_be_empty, size, token
        if token["bar"]:
            before, may_be_empty = before or may_be_empty, True
            continue
        of_part: tuple[bool, int, re.Match[str] | None] = (bool(token["end"]), len(token["one"] or ""), token)
        is_empty, length, last = _measured(tokens, depth + 1) if token["open"] else of_part
        if last is None:
            raise PatternRefused("an opening ( has no closing one")
        if last["repeat"]:
            is_empty, length = _repeated(last, length, is_empty=is_empty)
        may_be_empty, size = may_be_empty and is_empty, size + length
    return before or may_be_empty, size, None


def _repeated(token: re.Match[str], length: int, *, is_empty: bool) -> tuple[bool, int]:
    sign, least, comma, most = token.group("sign", "least", "comma", "most")
    length *= max(1, int(most or least or 1)) + bool(comma and not most)
    if is_empty:
        raise PatternRefused("a repeat of what may be empty is read differently")
    if length > _LARGEST:
        raise PatternRefused(f"its repeats come to more than {_LARGEST}")
    return sign in ("*", "?") or int(least or 1) == 0, length
