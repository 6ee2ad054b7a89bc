"""Landing to bronze: every landed file that bronze does not hold as it lies there now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from jobs.preprocessing import arrivals, tables
from jobs.preprocessing.arrivals import Landed
from jobs.preprocessing.landing import Landed as Read
from jobs.preprocessing.stock import Stock
from jobs.protocol import contract, files, partitions
from jobs.protocol.command import Run
from jobs.protocol.errors import ContractBroken, InputMissing, JobError, as_job_error
from jobs.protocol.files import Root
from jobs.protocol.partitions import Input, Manifest
from jobs.protocol.workers import side_by_side

SMALL = 16 << 20  # bytes: smaller files are read side by side, larger ones take all threads in turn


@dataclass(frozen=True, slots=True)
class Reading:
    """What became of one landing file: published, or refused."""

    landed: Landed
    manifest: Manifest | None = None
    error: JobError | None = None


def stale(stock: Stock) -> list[Landed]:
    """The landing files, oldest first, that bronze does not hold as they are."""
    found = [landed for landed in stock.open() if not _is_current(stock, landed)]
    return sorted(found, key=lambda landed: (landed.day, tables.SOURCES.index(landed.table)))


def refused(stock: Stock) -> dict[str, ContractBroken]:
    """The landing files that were refused as they are now, and why. They are not read again, but told of again."""
    found = {}
    for landed in stock.open():
        if known := stock.index.recall(_refusal(landed), landed.identity):
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
    now = datetime.fromtimestamp(run.now_seconds, UTC)
    with run.events.progress("bronze", len(work)) as done:
        for batch in _batches(work):
            for reading in side_by_side(partial(_read, run.root, now), batch):
                _take_up(run, stock, reading)
                done(1)


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


def _batches(work: list[Landed]) -> list[list[Landed]]:
    """Each large file alone, then all small ones together: memory is bounded, and no thread waits."""
    large = [[landed] for landed in work if landed.identity[0] > SMALL]
    return [*large, [landed for landed in work if landed.identity[0] <= SMALL]]


def _read(root: Root, now: datetime, landed: Landed) -> Reading:
    """Read one file and publish its bronze; many threads may."""
    try:
        with files.draft(root, partitions.drafts_folder(root, tables.bronze(landed.table))) as draft:
            manifest = _manifest(landed, _whole(root.at(landed.name), landed, now, draft), draft)
            partitions.publish(root, manifest, [draft])
    except (JobError, OSError) as error:
        return Reading(landed, error=as_job_error(error))
    return Reading(landed, manifest)


def _whole(path: Path, landed: Landed, now: datetime, draft: Path) -> Read:
    """Read a file that is whole. One with a checksum is hashed while it is read: only then is known what it was."""
    from jobs.preprocessing import landing

    given = arrivals.checksum(path)
    if given is None and not arrivals.is_quiet(path, now):
        raise _still_arriving(landed)
    known = tuple(column.name for column in contract.load(tables.bronze(landed.table)).columns)[:-2]
    try:
        read = landing.read(path, landed.kind, known, tables.CORE[landed.table], draft)
    except ContractBroken:
        if not arrivals.is_quiet(path, now):
            raise _still_arriving(landed) from None
        raise
    if given not in (None, read.sha256):
        arrivals.is_quiet(path, now)  # raises where the two will not fit by waiting
        raise _still_arriving(landed)
    return read


def _still_arriving(landed: Landed) -> InputMissing:
    return InputMissing(
        "the file may still be arriving: it was written to less than a minute ago",
        where=landed.name,
        mend=f"run again in a minute, or land its checksum beside it, as NAME{arrivals.CHECKSUM}",
    )


def _manifest(landed: Landed, read: Read, draft: Path) -> Manifest:
    table = tables.bronze(landed.table)
    agreed = contract.load(table)
    return Manifest(
        table=table,
        date=landed.day,
        contract=agreed.name,
        contract_version=agreed.version,
        contract_sha256=agreed.sha256,
        layer_version=tables.BRONZE_VERSION,
        parts=(partitions.part_of(draft, read.rows),),
        inputs=(Input(landed.name, read.sha256),),
        counts={"rows.in": read.rows, "rows.out": read.rows},
        notes={"columns_absent": list(read.absent), "columns_unknown": list(read.extra)},
    )


def _take_up(run: Run, stock: Stock, reading: Reading) -> None:
    landed, manifest, error = reading.landed, reading.manifest, reading.error
    if manifest:
        stock.take_up(run, manifest)
        stock.index.remember(landed.name, landed.identity, [manifest.inputs[0].sha256])
    elif error:
        error.where = landed.name
        run.report.fail(error)
        if isinstance(error, ContractBroken) and not isinstance(error, arrivals.ChecksumDiffers):
            stock.index.remember(_refusal(landed), landed.identity, [error.what, error.mend])


def _refusal(landed: Landed) -> str:
    agreed = contract.load(tables.bronze(landed.table)).sha256[:12]
    return f"{landed.name} refused by version {tables.BRONZE_VERSION} and contract {agreed}"
