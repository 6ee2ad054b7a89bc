"""Silver to the feature store: a day is built when all four tables of that day are there."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from jobs.preprocessing import tables
from jobs.protocol import contract, files, partitions
from jobs.protocol.partitions import Input, Manifest

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    import polars as pl

    from jobs.preprocessing.stock import Stock
    from jobs.protocol.command import Run

ORDER = ("loan_terms", "credit_history", "demographic", "financial")  # as the features take them


@dataclass(frozen=True, slots=True)
class Work:
    """A day of the feature store, and what it is made from."""

    day: date
    inputs: tuple[Input, ...]


def stale(stock: Stock) -> list[Work]:
    """The days whose four tables are all there, and whose features are not made from them as they are now."""
    agreed = contract.load(tables.FEATURES)
    names = [tables.silver(name) for name in ORDER]
    days = set.intersection(*(set(stock.built(name)) for name in names))
    found = []
    for day in sorted(day for day in days if stock.since < day <= stock.day):
        inputs = tuple(entry for name in names if (entry := stock.as_input(name, day)))
        made_from = partitions.made_from(inputs, agreed.sha256, tables.FEATURES_VERSION)
        if not stock.is_current(tables.FEATURES, day, made_from):
            found.append(Work(day, inputs))
    return found


def build(run: Run, stock: Stock) -> None:
    work = stale(stock)
    with run.events.progress("features", len(work)) as done:
        for item in work:
            run.attempt(partial(_build, run, stock, item))
            done(1)


def _build(run: Run, stock: Stock, work: Work) -> None:
    from jobs.preprocessing import features
    from jobs.preprocessing.writing import Writer

    agreed = contract.load(tables.FEATURES)
    counts: Counter[str] = Counter()
    with files.draft(run.root, partitions.drafts_folder(run.root, tables.FEATURES)) as path, Writer(path) as writer:
        for terms, history, demographic, financial in _shards(stock, work.day):
            rows, account = features.features(terms, history, demographic, financial)
            writer.add(rows)
            counts.update(account)
        manifest = Manifest(
            table=tables.FEATURES,
            date=work.day,
            contract=agreed.name,
            contract_version=agreed.version,
            contract_sha256=agreed.sha256,
            layer_version=tables.FEATURES_VERSION,
            parts=(partitions.part_of(path, writer.close()),),
            inputs=work.inputs,
            counts=dict(counts),
        )
        stock.publish(run, manifest, path)


def _shards(stock: Stock, day: date) -> Iterable[list[pl.DataFrame]]:
    """The four tables of a day, a range of loans at a time where there are many."""
    from jobs.preprocessing import id_ranges

    silver = [tables.silver(name) for name in ORDER]
    found = [stock.scan(name, [day]).drop("member_id") for name in silver]
    is_small = all(stock.built(name)[day].rows <= id_ranges.ROWS for name in silver)
    return [[table.collect() for table in found]] if is_small else id_ranges.ranges(found)
