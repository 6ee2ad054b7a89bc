"""Folders opened by descriptor, so that no name in them leads elsewhere, whatever links are planted on the way."""

from __future__ import annotations

import errno
import os
import stat
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from jobs.protocol.errors import StoreDamaged
from jobs.protocol.files import DRAFT, Root, locked_draft

ASIDE = ".aside-"  # prefix of a note that has been taken and not yet replaced
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK  # a FIFO opens at once and is then refused, never waited on


class Refused(StoreDamaged):
    """Something under one of our names is not a plain file of ours."""


class Unreadable(Refused):
    """One of our files or folders that this user is not allowed to read."""

    exit_code = 1


def parts_of(name: str) -> tuple[str, ...]:
    """Split a relative posix name; absolute, upward, hidden or unprintable names are refused."""
    parts = tuple(name.split("/"))
    unprintable = not name.isprintable() and any(unicodedata.category(letter).startswith("C") for letter in name)
    if unprintable or "\\" in name or not all(part and not part.startswith(".") for part in parts):
        mend = "give a relative path like a/b.json"
        raise Refused(f"{name!r} is not a valid name in the store", where="store", mend=mend)
    return parts


@contextmanager
def opened(root: Root, parts: tuple[str, ...]) -> Iterator[int | None]:
    """Yield the descriptor of a folder below the root, or None where it does not exist."""
    handle = os.open(root.path, os.O_RDONLY | os.O_DIRECTORY)  # it may be a link: that is its owner's choice
    try:
        for depth, part in enumerate(parts, start=1):
            try:
                inner = os.open(part, _FOLDER, dir_fd=handle)
            except FileNotFoundError:
                yield None
                return
            except OSError as error:
                raise _not_plain(error, "/".join(parts[:depth]), "folder") from error
            above, handle = handle, inner
            os.close(above)  # last: a descriptor whose closing fails is gone all the same, and must not be closed again
            refuse_open_to_all(os.fstat(handle), "/".join(parts[:depth]))
        yield handle
    finally:
        os.close(handle)


def make(root: Root, parts: tuple[str, ...], modes: dict[str, int]) -> None:
    """Create, durably, every missing folder of a path; `modes` holds the modes that differ from the default."""
    for depth in range(1, len(parts) + 1):
        with opened(root, parts[: depth - 1]) as above, suppress(FileExistsError):
            if above is None:  # taken away since the round before: the next step would raise less plainly
                raise FileNotFoundError(errno.ENOENT, "folder vanished", "/".join(parts[: depth - 1]))
            try:
                os.mkdir(parts[depth - 1], 0o755, dir_fd=above)
            except OSError as error:
                error.filename = str(root.at("/".join(parts[:depth])))
                raise
            if mode := modes.get("/".join(parts[:depth])):
                os.chmod(parts[depth - 1], mode, dir_fd=above)
            sync(root, above)


def read(folder: int, name: str, limit: int) -> bytes | None:
    """Read a plain file of at most `limit` bytes, by the last part of its name; None if there is none."""
    try:
        handle = os.open(name.rpartition("/")[2], _FILE, dir_fd=folder)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _not_plain(error, name, "file") from error
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise Refused(f"{name} is not a plain file", where=name, mend="move it away; files here are plain files")
        refuse_open_to_all(os.fstat(handle), name)
        with open(handle, "rb", closefd=False) as file:
            data = file.read(min(limit, (size := os.fstat(handle).st_size)) + 1)  # room for no more than there is
            data += file.read(limit + 1 - len(data)) if len(data) > size else b""  # which may have grown since
    finally:
        os.close(handle)
    if len(data) > limit:
        raise Refused(f"{name} has more than {limit} bytes", where=name, mend="move it away or make it smaller")
    return data


@contextmanager
def drafted(root: Root, folder: int, data: bytes, mode: int) -> Iterator[str]:
    """Yield the name of a durable draft that only its writer sees; it is always removed at the end."""
    name, handle = locked_draft(DRAFT, 0o600, folder=folder)
    try:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(handle, rest) :]
        os.fchmod(handle, mode)
        sync(root, handle)  # once: what a failed fsync left in memory may look clean to the next one
        yield name
    finally:
        try:
            with suppress(FileNotFoundError):
                os.unlink(name, dir_fd=folder)
        finally:
            os.close(handle)  # this frees the lock: if the name is left behind, a later sweep removes it


def link(folder: int, name: str, target: str) -> bool:
    """Give a file a second name, or return False if that name is taken. This is the commit point."""
    try:
        os.link(name, target, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
    except FileExistsError:
        return False
    return True


def sync(root: Root, handle: int) -> None:
    if root.durable:
        os.fsync(handle)


def refuse_open_to_all(found: os.stat_result, name: str) -> None:
    if found.st_mode & stat.S_IWOTH:
        raise Refused(f"{name} is world-writable", where=name, mend=f"chmod o-w {name}, then look at what is in it")


def _not_plain(error: OSError, name: str, kind: str) -> OSError | Refused:
    if error.errno == errno.EACCES:
        mend = "let the user that runs the jobs read it (chmod, chown), and run again"
        return Unreadable(f"the system refused: {error.strerror}", where=name, mend=mend)
    if error.errno not in (errno.ELOOP, errno.ENOTDIR, errno.EISDIR, errno.ENXIO):
        return error
    return Refused(f"{name} is not a plain {kind}", where=name, mend="move it away; links and devices are not followed")
