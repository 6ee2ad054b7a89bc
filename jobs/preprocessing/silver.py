"""Bronze to silver: one day of one table at a time, in shards, so that memory does not grow with the file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING

from jobs.preprocessing import bronze, tables
from jobs.preprocessing.stock import Stock, Work
from jobs.protocol import partitions
from jobs.protocol.command import Run
from jobs.protocol.events import amount
from jobs.protocol.layers import SOURCE, SOURCES
from jobs.protocol.partitions import Manifest

if TYPE_CHECKING:
    import polars as pl

    from jobs.preprocessing.cleaning import Cleaned

SHARD_ROWS = 1 << 17  # two row groups of bronze: a shard is read without reading its neighbours
SMALL = 1 << 14  # rows: days up to this size are cleaned in parallel, larger ones one by one with all threads


def stale(stock: Stock, source: str) -> list[Work]:
    """The days of a landed table whose silver was not built from its inputs as they are now."""
    bronze, outputs = stock.built(tables.bronze(source)), tables.silver_outputs(source)
    names = (tables.bronze(source), *map(tables.silver, tables.COMPANIONS[source]))
    days = sorted(day for day in bronze if stock.since < day <= stock.day)
    borrows = {day for day in days if "id" in bronze[day].absent}  # ids are looked up in that day's loans
    work = (stock.work(source, day, (*names, tables.bronze("loan_terms")) if day in borrows else names) for day in days)
    return [each for each in work if not all(stock.is_made(table, each) for table in outputs)]


def build(run: Run, stock: Stock) -> None:
    """Clean what is stale, table by table, in an order in which every table's companions are built first."""
    for source in SOURCES:
        work = stale(stock, source)
        if run.dry_run:
            stock.foretell(run, ((table, each.day) for each in work for table in tables.silver_outputs(source)))
            continue
        make = partial(_published, stock)
        made = stock.build(run, f"silver {source}", work, partial(_is_small, stock), make)
        _tell_of_refusals(run, source, made)


def _tell_of_refusals(run: Run, source: str, made: list[Manifest]) -> None:
    """Warn of rules that most rows of a day broke: nothing else fails if a source writes ids, dates or units anew."""
    for table, kinds, what in (
        (f"silver/_rejects/{source}", ("row.", "cell."), "lists most rows"),
        (tables.silver(source), ("soft.",), "has unusual values in most rows"),
    ):
        found = {one.date: broken for one in made if (broken := _broken_by_most(one.counts, kinds))}
        if found:
            name, broken = partitions.folder(table, max(found)), found[max(found)]
            why = f"{what}: {bronze.some(broken)} ({amount(len(found), 'such day')} in this run)"
            run.report.skip(name, why)
            run.events.say("refused", f"warning: {name} {why}", name=name, rules=broken, days=len(found))


def _broken_by_most(counts: Mapping[str, int], kinds: tuple[str, ...]) -> list[str]:
    rules = (name for name in counts if name.startswith(kinds))
    return [name for name in rules if counts[name] * 2 > counts["rows.in"] and not name.endswith(("token", "rounded"))]


def _is_small(stock: Stock, work: Work) -> bool:
    return stock.built(tables.bronze(work.table))[work.day].rows <= SMALL


def _published(stock: Stock, work: Work) -> Iterator[Manifest]:
    """Clean one day of a table and publish the results."""
    from jobs.preprocessing.writing import Writer

    outputs = tables.silver_outputs(work.table)
    counts: Counter[str] = Counter()
    with ExitStack() as held:
        writers = [held.enter_context(Writer(held.enter_context(stock.draft(table)))) for table in outputs]
        for cleaned in _cleaned(stock, work):
            counts.update(cleaned.counts)
            for writer, frame in zip(writers, (*cleaned.tables.values(), cleaned.rejects), strict=True):
                writer.add(frame)
        sums = dict(sorted(counts.items()))
        for table, writer in zip(outputs, writers, strict=True):
            yield stock.put(work._replace(table=table), writer.path, writer.close(), sums)


def _cleaned(stock: Stock, work: Work) -> Iterator[Cleaned]:
    from jobs.preprocessing import cleaning

    rows = stock.built(tables.bronze(work.table))[work.day].rows
    wanted = [*(column.name for column in cleaning.landed_columns(work.table)), *SOURCE]
    bronze, origins = _bronze(stock, work), _origins(stock, work)
    if rows <= SHARD_ROWS:
        whole = bronze.collect(engine="in-memory")
        clashing = cleaning.clashes(whole)
        yield cleaning.clean(whole[wanted], work.table, work.day, clashing=clashing, origins=origins)
        return
    clashing = cleaning.clashes(bronze)
    for start in range(0, rows, SHARD_ROWS):
        shard = bronze.select(wanted).slice(start, SHARD_ROWS).collect()
        yield cleaning.clean(shard, work.table, work.day, clashing=clashing, origins=origins)


def _bronze(stock: Stock, work: Work) -> pl.LazyFrame:
    """The day's bronze; if it landed without ids, with those of its members in that day's loan_terms."""
    from jobs.preprocessing import cleaning

    bronze = stock.scan(tables.bronze(work.table), [work.day])
    loans = tables.bronze("loan_terms")
    if "id" not in stock.built(tables.bronze(work.table))[work.day].absent or work.day not in stock.built(loans):
        return bronze
    return cleaning.with_ids(bronze, stock.scan(loans, [work.day]))


def _origins(stock: Stock, work: Work) -> pl.DataFrame | None:
    """From the day's other tables, for each loan: when it was issued, and whether two people applied."""
    wanted = {"loan_terms": "issue_d", "demographic": "application_type"}
    found = [
        stock.scan(tables.silver(name), [work.day]).select("id", wanted[name])
        for name in tables.COMPANIONS[work.table]
        if work.day in stock.built(tables.silver(name))
    ]
    if not found:
        return None
    first, *others = found
    for other in others:
        first = first.join(other, on="id", how="full", coalesce=True)
    return first.collect(engine="in-memory" if _is_small(stock, work) else "auto")
