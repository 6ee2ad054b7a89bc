"""A seam for tests: stand in for `os` and fail, or die, at the n-th call that changes something."""

from __future__ import annotations

import errno
import os
import signal
from contextlib import suppress
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    import pytest

MUTATING = ("write", "fchmod", "fsync", "link", "unlink", "rename", "mkdir", "chmod", "close")


@dataclass
class Faults:
    """`at` counts from 1; `error` is an errno, or None to kill the process there, after the call if `after`."""

    at: int
    error: int | None = None
    after: bool = False
    calls: list[str] = field(default_factory=list)

    def install(self, patch: pytest.MonkeyPatch, *modules: ModuleType) -> None:
        stand_in = SimpleNamespace(**vars(os))
        for name in MUTATING:
            setattr(stand_in, name, self._wrapped(name))
        for module in modules:
            patch.setattr(module, "os", stand_in)

    def _wrapped(self, name: str) -> Callable[..., object]:
        real = getattr(os, name)

        def call(*args: object, **options: object) -> object:
            self.calls.append(name)
            if len(self.calls) != self.at:
                return real(*args, **options)
            if self.error is not None:
                if name == "close":
                    real(*args, **options)  # the kernel lets go of a descriptor also where it reports an error
                raise OSError(self.error, f"injected {errno.errorcode[self.error]}")
            if self.after:
                with suppress(OSError):
                    real(*args, **options)
            os.kill(os.getpid(), signal.SIGKILL)
            raise AssertionError

        return call


def forbid(patch: pytest.MonkeyPatch, name: str) -> None:
    """Let the system refuse to open a name; a mode alone refuses nothing to root."""
    real = os.open

    def call(path: str, *args: Any, **options: Any) -> int:
        if os.fspath(path) == name:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
        return real(path, *args, **options)

    patch.setattr(os, "open", call)


def in_child(act: Callable[[], object]) -> int:
    """Run `act` in a forked process; return the signal that ended it, or 0."""
    child = os.fork()
    if child == 0:
        try:
            act()
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
