"""Bronze to silver: a day of a table at a time, shard by shard, so that memory does not grow with the file."""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from jobs.preprocessing import tables
from jobs.protocol import contract, files, partitions
from jobs.protocol.errors import as_job_error
from jobs.protocol.partitions import Input, Manifest
from jobs.protocol.workers import side_by_side

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    import polars as pl

    from jobs.preprocessing.cleaning import Cleaned
    from jobs.preprocessing.stock import Stock
    from jobs.protocol.command import Run
    from jobs.protocol.errors import JobError
    from jobs.protocol.partitions import Part

SHARD_ROWS = 1 << 17  # two row groups of bronze: a shard is read without reading its neighbours
SMALL = 1 << 14  # rows: smaller days are cleaned side by side, larger ones take all threads in turn


@dataclass(frozen=True, slots=True)
class Work:
    """One day of one landed table, and what its silver is made from."""

    source: str
    day: date
    inputs: tuple[Input, ...]


@dataclass(frozen=True, slots=True)
class Cleaning:
    """What became of a day: its tables published, all or up to an error."""

    manifests: list[Manifest]
    error: JobError | None = None


def stale(stock: Stock) -> list[Work]:
    """The days of a table whose silver is not made from what bronze holds now; companions first."""
    return [work for source in tables.SOURCES for work in _stale(stock, source)]


def build(run: Run, stock: Stock) -> None:
    """Clean what is stale, table by table: what one table looks up in another is built before it."""
    for source in tables.SOURCES:
        work = _stale(stock, source)
        if run.dry_run:
            for item in work:
                name = partitions.folder(tables.silver(source), item.day)
                run.events.say("would_build", f"would build {name}", name=name)
                for table in tables.silver_outputs(source):
                    stock.plan(table, item.day)
            continue
        with run.events.progress(f"silver {source}", len(work)) as done:
            for batch in _batches(stock, work):
                for cleaning in side_by_side(partial(_clean, stock), batch):
                    _take_up(run, stock, cleaning)
                    done(1)


def _stale(stock: Stock, source: str) -> list[Work]:
    days = sorted(day for day in stock.built(tables.bronze(source)) if stock.since < day <= stock.day)
    work = (Work(source, day, _inputs(stock, source, day)) for day in days)
    return [
        item for item in work if not all(_is_current(stock, item, table) for table in tables.silver_outputs(source))
    ]


def _inputs(stock: Stock, source: str, day: date) -> tuple[Input, ...]:
    """The bronze of the day, and of the tables it is compared with those that have landed."""
    names = (tables.bronze(source), *(tables.silver(name) for name in tables.COMPANIONS[source]))
    if "id" in stock.built(tables.bronze(source))[day].absent:  # then it is looked up in the loans of the day
        names = (*names, tables.bronze("loan_terms"))
    return tuple(found for name in names if (found := stock.as_input(name, day)))


def _is_current(stock: Stock, work: Work, table: str) -> bool:
    agreed = contract.load(tables.contract_name(table))
    return stock.is_current(table, work.day, partitions.made_from(work.inputs, agreed.sha256, tables.SILVER_VERSION))


def _batches(stock: Stock, work: list[Work]) -> list[list[Work]]:
    """Each large day alone, then all small ones together: memory is bounded, and no thread waits."""
    rows = {item.day: stock.built(tables.bronze(item.source))[item.day].rows for item in work}
    large = [[item] for item in work if rows[item.day] > SMALL]
    return [*large, [item for item in work if rows[item.day] <= SMALL]]


def _clean(stock: Stock, work: Work) -> Cleaning:
    """Clean a day of a table and publish what comes of it; many threads may."""
    published: list[Manifest] = []
    try:
        published.extend(_published(stock, work))
    except BaseException as error:  # noqa: BLE001 - a library's panic is no Exception; the other days get their turn
        return Cleaning(published, as_job_error(error))
    return Cleaning(published)


def _take_up(run: Run, stock: Stock, cleaning: Cleaning) -> None:
    for manifest in cleaning.manifests:
        stock.take_up(run, manifest)
    if cleaning.error:
        run.report.fail(cleaning.error)


def _published(stock: Stock, work: Work) -> Iterator[Manifest]:
    from jobs.preprocessing.writing import Writer

    outputs = tables.silver_outputs(work.source)
    counts: Counter[str] = Counter()
    with ExitStack() as held:
        folders = {table: partitions.drafts_folder(stock.root, table) for table in outputs}
        drafts = {table: held.enter_context(files.draft(stock.root, folders[table])) for table in outputs}
        writers = {table: held.enter_context(Writer(drafts[table])) for table in outputs}
        for cleaned in _cleaned(stock, work):
            counts.update(cleaned.counts)
            for name in tables.SILVER_OF[work.source]:
                writers[tables.silver(name)].add(cleaned.tables[name])
            writers[tables.rejects(work.source)].add(cleaned.rejects)
        for table in outputs:
            rows = writers[table].close()
            manifest = _manifest(work, table, (partitions.part_of(drafts[table], rows),), counts)
            partitions.publish(stock.root, manifest, [drafts[table]])
            yield manifest


def _cleaned(stock: Stock, work: Work) -> Iterator[Cleaned]:
    from jobs.preprocessing import cleaning, identity

    rows = stock.built(tables.bronze(work.source))[work.day].rows
    bronze = _bronze(stock, work)
    if rows <= SHARD_ROWS:
        bronze = bronze.collect().lazy()
    wanted = [*(column.name for column in cleaning.landed_columns(work.source)), *identity.SOURCE]
    clashing = identity.clashes(bronze)
    origins = _origins(stock, work)
    for start in range(0, max(rows, 1), SHARD_ROWS):
        shard = bronze.select(wanted).slice(start, SHARD_ROWS).collect()
        yield cleaning.clean(shard, work.source, work.day, clashing=clashing, origins=origins)


def _bronze(stock: Stock, work: Work) -> pl.LazyFrame:
    """The day's bronze; where it landed without ids, with those its members have in loan_terms of the day."""
    from jobs.preprocessing import identity

    bronze = stock.scan(tables.bronze(work.source), [work.day])
    loans = tables.bronze("loan_terms")
    if "id" not in stock.built(tables.bronze(work.source))[work.day].absent or work.day not in stock.built(loans):
        return bronze
    return identity.with_ids(bronze, identity.ids_of_members(stock.scan(loans, [work.day])))


def _origins(stock: Stock, work: Work) -> pl.DataFrame | None:
    """What other tables of the day say of each loan: when it was issued, and whether two people applied."""
    wanted = {"loan_terms": "issue_d", "demographic": "application_type"}
    found = [
        stock.scan(tables.silver(name), [work.day]).select("id", wanted[name])
        for name in tables.COMPANIONS[work.source]
        if work.day in stock.built(tables.silver(name))
    ]
    if not found:
        return None
    first, *others = found
    for other in others:
        first = first.join(other, on="id", how="full", coalesce=True)
    return first.collect()


def _manifest(work: Work, table: str, parts: tuple[Part, ...], counts: Counter[str]) -> Manifest:
    agreed = contract.load(tables.contract_name(table))
    return Manifest(
        table=table,
        date=work.day,
        contract=agreed.name,
        contract_version=agreed.version,
        contract_sha256=agreed.sha256,
        layer_version=tables.SILVER_VERSION,
        parts=parts,
        inputs=work.inputs,
        counts=dict(sorted(counts.items())),
    )
