"""Unsafe variants of the program: what the model must catch, or it would prove nothing."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from jobs.protocol import claims, decisions, guards, ingest, notes
from jobs.protocol import ledger as ledgers
from jobs.protocol.notes import Found, Kind
from jobs.protocol.store import FolderStore
from tests.model.replay import LEDGER, ask
from tests.model.things import Bounds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pytest

PAIR = (("monitor", 0), ("train", 1))
CALM = Bounds(starts=PAIR, edits=1, crashes=0, serving=False)
SMALL = Bounds(starts=PAIR, edits=0, crashes=1, reruns=1, serving=False)
RIVALS = Bounds(starts=(("monitor", 0), ("monitor", 2)), edits=1, crashes=0, serving=False)
AGAIN = Bounds(starts=(("monitor", 0), ("monitor", 2)), edits=0, crashes=0, reruns=1, serving=False)
TRAINERS = Bounds(starts=(("train", 1), ("train", 1)), edits=2, crashes=0, together=1, serving=False)


def _blind_replace(patch: pytest.MonkeyPatch) -> None:
    def replace_if(_: FolderStore, name: str, _expected: bytes, data: bytes) -> bool:
        ask("write", data, name)
        return True

    patch.setattr(FolderStore, "replace_if", replace_if)


def _blind_unlink(patch: pytest.MonkeyPatch) -> None:
    def remove_if(_: FolderStore, name: str, _expected: bytes) -> bool:
        ask("unlink", name)
        return True

    patch.setattr(FolderStore, "remove_if", remove_if)


def _claim_blindly(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(claims, "look", lambda *_: Found(Kind.SAME))


def _overrule_people(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(ingest, "PERSON", "nobody")
    patch.setattr(notes, "_obstacles", _without_waiting(notes._obstacles))
    patch.setattr(decisions, "PERSON", "nobody")


def _without_waiting(real: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *given: [found for found in real(*given) if found[0] is not Kind.WAITING]


def _unlocked(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("jobs.protocol.store.fcntl.flock", lambda *_: None)


def _unlocked_with_asides_left(patch: pytest.MonkeyPatch) -> None:
    _unlocked(patch)
    _asides_left(patch)


def _asides_left(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(FolderStore, "finish", lambda _: 0)


def _place_blindly(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(ingest, "_may_place", lambda *_: "placed")


def _claims_forgotten(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(claims, "fail_attempt", lambda desk, *_: ledgers.read(desk.store))


def _guards_unasked(patch: pytest.MonkeyPatch) -> None:
    real = guards.blocked_by
    patch.setattr(claims, "blocked_by", lambda *given: tuple(set(real(*given)) & {"note"}))


def atomic_store(patch: pytest.MonkeyPatch) -> None:
    """What an object store offers: replace and remove in one step, and no lock. No mutant: this must be safe."""

    def swapped(name: str, expected: bytes, data: bytes | None) -> bool:
        return bool(ask("swap", expected, data, name))

    patch.setattr(FolderStore, "hold", _no_hold)
    patch.setattr(FolderStore, "finish", lambda _: 0)
    patch.setattr(FolderStore, "replace_if", lambda _, name, expected, data: swapped(name, expected, data))
    patch.setattr(FolderStore, "remove_if", lambda _, name, expected: swapped(name, expected, None))


def _overwriting(patch: pytest.MonkeyPatch) -> None:
    atomic_store(patch)
    real = FolderStore.put_if_absent

    def put(store: FolderStore, name: str, data: bytes) -> bool:
        return real(store, name, data) if LEDGER not in name else ask("write", data, name) or True

    patch.setattr(FolderStore, "put_if_absent", put)


@contextmanager
def _no_hold(_: FolderStore) -> Iterator[None]:
    yield


MUTANTS: dict[str, tuple[Callable[[pytest.MonkeyPatch], None], Bounds]] = {
    "no put-if-absent": (_overwriting, RIVALS),
    "blind replace": (_blind_replace, RIVALS),
    "blind unlink": (_blind_unlink, CALM),
    "claim without comparing bytes": (_claim_blindly, CALM),
    "machine supersedes a person": (_overrule_people, CALM),
    "without the lock": (_unlocked, AGAIN),
    "without the lock, without finishing asides": (_unlocked_with_asides_left, AGAIN),
    "without finishing asides": (_asides_left, SMALL),
    "place without looking": (_place_blindly, CALM),
    "dead claims forgotten": (_claims_forgotten, SMALL),
    "guards not asked": (_guards_unasked, TRAINERS),
}
