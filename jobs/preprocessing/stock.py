"""What has landed and what is built under a root, by names, sizes and an index that may be deleted; how one builds."""

from __future__ import annotations

import hashlib
import json
import marshal
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import asdict, dataclass, field
from datetime import date
from functools import cache, partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from jobs.preprocessing import arrivals, tables
from jobs.preprocessing.arrivals import Landed, Listing
from jobs.preprocessing.tables import ALL_TABLES, VERSIONS
from jobs.protocol import contract, files, index, partitions
from jobs.protocol.command import Run, failure_of
from jobs.protocol.errors import JobError, StoreDamaged
from jobs.protocol.files import Root
from jobs.protocol.index import Identity, Index
from jobs.protocol.layers import LANDING, SOURCES
from jobs.protocol.partitions import Input, Manifest
from jobs.protocol.receipts import Problem
from jobs.protocol.schemas import HOME
from jobs.protocol.shelf import Shelf
from jobs.protocol.store import POLICY
from jobs.protocol.workers import side_by_side

if TYPE_CHECKING:
    import polars as pl

SETTLED = "datamart/.index/preprocessing.settled.json"
Item = TypeVar("Item")


class Work(NamedTuple):
    """A day of a table, and what it is made from."""

    table: str
    day: date
    inputs: tuple[Input, ...]


@dataclass(slots=True, kw_only=True)
class Stock(Shelf):
    """The landing files of a root up to a day, and its partitions."""

    day: date
    offered: dict[str, dict[str, Identity]]  # by table: what lies in its landing folder, but for checksums
    policy: Identity | None = None
    since: date = date.min  # of everything up to this day it is known that it is built of what lies there now
    standing: list[Problem] | None = None  # the problems that still stand, where it is known that nothing is to do
    listing: Listing = field(default_factory=Listing)

    @classmethod
    def of(cls, root: Root, day: date) -> Stock:
        """The one look of a run: what lands later is for the next one."""
        offered = {table: index.identities(root, f"{LANDING}/{table}", arrivals.is_offered) for table in SOURCES}
        stock = cls(root=root, index=Index(root, "preprocessing"), day=day, offered=offered)
        stock.look_at_policy()
        for table in ALL_TABLES:
            stock.built(table)
        stock._recall()
        if stock.standing is None:
            stock.listing = arrivals.discover(offered, day, stock.since)
        return stock

    def look_at_policy(self) -> None:
        with suppress(FileNotFoundError):
            self.policy = index.identity_of(self.root.at(POLICY).lstat())

    def dated_after(self, table: str, day: date) -> list[str]:
        """Names of landing files that say a later day; by their order, for all of history passes by in every run."""
        last = f"{table}_{day:%Y_%m_%d}~"
        later = sorted(name for name in self.offered[table] if name > last)
        return [name for name in later if (arrivals.said(table, name)[1] or day) > day]

    def sha256(self, landed: Landed) -> str:
        return self.index.facts(landed.name, landed.identity, lambda name: [arrivals.sha256(self.root.at(name))])[0]

    def is_made(self, table: str, work: Work) -> bool:
        """Whether a table of that day is there, and made from these inputs."""
        agreed = contract.load(tables.contract_name(table))
        return self.is_current(table, work.day, partitions.made_from(work.inputs, agreed.sha256, tables.version(table)))

    def build(
        self,
        run: Run,
        label: str,
        work: Sequence[Item],
        is_small: Callable[[Item], bool],
        make: Callable[[Item], Iterable[Manifest]],
    ) -> list[Manifest]:
        """Each large piece alone, then all small ones side by side: memory is bounded, and no thread waits.

        What is made is taken up as it comes, and given back; a failure is told of, and leaves the others their turn.
        """
        made: list[Manifest] = []
        batches = [*([item] for item in work if not is_small(item)), [item for item in work if is_small(item)]]
        with run.events.progress(label, len(work)) as done:
            for found, error in chain.from_iterable(side_by_side(partial(_attempted, make), some) for some in batches):
                for manifest in found:
                    self.take_up(run, manifest)
                if error:
                    run.report.fail(error)
                made += found
                done(1)
        return made

    def draft(self, table: str) -> AbstractContextManager[Path]:
        return files.draft(self.root, partitions.drafts_folder(self.root, table))

    def put(
        self,
        work: Work,
        draft: Path,
        rows: int,
        counts: Mapping[str, int],
        frame: pl.DataFrame | None = None,
        **notes: object,
    ) -> Manifest:
        """Publish a finished draft, and keep its rows where they are at hand. Many threads may."""
        agreed = contract.load(tables.contract_name(work.table))
        manifest = Manifest(
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
        if partitions.publish(self.root, manifest, [draft]):  # else what lies there is verified when read
            self.keep(manifest, frame)
        return manifest

    def _recall(self) -> None:
        """What was settled, if it is as it was then: of an earlier date, where no problem stood, what comes after."""
        try:
            found = json.loads(files.content(self.root.at(SETTLED)))
            day, problems = date.fromisoformat(found["day"]), [Problem(**problem) for problem in found["problems"]]
            is_same = day <= self.day and found["key"] == self._key(day)
        except (FileNotFoundError, StoreDamaged, ValueError, KeyError, TypeError, RecursionError):
            return
        if is_same and day == self.day:
            self.standing = problems
        elif is_same and not problems:
            self.since = day

    def settle(self, problems: list[Problem]) -> None:
        """Remember that nothing is left to do, by what the run saw at its beginning: a later change is for the next."""
        facts = {"day": str(self.day), "key": self._key(self.day), "problems": [asdict(each) for each in problems]}
        data = json.dumps(facts, sort_keys=True).encode()
        files.write_changed(self.root, self.root.at(SETTLED), data)

    def _key(self, until: date) -> str:
        """What a run saw of the world up to a date, without opening a data file, and what it has made of it."""
        digest = hashlib.sha256(json.dumps([str(until), VERSIONS, _contracts(), self.policy]).encode())
        for table, offered in self.offered.items():
            last = f"{table}_{until:%Y_%m_%d}~"  # a name before it says no later day, whatever else it says
            seen = [
                item
                for item in sorted(offered.items())
                if item[0] < last or (arrivals.said(table, item[0])[1] or date.min) <= until
            ]
            digest.update(_marshalled(seen))
        for table in ALL_TABLES:
            history = sorted(self.built(table).seen.items())  # what this run built late stands last
            while history and history[-1][0] > until:
                history.pop()
            digest.update(_marshalled(history))
        return digest.hexdigest()


def _marshalled(history: Sequence[tuple[date | str, Identity]]) -> bytes:
    """A name or a day and an identity, in order, faster than as JSON: all of history passes by in every run."""
    return marshal.dumps([(str(name), *seen) for name, seen in history], 2)


@cache
def _contracts() -> str:
    """As `contract.load`, which reads each of them once a process."""
    return hashlib.sha256(b"".join(path.read_bytes() for path in sorted(HOME.rglob("*.json")))).hexdigest()


def _attempted(make: Callable[[Item], Iterable[Manifest]], item: Item) -> tuple[list[Manifest], JobError | None]:
    """What is made of a piece of work: all, or up to an error."""
    made: list[Manifest] = []
    error = failure_of(lambda: made.extend(make(item)))
    return made, error
