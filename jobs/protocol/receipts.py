"""Receipts: one file for every run that changed something, skipped something for a reason, or failed."""

from __future__ import annotations

import re
import shutil
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

from jobs.protocol import files, strict_json
from jobs.protocol.errors import JobError, gravest, to_type
from jobs.protocol.events import amount
from jobs.protocol.files import Root
from jobs.protocol.index import entries
from jobs.protocol.store import FolderStore

HOME = "decisions/receipts"
KEPT_DAYS = 90
WHOLE = "all"  # the step of a run of all steps
_CHANGES = re.compile(rb'(?<=\n  "changed": \[)\n.*\n  (?=\],\n  "skipped": )', re.DOTALL)  # may be megabytes


@dataclass(frozen=True, slots=True)
class Problem:
    """A failure as it is stored and printed, without row values."""

    code: int
    what: str
    where: str
    mend: str

    @classmethod
    def of(cls, error: JobError) -> Problem:
        return cls(error.exit_code, *map(_in_letters, (error.what, error.where, error.mend)))


def _in_letters(text: str) -> str:
    """Escape what JSON cannot hold: a file name may contain bytes that are not valid text."""
    return text.encode(errors="backslashreplace").decode()


def in_words(problems: Iterable[Problem], prefix: str = "") -> str:
    """Each kind of problem once per folder, with its first place and how many more there are. Receipts list them all.

    What the system refuses, such as space on a full disk, is told only once.
    """
    alike: dict[tuple[int, str, str, str], dict[str, Problem]] = {}
    for one in problems:
        folder = (one.where.rpartition("/")[0] or one.where) if one.code != 1 else ""
        alike.setdefault((one.code, one.what, one.mend, folder), {}).setdefault(one.where, one)
    lines = []
    for first, *others in map(dict[str, Problem].values, alike.values()):
        more = f", and {len(others)} more like it" if others else ""
        kind = "" if first.code else "remark: "
        lines.append(f"{prefix}{kind}{first.what}\n  where: {first.where}{more}\n  mend:  {to_type(first.mend)}\n")
    return "".join(lines)


@dataclass(slots=True)
class Report:
    changed: list[dict[str, Any]] = field(default_factory=list)
    skipped: list[dict[str, str]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def change(self, name: str, **facts: object) -> None:
        self.changed.append({"name": name, **facts})

    def skip(self, what: str, why: str) -> None:
        self.skipped.append({"what": _in_letters(what), "why": why})

    def fail(self, error: JobError) -> None:
        self.problems.append(Problem.of(error))

    @property
    def code(self) -> int:
        return gravest([problem.code for problem in self.problems])


def places(changed: Iterable[Mapping[str, Any]]) -> str:
    """How much was written where, in words: by layer, or by folder of the root."""
    counted = Counter(str(one["name"]).removeprefix("datamart/").partition("/")[0] for one in changed)
    shown = ", ".join(f"{number:,} in {place}" for place, number in counted.items())
    return f"{counted.total():,} written ({shown})"


def summed(report: Report) -> str:
    """The result of a run in words: what it wrote, skipped (only the first is named) and failed at."""
    said = [places(report.changed)] if report.changed else []
    if report.skipped:
        first, *others = report.skipped
        named = f"{first['what']}: {first['why']}" + (f", and {len(others):,} more" if others else "")
        said.append(f"{len(report.skipped):,} skipped ({named if named.isprintable() else repr(named)})")
    if report.problems:
        said.append(amount(len(report.problems), "problem"))
    return ", ".join(said)


@dataclass(frozen=True, slots=True)
class Occasion:
    job: str
    day: date
    step: str


def folder(job: str, day: date) -> str:
    return f"{HOME}/{job}/{day.isoformat()}"


def write(root: Root, of: Occasion, report: Report, *, at: datetime, seconds: float) -> str | None:
    """Write a receipt if the run is worth one: it changed something, has news, or cleared an earlier problem."""
    home = root.at(folder(of.job, of.day))
    files.sweep(home)
    said = {"skipped": report.skipped, "problems": [asdict(problem) for problem in report.problems]}
    latest = latest_by_step(root, of.job, of.day)
    nothing: dict[str, Any] = {"skipped": [], "problems": []}
    last = latest.get(of.step, nothing)
    is_told = said["problems"] == last["problems"] and all(one in last["skipped"] for one in report.skipped)
    # The receipt of a run of all steps replaces those of single steps, and does not say which step failed.
    before = latest.values() if of.step == WHOLE else [latest.get(of.step, latest.get(WHOLE, nothing))]
    is_told &= all(one in said["problems"] for receipt in before for one in receipt["problems"])
    if not report.changed and is_told:
        return None  # nothing changed, the same problems as last time, and nothing new was skipped
    receipt = {"v": 1, "job": of.job, "date": of.day.isoformat(), "step": of.step, "exit_code": report.code}
    receipt |= {"changed": report.changed, **said, "at": at.isoformat(timespec="seconds"), "seconds": round(seconds, 3)}
    store, number = FolderStore(root), max(map(int, _numbers(home)), default=0) + 1
    while not store.put_if_absent(f"{folder(of.job, of.day)}/{number}.json", strict_json.pretty(receipt)):
        number += 1  # of two runs that end at once each gets its own
    return f"{folder(of.job, of.day)}/{number}.json"


def latest_by_step(
    root: Root, job: str, day: date, first: str = "", *, changes: bool = False
) -> dict[str, dict[str, Any]]:
    """The newest receipt of each step for a date, by default without the list of changes.

    The receipt of a run of all steps counts until the first step is run again by itself.
    """
    store, latest = FolderStore(root), dict[str, dict[str, Any]]()
    for number in _numbers(root.at(folder(job, day))):
        if receipt := _read(store, f"{folder(job, day)}/{number}.json", changes=changes):
            if receipt["step"] == WHOLE:
                latest.clear()  # a run of all steps replaces the receipts of each of them
            elif receipt["step"] == first:
                latest.pop(WHOLE, None)
            latest[receipt["step"]] = receipt
    return latest


def _read(store: FolderStore, name: str, *, changes: bool) -> dict[str, Any]:
    """A receipt; empty if it cannot be read: no run depends on it, and `check` will report it."""
    with suppress(JobError, KeyError, TypeError):
        data = store.get(name) or b""
        given = strict_json.parse(data if changes else _CHANGES.sub(b"", data), where=name)
        return {
            "step": str(given["step"]),
            "exit_code": given["exit_code"],
            "changed": [{"name": one["name"], **one} for one in given["changed"]],
            "skipped": [{"what": one["what"], "why": one["why"]} for one in given["skipped"]],
            "problems": [asdict(Problem(**one)) for one in given["problems"]],
        }
    return {}


def standing(root: Root, job: str, day: date, steps: Sequence[str] = ()) -> list[Problem]:
    """The open problems of these steps for a date. Those of other steps, run by hand, were reported at once."""
    latest = latest_by_step(root, job, day, *steps[:1])
    counted = [receipt for step, receipt in latest.items() if not steps or step in (WHOLE, *steps)]
    return [Problem(**problem) for receipt in counted for problem in receipt["problems"]]


def wrote(root: Root, job: str, day: date, name: str) -> bool:
    """Whether a receipt for a date says that its run wrote this."""
    store, home = FolderStore(root), folder(job, day)
    kept = (_read(store, f"{home}/{number}.json", changes=True) for number in _numbers(root.at(home)))
    return any(change["name"] == name for receipt in kept for change in receipt.get("changed", ()))


def prune(root: Root, job: str, now: datetime) -> None:
    """Remove the folders of receipts in which nothing was written for `KEPT_DAYS`."""
    for day in entries(root, f"{HOME}/{job}"):
        if day.is_dir(follow_symlinks=False) and (now.timestamp() - day.stat().st_mtime) > KEPT_DAYS * 86_400:
            shutil.rmtree(day.path)


def _numbers(home: Path) -> list[str]:
    return sorted(
        (name[:-5] for name in files.names_in(home) if name.endswith(".json") and name[:-5].isdigit()), key=int
    )
