"""Real processes at once on one root: who wins a number, and what becomes of notes while a person edits them."""

from __future__ import annotations

import ctypes
import hashlib
import multiprocessing
import os
import time
from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from jobs.protocol import ledger as ledgers
from jobs.protocol.claims import claim, complete, fail_attempt
from jobs.protocol.files import Root
from jobs.protocol.ingest import begin, place
from jobs.protocol.notes import BLOCKING, Kind, classify
from jobs.protocol.state import PERSON, SERVING, Fact, State
from jobs.protocol.store import QUARANTINE, RETRAINING_NOTE, FolderStore
from tests.protocol.build import (
    MODEL,
    OPEN_RULES,
    OTHER,
    PASSED,
    READY,
    SUNDAY,
    VALID_DAYS,
    desk,
    machine,
    person,
    writer,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from multiprocessing.synchronize import Barrier
    from pathlib import Path

RACERS = 16
_AT_FDCWD, _RENAME_EXCHANGE = -100, 2


def race_for_numbers(folder: Path, rounds: int) -> Counter[int]:
    """How often each racer won; each number was won by one of them, or AssertionError."""
    won = _at_once(folder, [_racer] * RACERS, rounds)
    ledger = ledgers.read(FolderStore(Root(folder)))
    winners = {number: racer for racer, numbers in enumerate(won) for number in map(int, numbers)}
    assert sum(map(len, won)) == len(winners) == len(ledger.entries) == rounds, "a number has two winners, or none"
    for entry in ledger.entries:
        assert entry.body["reason"] == str(winners[entry.seq]), "the entry is another's than the winner's"
    assert ledger.state.ignored == ()
    return Counter(winners.values())


def monitor_trainer_and_editor(folder: Path, turns: int) -> Counter[str]:
    """What the ledger came to hold. The four sentences hold and nothing saved is lost, or AssertionError.

    The editor saves by exchanging files and deletes by moving away, so that it knows for sure which bytes it took out
    itself: all else that it ever saved must be recorded, in quarantine, or in place.
    """
    (folder / "decisions").mkdir()
    *_, acts = _at_once(folder, [_monitor, _monitor, _trainer, _editor], turns)
    saved = {act.removeprefix(b"saved ") for act in acts if act.startswith(b"saved ")}
    taken = {act.removeprefix(b"taken ") for act in acts if act.startswith(b"taken ")}
    store = FolderStore(Root(folder))
    seen = begin(desk(store))
    state, entries = seen.state, ledgers.read(store).entries
    proposals = {entry.seq: entry.body for entry in entries if entry.kind == "proposed"}
    recorded = {body["note"].encode() for body in proposals.values()}
    quarantined = {store.get(f"{QUARANTINE}/{name}") for name in store.list(QUARANTINE)}
    in_place = store.get(RETRAINING_NOTE)
    assert saved <= recorded | quarantined | taken | {in_place}, "a saved note is lost"
    assert {body["note"].encode() for body in proposals.values() if body["source"] == PERSON} <= saved
    _ended_once(state, proposals)
    for entry in entries:
        if entry.kind == "claimed":
            note = proposals[entry.body["decision"]]["note"].encode()
            assert entry.body["note_sha256"] == hashlib.sha256(note).hexdigest()
    kinds = Counter(entry.kind for entry in entries)
    assert kinds["withdrawn"] <= acts.count(b"removed"), "withdrawn, and nobody removed the note"
    found = classify(in_place, state, SUNDAY, VALID_DAYS).kind
    assert found in (Kind.SAME, *BLOCKING) or (found is Kind.ABSENT and state.open is None), found
    assert sorted(name for name in os.listdir(folder / "decisions") if name.startswith(".")) == []
    return kinds + Counter(saved=len(saved), quarantined=len(quarantined))


def _ended_once(state: State, proposals: Mapping[int, Mapping[str, Any]]) -> None:
    ends = [ending.decision.seq for ending in state.ended]
    assert state.ignored == ()
    assert len(ends) == len(set(ends)) == len(proposals) - (state.open is not None)
    for body in proposals.values():
        before = proposals.get(body["supersedes"])
        assert body["source"] == PERSON or before is None or before["source"] != PERSON, "a machine overruled a person"


def _at_once(
    folder: Path, roles: list[Callable[[Path, int, int, Barrier], list[bytes]]], turns: int
) -> list[list[bytes]]:
    context = multiprocessing.get_context("spawn")
    with context.Manager() as manager, context.Pool(len(roles)) as pool:
        start = manager.Barrier(len(roles))
        waiting = [pool.apply_async(role, (folder, number, turns, start)) for number, role in enumerate(roles)]
        return [one.get(600) for one in waiting]


def _racer(folder: Path, number: int, rounds: int, start: Barrier) -> list[bytes]:
    store = FolderStore(Root(folder, durable=False))
    won: list[bytes] = []
    for turn in range(rounds):
        body = {"model_id": (MODEL, OTHER)[turn % 2], "reason": str(number), "pinned": False}

        def first(state: State, turn: int = turn, body: Mapping[str, Any] = body) -> Fact | None:
            return Fact(SERVING, "serving", body) if state.head == turn else None

        start.wait(60)
        _, entry = ledgers.append(store, writer(), first)
        won += [b"%d" % entry.seq] if entry else []
    return won


def _monitor(folder: Path, number: int, turns: int, start: Barrier) -> list[bytes]:
    start.wait(60)
    for turn in range(turns):
        at_desk = desk(FolderStore(Root(folder, durable=False)))
        place(at_desk, machine(reason=f"{number} {turn}"), begin(at_desk))
    return []


def _trainer(folder: Path, _: int, turns: int, start: Barrier) -> list[bytes]:
    """Completes every second claim; gives the others back, or leaves them to itself as a dead trainer would."""
    start.wait(60)
    for turn in range(turns):
        at_desk = desk(FolderStore(Root(folder, durable=False)), job="training_inference")
        if standing := ledgers.read(at_desk.store).state.claim:
            fail_attempt(at_desk, standing.seq, "its trainer is gone")
        begin(at_desk)
        entry = claim(at_desk, OPEN_RULES, READY, "")[1]
        if entry and entry.kind == "claimed":
            time.sleep(0.002)
            if turn % 4 < 2:
                complete(at_desk, entry.seq, PASSED)
            elif turn % 4 == 2:
                fail_attempt(at_desk, entry.seq, "it failed")
    return []


def _editor(folder: Path, _: int, turns: int, start: Barrier) -> list[bytes]:
    """Saves, saves in two halves, deletes; tells what it saved and what it took out."""
    note = folder / RETRAINING_NOTE
    acts: list[bytes] = []
    start.wait(60)
    for turn in range(turns):
        whole = person(comment=str(turn))
        if turn % 5 == 4:
            acts += _remove(note)
        else:
            acts += _save(note, whole[: len(whole) // 2] + b"%d" % turn) if turn % 5 == 2 else []
            time.sleep(0.003)
            acts += _save(note, whole)
        time.sleep(0.004)
    return acts


def _save(note: Path, data: bytes) -> list[bytes]:
    own = note.with_name("own.swp")
    own.write_bytes(data)
    while True:
        if _exchange(own, note):
            acts = [b"saved " + data, b"taken " + own.read_bytes()]
            own.unlink()
            return acts
        with suppress(FileExistsError):
            os.link(own, note)
            own.unlink()
            return [b"saved " + data]


def _remove(note: Path) -> list[bytes]:
    own = note.with_name("own.swp")
    with suppress(FileNotFoundError):
        note.rename(own)
        acts = [b"removed", b"taken " + own.read_bytes()]
        own.unlink()
        return acts
    return []


def _exchange(one: Path, other: Path) -> bool:
    """Give each file the other's name in one step; False where one of them is gone."""
    libc = ctypes.CDLL(None, use_errno=True)
    names = os.fsencode(one), os.fsencode(other)
    if libc.renameat2(_AT_FDCWD, names[0], _AT_FDCWD, names[1], _RENAME_EXCHANGE) == 0:
        return True
    if ctypes.get_errno() != 2:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), str(other))
    return False
