"""Landing to bronze: read every landing file that is new or has changed since bronze was built from it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from difflib import get_close_matches
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

from jobs.preprocessing import arrivals, landing, tables
from jobs.preprocessing.arrivals import Landed
from jobs.preprocessing.landing import Read
from jobs.preprocessing.stock import Stock, Work
from jobs.protocol import contract, partitions
from jobs.protocol.command import Run
from jobs.protocol.errors import ContractBroken, InputMissing, JobError, StoreDamaged, as_job_error
from jobs.protocol.layers import SILVER_OF, SOURCES
from jobs.protocol.partitions import Input, Manifest

_DOORS = ("rows.in", "rows.out")
NOTES = ("columns_absent", "columns_unknown")
SHOWN = 5  # names of columns
SMALL = 16 << 20  # bytes: smaller files are read in parallel, larger ones one by one with all threads


class ChecksumDiffers(ContractBroken):
    """The file does not match its checksum; either may be landed again, so the refusal is not remembered."""


def stale(stock: Stock) -> list[Landed]:
    """The landing files, oldest first, that bronze does not hold in their present form."""
    found = [landed for landed in stock.listing.landed if not _is_current(stock, landed)]
    return sorted(found, key=lambda landed: (landed.day, SOURCES.index(landed.table)))


def refused(stock: Stock) -> dict[str, ContractBroken]:
    """The landing files that were refused in their present form, and why. They are reported again, but not reread."""
    found = {}
    for landed in stock.listing.landed:
        if known := stock.index.recall(_refusal(landed), landed.identity):
            found[landed.name] = ContractBroken(known[0], where=landed.name, mend=known[1])
    return found


def build(run: Run, stock: Stock) -> None:
    """Read what is stale. A refused file is reported, and the others are still read."""
    known = refused(stock)
    for error in known.values():
        run.report.fail(error)
    work = [landed for landed in stale(stock) if landed.name not in known]
    if run.dry_run:
        for landed in work:
            run.events.say("would_read", f"would read {landed.name}", name=landed.name)
            stock.plan(tables.bronze(landed.table), landed.day)
        return
    read = partial(_read, stock, datetime.fromtimestamp(run.now_seconds, UTC))
    tell_of_columns(run, stock, stock.build(run, "bronze", work, lambda landed: landed.identity[0] <= SMALL, read))


def of_today(stock: Stock) -> Iterator[Manifest]:
    """The bronze of the date's files that need not be read any more."""
    today = [landed for landed in stock.listing.landed if landed.day == stock.day]
    unread = {landed.table for landed in today if not _is_current(stock, landed)}
    known = (partitions.read(stock.root, tables.bronze(name), stock.day) for name in SOURCES if name not in unread)
    return (manifest for manifest in known if manifest)


def tell_of_columns(run: Run, stock: Stock, fresh: Iterable[Manifest]) -> None:
    """Warn of columns that files lack or bring unlike those before them: nothing else fails where one is renamed."""
    made = {(manifest.table, manifest.date): manifest for manifest in fresh}
    days = {table: dict(pairwise(sorted(stock.built(table), reverse=True))) for table in {table for table, _ in made}}
    for now in (manifest for manifest in made.values() if any(manifest.notes.values())):
        day = days[now.table].get(now.date)
        name, before = now.inputs[0].path, made.get((now.table, day)) if day else None
        with suppress(StoreDamaged):  # whatever needs it says so
            before = before or (partitions.read(stock.root, now.table, day) if day else None)
        silver = (contract.load(tables.silver(one)) for one in SILVER_OF[now.table.removeprefix("bronze/")])
        eras = {column.name: column.era for agreed in silver for column in agreed.columns}
        if found := change(now, before, eras):
            run.report.skip(name, why := in_words(**found))
            warning = f"warning: {name} {why}. A missing column is null; an unknown column is not read"
            run.events.say("columns_changed", warning, name=name, **found)


def change(now: Manifest, before: Manifest | None, eras: Mapping[str, int | None]) -> dict[str, Any]:
    """The contract's columns that have gone missing, unknown columns that are new, and which pairs may be renames.

    A column missing from a table's first file, or from JSON Lines (where empty values may be left out), is reported
    only if it looks renamed; one that files of that year cannot have yet, never. Empty if nothing has changed.
    """
    then = before.notes if before else {}
    absent, new = ([name for name in now.notes.get(kind, ()) if name not in then.get(kind, ())] for kind in NOTES)
    went = [name for name in absent if (eras.get(name) or 0) <= now.date.year]
    near = ((get_close_matches(name.casefold(), went, 1), name) for name in new)
    renamed = {old[0]: name for old, name in near if old}
    if len(went) == len(new) == 1:
        renamed = {went[0]: new[0]}
    if before is None or now.inputs[0].path.endswith(".jsonl"):
        went = list(renamed)
    return {"missing": went, "unknown": new, "renamed": renamed} if went or new else {}


def in_words(missing: Sequence[str], unknown: Sequence[str], renamed: Mapping[str, str]) -> str:
    pairs = [f"{old} to {new}" for old, new in renamed.items()]
    parts = (("lacks ", missing), ("has unknown columns: ", unknown), ("renamed? ", pairs))
    return "; ".join(what + some(names) for what, names in parts if names)


def some(names: Sequence[str]) -> str:
    return ", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")


def _is_current(stock: Stock, landed: Landed) -> bool:
    table = tables.bronze(landed.table)
    if landed.day not in stock.built(table):
        return False
    try:
        inputs = (Input(landed.name, stock.sha256(landed)),)
    except (JobError, OSError):  # not a plain file, or not readable: reading it will say so
        return False
    return stock.is_made(table, Work(table, landed.day, inputs))


def _read(stock: Stock, now: datetime, landed: Landed) -> Iterator[Manifest]:
    """Read one file and publish its bronze."""
    table = tables.bronze(landed.table)
    with stock.draft(table) as draft:
        try:
            read = read_complete(stock.root.at(landed.name), landed, now, draft)
        except (JobError, OSError) as found:
            error = as_job_error(found)
            error.where = landed.name
            if isinstance(error, ContractBroken) and not isinstance(error, ChecksumDiffers):
                stock.index.remember(_refusal(landed), landed.identity, [error.what, error.mend])
            raise error from found
        stock.index.remember(landed.name, landed.identity, [read.sha256])
        work, counts = Work(table, landed.day, (Input(landed.name, read.sha256),)), dict.fromkeys(_DOORS, read.rows)
        notes = dict(zip(NOTES, map(list, (read.shape.absent, read.shape.extra)), strict=True))
        yield stock.put(work, draft, read.rows, counts, **notes)


def read_complete(path: Path, landed: Landed, now: datetime, draft: Path) -> Read:
    """Read a file once it is complete: its checksum matches, or nobody has written to it for a minute."""
    given, is_quiet = arrivals.checksum(path), arrivals.is_quiet(path, now)
    vouch = f"land its checksum beside it, as NAME{arrivals.CHECKSUM}"
    mend = f"run again in a minute, or {vouch}"
    if given is not None:
        mend = "run again in a minute: the checksum beside it does not match yet"
    elif datetime.fromtimestamp(landed.identity[1] / 1e9, UTC) > now + arrivals.QUIET_FOR:
        mend = f"{vouch}: its time is ahead of the root's clock, {now:%Y-%m-%d %H:%M} UTC, so waiting does not help"
    what = "the file may still be arriving: it was written to less than a minute ago"
    arriving = InputMissing(what, where=landed.name, mend=mend)
    if given is None and not is_quiet:
        raise arriving
    try:
        read = landing.read(path, landed.kind, contract.landed(landed.table), tables.CORE[landed.table], draft)
    except ContractBroken:
        if given in (None, arrivals.sha256(path)):
            raise
    else:
        if given in (None, read.sha256):  # it was hashed while it was read, so only now can this be checked
            return read
    if not is_quiet:
        raise arriving
    raise ChecksumDiffers(
        "the file does not match the checksum beside it",
        where=path,
        mend=f"land the file again, or write its SHA-256 (64 hex digits) into {path.name}{arrivals.CHECKSUM}, or "
        "remove that",
    )


def _refusal(landed: Landed) -> str:
    agreed = contract.load(tables.bronze(landed.table)).sha256[:12]
    return f"{landed.name} refused by version {tables.VERSIONS['bronze']} and contract {agreed}"
