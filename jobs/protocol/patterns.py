r"""The patterns that Python's and Rust's regular expressions surely read alike; others are refused, with the reason.

Python judges a value, Rust finds the offending rows of a column. They differ on `\d \w \s \b` (tables of Unicode), on
`$` (before a last line end), on flags, look-around, back-references, and repeats of what may be empty.
"""

from __future__ import annotations

import re

_DEEPEST = 20  # groups in one another
_LARGEST = 5000  # characters once repeats are written out: half of what Rust agrees to compile
_ESCAPED = r"\\[\\.^$*+?{}\[\]|()/&~nrt-]"
_ONE = rf"(?:[^\\\[\]&|~^-]|{_ESCAPED})"
_ITEM = rf"{_ONE}(?:-{_ONE})?"
_CLASS = re.compile(rf"\[\^?-?(?:{_ITEM})+-?\]")
_LITERAL = re.compile(rf"[^\\.^$*+?{{}}\[\]|()]|{_ESCAPED}")
_REPEAT = re.compile(r"(?:([*+?])|\{([0-9]{1,4})(?:(,)([0-9]{1,4})?)?\})(\??)")
_WHY = {
    "$": "$ also matches before a last line end: write \\Z",
    "(?": "flags, look-around and named groups are read differently: use only (...) and (?:...)",
    "\\d": "\\d means other digits in other libraries: write [0-9]",
    "\\w": "\\w means other letters in other libraries: write [A-Za-z0-9_]",
    "\\s": "\\s means other blanks in other libraries: write [ \\t]",
    "\\z": "write \\Z",
}


class PatternRefused(ValueError):
    """Why a pattern might not mean the same everywhere."""


def to_rust(pattern: str) -> str:
    """The same pattern for Rust; PatternRefused where it might not be the same."""
    reader = _Reader(pattern)
    reader.alternation()
    if reader.at < len(pattern):
        raise PatternRefused("a closing ) has no opening one")
    try:
        re.compile(pattern)
    except re.error as error:
        raise PatternRefused(f"it is not a pattern: {error.msg}") from None
    return "".join(reader.rust)


def is_anchored(pattern: str) -> bool:
    r"""Whether an accepted pattern can only match a whole text: \A...\Z around no open alternative."""
    reader = _Reader(pattern)
    reader.sequence()
    is_one_sequence = reader.at == len(pattern) and len(reader.rust) > 1
    return is_one_sequence and (reader.rust[0], reader.rust[-1]) == ("\\A", "\\z")


class _Reader:
    """Recursive descent; each part returns whether it may match nothing, and its size."""

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.at = 0
        self.depth = 0
        self.rust: list[str] = []

    def take(self, length: int, *, as_rust: str | None = None) -> None:
        self.rust.append(self.pattern[self.at : self.at + length] if as_rust is None else as_rust)
        self.at += length

    def sees(self, *texts: str) -> bool:
        return self.pattern.startswith(texts, self.at)

    def alternation(self) -> tuple[bool, int]:
        may_be_empty, size = self.sequence()
        while self.sees("|"):
            self.take(1)
            empty, more = self.sequence()
            may_be_empty, size = may_be_empty or empty, size + more
        return may_be_empty, size

    def sequence(self) -> tuple[bool, int]:
        may_be_empty, size = True, 0
        while self.at < len(self.pattern) and not self.sees("|", ")"):
            empty, more = self.repeated()
            may_be_empty, size = may_be_empty and empty, size + more
        return may_be_empty, size

    def repeated(self) -> tuple[bool, int]:
        may_be_empty, size = self.atom()
        found = _REPEAT.match(self.pattern, self.at)
        if found is None:
            return may_be_empty, size
        if may_be_empty:
            raise PatternRefused("a repeat of what may be empty is read differently")
        sign, least, comma, most, _ = found.groups()
        self.take(len(found.group()))
        if self.sees("*", "+", "?", "{"):
            raise PatternRefused("a repeat of a repeat is read differently: put it in (?:...)")
        size *= max(1, int(most or least or 1)) + bool(comma and not most)
        if size > _LARGEST:
            raise PatternRefused(f"its repeats come to more than {_LARGEST}")
        return sign in {"*", "?"} or (sign is None and int(least) == 0), size

    def atom(self) -> tuple[bool, int]:
        if self.sees("\\A", "^"):
            self.take(1 if self.sees("^") else 2, as_rust="\\A")
            return True, 0
        if self.sees("\\Z"):
            self.take(2, as_rust="\\z")
            return True, 0
        if self.sees("("):
            return self.group()
        if self.sees("."):
            self.take(1)
            return False, 1
        found = (_CLASS if self.sees("[") else _LITERAL).match(self.pattern, self.at)
        if found is None:
            raise PatternRefused(self.reason())
        self.take(len(found.group()))
        return False, len(found.group())

    def group(self) -> tuple[bool, int]:
        if self.sees("(?") and not self.sees("(?:"):
            raise PatternRefused(_WHY["(?"])
        self.take(3 if self.sees("(?:") else 1)
        self.depth += 1
        if self.depth > _DEEPEST:
            raise PatternRefused(f"more than {_DEEPEST} groups lie in one another")
        inside = self.alternation()
        self.depth -= 1
        if not self.sees(")"):
            raise PatternRefused("an opening ( has no closing one")
        self.take(1)
        return inside

    def reason(self) -> str:
        found = self.pattern[self.at : self.at + (2 if self.sees("\\") else 1)]
        if found == "[":
            return "a class may hold characters, ranges and escaped signs; - stands first or last, & | ~ ^ [ escaped"
        return _WHY.get(found, f"{found} is not surely read alike: escape a sign, or write the characters themselves")
