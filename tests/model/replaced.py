"""The protocol that was replaced, modelled to show that the method finds what is wrong with it.

Monitoring writes the note in place. Training reads it, honours it only in the ISO week of its date, trains, deletes
whatever note is there, also when it skipped, and writes a line of log that says it trained.
"""

from __future__ import annotations

from collections import Counter, deque
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

WEEK_OF = {"M0": 0, "P0": 0, "M1": 1, "P1": 1}  # what a note says: a machine's or a person's wish, of this ISO week


class Trainer(NamedTuple):
    at: str = "idle"  # idle, read, train, clear, log, done
    read: str = ""


class World(NamedTuple):
    week: int = 0
    note: str = ""
    monitors: tuple[str, ...] = ("idle", "idle")
    trainers: tuple[Trainer, ...] = (Trainer(), Trainer())
    trained: tuple[tuple[int, str], ...] = ()  # the week, and the decision that was carried out
    logged: int = 0
    edits: int = 1
    crashes: int = 1
    lost: bool = False


def search(*, sunday_to_monday: bool) -> tuple[int, Counter[str]]:
    """Visit every world; count those in which something is wrong. With the calendar of the schedule, training runs on
    Monday, which is the ISO week after the Sunday on which monitoring wrote."""
    first = World()
    seen, queue = {first}, deque([first])
    found: Counter[str] = Counter()
    while queue:
        world = queue.popleft()
        found.update(wrongs(world))
        for after in steps(world, 1 if sunday_to_monday else 0):
            if after not in seen:
                seen.add(after)
                queue.append(after)
    return len(seen), found


def wrongs(world: World) -> Iterator[str]:
    decisions = Counter(decision for _, decision in world.trained)
    weeks = Counter(week for week, _ in world.trained)
    if any(count > 1 for count in decisions.values()):
        yield "a decision is consumed twice"
    if any(count > 1 for count in weeks.values()):
        yield "two retrainings in a week"
    if world.lost:
        yield "a decision or an edit is lost"
    if world.logged > len(world.trained):
        yield "the log tells of a training that never was"
    if world.trained:
        yield "a decision is honoured"


def steps(world: World, shift: int) -> Iterator[World]:
    if world.week == 0:
        yield world._replace(week=1)
    for index, at in enumerate(world.monitors):
        yield from _monitored(world, index, at)
    for index, trainer in enumerate(world.trainers):
        yield from _trained(world, index, trainer, shift)
    if world.edits:
        yield world._replace(note=f"P{world.week}", edits=world.edits - 1)
        yield world._replace(note="", edits=world.edits - 1)


def _monitored(world: World, week: int, at: str) -> Iterator[World]:
    """In place: first the file is emptied, whatever it held, then it is written."""
    if at == "idle" and world.week >= week:
        yield _monitor(world, week, "open")._replace(note="half", lost=world.lost or world.note.startswith("P"))
    if at == "open":
        yield _monitor(world, week, "done")._replace(note=f"M{week}")
        if world.crashes:
            yield _monitor(world, week, "done")._replace(crashes=world.crashes - 1)


def _trained(world: World, index: int, trainer: Trainer, shift: int) -> Iterator[World]:
    if trainer.at == "idle" and world.week >= index:
        yield _trainer(world, index, Trainer("read", world.note))
    if trainer.at == "read":
        honoured = WEEK_OF.get(trainer.read) == world.week + shift
        yield _trainer(world, index, trainer._replace(at="train" if honoured else "clear"))
    if trainer.at == "train":
        done = (*world.trained, (world.week, trainer.read))
        yield _trainer(world, index, trainer._replace(at="clear"))._replace(trained=done)
        yield _trainer(world, index, trainer._replace(at="clear"))  # it failed, and that was not looked at
    if trainer.at == "clear":
        unheeded = world.note in WEEK_OF and all(world.note != decision for _, decision in world.trained)
        lost = world.lost or unheeded
        yield _trainer(world, index, trainer._replace(at="log"))._replace(note="", lost=lost)
    if trainer.at == "log":
        told = 1 if trainer.read in WEEK_OF else 0
        yield _trainer(world, index, trainer._replace(at="done"))._replace(logged=world.logged + told)
    if trainer.at not in ("idle", "done") and world.crashes:
        yield _trainer(world, index, Trainer())._replace(crashes=world.crashes - 1)


def _monitor(world: World, index: int, at: str) -> World:
    return world._replace(monitors=(*world.monitors[:index], at, *world.monitors[index + 1 :]))


def _trainer(world: World, index: int, trainer: Trainer) -> World:
    return world._replace(trainers=(*world.trainers[:index], trainer, *world.trainers[index + 1 :]))
