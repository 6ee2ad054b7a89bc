"""Import public files into a root: read, date, publish, and write a report that accounts for every row by number."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from itertools import groupby
from pathlib import Path
from typing import Any

import polars as pl

from jobs.import_lending_club import landing, loans, sources
from jobs.import_lending_club.columns import KNOWN, MONTHS
from jobs.import_lending_club.sources import Source
from jobs.protocol import files, strict_json
from jobs.protocol.calendar import ONE_DAY, days_between
from jobs.protocol.errors import ConfigInvalid, ContractBroken, InputMissing, StoreDamaged, UsageError
from jobs.protocol.events import Events, amount
from jobs.protocol.files import Root

FORMAT = 1
VERSION = 2  # of the importer: raise it when the same files give other bytes


def run(
    root: Root, paths: Sequence[Path], cut_off: date | None, member: str | None, today: date, events: Events
) -> None:
    """Land the loans of the files; if they are already imported, do nothing."""
    imports = root.at("imports")
    with files.locked(root, imports / ".lock", "an import already runs on this root"):
        for left in imports.glob(".work-*"):  # of a killed import
            shutil.rmtree(left)
        files.sweep(imports)
        for path in paths:
            if not files.is_file(path):
                raise InputMissing("there is no such file", where=path, mend="give the path of a file to import")
        opened = [Source(path, files.sha256_of(path.resolve()), member) for path in paths]
        opened.sort(key=lambda source: (source.name, source.sha256))  # in whatever order they are given
        name = _name(opened, cut_off)
        if _is_kept(root, name):
            events.say("nothing_to_do", f"These files are imported already, see {name}", report=name)
            return
        with files.naming_folder(imports), tempfile.TemporaryDirectory(prefix=".work-", dir=imports) as folder:
            work = Path(folder)
            first, last = _first_and_last(_read(opened, work, cut_off, events), opened, cut_off, today)
            with events.progress("landing", (last - first).days + 1) as advance:
                rows, hashes = landing.write_days(work, first, last, advance)
            landing.publish(root, work, hashes)
        cut_off_from = "--cut-off" if cut_off else "the month of the latest last_pymnt_d or issue_d"
        landed = {"files": len(hashes), "rows": rows, "sha256": _digest(hashes)}
        landed = {"first": (first + ONE_DAY).isoformat(), "last": (last + ONE_DAY).isoformat(), **landed}
        told = _report(opened, landed, {"date": last.isoformat(), "from": cut_off_from})
        files.write_whole(root, root.at(name), strict_json.pretty(told))
    events.say("imported", _sentence(told, name), report=name, **told["rows"], reasons=_reasons(opened))


def _read(opened: list[Source], work: Path, cut_off: date | None, events: Events) -> pl.DataFrame:
    """Spill the loans of all files to disk; return the days that they cover: `first`, `latest`, `paid`, per chunk."""
    taken = loans.NONE_TAKEN
    every_column = pl.DataFrame(schema=dict.fromkeys(KNOWN, pl.String))
    spans = [pl.DataFrame(schema=dict.fromkeys(("first", "latest", "paid"), pl.Date))]
    is_loan = pl.col("_reason").is_null()
    with events.progress("reading", sum(source.path.stat().st_size for source in opened)) as advance:
        for source in opened:
            for frame in sources.frames(source, advance):
                whole = pl.concat([every_column, frame], how="diagonal")  # a missing column is an empty one
                judged = loans.judged(whole, MONTHS, cut_off)
                new, taken = loans.repeats(judged.filter(is_loan), taken)
                for skipped in (judged, new):
                    source.skipped |= dict(skipped.filter(~is_loan).select("_row", "_reason").iter_rows())
                kept = new.filter(is_loan)
                landing.spill(work, kept)
                spans.append(kept.select(first=pl.min("_applied"), latest=pl.max("_applied"), paid=pl.max("_paid")))
    return pl.concat(spans)


def _first_and_last(spans: pl.DataFrame, opened: list[Source], cut_off: date | None, today: date) -> tuple[date, date]:
    """The day of the first application, and the cut-off: the last day that the files cover."""
    end = pl.max_horizontal("latest", "paid").max().dt.month_end()
    first, paid, last_known = spans.select(pl.min("first"), pl.max("paid"), end=end).row(0)
    where = opened[0].path
    if first is None:
        what = f"no row is a loan; rows skipped, by reason: {_reasons(opened) or 'none'}"
        raise ContractBroken(what, where=where, mend="look at its columns id and issue_d")
    mend = "give the last day that the files cover by --cut-off YYYY-MM-DD; rows past it are skipped"
    if cut_off is None and paid is None:
        raise UsageError("without last_pymnt_d the last day that the files cover is unknown", where=where, mend=mend)
    last = cut_off or last_known
    if last > today:
        what = f"the cut-off would be {last}, after today ({today}, UTC)"
        raise UsageError(what, where="--cut-off" if cut_off else where, mend=mend)
    return first, last


def _name(opened: Sequence[Source], cut_off: date | None) -> str:
    """One name for the same files, read the same way."""
    inputs = [[source.name, source.sha256, source.member] for source in opened]
    asked = {"importer": VERSION, "cut_off": cut_off and cut_off.isoformat(), "files": inputs}
    digest = hashlib.sha256(strict_json.canonical(asked)).hexdigest()
    return f"imports/{opened[0].name.partition('.')[0]}-{digest[:12]}.json"


def _is_kept(root: Root, name: str) -> bool:
    """Whether these files were imported before, and everything that they landed is unchanged."""
    path = root.at(name)
    try:
        landed = strict_json.parse(files.content(path, strict_json.LIMIT + 1), where=path)["landing"]
    except (FileNotFoundError, ConfigInvalid, StoreDamaged):
        return False
    first, last = (date.fromisoformat(landed[end]) - ONE_DAY for end in ("first", "last"))
    names = [landing.landing_name(table, day) for table in landed["rows"] for day in days_between(first, last)]
    return _digest(landing.landed(root, names)) == str(landed["sha256"])


def _report(opened: Sequence[Source], landed: dict[str, Any], cut_off: dict[str, str]) -> dict[str, Any]:
    read, imported, skipped = sum(source.rows for source in opened), landed["rows"]["demographic"], _reasons(opened)
    assert read == imported + sum(skipped.values())  # noqa: S101 - the promise of this report
    told = []
    for source in opened:
        why = source.skipped
        numbers = {name: ranges(n for n in why if why[n] == name) for name in sorted({*why.values()})}
        facts = {"name": source.name, "sha256": source.sha256, "rows": source.rows, "skipped": numbers}
        told.append(facts | source.notes)
    return {
        "format": FORMAT,
        "cut_off": cut_off,
        "rows": {"read": read, "imported": imported, "skipped": read - imported},
        "reasons": {reason: {"rows": rows, "meaning": loans.REASONS[reason]} for reason, rows in skipped.items()},
        "files": told,
        "landing": landed,
    }


def _reasons(opened: Sequence[Source]) -> dict[str, int]:
    """How many rows were skipped, by reason."""
    counts = Counter(reason for source in opened for reason in source.skipped.values())
    return {reason: counts[reason] for reason in loans.REASONS if reason in counts}


def _sentence(told: Mapping[str, Any], name: str) -> str:
    skipped = ", ".join(f"{reason} {entry['rows']}" for reason, entry in told["reasons"].items())
    rows, landed = told["rows"], told["landing"]
    return (
        f"{amount(rows['read'], 'row')} read, {rows['imported']} imported, {rows['skipped']} skipped"
        f"{f' ({skipped})' if skipped else ''}. {amount(landed['files'], 'landing file')}, {landed['first']} to "
        f"{landed['last']}; the files cover all up to {told['cut_off']['date']}. Details: {name}"
    )


def ranges(numbers: Iterable[int]) -> str:
    """`1-3, 7`: short, and complete."""
    runs = [[n for _, n in run] for _, run in groupby(enumerate(sorted(numbers)), lambda pair: pair[1] - pair[0])]
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)


def _digest(hashes: Mapping[str, str]) -> str:
    text = "".join(f"{sha256}  {name.rpartition('/')[2]}\n" for name, sha256 in sorted(hashes.items()))
    return hashlib.sha256(text.encode()).hexdigest()
