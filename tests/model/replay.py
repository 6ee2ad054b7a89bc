"""The real code, one step at a time: a process is what it runs and the answers that it got so far.

Every call of the store's code to the operating system is an operation on the modelled world. To find a process's next
operation, its code is run again from the start of its stage with the answers known; so any number of processes can be
stopped, interleaved, killed and compared, and what is checked is the program itself, not a copy of it.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from jobs.protocol import claims, notes
from jobs.protocol import folder as real_folders
from jobs.protocol import ledger as ledgers
from jobs.protocol import store as stores
from jobs.protocol.errors import ConfigInvalid
from jobs.protocol.files import Root
from jobs.protocol.store import FolderStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pytest

LEDGER = "decisions/ledger"
Op = tuple[Any, ...]  # ("read", name), ("link", data, name), ("rename", name, name), ("unlink", name), ...


class Pending(BaseException):
    """The code wants an operation whose answer is not known yet. No handler of the code catches it."""


@dataclass
class Replay:
    """One run of the code with known answers; `op` is the first that was not known."""

    answers: tuple[Any, ...]
    suffix: str
    ledger: Callable[[int], tuple[bytes, ...]]  # the entries of a ledger, by its number in the model
    at: int = 0
    op: Op | None = None
    drafts: dict[str, bytes] = field(default_factory=dict)
    entries: tuple[bytes, ...] = ()
    held: bool = False

    def ask(self, *op: Any) -> Any:
        if self.op is not None:
            raise Pending
        if self.at == len(self.answers):
            self.op = op
            raise Pending
        self.at += 1
        answer = self.answers[self.at - 1]
        if isinstance(answer, OSError):
            raise answer
        return answer


_now: list[Replay] = []  # the replay that the stand-ins below serve


def ask(*op: Any) -> Any:
    return _now[-1].ask(*op)


@contextmanager
def _opened(_: Root, parts: tuple[str, ...]) -> Iterator[str]:
    replay = _now[-1]
    held = replay.held
    yield "/".join(parts)
    if replay.held and not held:
        replay.held = False
        replay.ask("unlock")


@contextmanager
def _drafted(_root: Root, _folder: str, data: bytes, _mode: int) -> Iterator[str]:
    name = f"draft-{len(_now[-1].drafts)}"
    _now[-1].drafts[name] = data
    yield name


def _read(folder: str, name: str, _limit: int) -> bytes | None:
    last = name.rpartition("/")[2]
    if folder != LEDGER:
        data: bytes | None = ask("read", f"{folder}/{last}")
        return data
    seq = int(last.split(".", maxsplit=1)[0])
    known = _now[-1].entries  # as listed; an entry beyond is another writer's, who was quicker
    return known[seq - 1] if seq <= len(known) else b'{"nonce":"another"}'


def _link(folder: str, name: str, target: str) -> bool:
    drafts = _now[-1].drafts
    if name in drafts:
        return bool(ask("put", drafts[name], f"{folder}/{target}"))
    return bool(ask("link", f"{folder}/{name}", f"{folder}/{target}"))


@contextmanager
def _scandir(folder: str) -> Iterator[list[SimpleNamespace]]:
    names: tuple[str, ...] = ()
    if folder == LEDGER:
        _now[-1].entries = _now[-1].ledger(ask("ledger"))
        names = tuple(f"{seq:08d}.json" for seq in range(1, len(_now[-1].entries) + 1))
    yield [SimpleNamespace(name=name, is_dir=lambda **_: False) for name in names]


def _flock(_folder: str, _how: int) -> None:
    ask("lock")
    _now[-1].held = True


def _stat(name: str, *, dir_fd: str, **_: Any) -> SimpleNamespace:
    data = ask("read", f"{dir_fd}/{name}")
    if data is None:
        raise FileNotFoundError(name)
    return SimpleNamespace(st_ino=data, st_dev=0)


def _rename(name: str, target: str, *, src_dir_fd: str, dst_dir_fd: str) -> None:
    if name in _now[-1].drafts:
        ask("write", _now[-1].drafts[name], f"{dst_dir_fd}/{target}")
        return
    ask("rename", f"{src_dir_fd}/{name}", f"{dst_dir_fd}/{target}")


STORE = FolderStore(Root(Path("/model")))


def install(patch: pytest.MonkeyPatch) -> None:
    """Put the modelled world under the real store, and remember what was parsed once."""
    folder = SimpleNamespace(**vars(real_folders))
    folder.opened, folder.drafted, folder.read, folder.link = _opened, _drafted, _read, _link
    folder.make = folder.sync = lambda *_: None
    system = SimpleNamespace(**vars(stores.os))  # type: ignore[attr-defined]
    system.scandir, system.rename, system.stat = _scandir, _rename, _stat
    system.unlink = lambda name, *, dir_fd: ask("unlink", f"{dir_fd}/{name}")
    system.listdir = lambda folder: list(ask("asides", folder))
    system.urandom = lambda _: SimpleNamespace(hex=lambda: _now[-1].suffix)
    patch.setattr(stores, "folders", folder)
    patch.setattr(stores, "os", system)
    patch.setattr(stores, "fcntl", SimpleNamespace(flock=_flock, LOCK_EX=0))
    patch.setattr(stores, "sweep", lambda _: 0)
    patch.setattr(ledgers, "os", SimpleNamespace(urandom=lambda _: SimpleNamespace(hex=lambda: "0")))
    patch.setattr(ledgers, "parsed", cache(ledgers.parsed))
    patch.setattr(notes, "read_retraining", _remembered(notes.read_retraining))
    patch.setattr(claims, "read_serving", _remembered(notes.read_serving))


def _remembered(reading: Callable[..., Any]) -> Callable[..., Any]:
    """The same bytes are read the same way: what they say, or what is wrong with them."""
    known: dict[bytes, Any] = {}

    def once(data: bytes, *given: Any) -> Any:
        if data not in known:
            try:
                known[data] = reading(data, *given)
            except ConfigInvalid as invalid:
                known[data] = invalid
        if isinstance(known[data], Exception):
            raise known[data]
        return known[data]

    return once


def run(
    code: Callable[[], Any], answers: tuple[Any, ...], suffix: str, ledger: Callable[[int], tuple[bytes, ...]]
) -> tuple[Op | None, Any]:
    """Run the code with these answers: the operation it wants next, or None and its result."""
    replay = Replay(answers, suffix, ledger)
    STORE.memo.clear()
    _now.append(replay)
    try:
        result = code()
    except Pending:
        return replay.op, None
    finally:
        _now.pop()
    return None, result
