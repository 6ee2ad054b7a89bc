"""The landed files of the original root, which is only read, and how they come to the replay's own."""

from __future__ import annotations

import os
import re
import shutil
from collections import defaultdict
from datetime import date, datetime, timedelta
from pathlib import Path

from jobs.protocol.errors import InputMissing
from jobs.protocol.files import Root
from jobs.replay.schedule import LANDS_AT, Landing

LANDING = "datamart/landing"
_DATED = re.compile(r"[a-z_]+_(\d{4})_(\d{2})_(\d{2})\.(?:csv(?:\.gz)?|parquet|jsonl)(?:\.sha256)?")


class Source:
    """What landed in the original, by day, with the sums beside the files; each file lands in the replay as a copy."""

    def __init__(self, original: Root, replay: Root) -> None:
        self.original, self.replay = original, replay
        self._by_day: dict[date, list[Path]] = defaultdict(list)
        self._late: list[Path] = []
        for path in sorted(original.at(LANDING).rglob("*")):
            if found := _DATED.fullmatch(path.name):
                self._by_day[date(*map(int, found.groups()))].append(path)

    def refuse_gaps(self, first: date, last: date) -> None:
        """Nothing can be replayed that never landed."""
        if not any(day <= first for day in self._by_day) or not any(first <= day <= last for day in self._by_day):
            raise InputMissing(
                f"nothing landed from {first} to {last}",
                where=self.original.at(LANDING),
                mend="simulate or land files for these dates first",
            )

    def land_until(self, day: date) -> None:
        """All files of the past at once: the history before a replay begins."""
        for before in sorted(self._by_day):
            if before <= day:
                self._land(self._by_day[before], before)

    def land(self, day: date, how: Landing, chance: int) -> str:
        """The day's files, whatever came late before them; what is told of it."""
        self._land(self._late, day)
        self._late = []
        today = self._by_day.get(day, [])
        if how is Landing.ON_TIME or not today:
            self._land(today, day)
            return ""
        tables = sorted({path.parent.name for path in today})
        table = tables[chance % len(tables)]
        self._late = [path for path in today if path.parent.name == table]
        self._land([path for path in today if path not in self._late], day)
        if how is Landing.TORN:
            self._tear(self._late[0], day)
        return f"the file of {table} is {how.value}"

    def _land(self, paths: list[Path], day: date) -> None:
        moment = datetime.combine(day, LANDS_AT).timestamp()
        for path in paths:
            target = self._target(path)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
            os.utime(target, (moment, moment))

    def _tear(self, path: Path, day: date) -> None:
        """Half a file, written to until a moment ago."""
        moment = (datetime.combine(day, LANDS_AT) + timedelta(minutes=30)).timestamp()
        target = self._target(path)
        target.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        os.utime(target, (moment, moment))

    def _target(self, path: Path) -> Path:
        return self.replay.at(self.original.name_of(path))
