"""Landing to bronze: every landed file that bronze does not hold as it lies there now."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from jobs.preprocessing import arrivals, tables
from jobs.protocol import contract, files, partitions
from jobs.protocol.command import as_job_error
from jobs.protocol.errors import ContractBroken, InputMissing, JobError
from jobs.protocol.partitions import Input, Manifest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from jobs.preprocessing.landing import Landed as Read
    from jobs.preprocessing.stock import Landed, Stock
    from jobs.protocol.command import Run
    from jobs.protocol.files import Root

SMALL = 16 << 20  # bytes: smaller files are read side by side, larger ones take all threads in turn
AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class Reading:
    """What became of one landing file: read into a draft, or refused."""

    landed: Landed
    draft: Path
    read: Read | None = None
    error: JobError | None = None


def stale(stock: Stock) -> list[Landed]:
    """The landing files, oldest first, that bronze does not hold as they are."""
    found = [landed for landed in stock.landed if not _is_current(stock, landed)]
    return sorted(found, key=lambda landed: (landed.day, tables.SOURCES.index(landed.table)))


def refused(stock: Stock) -> dict[str, ContractBroken]:
    """The landing files that were refused as they are now, and why. They are not read again, but told of again."""
    found = {}
    for landed in stock.landed:
        if known := stock.index.recall(_refusal(landed), landed.stat):
            found[landed.name] = ContractBroken(known[0], where=landed.name, mend=known[1])
    return found


def build(run: Run, stock: Stock) -> None:
    """Read what is stale; a file that is refused is told of, and the others go on."""
    known = refused(stock)
    for error in known.values():
        run.report.fail(error)
    work = [landed for landed in stale(stock) if landed.name not in known]
    if run.dry_run:
        for landed in work:
            run.events.say("would_read", f"would read {landed.name}", name=landed.name)
            stock.plan(tables.bronze(landed.table), landed.day)
        return
    with run.events.progress("bronze", len(work)) as done:
        for batch in _batches(work):
            _build_batch(run, stock, batch)
            done(len(batch))


def _is_current(stock: Stock, landed: Landed) -> bool:
    table = tables.bronze(landed.table)
    agreed = contract.load(table)
    if landed.day not in stock.built(table):
        return False
    try:
        inputs = [Input(landed.name, stock.sha256(landed))]
    except (JobError, OSError):  # no plain file, or not to be opened: whoever reads it will say so
        return False
    return stock.is_current(table, landed.day, partitions.made_from(inputs, agreed.sha256, tables.BRONZE_VERSION))


def _batches(work: list[Landed]) -> Iterator[list[Landed]]:
    """Small files together, a large one alone: memory is bounded, and no thread waits."""
    small = [landed for landed in work if landed.stat.st_size <= SMALL]
    yield from ([landed] for landed in work if landed.stat.st_size > SMALL)
    yield from (small[start : start + AT_ONCE] for start in range(0, len(small), AT_ONCE))


def _build_batch(run: Run, stock: Stock, batch: list[Landed]) -> None:
    with ExitStack() as drafts, ThreadPoolExecutor(min(len(batch), os.cpu_count() or 1)) as pool:
        places = [partitions.drafts_folder(run.root, tables.bronze(landed.table)) for landed in batch]
        paths = [drafts.enter_context(files.draft(run.root, place)) for place in places]
        now = datetime.fromtimestamp(run.now_seconds, UTC)
        for reading in pool.map(partial(_read, run.root, now), batch, paths):
            if reading.error:
                _refuse(run, stock, reading)
            else:
                _publish(run, stock, reading)


def _read(root: Root, now: datetime, landed: Landed, draft: Path) -> Reading:
    from jobs.preprocessing import landing

    path = root.at(landed.name)
    known = tuple(column.name for column in contract.load(tables.bronze(landed.table)).columns)[:-2]
    try:
        if not arrivals.is_quiet(path, now):
            raise _still_arriving(landed)
        kind = next(kind for kind in arrivals.KINDS if landed.name.endswith(f".{kind}"))
        return Reading(landed, draft, landing.read(path, kind, known, tables.CORE[landed.table], draft))
    except (JobError, OSError) as error:
        return Reading(landed, draft, error=as_job_error(error))


def _still_arriving(landed: Landed) -> InputMissing:
    return InputMissing(
        "the file may still be arriving: it was written to less than a minute ago",
        where=landed.name,
        mend=f"run again in a minute, or land its checksum beside it, as NAME{arrivals.CHECKSUM}",
    )


def _publish(run: Run, stock: Stock, reading: Reading) -> None:
    landed, read = reading.landed, reading.read
    assert read is not None  # noqa: S101 - a reading is read or refused
    table = tables.bronze(landed.table)
    agreed = contract.load(table)
    manifest = Manifest(
        table=table,
        date=landed.day,
        contract=agreed.name,
        contract_version=agreed.version,
        contract_sha256=agreed.sha256,
        layer_version=tables.BRONZE_VERSION,
        parts=(partitions.part_of(reading.draft, read.rows),),
        inputs=(Input(landed.name, read.sha256),),
        counts={"rows.in": read.rows, "rows.out": read.rows},
        notes={"columns_absent": list(read.absent), "columns_unknown": list(read.extra)},
    )
    stock.publish(run, manifest, reading.draft)
    stock.index.remember(landed.name, landed.stat, [read.sha256])


def _refuse(run: Run, stock: Stock, reading: Reading) -> None:
    landed, error = reading.landed, reading.error
    assert error is not None  # noqa: S101 - a reading is read or refused
    error.where = landed.name
    run.report.fail(error)
    if error.exit_code == ContractBroken.exit_code and not isinstance(error, arrivals.ChecksumDiffers):
        stock.index.remember(_refusal(landed), landed.stat, [error.what, error.mend])


def _refusal(landed: Landed) -> str:
    agreed = contract.load(tables.bronze(landed.table)).sha256[:12]
    return f"{landed.name} refused by version {tables.BRONZE_VERSION} and contract {agreed}"
