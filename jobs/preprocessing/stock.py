"""What has landed and what is built under a root, known from names, sizes and a disposable index; and how to build."""

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
from typing import NamedTuple, TypeVar

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

SETTLED = "datamart/.index/preprocessing.settled.json"
Item = TypeVar("Item")


class Work(NamedTuple):
    """One day of a table to build, and its inputs."""

    table: str
    day: date
    inputs: tuple[Input, ...]


@dataclass(slots=True, kw_only=True)
class Stock(Shelf):
    """The landing files of a root up to a day, and its partitions."""

    day: date
    offered: dict[str, dict[str, Identity]]  # by table: the files in its landing folder, without checksums
    policy: Identity | None = None
    since: date = date.min  # everything up to this day is known to be built from what has landed
    standing: list[Problem] | None = None  # the open problems, if it is known that there is nothing to do
    listing: Listing = field(default_factory=Listing)

    @classmethod
    def of(cls, root: Root, day: date) -> Stock:
        """Look once, at the start of a run: files that land later are for the next run."""
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
        """Landing files dated after a day. Names are compared as text first: every run goes through all of history."""
        last = f"{table}_{day:%Y_%m_%d}~"
        later = sorted(name for name in self.offered[table] if name > last)
        return [name for name in later if (arrivals.parse_name(table, name)[1] or day) > day]

    def sha256(self, landed: Landed) -> str:
        return self.index.facts(landed.name, landed.identity, lambda name: [arrivals.sha256(self.root.at(name))])[0]

    def work(self, table: str, day: date, names: Iterable[str]) -> Work:
        """What makes a day of a table: of these tables, those that have the day."""
        return Work(table, day, tuple(known for name in names if (known := self.as_input(name, day))))

    def foretell(self, run: Run, partitions_of: Iterable[tuple[str, date]]) -> None:
        """In a dry run: say what would be built, and pretend that it is."""
        for table, day in partitions_of:
            name = partitions.folder(table, day)
            run.events.say("would_build", f"would build {name}", name=name)
            self.plan(table, day)

    def is_made(self, table: str, work: Work) -> bool:
        """Whether the table is built for that day, from these inputs."""
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
        """Build each large piece alone, then all small ones in parallel: memory is bounded, and no thread is idle.

        Each partition is registered as it is published, and returned; a failure is reported, and the rest go on.
        """
        made: list[Manifest] = []
        batches = [*([item] for item in work if not is_small(item)), [item for item in work if is_small(item)]]
        with run.events.progress(label, len(work)) as done:
            for found, error in chain.from_iterable(side_by_side(partial(_attempted, make), some) for some in batches):
                for manifest in found:
                    self.register(run, manifest)
                if error:
                    run.report.fail(error)
                made += found
                done(1)
        return made

    def draft(self, table: str) -> AbstractContextManager[Path]:
        return files.draft(self.root, partitions.drafts_folder(self.root, table))

    def put(self, work: Work, draft: Path, rows: int, counts: Mapping[str, int], **notes: object) -> Manifest:
        """Publish a finished draft. Thread-safe."""
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
        partitions.publish(self.root, manifest, [draft])
        return manifest

    def _recall(self) -> None:
        """Use what an earlier run settled, if nothing has changed since: for its own date, or up to it."""
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
        """Remember that nothing is left to do, keyed by what the run saw at its start: later changes are not lost."""
        facts = {"day": str(self.day), "key": self._key(self.day), "problems": [asdict(each) for each in problems]}
        files.write_changed(self.root, self.root.at(SETTLED), json.dumps(facts, sort_keys=True).encode())

    def _key(self, until: date) -> str:
        """A hash of what a run saw up to a date, without opening a data file, and of what it has built."""
        digest = hashlib.sha256(json.dumps([str(until), VERSIONS, _contracts(), self.policy]).encode())
        for table, offered in self.offered.items():
            last = f"{table}_{until:%Y_%m_%d}~"  # a name that sorts before it has no later day
            seen = [
                name
                for name in sorted(offered)
                if name < last or (arrivals.parse_name(table, name)[1] or date.min) <= until
            ]
            digest.update(_marshalled(seen, map(offered.__getitem__, seen)))
        for table in ALL_TABLES:
            history = self.built(table).seen
            days = sorted(day for day in history if day <= until)  # what this run built late stands last
            digest.update(_marshalled(map(date.toordinal, days), map(history.__getitem__, days)))
        return digest.hexdigest()


def _marshalled(names: Iterable[str | int], identities: Iterable[Identity]) -> bytes:
    """Names, or days as numbers, with their identities. Faster than JSON: every run goes through all of history."""
    return marshal.dumps((list(names), list(identities)), 2)


@cache
def _contracts() -> str:
    """A hash of all contracts, read once per process, as `contract.load` does."""
    return hashlib.sha256(b"".join(path.read_bytes() for path in sorted(HOME.rglob("*.json")))).hexdigest()


def _attempted(make: Callable[[Item], Iterable[Manifest]], item: Item) -> tuple[list[Manifest], JobError | None]:
    """The partitions made of one piece of work, and the error that stopped it, if any."""
    made: list[Manifest] = []
    error = failure_of(lambda: made.extend(make(item)))
    return made, error
