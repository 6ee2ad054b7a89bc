"""What lies in a landing folder: names read into table, date and kind, and whether a file is whole yet."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from io import FileIO
from itertools import groupby
from pathlib import Path

from jobs.protocol import files
from jobs.protocol.errors import ContractBroken, InputMissing

KINDS = ("csv", "csv.gz", "jsonl", "parquet")
CHECKSUM = ".sha256"
QUIET_FOR = timedelta(seconds=60)  # a copy that pauses longer than this cannot be told from a finished one
CHECKSUM_BYTES = 4096
EARLIEST_YEAR = 2000  # a mistyped year must not open millennia of empty days
_DAY = re.compile(r"([0-9]{4})_([0-9]{2})_([0-9]{2})")
_DIGEST = re.compile(r"([0-9a-f]{64})(?:\s|\Z)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, order=True)
class Arrival:
    """A landing file, as its name tells it."""

    day: date
    table: str
    kind: str

    @property
    def name(self) -> str:
        return f"{self.table}_{self.day.isoformat().replace('-', '_')}.{self.kind}"


@dataclass(frozen=True, slots=True)
class Listing:
    """What a landing folder offers: files to take, files that must not be taken, and names that say nothing to us."""

    arrivals: tuple[Arrival, ...]
    refused: tuple[ContractBroken, ...]
    unknown: tuple[str, ...]
    twice: tuple[date, ...] = ()  # days that landed in more than one format


class ChecksumDiffers(ContractBroken):
    """The file and its checksum do not fit; either may be landed again, so the refusal is not remembered."""


def discover(table: str, names: Iterable[str], until: date = date.max) -> Listing:
    """Read the names in the landing folder of one table. One broken name keeps no other file from being taken."""
    offered: list[Arrival] = []
    refused: list[ContractBroken] = []
    unknown: list[str] = []
    for name in sorted(names):
        if name.startswith((".", files.DRAFT)) or name.endswith(CHECKSUM):
            continue
        kind = next((kind for kind in KINDS if name.endswith(f".{kind}")), None)
        if kind is None or not name.startswith(f"{table}_"):
            unknown.append(name)
        elif day := _day(name.removeprefix(f"{table}_").removesuffix(f".{kind}")):
            offered += [Arrival(day, table, kind)] if day <= until else []
        else:
            refused.append(_without_date(table, name, kind))
    arrivals: list[Arrival] = []
    twice: list[date] = []
    for _, group in groupby(sorted(offered), key=lambda arrival: arrival.day):
        same_day = list(group)
        if len(same_day) == 1:
            arrivals += same_day
        else:
            refused.append(_in_two_formats(table, same_day))
            twice.append(same_day[0].day)
    return Listing(tuple(arrivals), tuple(refused), tuple(unknown), tuple(twice))


def is_offered(name: str) -> bool:
    return not name.endswith(CHECKSUM)


def day_of(table: str, name: str, otherwise: date) -> date:
    """The day in the name of a landing file; `otherwise` where the name is no such name."""
    stem, _, kind = name.partition(".")
    if kind not in KINDS or not stem.startswith(f"{table}_"):
        return otherwise
    return _day(stem[len(table) + 1 :]) or otherwise


def is_quiet(path: Path, now: datetime) -> bool:
    """Whether the file can be taken for whole: its checksum lies beside it and fits, or nobody wrote to it of late."""
    beside = path.with_name(path.name + CHECKSUM)
    try:
        youngest = _plain(path).st_mtime
        if has_checksum := os.path.lexists(beside):
            youngest = max(youngest, _plain(beside).st_mtime)
            if _fits(path):
                return True
    except (FileNotFoundError, InputMissing):  # taken away since the folder was listed
        return False
    if now - datetime.fromtimestamp(youngest, UTC) < QUIET_FOR:
        return False
    if has_checksum:
        raise ChecksumDiffers(
            "the file and the checksum beside it do not belong together",
            where=path,
            mend=f"land the file again, or write its SHA-256 (64 hex digits) into {beside.name}, or remove that",
        )
    return True


def checksum(path: Path) -> str | None:
    """The SHA-256 that stands beside a file, as `sha256sum` writes it; None where none does."""
    try:
        with open_plain(path.with_name(path.name + CHECKSUM)) as file:
            given = _DIGEST.match(file.read(CHECKSUM_BYTES).decode("ascii", "replace"))
    except InputMissing:
        return None
    return given[1].lower() if given else None


def open_plain(path: Path) -> FileIO:
    """Open a regular file. A link, pipe or device in its place is refused, and never waited for."""
    try:
        _plain(path)
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError as error:
        raise InputMissing(
            "the file is gone", where=path, mend="land it again; or nothing, if it was taken back"
        ) from error
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise _not_plain(path, "a link") from error
        raise
    file = FileIO(handle)
    if not stat.S_ISREG(os.fstat(handle).st_mode):  # swapped since it was looked at
        file.close()
        raise _not_plain(path, "no regular file")
    return file


def _fits(path: Path) -> bool:
    given = checksum(path)
    if given is None:
        return False
    with open_plain(path) as file:
        return given == hashlib.file_digest(file, "sha256").hexdigest()


def _plain(path: Path) -> os.stat_result:
    found = path.lstat()
    if not stat.S_ISREG(found.st_mode):
        raise _not_plain(path, "a link" if stat.S_ISLNK(found.st_mode) else "no regular file")
    return found


def _not_plain(path: Path, what: str) -> ContractBroken:
    return ContractBroken(f"what lies there is {what}", where=path, mend="land a copy of the file itself")


@cache
def _day(text: str) -> date | None:
    found = _DAY.fullmatch(text)
    try:
        day = date(*map(int, found.groups())) if found else date.min
    except ValueError:
        return None
    return day if day.year >= EARLIEST_YEAR else None


def _without_date(table: str, name: str, kind: str) -> ContractBroken:
    return ContractBroken(
        "the name holds no date that can be",
        where=f"datamart/landing/{table}/{name}",
        mend=f"name it {table}_YYYY_MM_DD.{kind}, by the day it landed",
    )


def _in_two_formats(table: str, same_day: list[Arrival]) -> ContractBroken:
    names = [arrival.name for arrival in same_day]
    return ContractBroken(
        f"{same_day[0].day} landed more than once: {', '.join(names)}",
        where=f"datamart/landing/{table}",
        mend="keep the right one, and take the other away; one table has one file a day",
    )
