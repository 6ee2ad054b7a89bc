"""Where each value stands in a JSON text, or exactly what is wrong with it. Slow: used only for messages."""

from __future__ import annotations

import json
import math
import re

from jobs.protocol.errors import ConfigInvalid

DEPTH = 32  # of nested lists and objects; none of our files comes near it
LARGEST = 2**53  # larger integers change in readers that keep numbers as floats

_MOST_DIGITS = len(str(-LARGEST))
_LONGEST = 200  # characters of a key or pointer that a message repeats
_PLAIN = re.compile(r"(?:(-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?)|true|false|null)(?![A-Za-z_.0-9%-])")
_HALF = 'the file ends too early: close what is open, by ", } or ]; or perhaps it was saved only in part'
_KEY = 'write "key": value; and a decimal with a point, as in 0.65, and a thousand as 1000'
_VALUE = "write a string in double quotes, a number, true, false, null, [ or {"
_DIGITS = "write 0.5, 7: no plus, leading zeros, blanks, units; digits on both sides of the point; put a date in quotes"
_PIECES = "write a number in one, as in 1000 or 0.5, and no unit; put a comma between members"
_BLANK = "delete it, though it may be invisible, and write a plain space"
_SLIPS = (  # the most likely mistakes, wherever something else was expected
    (r"//|/\*|#", "found a comment", "remove it: JSON has no comments"),
    ("(?<![0-9])['`\xab\xbb\u2018-\u201f]", 'found a quote that is not "', 'JSON has double quotes only: "like this"'),
    (r"\0", "found a zero byte", "remove it; if the file is in UTF-16, save it as UTF-8"),
    ("[\v\f\x85\xa0\u2000-\u200f\u2028-\u202f\u2060\u3000\ufeff]", "found a blank that is not one in JSON", _BLANK),
    (r"\Z", "found the end of the file", _HALF),
)
_AFTER_A_VALUE = (
    *_SLIPS,
    (";", "found a semicolon", "write a comma between members, and nothing after the last"),
    (r"[0-9/]|(?<=\d)[^]}\"]|(?<=\d )[\w%]", "found a value in two pieces", _PIECES),
)
_NO_VALUES = (
    *_SLIPS,
    (r"(?i:true)\b", "found True", "write true in small letters"),
    (r"(?i:false)\b", "found False", "write false in small letters"),
    (r"(?i:none|null)\b", "found None or NULL", "write null in small letters"),
    (r"(?i:nan)\b", "found NaN", "JSON has no NaN: write null, or a number where there must be one"),
    (r"(?i:inf(inity)?)\b", "found Infinity", "JSON has no Infinity: write null or a number"),
    (r"-(?i:inf(inity)?)\b", "found -Infinity", "JSON has no Infinity: write null or a number"),
    (r"-(?![0-9.])", "found a minus without a number", "write a number"),
    ("[-+.$<>=~(\u2012-\u2014\u2212\u20ac]*[0-9]", "found a number that is not one in JSON", _DIGITS),
    (r"[A-Za-z_]", "found a bare word", _VALUE),
    (r"", "found no value", _VALUE),
)
_IN_STRINGS = (  # by a word that identifies the parser's message
    ("control", "found a line end or control character in a string", "close the string on its line; write \\n for one"),
    ("escape", "found an escape that JSON does not have", "write \\\\ for a backslash"),
    ("", "found a string without an end", _HALF),
)


class JsonInvalid(ConfigInvalid):
    """A text that is not strict JSON, with line, column and the JSON pointer around them. It quotes no values."""

    def __init__(self, what: str, *, where: object, hint: str, place: tuple[int, int], pointer: str = "") -> None:
        self.line, self.column = place
        inside = f", in {escaped(pointer)}" if pointer else ""
        super().__init__(what, where=f"{where}: line {self.line}, column {self.column}{inside}", mend=hint)


def places(text: str, where: object) -> dict[str, int]:
    """The offset of every value by its JSON pointer; JsonInvalid at the first thing that strict JSON refuses."""
    scanner = _Scanner(text, where)
    scanner.value("", 0)
    if scanner.next():
        raise scanner.unexpected("", *_SLIPS, ("", "something follows the JSON value", "keep one value, in one { }"))
    return scanner.places


def line_and_column(text: str, at: int) -> tuple[int, int]:
    """Counted from 1, as in editors."""
    return text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)


def pointer_to(pointer: str, key: str | int) -> str:
    """The JSON pointer (RFC 6901) of a member."""
    return f"{pointer}/{str(key).replace('~', '~0').replace('/', '~1')}"


def escaped(text: str) -> str:
    """A key or pointer for a message, escaped and shortened, so that it cannot control a terminal or fill a log."""
    spelled = json.dumps(text)[1:-1]
    return spelled if len(spelled) <= _LONGEST else f"{spelled[:_LONGEST]}..."


def whole(text: str) -> int:
    """Parse an integer; the ValueError holds what is wrong and how to mend it."""
    if len(text) > _MOST_DIGITS or abs(value := int(text)) > LARGEST:
        raise ValueError("found an integer past 2^53", "write at most 15 digits, or text where text belongs")
    return value


def finite(text: str) -> float:
    """Parse any other number, likewise."""
    if not math.isfinite(value := float(text)):
        raise ValueError("found a number too large for any reader", "write a number between -1e308 and 1e308")
    return value


class _Scanner:
    def __init__(self, text: str, where: object) -> None:
        self.text, self.where = text, where
        self.at = 0
        self.places: dict[str, int] = {}

    def next(self) -> str:
        """Skip blanks and return the next character; empty at the end."""
        while self.text[self.at : self.at + 1] in (" ", "\t", "\n", "\r"):
            self.at += 1
        return self.text[self.at : self.at + 1]

    def fault(self, pointer: str, what: str, hint: str, at: int | None = None) -> JsonInvalid:
        place = line_and_column(self.text, self.at if at is None else at)
        return JsonInvalid(what, where=self.where, hint=hint, place=place, pointer=pointer)

    def unexpected(self, pointer: str, *known: tuple[str, str, str]) -> JsonInvalid:
        """The fault at this place: the first of `known` whose pattern matches."""
        self.next()
        what, hint = next((what, hint) for sign, what, hint in known if re.compile(sign).match(self.text, self.at))
        return self.fault(pointer, what, hint)

    def value(self, pointer: str, depth: int) -> None:
        first = self.next()
        self.places[pointer] = self.at
        if first in ("{", "["):
            if depth == DEPTH:
                raise self.fault(pointer, f"more than {DEPTH} lists and objects lie in one another", "flatten it")
            self.members(pointer, depth + 1, "}" if first == "{" else "]")
        elif first == '"':
            self.string(pointer)
        elif found := _PLAIN.match(self.text, self.at):
            try:
                (finite if found[2] or found[3] else whole)(found[1] or "0")
            except ValueError as error:
                raise self.fault(pointer, *error.args) from None
            self.at = found.end()
        else:
            raise self.unexpected(pointer, *_NO_VALUES)

    def members(self, pointer: str, depth: int, closing: str) -> None:
        keys: set[str | int] = set()
        self.at += 1
        found = self.next()
        while found != closing:
            key = self.key(pointer, keys) if closing == "}" else len(keys)
            keys.add(key)
            self.value(pointer_to(pointer, key), depth)
            found = self.next()
            if found not in (",", closing):
                hint = f'put a comma between members and {closing} after the last; write \\" for a quote in a text'
                raise self.unexpected(pointer, *_AFTER_A_VALUE, ("", f"found neither a comma nor {closing}", hint))
            if found == ",":
                self.at += 1
                if self.next() == ",":
                    raise self.fault(pointer, "found a comma too many", "remove it")
                if self.next() == closing:
                    what = f"found a comma before the closing {closing}"
                    raise self.fault(pointer, what, "remove the trailing comma")
        self.at += 1

    def key(self, pointer: str, known: set[str | int]) -> str:
        if self.next() != '"':
            raise self.unexpected(pointer, *_SLIPS, ("", "found no key in double quotes", _KEY))
        place, key = self.at, self.string(pointer)
        if key in known:
            raise self.fault(pointer, f'the key "{escaped(key)}" appears twice', "keep one of the two", place)
        if self.next() != ":":
            raise self.unexpected(pointer, *_SLIPS, ("", "found no : after a key", _KEY))
        self.at += 1
        return key

    def string(self, pointer: str) -> str:
        try:
            text, end = json.JSONDecoder().raw_decode(self.text, self.at)
        except json.JSONDecodeError as error:
            word, what, hint = next(each for each in _IN_STRINGS if each[0] in error.msg)
            at = {"control": error.pos, "escape": self.text.rfind("\\", self.at, error.pos + 1)}.get(word, self.at)
            raise self.fault(pointer, what, hint, at) from None
        if any("\ud800" <= char <= "\udfff" for char in text):
            raise self.fault(pointer, "found half of a surrogate pair", "write the character itself, or both halves")
        self.at = end
        return str(text)
