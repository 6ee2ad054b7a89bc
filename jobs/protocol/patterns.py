r"""Patterns that Python's and Rust's regular expressions are sure to read alike; all others are refused.

Python explains a single value, Rust finds the offending rows of a column. They differ on `\d \w \s \b` (Unicode), `$`
(before a final line end), flags, look-around, back-references, and repeats of groups that may be empty.
"""

from __future__ import annotations

import re

_ESCAPED = r"\\[\\.^$*+?{}\[\]|()/&~nrt-]"
_ONE = rf"(?:[^\\\[\]&|~^-]|{_ESCAPED})"
_ATOM = rf"(?:\.|\[\^?-?(?:{_ONE}(?:-{_ONE})?)+-?\]|[^\\.^$*+?{{}}\[\]|()]|{_ESCAPED})"
_COUNT = r"[0-9]{1,3}"
_LARGEST = 5000  # characters once repeats are expanded: half of what Rust will compile for any class
_REPEAT = rf"(?:[*+?]|\{{{_COUNT}(?:,(?:{_COUNT})?)?\}})"
_PART = rf"(?>{_ATOM}{_REPEAT}?)"
_GROUP = rf"(?>\((?:\?:)?{_PART}*+(?:\|{_PART}*+)*+\))"
_ACCEPTED = re.compile(rf"\\A(?:{_PART}|{_GROUP})*+\\Z")
_WHAT_IS_READ_ALIKE = (
    "write characters, escaped signs (for \\d \\w \\s: [0-9], [A-Za-z0-9_], [ \\t]), classes with - first or last and "
    "& | ~ ^ [ escaped, groups (...|...) with no group in them and no repeat after them; a repeat, of * + ? or up to "
    "999, once; \\A first, \\Z last, neither ^ nor $; no more"
)


def to_rust(pattern: str) -> str:
    """The same pattern for Rust. It must have no `objection`."""
    return f"{pattern[:-2]}\\z"


def objection(pattern: str) -> str:
    """Why a pattern is refused; empty if it is accepted."""
    if not _ACCEPTED.fullmatch(pattern):
        return _WHAT_IS_READ_ALIKE
    counts = re.findall(r"\{([0-9]+)(?:,([0-9]*))?\}", pattern)
    if sum(int(most or least) for least, most in counts) > _LARGEST:
        return f"its repeats are more than {_LARGEST} characters once they are written out"
    try:
        re.compile(pattern)
    except re.error as error:
        return f"it is not a pattern: {error.msg}"
    return ""
