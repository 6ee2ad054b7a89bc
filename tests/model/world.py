"""The steps of the modelled world: processes, a person, crashes and days."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from jobs.protocol import ledger as ledgers
from jobs.protocol.errors import JobError
from jobs.protocol.ledger import Ledger, Writer
from jobs.protocol.notes import serving_bytes
from jobs.protocol.state import SERVING, Fact
from jobs.protocol.store import RETRAINING_NOTE, SERVING_NOTE
from tests.model.disk import changed
from tests.model.programs import FIRST, Stage
from tests.model.replay import LEDGER, run
from tests.model.sentences import Violation, check_entry, check_kept, check_settled
from tests.model.things import (
    DAYS,
    HALF,
    MACHINES,
    PERSONS,
    QUIET,
    REMOVED,
    WISHES,
    Bounds,
    Process,
    World,
    edited,
    with_file,
    with_process,
)
from tests.protocol.build import MODEL

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from jobs.protocol.state import State


@dataclass
class Model:
    """The steps of the world. Ledgers are numbered: `ledgers[i]` is the i-th that was met, and its files."""

    bounds: Bounds
    ledgers: list[tuple[Ledger, tuple[bytes, ...]]] = field(default_factory=list)
    numbers: dict[tuple[bytes, ...], int] = field(default_factory=dict)
    wants: dict[Any, Any] = field(default_factory=dict)
    kept: dict[Any, Process] = field(default_factory=dict)

    def first(self) -> World:
        """A model serves, and its note says so."""
        fact = Fact(SERVING, "serving", {"model_id": MODEL, "reason": "first", "pinned": False})
        data = ledgers.entry_bytes(Writer("run", DAYS[0] - timedelta(days=1), "", "", {}), fact, 1, "", "0")
        note = serving_bytes(MODEL, DAYS[0] - timedelta(days=1), "first", pinned=False)
        bounds = self.bounds
        idle = (None,) * len(bounds.starts)
        return World(
            0, self.number((data,)), ((SERVING_NOTE, note),), idle, None, None, bounds.edits, bounds.crashes,
            bounds.reruns + len(bounds.starts), given=frozenset(), removed=False,
        )  # fmt: skip

    def number(self, entries: tuple[bytes, ...]) -> int:
        if entries not in self.numbers:
            before = self.ledgers[self.numbers[entries[:-1]]][0] if len(entries) > 1 else Ledger()
            self.numbers[entries] = len(self.ledgers)
            self.ledgers.append((ledgers.extended(before, entries[-1]), entries))
        return self.numbers[entries]

    def entries(self, number: int) -> tuple[bytes, ...]:
        return self.ledgers[number][1]

    def state(self, world: World) -> State:
        return self.ledgers[world.ledger][0].state

    def steps(self, world: World) -> Iterator[tuple[str, World]]:
        """Every world that can follow."""
        spare = len(world.processes) - self.bounds.together
        for index, (process, (job, due)) in enumerate(zip(world.processes, self.bounds.starts, strict=True)):
            if process is None:
                if world.day >= due and world.reruns and world.processes.count(None) > spare:
                    yield f"{job} {index} starts", self.started(world, index)
                continue
            following = self.stepped(world, index)
            if following is not None:
                yield f"{job} {index}: {self.want(process)[0]}", following
            if world.crashes:
                yield f"{job} {index} is killed", self.ended(world, index)._replace(crashes=world.crashes - 1)
        if world.day + 1 < len(DAYS):
            yield "a day comes", world._replace(day=world.day + 1)
        if world.edits:
            for what, name, data in self.acts(world):
                yield f"a person {what}", self.acted(world, name, data)

    def acts(self, world: World) -> Iterator[tuple[str, str, bytes | None]]:
        """What a person may do to the two notes."""
        files = dict(world.files)
        note, state = files.get(RETRAINING_NOTE), self.state(world)
        saves = {"writes a note": PERSONS, "half-saves": HALF}
        if note is not None and b"decision_id" in note and b"IMMEDIATE" not in note:
            saves["edits the note"] = edited(note)
        for old in {ending.decision.note for ending in state.ended} | {MACHINES[0]}:
            saves[f"restores {old!r}"] = old
        for what, data in saves.items():
            if data != note:
                yield what, RETRAINING_NOTE, data
        if note is not None:
            yield "deletes the note", RETRAINING_NOTE, None
        if self.bounds.serving:
            for wish in WISHES:
                if files.get(SERVING_NOTE) != wish:
                    yield f"chooses {wish!r}", SERVING_NOTE, wish
            if SERVING_NOTE in files:
                yield "deletes the serving note", SERVING_NOTE, None

    def acted(self, world: World, name: str, data: bytes | None) -> World:
        """The world after a person's save or deletion; what it replaces, the person has given up."""
        files = dict(world.files)
        before = files.get(name)
        given = (world.given | ({before} - set(MACHINES) - {None})) - {data}
        standing = self.state(world).open
        removed = standing is not None and data != standing.note if name == RETRAINING_NOTE else world.removed
        after = self.others_disturbed(world, -1)
        return after._replace(files=with_file(files, name, data), removed=removed, given=given, edits=world.edits - 1)

    def started(self, world: World, index: int) -> World:
        job, due = self.bounds.starts[index]
        return self.begun(world, index, job, DAYS[due])

    def begun(self, world: World, index: int, job: str, day: date) -> World:
        stage = Stage(job, FIRST[job], day)
        disturbed = any(world.processes)
        suffix = f"{index}{world.reruns}"
        process = self.process(stage, (), disturbed, None, suffix)
        world = self.others_disturbed(world, index)
        return with_process(world, index, process)._replace(reruns=world.reruns - 1)

    def process(self, *facts: Any) -> Process:
        """The one process of these facts: two worlds are compared by looking whether theirs are the same."""
        if facts not in self.kept:
            self.kept[facts] = Process(*facts)
        return self.kept[facts]

    def moved(self, process: Process, **changes: Any) -> Process:
        names = ("stage", "answers", "disturbed", "looked", "suffix")
        return self.process(*(changes.get(name, getattr(process, name)) for name in names))

    def ended(self, world: World, index: int) -> World:
        """A process is gone, and with it its locks."""
        world = with_process(self.others_disturbed(world, index), index, None)
        lock = None if world.lock == index else world.lock
        return world._replace(lock=lock, training=None if world.training == index else world.training)

    def others_disturbed(self, world: World, index: int) -> World:
        """Whoever else is at work is not alone any more."""
        if not any(other and not other.disturbed for other in world.processes):
            return world
        changed = [
            other and (other if at == index else self.moved(other, disturbed=True))
            for at, other in enumerate(world.processes)
        ]
        return world._replace(processes=tuple(changed))

    def want(self, process: Process) -> Any:
        """The operation that a process wants next; ("end", result) or ("failed", error) where it wants none."""
        if (known := self.wants.get(process)) is not None:
            return known
        key = (process.stage, process.answers, process.suffix)
        if key not in self.wants:
            try:
                op, result = run(process.stage.code(), process.answers, process.suffix, self.entries)
                self.wants[key] = op or ("end", process.stage.then(result))
            except (JobError, OSError) as error:
                self.wants[key] = ("failed", error)
        self.wants[process] = self.wants[key]
        return self.wants[key]

    def stepped(self, world: World, index: int) -> World | None:
        """The world after a process's next operation and the quiet ones after it; None while it must wait."""
        process = world.processes[index]
        assert process is not None
        op = self.want(process)
        if op[0] == "lock" and self.bounds.locked and world.lock is not None:
            return None
        world = self.others_disturbed(world, index)
        while True:
            if op[0] in ("end", "failed"):
                return self.finished(world, index, op)
            world, answer = self.performed(world, index, op)
            process = world.processes[index]
            assert process is not None
            world = with_process(world, index, self.moved(process, answers=(*process.answers, answer)))
            op = self.want(world.processes[index])  # type: ignore[arg-type]
            if op[0] == "end" and op[1] is not None:
                world = with_process(world, index, self.moved(process, stage=op[1], answers=()))
                op = self.want(world.processes[index])  # type: ignore[arg-type]
            if op[0] not in (*QUIET, "end", "failed"):
                return world

    def finished(self, world: World, index: int, op: Any) -> World:
        process = world.processes[index]
        if op[0] == "failed":
            raise Violation(f"a run fails, and nothing failed it: {getattr(op[1], 'what', type(op[1]).__name__)}")
        if process and not process.disturbed and op[0] == "end":
            check_settled(self.state(world), dict(world.files), process)
        return self.ended(world, index)

    def performed(self, world: World, index: int, op: Any) -> tuple[World, Any]:
        """The world after one operation, and its answer."""
        process = world.processes[index]
        assert process is not None
        answer: Any = None
        match op:
            case ("lock",):
                after = world._replace(lock=index if self.bounds.locked else None)
            case ("unlock",):
                after = world._replace(lock=None)
            case ("lock-training",):
                answer = world.training is None
                after = world._replace(training=index) if answer else world
            case ("ledger",):
                after, answer = world, world.ledger
            case ("read", name):
                answer = dict(world.files).get(name)
                gone = REMOVED if answer is None and world.removed else answer
                looked = gone if name == RETRAINING_NOTE else process.looked
                after = with_process(world, index, self.moved(process, looked=looked))
            case ("put" | "write", data, name) if name.startswith(LEDGER):
                after, answer = self.appended(world, process, data, int(name[-13:-5]), over=op[0] == "write")
            case _:
                files, answer, gone = changed(dict(world.files), op)
                after = world if files is None else world._replace(files=files)
                check_kept(self.state(after), after, gone)
        return after, answer

    def appended(self, world: World, process: Process, data: bytes, seq: int, *, over: bool) -> tuple[World, bool]:
        entries = self.ledgers[world.ledger][1]
        if seq <= len(entries):
            if over and data != entries[seq - 1]:
                raise Violation("an entry of the ledger is overwritten")
            return world, False
        after = world._replace(ledger=self.number((*entries, data)))
        entry = self.ledgers[after.ledger][0].entries[-1]
        if entry.kind == "proposed":
            now = dict(after.files).get(RETRAINING_NOTE)
            after = after._replace(removed=now != entry.body["note"].encode())
        check_entry(self.state(world), self.ledgers[after.ledger][0], process)
        return after, True
