"""How a layer is built, whichever it is: what is stale, piece by piece, described by a manifest and told of."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from functools import partial
from pathlib import Path
from typing import Generic, NamedTuple, TypeVar

from jobs.preprocessing import tables
from jobs.preprocessing.stock import Stock
from jobs.protocol import contract, partitions
from jobs.protocol.command import Run, Stopped
from jobs.protocol.errors import JobError, as_job_error
from jobs.protocol.partitions import Input, Manifest
from jobs.protocol.workers import side_by_side

Item = TypeVar("Item")


class Work(NamedTuple):
    """A day of a table, and what it is made from."""

    table: str
    day: date
    inputs: tuple[Input, ...]


class Outcome(NamedTuple, Generic[Item]):
    """What became of a piece of work: its partitions published, all or up to an error."""

    work: Item
    published: list[Manifest]
    error: JobError | None


def is_current(stock: Stock, table: str, work: Work) -> bool:
    """Whether a table of that day is there, and made from these inputs."""
    agreed = contract.load(tables.contract_name(table))
    return stock.is_current(table, work.day, partitions.made_from(work.inputs, agreed.sha256, tables.version(table)))


def described(work: Work, draft: Path, rows: int, counts: Mapping[str, int], **notes: object) -> Manifest:
    """The manifest of a finished draft."""
    agreed = contract.load(tables.contract_name(work.table))
    return Manifest(
        table=work.table,
        date=work.day,
        contract=agreed.name,
        contract_version=agreed.version,
        contract_sha256=agreed.sha256,
        layer_version=tables.version(work.table),
        parts=(partitions.part_of(draft, rows),),
        inputs=work.inputs,
        counts=dict(counts),
        notes=notes,
    )


def build(
    run: Run,
    stock: Stock,
    label: str,
    work: Sequence[Item],
    is_small: Callable[[Item], bool],
    make: Callable[[Item], Iterable[Manifest]],
) -> list[Outcome[Item]]:
    """Each large piece alone, then all small ones side by side: memory is bounded, and no thread waits.

    What is published is taken up as it comes; the failure of one piece is told of, and leaves the others their turn.
    """
    batches = [*([item] for item in work if not is_small(item)), [item for item in work if is_small(item)]]
    outcomes = []
    with run.events.progress(label, len(work)) as done:
        for batch in batches:
            for outcome in side_by_side(partial(_attempted, make), batch):
                for manifest in outcome.published:
                    stock.take_up(run, manifest)
                if outcome.error:
                    run.report.fail(outcome.error)
                outcomes.append(outcome)
                done(1)
    return outcomes


def _attempted(make: Callable[[Item], Iterable[Manifest]], item: Item) -> Outcome[Item]:
    """Many threads may."""
    published: list[Manifest] = []
    try:
        published.extend(make(item))
    except (Stopped, KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # noqa: BLE001 - a library's panic is no Exception
        return Outcome(item, published, as_job_error(error))
    return Outcome(item, published, None)
