"""The import of public files into a root: read, date, publish, report."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import polars as pl

from jobs.import_lending_club import layout, loans, publishing, report, sources
from jobs.import_lending_club.landing import Landing, months
from jobs.import_lending_club.sources import Source
from jobs.protocol import files, strict_json
from jobs.protocol.calendar import add_months
from jobs.protocol.errors import ContractBroken, InputMissing, UsageError
from jobs.protocol.events import Events
from jobs.protocol.files import Root


@dataclass(frozen=True, slots=True)
class Request:
    """Which files, and the cut-off to hold instead of their own; `member` is the one to read of a zip."""

    paths: tuple[Path, ...]
    cut_off: date | None
    member: str | None
    today: date


@dataclass(slots=True)
class _Span:
    """Of which days the loans speak."""

    first: date | None = None  # of an application
    latest: date | None = None  # of an application, or the first of a month of payment
    has_payments: bool = False

    def widen(self, loans: pl.DataFrame) -> None:
        first, last, paid = loans.select(a=pl.min("_applied"), b=pl.max("_applied"), c=pl.max("_paid")).row(0)
        self.first = min(filter(None, (self.first, first)), default=None)
        self.latest = max(filter(None, (self.latest, last, paid)), default=None)
        self.has_payments |= paid is not None


def run(root: Root, request: Request, events: Events) -> None:
    """Land the loans of the files, once: what is imported already is left as it lies."""
    with publishing.work_folder(root) as work:
        opened = [_opened(path, request.member) for path in request.paths]
        opened.sort(key=lambda source: (source.path.name, source.sha256))  # in whatever order they are given
        name = report.name_of(opened, request.cut_off)
        if report.is_kept(root, name):
            events.say("nothing_to_do", f"These files are imported already, see {name}", report=name)
            return
        landing = Landing(work, layout.load())
        days = _first_and_last(request, _read(opened, landing, request.cut_off, events), opened)
        with events.progress("landing", len(months(*days))) as advance:
            landing.write_days(*days, advance)
        publishing.publish(root, work, landing.hashes)
        cut_off_from = "--cut-off" if request.cut_off else "the month of the latest last_pymnt_d or issue_d"
        told = report.written(opened, landing, days, cut_off_from)
        files.write_whole(root, root.at(name), strict_json.pretty(told))
    events.say("imported", report.sentence(told, name), report=name, **told["rows"], reasons=report.reasons(opened))


def _opened(path: Path, member: str | None) -> Source:
    if not path.is_file():
        raise InputMissing("there is no such file", where=path, mend="give the path of a file to import")
    return Source(path, files.sha256_of(path), member)


def _read(opened: list[Source], landing: Landing, cut_off: date | None, events: Events) -> _Span:
    span, taken = _Span(), loans.none_taken()
    every_column = pl.DataFrame(schema=dict.fromkeys(landing.layout.known, pl.String))
    is_loan = pl.col("_reason").is_null()
    with events.progress("reading", sum(source.path.stat().st_size for source in opened)) as advance:
        for source in opened:
            for frame in sources.frames(source, landing.layout.known, advance):
                whole = pl.concat([every_column, frame], how="diagonal")  # a missing column is an empty one
                judged = loans.judged(whole, landing.layout.months, cut_off)
                new, taken = loans.repeats(judged.filter(is_loan), taken)
                for skipped in (judged, new):
                    source.skipped |= dict(skipped.filter(~is_loan).select("_row", "_reason").iter_rows())
                landing.spill(new.filter(is_loan))
                span.widen(new.filter(is_loan))
    return span


def _first_and_last(request: Request, span: _Span, opened: list[Source]) -> tuple[date, date]:
    """The day of the first application, and the cut-off: the last day of which the files know."""
    if span.first is None or span.latest is None:
        what = f"no row is a loan; rows skipped, by reason: {report.reasons(opened) or 'none'}"
        raise ContractBroken(what, where=request.paths[0], mend="look at its columns id and issue_d")
    mend = "say with --cut-off YYYY-MM-DD until when the files know what happened; rows past it are skipped"
    if request.cut_off is None and not span.has_payments:
        raise UsageError("no last_pymnt_d tells until when the files know", where=request.paths[0], mend=mend)
    cut_off = request.cut_off or add_months(span.latest.replace(day=1), 1) - timedelta(days=1)
    if cut_off > request.today:
        what = f"the cut-off would be {cut_off}, after today ({request.today}, UTC)"
        raise UsageError(what, where="--cut-off" if request.cut_off else request.paths[0], mend=mend)
    return span.first, cut_off
