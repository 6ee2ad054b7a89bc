"""What is in a landing folder: file names parsed into table, date and kind, and whether a file is complete yet."""

from __future__ import annotations

import errno
import hashlib
import os
import re
from collections import defaultdict
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cache
from io import FileIO
from pathlib import Path
from typing import NamedTuple

from jobs.protocol import files
from jobs.protocol.errors import ContractBroken, InputMissing, StoreDamaged
from jobs.protocol.index import Identity
from jobs.protocol.layers import LANDING, LANDING_KINDS

CHECKSUM = ".sha256"
QUIET_FOR = timedelta(seconds=60)  # a copy that pauses for longer looks finished
CHECKSUM_BYTES = 4096
MOST_BYTES = 64 << 30  # of a file, as it landed or unpacked; a sparse file can claim any size, and keep us for days
EARLIEST_YEAR = 2000  # a mistyped year must not open millennia of empty days
_DAY = re.compile(r"([0-9]{4})_([0-9]{2})_([0-9]{2})")
_DIGEST = re.compile(r"([0-9a-f]{64})(?:\s|\Z)", re.IGNORECASE)


class Landed(NamedTuple):
    """A landing file as it is now."""

    day: date
    table: str
    kind: str
    name: str  # relative to the root
    identity: Identity  # its size first


@dataclass(slots=True)
class Listing:
    """What the landing folders hold: files to read, files that must not be read, and names that are not ours."""

    days: dict[str, set[date]] = field(default_factory=dict)  # by table, those that have landed
    landed: list[Landed] = field(default_factory=list)  # the files not already known to be built
    refused: list[ContractBroken] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)

    def missing_on(self, day: date) -> list[str]:
        """The tables that have no landing file for a day."""
        return [table for table, days in self.days.items() if day not in days]

    def gaps(self) -> list[date]:
        """The days on which some tables landed and others did not."""
        landed = self.days.values()
        return sorted(set[date]().union(*landed) - set[date].intersection(*landed))


def discover(offered: Mapping[str, Mapping[str, Identity]], until: date = date.max, since: date = date.min) -> Listing:
    """Parse the names in the landing folder of each table. A bad name does not stop other files from being read.

    Files dated up to `since` are known to be built: only their days are recorded.
    """
    found = Listing()
    for table, files_of_table in offered.items():
        days, by_day = found.days.setdefault(table, set()), defaultdict[date, list[Landed]](list)
        for name, identity in files_of_table.items():
            kind, day = parse_name(table, name)
            if kind is None:
                found.unknown.append(f"{LANDING}/{table}/{name}")
            elif day is None:
                mend = f"name it {table}_YYYY_MM_DD.{kind}, by the day it landed, in {EARLIEST_YEAR} or later"
                where = f"{LANDING}/{table}/{name}"
                found.refused.append(ContractBroken("the name has no valid date", where=where, mend=mend))
            elif day <= since:
                days.add(day)
            elif day <= until:
                by_day[day].append(Landed(day, table, kind, f"{LANDING}/{table}/{name}", identity))
        for day, same_day in sorted(by_day.items()):
            days.add(day)
            if len(same_day) == 1:
                found.landed += same_day
                continue
            names = ", ".join(landed.name.rpartition("/")[2] for landed in same_day)
            mend = "keep the right one and remove the other: a table has one file per day"
            what = f"{day} landed more than once: {names}"
            found.refused.append(ContractBroken(what, where=f"{LANDING}/{table}", mend=mend))
    return found


@cache
def parse_name(table: str, name: str) -> tuple[str | None, date | None]:
    """The kind and day in a file name. Kind is None if this is not a landing file's name; day is None if it is bad."""
    kind = next((kind for kind in LANDING_KINDS if name.endswith(f".{kind}")), None)
    if kind is None or not name.startswith(f"{table}_"):
        return None, None
    found = _DAY.fullmatch(name.removeprefix(f"{table}_").removesuffix(f".{kind}"))
    try:
        day = date(*map(int, found.groups())) if found else date.min
    except ValueError:
        day = date.min
    return kind, day if day.year >= EARLIEST_YEAR else None


def is_offered(name: str) -> bool:
    """Whether a name is neither hidden (as drafts are) nor a checksum."""
    return not (name.startswith(".") or name.endswith(CHECKSUM))


def is_quiet(path: Path, now: datetime) -> bool:
    """Whether nobody has written to the file or its checksum recently."""
    youngest = 0.0
    for each in (path, path.with_name(path.name + CHECKSUM)):
        with suppress(FileNotFoundError):
            youngest = max(youngest, each.lstat().st_mtime)
    return now - datetime.fromtimestamp(youngest, UTC) >= QUIET_FOR


def checksum(path: Path) -> str | None:
    """The SHA-256 in the checksum file, as `sha256sum` writes it; None if there is no such file, "" if garbled."""
    try:
        with open_plain(path.with_name(path.name + CHECKSUM)) as file:
            given = _DIGEST.match(file.read(CHECKSUM_BYTES).decode("ascii", "replace"))
    except InputMissing:
        return None
    return given[1].lower() if given else ""


def sha256(path: Path) -> str:
    with open_plain(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def open_plain(path: Path) -> FileIO:
    """Open a regular file. A link, pipe or device in its place is refused without blocking on it."""
    try:
        file = files.opened(path).detach()
    except FileNotFoundError as error:
        mend = "land it again, unless the source withdrew it"
        raise InputMissing("the file is gone", where=path, mend=mend) from error
    except (StoreDamaged, OSError) as error:
        if getattr(error, "errno", errno.ELOOP) != errno.ELOOP:  # a link that took its place since it was looked at
            raise
        raise ContractBroken("it is not a plain file", where=path, mend="land a copy of the file itself") from error
    assert isinstance(file, FileIO)  # noqa: S101 - what a reader of a plain file reads from
    if os.fstat(file.fileno()).st_size > MOST_BYTES:
        file.close()
        mend = "look at it: a sparse file holds less than it claims; land one of fewer rows"
        raise ContractBroken(f"it has more than {MOST_BYTES} bytes", where=path, mend=mend)
    return file
