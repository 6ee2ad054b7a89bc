"""What becomes of a file by accident, in an editor, or by intent: the same seed gives the same mutations."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

STRANGE: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 0.5, -0.0, 2**53 + 1, 10**400, 1e308, -(10**30), "", " ", "true", "2024-02-30"),
    *(
        "0000-00-00",
        "9999-12-31",
        "2024-01-14T00:00:00",
        "../../etc/passwd",
        "=1+1",
        "\ud800",
        "\u202e",
        "\x00",
        "é" * 9,
    ),
    *([], {}, [[]], {"a": 1}, ["2024-01-14"], "x" * 70_000, "\uff12\uff10\uff12\uff14-01-14", "2015-10-20\n"),
)
TOKENS = (
    *(
        b"NaN",
        b"Infinity",
        b"-0",
        b"1e400",
        b"0x10",
        b"True",
        b"None",
        b"'a'",
        b"// no",
        b"/* no */",
        b",",
        b",,",
        b"{",
    ),
    *(b"}", b"[" * 200, b'"', b"\\u0000", b"\\ud83d", b"\xff", b"\xc0\x80", b"\xef\xbb\xbf", b"\r\n", b"\r", b"\x00"),
    *(b"\xe2\x80\x8b", b"9" * 5_000, b"-", b"+1", b".5", b"1.", b"\x1b[2J"),
)


def mutations(data: bytes, seed: int) -> Iterator[bytes]:
    """Without end; each is some bytes other than those given."""
    chance = random.Random(seed)
    kinds: tuple[Callable[[bytes, random.Random], bytes], ...] = (_flip, _cut, _splice, _token, *((_value, _key) * 2))
    while True:
        found = chance.choice(kinds)(data, chance)
        if chance.random() < 0.2:
            found = chance.choice(kinds[:4])(found, chance)
        if found != data:
            yield found


def _flip(data: bytes, chance: random.Random) -> bytes:
    found = bytearray(data)
    for _ in range(chance.choice((1, 1, 1, 3)) if data else 0):
        found[chance.randrange(len(found))] ^= 1 << chance.randrange(8)
    return bytes(found)


def _cut(data: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(data) + 1)
    return chance.choice((data[:at], data[at:]))


def _splice(data: bytes, chance: random.Random) -> bytes:
    """A piece is lost, doubled, or found elsewhere."""
    start, end, at = sorted(chance.randrange(len(data) + 1) for _ in range(3))
    return chance.choice(
        (data[:start] + data[end:], data[:end] + data[start:], data[:start] + data[end:at] + data[at:])
    )


def _token(data: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(data) + 1)
    return data[:at] + chance.choice(TOKENS) + data[at + chance.choice((0, 0, 1, 4)) :]


def _value(data: bytes, chance: random.Random) -> bytes:
    """Some value somewhere becomes another, often of another type."""
    return _reshaped(data, chance, lambda within, key: within.__setitem__(key, chance.choice(STRANGE)))


def _key(data: bytes, chance: random.Random) -> bytes:
    """Some key is lost, misspelt, in other case, or there twice."""
    twice = chance.random() < 0.4

    def change(within: Any, key: Any) -> None:
        value = within.pop(key)
        if isinstance(within, dict) and chance.random() < 0.7:
            within[chance.choice((key.upper(), key + " ", key[:-1], f"{key}s", "\u0430" + key[1:], "__proto__"))] = (
                value
            )

    if not twice:
        return _reshaped(data, chance, change)
    keys = [part for part in data.split(b'"')[1::2] if part]
    return (
        data.replace(b"{", b'{"%s": %s, ' % (chance.choice(keys), chance.choice((b"1", b"true", b'"a"'))), 1)
        if keys
        else data
    )


def _reshaped(data: bytes, chance: random.Random, change: Callable[[Any, Any], object]) -> bytes:
    try:
        given = json.loads(data)
    except ValueError:
        return _flip(data, chance)
    places = list(_places(given))
    if not places:
        return _flip(data, chance)
    change(*chance.choice(places))
    return json.dumps(given, indent=chance.choice((None, 2)), ensure_ascii=True).encode()


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inner:
        yield value, key
        yield from _places(one)
