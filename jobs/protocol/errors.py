"""Failures of the ground floor: each says what is wrong, where it is and how to mend it, and carries its exit code."""

from __future__ import annotations

from typing import ClassVar

GRAVEST_FIRST = (1, 6, 5, 4, 3, 75, 2)  # a run does all it can, then exits with the first of these that it met


class JobError(Exception):
    """A failure that a person can act on."""

    exit_code: ClassVar[int] = 1

    def __init__(self, what: str, *, where: object, mend: str) -> None:
        self.what = what
        self.where = str(where)
        self.mend = mend
        super().__init__(f"{what}\n  where: {where}\n  mend:  {mend}")


class UsageError(JobError):
    """The command line asks for something that cannot be."""

    exit_code = 2


class InputMissing(JobError):
    """An input is not there yet; a later run may find it."""

    exit_code = 3


class ContractBroken(JobError):
    """A file or table does not keep its contract; running again cannot help."""

    exit_code = 4


class ConfigInvalid(JobError):
    """A policy, a note or a contract file is invalid."""

    exit_code = 5


class StoreDamaged(JobError):
    """What a job wrote earlier is no longer what its manifest says."""

    exit_code = 6


class NewerFormat(StoreDamaged):
    """A newer version of the program wrote it: it is not ours to read, nor to replace."""


class AlreadyRunning(JobError):
    """This job already runs on this root."""

    exit_code = 75


def gravest(codes: list[int]) -> int:
    """Return the exit code of a run that met all of these."""
    return next((code for code in GRAVEST_FIRST if code in codes), 0)
