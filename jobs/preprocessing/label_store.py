"""Silver to the label store: for every day the labels that became known on it."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

from jobs.preprocessing import tables
from jobs.protocol import contract, files, partitions, strict_json
from jobs.protocol.partitions import Input, Manifest, Ranges

if TYPE_CHECKING:
    from collections.abc import Iterator

    import polars as pl

    from jobs.preprocessing.stock import Stock
    from jobs.protocol.command import Run
    from jobs.protocol.policy import Policy

AT_ONCE = 200  # days: each reads the window before it too, so many at once read it once
ONE_DAY = timedelta(days=1)
MOST_HELD = 1 << 20  # rows: a larger window is read as it is needed

_held: dict[tuple[str, ...], pl.DataFrame] = {}  # a judged day of the last window, by the rule and its files' content


@dataclass(frozen=True, slots=True)
class Work:
    """A day of the label store, and what it is made from."""

    day: date
    inputs: tuple[Input, ...]


def stale(stock: Stock, policy: Policy) -> list[Work]:
    """The days, from the first landing to the last, whose labels are not made from what silver holds now.

    A day without a landing file has labels too: loans mature on it.
    """
    from jobs.preprocessing.labels import window_start

    agreed = contract.load(tables.LABELS)
    contents = {day: built.content for day, built in stock.built(tables.PERFORMANCE).items() if day <= stock.day}
    ranges = Ranges(f"datamart/{tables.PERFORMANCE}", contents)
    rule = Input("decisions/policy.json#/label", _hash(policy))
    found = []
    first = max(min(contents, default=date.max), stock.since + ONE_DAY)
    for day in _calendar(first, max(contents, default=date.min)):
        inputs = (ranges.input(window_start(day, policy.label), day), rule)
        made_from = partitions.made_from(inputs, agreed.sha256, tables.LABELS_VERSION)
        if not stock.is_current(tables.LABELS, day, made_from):
            found.append(Work(day, inputs))
    return found


def build(run: Run, stock: Stock, policy: Policy) -> None:
    work = stale(stock, policy)
    with run.events.progress("labels", len(work)) as done:
        for batch in _batches(work):
            _build(run, stock, policy, batch)
            done(len(batch))


def _build(run: Run, stock: Stock, policy: Policy, batch: list[Work]) -> None:
    import polars as pl

    from jobs.preprocessing import labels, leak_guard

    first, last = batch[0].day, batch[-1].day
    start = labels.window_start(first, policy.label).replace(day=1)  # the whole month, as the inputs say
    days = [day for day in sorted(stock.built(tables.PERFORMANCE)) if start <= day <= last]
    rows = _judged(stock, policy, days)
    found = labels.labels(rows, first, last).collect()
    leak_guard.check(stock, policy, found, first, last)
    landed = pl.col("snapshot_date")
    late = rows.filter(landed >= first, landed > pl.col("final_date")).group_by(landed).len().collect()
    late_on = dict(late.iter_rows())
    by_day = found.partition_by("known_date", as_dict=True)
    for item in batch:
        _publish(run, stock, item, by_day.get((item.day,), found.clear()), late_on.get(item.day, 0))


def _judged(stock: Stock, policy: Policy, days: list[date]) -> pl.LazyFrame:
    """The rows of a window, judged; a process that goes from day to day reads and judges each day once."""
    import polars as pl

    from jobs.preprocessing import labels
    from jobs.protocol import columns

    built, rule = stock.built(tables.PERFORMANCE), _hash(policy)
    if sum(built[day].rows for day in days) > MOST_HELD:
        return labels.judged(stock.scan(tables.PERFORMANCE, days), policy.label)
    keys = {day: (rule, *stock.parts(tables.PERFORMANCE, day)) for day in days}
    held = {key: _held[key] for key in keys.values() if key in _held}
    if new := [day for day, key in keys.items() if key not in held]:
        rows = labels.judged(stock.scan(tables.PERFORMANCE, new), policy.label).collect()
        by_day = rows.partition_by("snapshot_date", as_dict=True)
        held |= {keys[day]: by_day.get((day,), rows.clear()) for day in new}
    _held.clear()
    _held.update(held)
    dtypes = columns.polars_schema(contract.load(tables.PERFORMANCE))
    nothing = pl.LazyFrame(schema={name: dtypes[name] for name in labels.ROW})  # where no day of a window landed
    frames = list(held.values()) or [labels.judged(nothing, policy.label).collect()]
    return pl.concat(frames, rechunk=True).lazy()


def _publish(run: Run, stock: Stock, work: Work, rows: pl.DataFrame, late_news: int) -> None:
    agreed = contract.load(tables.LABELS)
    counts = {"bad": int((rows["y"] == 1).sum()), "good": int((rows["y"] == 0).sum()), "late_news": late_news}
    with files.draft(run.root, partitions.drafts_folder(run.root, tables.LABELS)) as path:
        rows.rechunk().write_parquet(path)
        manifest = Manifest(
            table=tables.LABELS,
            date=work.day,
            contract=agreed.name,
            contract_version=agreed.version,
            contract_sha256=agreed.sha256,
            layer_version=tables.LABELS_VERSION,
            parts=(partitions.part_of(path, rows.height),),
            inputs=work.inputs,
            counts=counts,
        )
        stock.publish(run, manifest, path)


def _hash(policy: Policy) -> str:
    return hashlib.sha256(strict_json.canonical(asdict(policy.label))).hexdigest()


def _calendar(first: date, last: date) -> Iterator[date]:
    return (first + ONE_DAY * offset for offset in range((last - first).days + 1))


def _batches(work: list[Work]) -> Iterator[list[Work]]:
    """Days that follow one another, at most so many: one window is read for all of them."""
    breaks = [n for n, (one, next_one) in enumerate(pairwise(work), start=1) if next_one.day - one.day != ONE_DAY]
    for start, end in pairwise([0, *breaks, len(work)]):
        yield from (work[at : min(at + AT_ONCE, end)] for at in range(start, end, AT_ONCE))
