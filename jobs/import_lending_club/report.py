"""What an import says of itself: every row accounted for, by file, number and reason. Never a row's values."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from itertools import groupby
from typing import Any

from jobs.import_lending_club import publishing
from jobs.import_lending_club.landing import Landing
from jobs.import_lending_club.loans import REASONS
from jobs.import_lending_club.sources import Source
from jobs.protocol import strict_json
from jobs.protocol.errors import ConfigInvalid
from jobs.protocol.files import Root

FORMAT = 1
VERSION = 1  # of the importer: raised when the same files would land as other bytes


def name_of(opened: Sequence[Source], cut_off: date | None) -> str:
    """One name for the same files, read the same way."""
    inputs = [[source.path.name, source.sha256, source.member] for source in opened]
    asked = {"importer": VERSION, "cut_off": cut_off and cut_off.isoformat(), "files": inputs}
    digest = hashlib.sha256(strict_json.canonical(asked)).hexdigest()
    return f"{publishing.IMPORTS}/{opened[0].path.name.partition('.')[0]}-{digest[:12]}.json"


def is_kept(root: Root, name: str) -> bool:
    """Whether these files were imported, and all that landed of them is still as it was."""
    path = root.at(name)
    try:
        landing = strict_json.parse(path.read_bytes(), where=path)["landing"]
        first, last = (date.fromisoformat(landing[key]) for key in ("first", "last"))
    except (FileNotFoundError, ConfigInvalid):
        return False
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    names = [publishing.landing_name(table, day) for table in landing["rows"] for day in days]
    return _digest(publishing.landed(root, names)) == str(landing["sha256"])


def written(opened: Sequence[Source], landing: Landing, days: tuple[date, date], cut_off_from: str) -> dict[str, Any]:
    """The report; `days` are the first application's and the cut-off, each a day before its landing date."""
    read, imported, skipped = sum(source.rows for source in opened), landing.rows["demographic"], reasons(opened)
    assert read == imported + sum(skipped.values())  # noqa: S101 - the promise of this report
    first, last = (day + timedelta(days=1) for day in days)
    return {
        "format": FORMAT,
        "cut_off": {"date": days[1].isoformat(), "from": cut_off_from},
        "rows": {"read": read, "imported": imported, "skipped": read - imported},
        "reasons": {reason: {"rows": rows, "meaning": REASONS[reason]} for reason, rows in skipped.items()},
        "files": [_of_file(source) for source in opened],
        "landing": {
            "first": first.isoformat(),
            "last": last.isoformat(),
            "files": len(landing.hashes),
            "rows": landing.rows,
            "sha256": _digest(landing.hashes),
        },
    }


def reasons(opened: Sequence[Source]) -> dict[str, int]:
    """How many rows were skipped, by reason."""
    counts = Counter(reason for source in opened for reason in source.skipped.values())
    return {reason: counts[reason] for reason in REASONS if reason in counts}


def sentence(told: Mapping[str, Any], name: str) -> str:
    skipped = ", ".join(f"{reason} {entry['rows']}" for reason, entry in told["reasons"].items())
    rows, landing = told["rows"], told["landing"]
    return (
        f"{rows['read']} rows read, {rows['imported']} imported, {rows['skipped']} skipped"
        f"{f' ({skipped})' if skipped else ''}. {landing['files']} landing files, {landing['first']} to "
        f"{landing['last']}; the files know what happened until {told['cut_off']['date']}. All of it: {name}"
    )


def ranges(numbers: Iterable[int]) -> str:
    """`1-3, 7`: short, and complete."""
    runs = [[n for _, n in run] for _, run in groupby(enumerate(sorted(numbers)), lambda pair: pair[1] - pair[0])]
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)


def _of_file(source: Source) -> dict[str, Any]:
    by_reason: dict[str, list[int]] = {}
    for number, reason in source.skipped.items():
        by_reason.setdefault(reason, []).append(number)
    return {
        "name": source.path.name,
        "sha256": source.sha256,
        "rows": source.rows,
        "skipped": {reason: ranges(numbers) for reason, numbers in sorted(by_reason.items())},
        **(source.columns.notes if source.columns else {}),
    }


def _digest(hashes: Mapping[str, str]) -> str:
    text = "".join(f"{sha256}  {name}\n" for name, sha256 in sorted(hashes.items()))
    return hashlib.sha256(text.encode()).hexdigest()
