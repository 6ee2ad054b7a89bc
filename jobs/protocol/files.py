"""Files that are whole or absent: drafts are locked, synced to disk, then given their name in one step."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path

from jobs.protocol.errors import AlreadyRunning, StoreDamaged

DRAFT = ".draft-"  # prefix of drafts: never an input; one that nobody locks has a dead writer
MOST_TIMES = 200  # times its own size that a packed file may grow to; real ones grow four-fold to twenty-fold
SMALL = 64 << 20  # bytes that any packed file may grow to
A_LOOK = 0.1  # seconds; whoever only checks whether a lock is held has it for far less


@dataclass(frozen=True, slots=True)
class Root:
    """The folder that holds everything. `durable` is False only in the disposable root of a replay."""

    path: Path
    durable: bool = True

    def at(self, name: str) -> Path:
        """The path of a name relative to the root. The only place where names become paths; none may lead outside."""
        if name.startswith("/") or ".." in name.split("/"):
            raise StoreDamaged("the name leads out of the root", where=name, mend="restore what names it from a backup")
        return self.path / name

    def name_of(self, path: Path) -> str:
        return path.relative_to(self.path).as_posix()


def is_file(path: Path) -> bool:
    """Whether there is a file; raise what hinders looking. `Path.is_file` takes it for absence from Python 3.14 on."""
    return stat.S_ISREG(mode_at(path))


def is_folder(path: Path) -> bool:
    return stat.S_ISDIR(mode_at(path))


def names_in(folder: Path) -> list[str]:
    """The names in a folder; none if there is no such folder."""
    return os.listdir(folder) if is_folder(folder) else []


def walked(folder: Path) -> Iterator[tuple[str, list[str], list[str]]]:
    """`os.walk`, but what cannot be listed is raised instead of passed over, unless it is not there."""

    def refuse(error: OSError) -> None:
        if not isinstance(error, FileNotFoundError):
            raise error

    return os.walk(folder, onerror=refuse)


def mode_at(path: Path) -> int:
    """The mode of what is at a path; 0 if there is nothing."""
    try:
        return path.stat().st_mode
    except (OSError, ValueError) as error:  # the latter: no file can have such a name
        if getattr(error, "errno", errno.ENOENT) not in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
            raise
        return 0


@contextmanager
def naming_folder(folder: Path) -> Iterator[None]:
    """If the system refuses a draft or a note set aside, name its folder: its own name means nothing."""
    try:
        yield
    except Exception as error:
        if isinstance(error, OSError) and (DRAFT in (named := str(error.filename)) or named.startswith(".")):
            error.filename = str(folder)
        error.add_note(str(folder))
        raise


@contextmanager
def draft(root: Root, folder: Path) -> Iterator[Path]:
    """Yield a new file in `folder` that only its writer sees; it is removed unless `publish` gives it a name."""
    make_folder(root, folder)
    with naming_folder(folder):
        name, handle = locked_draft(str(folder / DRAFT), 0o644)
        path = Path(name)
        try:
            yield path
        finally:
            os.close(handle)
            path.unlink(missing_ok=True)


def publish(root: Root, path: Path, target: Path, *, once: bool = False) -> bool:
    """Give a finished draft its name, replacing any file of that name; on return it survives a power cut.

    `once`: never replace a file; return False if the name is taken.
    """
    _sync(root, path, os.O_RDWR | os.O_NOFOLLOW)  # a name must never outlive its bytes
    if once:
        try:
            os.link(path, target)
        except FileExistsError:
            return False
    else:
        path.replace(target)
    sync_folder(root, target.parent)
    return True


def write_whole(
    root: Root, target: Path, data: bytes, *, mode: int = 0o644, drafts_in: Path | None = None, once: bool = False
) -> bool:
    """Write a small file: whole or absent, durable on return; `once` as in `publish`."""
    make_folder(root, target.parent)
    with draft(root, drafts_in or target.parent) as path:
        path.write_bytes(data)
        path.chmod(mode)
        return publish(root, path, target, once=once)


def write_changed(root: Root, target: Path, data: bytes, *, mode: int = 0o644) -> bool:
    """Write a small file unless it already holds these bytes; return whether it was written."""
    there = is_file(target) and target.read_bytes() == data
    return not there and write_whole(root, target, data, mode=mode)


def make_folder(root: Root, folder: Path) -> None:
    """Create a folder and, durably, every missing one above it."""
    if is_folder(folder):
        return
    make_folder(root, folder.parent)
    folder.mkdir(0o775, exist_ok=True)  # under any umask: what everybody may write is refused
    sync_folder(root, folder.parent)


def sync_folder(root: Root, folder: Path) -> None:
    _sync(root, folder, os.O_RDONLY | os.O_DIRECTORY)


def _sync(root: Root, path: Path, how: int) -> None:
    if root.durable:
        handle = os.open(path, how)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def sweep(folder: Path) -> None:
    """Remove the drafts of dead writers; a living writer holds a lock on its own."""
    for name in names_in(folder):
        if name.startswith(DRAFT):
            with unheld(folder / name) as is_abandoned:
                if is_abandoned:
                    (folder / name).unlink(missing_ok=True)


@contextmanager
def locked(root: Root, path: Path, otherwise: str) -> Iterator[None]:
    """Hold a lock file, or raise AlreadyRunning with this message; the kernel frees the lock when a process dies."""
    make_folder(root, path.parent)
    handle = os.open(path, os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW, 0o644)
    try:
        if not _takes(handle):
            time.sleep(A_LOOK)  # somebody may only be checking the lock
            if not _takes(handle):
                raise AlreadyRunning(otherwise, where=root.path, mend="wait for it to end, then run again")
        yield
    finally:
        os.close(handle)


@contextmanager
def unheld(path: Path) -> Iterator[bool]:
    """Whether nobody holds a file's lock; if so, nobody can take it meanwhile. Stay within for less than `A_LOOK`."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:  # in a root that was restored, say
        yield True
        return
    except OSError:  # a link or device was planted under our name: not ours to open
        yield False
        return
    try:
        yield not stat.S_ISDIR(os.fstat(handle).st_mode) and _takes(handle)
    finally:
        os.close(handle)


def _takes(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def opened(path: Path) -> BufferedReader:
    """Open a plain file for reading; a link, pipe or device in its place is refused, never followed or waited for."""
    if stat.S_ISREG(path.lstat().st_mode):
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW)
        if stat.S_ISREG(os.fstat(handle).st_mode):  # not swapped since
            return open(handle, "rb")  # noqa: PTH123 - a descriptor, for the caller to close
        os.close(handle)
    raise StoreDamaged("it is not a plain file", where=path, mend="move it away, and run again")


def most_unpacked(size: int) -> int:
    """The bytes that a packed file of this size may plausibly unpack to; more than that is refused as a bomb."""
    return max(SMALL, MOST_TIMES * size)


def content(path: Path, most: int = -1) -> bytes:
    """The bytes of a file, or its first `most`: pass one more than your limit to notice a file that is too large."""
    with opened(path) as file:
        return file.read(most)


def sha256_of(path: Path) -> str:
    with opened(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def locked_draft(start: str, mode: int, *, folder: int | None = None) -> tuple[str, int]:
    """Create and lock a new file with this prefix, relative to a folder's descriptor if one is given."""
    while True:
        name = f"{start}{os.getpid()}-{os.urandom(6).hex()}"
        handle = os.open(name, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_NOFOLLOW, mode, dir_fd=folder)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            if os.fstat(handle).st_nlink:  # else a sweep removed it just before it was locked: try another name
                return name, handle
        except OSError:
            with suppress(FileNotFoundError):
                os.unlink(name, dir_fd=folder)
            os.close(handle)
            raise
        os.close(handle)
