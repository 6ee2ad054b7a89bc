"""Where everything stands in a JSON text, and what is wrong where it is not one. Slow and exact: for messages."""

from __future__ import annotations

import json
import re

DEPTH = 32  # of nested lists and objects; no file of ours comes near it
LARGEST = 2**53  # beyond it a reader that keeps numbers as floats sees another integer

_LONGEST = 200  # characters of a key or pointer that a message repeats
_ONE_VALUE = json.JSONDecoder()
_BLANK = re.compile(r"[ \t\n\r]*")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_WORD = re.compile(r"-?[A-Za-z_]*")
_STARTS_NUMBER = frozenset("-0123456789")
_GOES_ON = frozenset(".0123456789")  # a number that should have ended
_LITERALS = ("true", "false", "null")
_HALF = "the file ends too early: perhaps it was saved only in part"
_KEY = 'write "key": value'
_FOREIGN = {
    "True": "write true in small letters",
    "False": "write false in small letters",
    "None": "write null",
    "NaN": "JSON has no NaN: write null",
    "Infinity": "JSON has no Infinity: write null or a number",
    "-Infinity": "JSON has no Infinity: write null or a number",
}


class Fault(Exception):
    """What is wrong with a text, and where. Names the kind of thing found, never a value."""

    def __init__(self, at: int, pointer: str, what: str, hint: str) -> None:
        self.at, self.pointer, self.what, self.hint = at, pointer, what, hint
        super().__init__(what)


def places(text: str) -> dict[str, int]:
    """The offset of every value by its JSON pointer; a Fault at the first thing that strict JSON refuses."""
    scanner = _Scanner(text)
    scanner.value("", 0)
    if scanner.next():
        raise scanner.unexpected("", "something follows the end of the JSON value", "keep one value in the file")
    return scanner.places


def pointer_to(pointer: str, key: str | int) -> str:
    """The JSON pointer (RFC 6901) of a member."""
    return f"{pointer}/{str(key).replace('~', '~0').replace('/', '~1')}"


def printable(text: str) -> str:
    """A key or pointer for a message: nothing of it can steer a terminal or fill a log."""
    escaped = json.dumps(text)[1:-1]
    return escaped if len(escaped) <= _LONGEST else f"{escaped[:_LONGEST]}..."


class _Scanner:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.places: dict[str, int] = {}

    def next(self) -> str:
        """Step over blanks to the next character; empty at the end."""
        self.at = _end(_BLANK, self.text, self.at)
        return self.text[self.at : self.at + 1]

    def unexpected(self, pointer: str, what: str, hint: str) -> Fault:
        """A fault here; what a person most likely did comes before the plain rule."""
        if self.text.startswith(("//", "/*", "#"), self.at):
            line = self.text.count("\n", 0, self.at) + 1
            return Fault(self.at, pointer, "found a comment", f"JSON has no comments: line {line}")
        if self.next() in {"'", "\N{LEFT DOUBLE QUOTATION MARK}", "\N{RIGHT DOUBLE QUOTATION MARK}"}:
            return Fault(self.at, pointer, 'found a quote that is not "', 'JSON has double quotes only: "like this"')
        if not self.next():
            return Fault(self.at, pointer, "found the end of the file", _HALF)
        return Fault(self.at, pointer, what, hint)

    def value(self, pointer: str, depth: int) -> None:
        first = self.next()
        self.places[pointer] = self.at
        if first in {"{", "["}:
            if depth == DEPTH:
                raise Fault(self.at, pointer, f"more than {DEPTH} lists and objects lie in one another", "flatten it")
            self.members(pointer, depth + 1, "}" if first == "{" else "]")
        elif first == '"':
            self.string(pointer)
        elif first in _STARTS_NUMBER and not self.text.startswith("-I", self.at):
            self.number(pointer)
        else:
            self.literal(pointer)

    def members(self, pointer: str, depth: int, closing: str) -> None:
        keys: set[str | int] = set()
        self.at += 1
        found = self.next()
        while found != closing:
            key = self.key(pointer, keys) if closing == "}" else len(keys)
            keys.add(key)
            self.value(pointer_to(pointer, key), depth)
            found = self.next()
            if found not in {",", closing}:
                hint = f"put a comma between members and {closing} after the last"
                raise self.unexpected(pointer, f"found neither a comma nor {closing}", hint)
            if found == ",":
                self.at += 1
                if self.next() == ",":
                    raise Fault(self.at, pointer, "found a comma too many", "remove it")
                if self.next() == closing:
                    what = f"found a comma before the closing {closing}"
                    raise Fault(self.at, pointer, what, "remove the trailing comma")
        self.at += 1

    def key(self, pointer: str, known: set[str | int]) -> str:
        if self.next() != '"':
            raise self.unexpected(pointer, "found no key in double quotes", _KEY)
        place, key = self.at, self.string(pointer)
        if key in known:
            raise Fault(place, pointer, f'the key "{printable(key)}" appears twice', "keep one of the two")
        if self.next() != ":":
            raise self.unexpected(pointer, "found no : after a key", _KEY)
        self.at += 1
        return key

    def string(self, pointer: str) -> str:
        try:
            text, end = _ONE_VALUE.raw_decode(self.text, self.at)
        except json.JSONDecodeError as error:
            if "control" in error.msg:
                hint = "close the string on its line; write \\n for a line end"
                what = "found a line end or control character in a string"
                raise Fault(error.pos, pointer, what, hint) from None
            if "escape" in error.msg:
                at = self.text.rfind("\\", self.at, error.pos + 1)
                hint = "write \\\\ for a backslash"
                raise Fault(at, pointer, "found an escape that JSON does not have", hint) from None
            raise Fault(self.at, pointer, "found a string without an end", _HALF) from None
        if any("\ud800" <= char <= "\udfff" for char in text):
            hint = "write the character itself, or both halves"
            raise Fault(self.at, pointer, "found half of a surrogate pair", hint)
        self.at = end
        return str(text)

    def number(self, pointer: str) -> None:
        found = _NUMBER.match(self.text, self.at)
        if found is None:
            raise Fault(self.at, pointer, "found a minus without a number", "write a number")
        text = found.group()
        is_whole = found.group(1) is None and found.group(2) is None
        if is_whole and (len(text) > len(str(-LARGEST)) or abs(int(text)) > LARGEST):
            raise Fault(self.at, pointer, "found an integer past 2^53", "write it as a string")
        if not is_whole and abs(float(text)) == float("inf"):
            raise Fault(self.at, pointer, "found a number too large for any reader", "write a number below 1e308")
        if self.text[found.end() : found.end() + 1] in _GOES_ON:
            hint = "write 0.5, 5.0, 7: no leading zeros, and a digit on both sides of the point"
            raise Fault(self.at, pointer, "found a number that is not one in JSON", hint)
        self.at = found.end()

    def literal(self, pointer: str) -> None:
        word = self.text[self.at : _end(_WORD, self.text, self.at)]
        if word in _FOREIGN:
            raise Fault(self.at, pointer, f"found {word}", _FOREIGN[word])
        if word not in _LITERALS:
            what = "found a bare word" if word else "found no value"
            raise self.unexpected(pointer, what, "write a string in double quotes, a number, true, false, null, [ or {")
        self.at += len(word)


def _end(pattern: re.Pattern[str], text: str, at: int) -> int:
    found = pattern.match(text, at)
    return found.end() if found else at
