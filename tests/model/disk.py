"""The modelled folder: what each operation on files does, in one step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jobs.protocol.folder import ASIDE
from tests.model.things import Files, with_file

if TYPE_CHECKING:
    from collections.abc import Callable

# The files after it, if they changed; its answer; the bytes it took away.
Change = tuple[Files | None, Any, bytes | None]


def changed(files: dict[str, bytes], op: tuple[Any, ...]) -> Change:
    """What an operation does to the files."""
    kind, *given = op
    return _DOES[kind](files, *given)


def _asides(files: dict[str, bytes], _: str) -> Change:
    return None, tuple(name.split("/")[-1] for name in files if name.startswith(f"decisions/{ASIDE}")), None


def _put(files: dict[str, bytes], data: bytes, name: str) -> Change:
    return (None, False, None) if name in files else (with_file(files, name, data), True, None)


def _write(files: dict[str, bytes], data: bytes, name: str) -> Change:
    return with_file(files, name, data), None, files.get(name)


def _swap(files: dict[str, bytes], expected: bytes, data: bytes | None, name: str) -> Change:
    return (with_file(files, name, data), True, expected) if files.get(name) == expected else (None, False, None)


def _link(files: dict[str, bytes], name: str, target: str) -> Change:
    if name not in files:
        return None, FileNotFoundError(name), None
    return _put(files, files[name], target)


def _unlink(files: dict[str, bytes], name: str) -> Change:
    if name not in files:
        return None, FileNotFoundError(name), None
    return with_file(files, name, None), None, files[name]


def _rename(files: dict[str, bytes], name: str, target: str) -> Change:
    if name not in files:
        return None, FileNotFoundError(name), None
    rest = {other: data for other, data in files.items() if other != name}
    return with_file(rest, target, files[name]), None, files.get(target)


_DOES: dict[str, Callable[..., Change]] = {
    "asides": _asides,
    "put": _put,
    "write": _write,
    "swap": _swap,
    "link": _link,
    "unlink": _unlink,
    "rename": _rename,
    "wait": lambda *_: (None, None, None),
}
