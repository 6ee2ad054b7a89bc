"""Silver to gold: features of applications, and labels on the day they become known."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict
from datetime import date
from functools import cache, partial
from itertools import groupby, pairwise
from typing import TYPE_CHECKING, Literal

from jobs.preprocessing import tables
from jobs.preprocessing.stock import Stock, Work
from jobs.preprocessing.tables import FEATURE_SOURCES
from jobs.protocol import contract, partitions, strict_json
from jobs.protocol.calendar import ONE_DAY, days_between
from jobs.protocol.command import Run
from jobs.protocol.errors import StoreDamaged
from jobs.protocol.events import amount
from jobs.protocol.layers import FEATURES, LABELS, PERFORMANCE, PREDICTIONS, SILVER_OF
from jobs.protocol.partitions import Input, Manifest, Ranges
from jobs.protocol.store import POLICY, FolderStore

if TYPE_CHECKING:
    import polars as pl

    from jobs.protocol.policy import Policy

SMALL = 1 << 14  # rows: days up to this size are built in parallel
RANGE_ROWS = 1 << 16  # applications whose features are built at once
AT_ONCE = 200  # days of labels built together: they share one read of the window before them


def build(run: Run, stock: Stock) -> None:
    """Features first: the leak check of the labels needs the features of their loans."""
    _refuse_leaks()
    days = stale_features(stock)
    if run.dry_run:
        stock.foretell(run, ((work.table, work.day) for work in (*days, *stale_labels(stock, policy(run)))))
        return
    made = stock.build(run, "features", days, lambda work: _fits(stock, work.day, SMALL), partial(_features, stock))
    _tell_of_latecomers(run, made)
    run.attempt(partial(_build_labels, run, stock, policy(run)))


def _tell_of_latecomers(run: Run, made: list[Manifest]) -> None:
    """Warn of applications that a corrected file adds to a scored day: they get no score, and nothing else fails."""
    for now in made:
        with suppress(StoreDamaged):  # damaged scores are for the jobs that read them
            scored = partitions.read(run.root, PREDICTIONS, now.date)
            if scored and (late := now.rows - scored.rows) > 0:
                name = partitions.folder(PREDICTIONS, now.date)
                why = f"lacks {amount(late, 'application')} landed later"
                run.report.skip(name, why)
                run.events.say("late", f"warning: {name} {why}: a scored day is not scored again", name=name, rows=late)


@cache
def _refuse_leaks() -> None:
    """Check the contracts for leaks, once per process."""
    from jobs.preprocessing import leaks

    silver = [tables.silver(name) for names in SILVER_OF.values() for name in names]
    leaks.refuse_leaks(contract.load(FEATURES), *map(contract.load, silver))


def policy(run: Run) -> Policy:
    """The policy in place. Without a valid one labels wait, and existing labels stay."""
    from jobs.protocol import policy_in_force

    rules, problem = policy_in_force.begin(FolderStore(run.root), dry_run=run.dry_run)
    if rules is None:
        assert problem is not None  # noqa: S101 - one of the two
        raise problem
    return rules


def stale_features(stock: Stock) -> list[Work]:
    """The days that have all four tables, and whose features were not built from them in their present form."""
    names = [tables.silver(name) for name in FEATURE_SOURCES]
    days = set.intersection(*({day for day in stock.built(name) if day > stock.since} for name in names))
    work = (stock.work(FEATURES, day, names) for day in sorted(day for day in days if day <= stock.day))
    return [each for each in work if not stock.is_made(FEATURES, each)]


def _features(stock: Stock, work: Work) -> Iterator[Manifest]:
    from jobs.preprocessing import features
    from jobs.preprocessing.writing import Writer

    counts: Counter[str] = Counter()
    with stock.draft(FEATURES) as path, Writer(path) as writer:
        for shard in _shards(stock, work.day):
            rows, account = features.features(*shard)
            writer.add(rows)
            counts.update(account)
        yield stock.put(work, path, writer.close(), counts)


def _shards(stock: Stock, day: date) -> Iterable[list[pl.DataFrame]]:
    """The four tables of a day: all at once, or a range of ids at a time where there are many loans."""
    from jobs.preprocessing import features

    found = [stock.scan(tables.silver(name), [day]).select(features.columns_read(name)) for name in FEATURE_SOURCES]
    if not _fits(stock, day, RANGE_ROWS):
        return by_ranges(found)
    return [[table.collect(engine="in-memory") for table in found]]


def _fits(stock: Stock, day: date, most: int) -> bool:
    return all(stock.built(tables.silver(name))[day].rows <= most for name in FEATURE_SOURCES)


def by_ranges(found: list[pl.LazyFrame]) -> Iterator[list[pl.DataFrame]]:
    """The rows of every table in ranges of id, cut so that each range has RANGE_ROWS rows of the first table."""
    tables = [_in_order(table) for table in found]
    cuts = tables[0][0].gather_every(RANGE_ROWS)[1:].to_list()
    for low, below in pairwise([-(1 << 63), *cuts, (1 << 63) - 1]):
        ends = [(ids.search_sorted(low), ids.search_sorted(below)) for ids, _ in tables]
        yield [rows(first, end - first) for (_, rows), (first, end) in zip(tables, ends, strict=True)]


def _in_order(table: pl.LazyFrame) -> tuple[pl.Series, Callable[[int, int], pl.DataFrame]]:
    """The sorted ids of a table, and a function that gives some rows in that order, by their first place and number.

    A table that is sorted by id is read slice by slice; any other is held in memory and picked from.
    """
    ids = table.select("id").collect().to_series()
    if ids.is_sorted():
        return ids, lambda first, number: table.slice(first, number).collect().set_sorted("id")
    order, whole = ids.arg_sort(), table.collect()
    return ids.gather(order), lambda first, number: whole[order.slice(first, number)].set_sorted("id")


def stale_labels(stock: Stock, policy: Policy) -> list[Work]:
    """The days, from the first landing to the last, whose labels were not built from what silver holds now.

    A day without a landing file has labels too: loans mature on it.
    """
    from jobs.preprocessing.labels import window_start

    performance = stock.built(PERFORMANCE)
    days = [day for day in performance if day <= stock.day]
    first, last = max(min(days, default=date.max), stock.since + ONE_DAY), max(days, default=date.min)
    if first > last:
        return []
    start = window_start(first, policy.label).replace(day=1)  # the whole month, as the inputs say
    ranges = Ranges(f"datamart/{PERFORMANCE}", {day: performance[day].content for day in days if day >= start})
    rule = Input(f"{POLICY}#/label", _hash(policy))
    work = (
        Work(LABELS, day, (ranges.input(window_start(day, policy.label), day), rule))
        for day in days_between(first, last)
    )
    return [each for each in work if not stock.is_made(LABELS, each)]


def _build_labels(run: Run, stock: Stock, policy: Policy) -> None:
    """Build runs of consecutive days together, up to AT_ONCE: one read of the window serves them all."""
    work = stale_labels(stock, policy)
    together = groupby(range(len(work)), lambda at: (work[at].day - at * ONE_DAY, at // AT_ONCE))
    with run.events.progress("labels", len(work)) as done:
        for batch in ([work[at] for at in places] for _, places in together):
            _labels(run, stock, policy, batch)
            done(len(batch))


def _labels(run: Run, stock: Stock, policy: Policy, batch: list[Work]) -> None:
    import polars as pl

    from jobs.preprocessing import labels, leaks, windows

    first, last = batch[0].day, batch[-1].day
    start = labels.window_start(first, policy.label)
    days = [day for day in sorted(stock.built(PERFORMANCE)) if start <= day <= last]
    rows = windows.rows(stock, PERFORMANCE, days, policy.label, lambda rows: labels.judged(rows, policy.label))
    found = labels.labels(rows.lazy(), first, last).collect(engine=_engine(rows))
    leaks.check(stock, policy, found, first, last)
    landed = pl.col("snapshot_date")
    late = rows.lazy().filter(landed >= first, landed > pl.col("final_date")).group_by(landed).len()
    late_on = dict(late.collect(engine=_engine(rows)).iter_rows())
    by_day = found.partition_by("known_date", as_dict=True)
    for work in batch:
        known = by_day.get((work.day,), found.clear())
        bad = int((known["y"] == 1).sum())
        counts = {"bad": bad, "good": known.height - bad, "late_news": late_on.get(work.day, 0)}
        with stock.draft(LABELS) as path:
            known.rechunk().write_parquet(path)
            stock.register(run, stock.put(work, path, known.height, counts))


def _engine(rows: pl.DataFrame | pl.LazyFrame) -> Literal["in-memory", "auto"]:
    """A frame already in memory is small: setting up a stream would take longer than the work."""
    return "auto" if hasattr(rows, "collect") else "in-memory"


def _hash(policy: Policy) -> str:
    return hashlib.sha256(strict_json.canonical(asdict(policy.label))).hexdigest()
