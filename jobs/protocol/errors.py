"""Failures that a person can act on: each says what is wrong, where, and how to mend it, and has an exit code."""

from __future__ import annotations

import errno
import os
import re
import shlex
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

GRAVEST_FIRST = (1, 6, 5, 4, 3, 75, 2)  # a run does all it can, then exits with the first of these that occurred
_REFUSALS = (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EIO, errno.EMFILE, errno.EFBIG, errno.EROFS)
_OF_THE_SYSTEM = {os.strerror(number): os.strerror(number) for number in _REFUSALS} | {
    **dict.fromkeys(("Out of Memory Error", "failed to map segment"), os.strerror(errno.ENOMEM)),  # duckdb; a library
    "Invalid thrift: transport error": "a file broke off while it was written or read",  # as polars says of a full disk
}  # libraries wrap these in errors of their own
_LIBRARY = re.compile(r"([\w.+-]+): cannot open shared object file|Library not loaded: (\S+)")  # on Linux, on macOS
_COMMAND = re.compile(r"(`python -m jobs\.(?:decisions )?\w+)|chmod [-+\w]+ ")
TYPED_ROOT = ["."]  # the --root of this run, as typed
READ: dict[str, Callable[[], JobError | None]] = {}  # by file that was read: a check against its contract


def to_type(mend: str) -> str:
    """A mend with --root filled in, so that its commands can be typed as printed. Stored mends do not name the root."""
    root = shlex.quote(TYPED_ROOT[0])
    return mend if root == "." else _COMMAND.sub(lambda it: it[0] + (f" --root {root}" if it[1] else f"{root}/"), mend)


class JobError(Exception):
    """A failure that a person can act on."""

    exit_code: ClassVar[int] = 1

    def __init__(self, what: str, *, where: object, mend: str) -> None:
        self.what = what
        self.where = str(where)
        self.mend = mend
        super().__init__(f"{what}\n  where: {where}\n  mend:  {to_type(mend)}")


class UsageError(JobError):
    """The command line asks for something that cannot be."""

    exit_code = 2


class InputMissing(JobError):
    """An input is not there yet; a later run may find it."""

    exit_code = 3


class ContractBroken(JobError):
    """A file or table breaks its contract; running again cannot help."""

    exit_code = 4


class ConfigInvalid(JobError):
    """A policy, a note or a contract file is invalid."""

    exit_code = 5


class StoreDamaged(JobError):
    """Something that a job wrote earlier no longer matches its manifest."""

    exit_code = 6


class NewerFormat(StoreDamaged):
    """A newer version of the program wrote it: this one must neither read nor replace it."""


class AlreadyRunning(JobError):
    """This job already runs on this root."""

    exit_code = 75


def gravest(codes: list[int]) -> int:
    """Return the exit code of a run that met all of these."""
    return next((code for code in GRAVEST_FIRST if code in codes), 0)


def as_job_error(error: BaseException) -> JobError:
    """Turn any exception into a JobError. Of a bug it tells only type and place: a message may quote row values."""
    if isinstance(error, JobError):
        return error
    if isinstance(error, OSError | ImportError) and (found := _LIBRARY.search(str(error))):
        mend = (
            "install it, as root: LightGBM's is in libgomp1 (apt-get), libgomp (dnf) or libomp (brew); then run again"
        )
        return JobError(f"a library is missing: {found[1] or found[2]}", where="this machine", mend=mend)
    said = next((said for wrapped, said in _OF_THE_SYSTEM.items() if wrapped in str(error)), None)
    said = os.strerror(errno.ENOMEM) if isinstance(error, MemoryError) else said
    where: object = next(iter(getattr(error, "__notes__", ())), None)  # the folder of a draft
    if isinstance(error, OSError):
        said = os.strerror(error.errno) if error.errno else said or type(error).__name__
        where = error.filename or where
    if said:
        mend = "mend what it names (space, permissions, limits) and run again"
        elsewhere = "a file or folder of the root, or where this output goes"
        return JobError(f"the system refused: {said}", where=where or elsewhere, mend=mend)
    if os.environ.get("P2P_TRACEBACK"):  # for whoever mends the bug, on data that may be shown
        traceback.print_exception(error)
    for name, breach in reversed(list(READ.items())):  # only now, so that a run without bugs does not pay for it
        if damage := breach():
            return damage
        READ.pop(name, None)
    frames = traceback.extract_tb(error.__traceback__)
    frame = next((each for each in reversed(frames) if f"{os.sep}jobs{os.sep}" in each.filename), frames[-1])
    place = f"{Path(frame.filename).name}:{frame.lineno}"
    mend = "set P2P_TRACEBACK=1 and run again to see all of it (it may show row values), then report it"
    return JobError(f"a bug: {type(error).__name__} in {frame.name}", where=place, mend=mend)
