"""What each process runs: the real functions of ingest and claims, in the order in which the jobs call them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from jobs.protocol import claims, ingest, ledger
from jobs.protocol.claims import Outcome
from jobs.protocol.guards import Circumstances
from jobs.protocol.ingest import Desk, Seen
from jobs.protocol.ledger import Writer
from tests.model.replay import STORE, ask
from tests.protocol.build import VALID_DAYS, machine, rules

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date

    from jobs.protocol.ledger import Ledger

RULES = rules(min_new_rows=0)
READY = Circumstances(note=True, new_rows=0)


@dataclass(frozen=True)
class Stage:
    """A piece of a run that starts from nothing but these values, and what follows from its result."""

    job: str  # "monitor" or "train"
    name: str
    day: date
    args: tuple[Any, ...] = ()

    def code(self) -> Callable[[], Any]:
        desk = Desk(STORE, Writer("run", self.day, "", "", {}), VALID_DAYS, lambda _: None, lambda _: ask("wait"))
        return lambda: _CODE[self.name](desk, *self.args)

    def then(self, result: Any) -> Stage | None:
        name_and_args = _THEN[self.name](result)
        return Stage(self.job, name_and_args[0], self.day, name_and_args[1:]) if name_and_args else None


def _recover(desk: Desk) -> Ledger | None:
    """The trainer's lock, then the claim of a trainer that died: its lock is free, for we hold it."""
    if not ask("lock-training"):
        return None
    ingest.settle(desk)
    known = ledger.read(STORE)
    if known.state.is_backfill(desk.writer.as_of):
        return None
    dead = known.state.claim
    return claims.fail_attempt(desk, dead.seq, "its trainer died") if dead else known


def _claim(desk: Desk) -> int | None:
    seen, entry = claims.claim(desk, RULES, READY, "")
    return seen.state.claim.seq if entry and seen.state.claim else None


def _complete(desk: Desk, seq: int) -> None:
    model_id = f"{desk.writer.as_of:%Y%m%d}-{seq:012x}"
    outcome = Outcome(promote=True, model_id=model_id, model_sha256="0" * 64)
    claims.complete(desk, seq, outcome)


_note = cache(machine)


def _place(desk: Desk, seen: Seen) -> str:
    return ingest.place(desk, _note(desk.writer.as_of), seen)[1]


_CODE: dict[str, Callable[..., Any]] = {
    "begin": ingest.begin,
    "place": _place,
    "ingest": ingest.ingest,
    "recover": _recover,
    "choose": claims.choose,
    "open": ingest.begin,
    "claim": _claim,
    "complete": _complete,
}
_THEN: dict[str, Callable[[Any], tuple[Any, ...] | None]] = {
    "begin": lambda seen: ("place", seen),
    "place": lambda answer: ("ingest",) if answer == "changed" else None,
    "ingest": lambda _: None,
    "recover": lambda known: ("choose",) if known is not None else None,
    "choose": lambda _: ("open",),
    "open": lambda _: ("claim",),
    "claim": lambda seq: ("complete", seq) if seq else None,
    "complete": lambda _: None,
}
FIRST = {"monitor": "begin", "train": "recover"}
