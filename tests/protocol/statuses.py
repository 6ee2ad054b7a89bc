"""What STATUS.txt says of a store, and how it comes to have something to say."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from jobs.protocol import status
from jobs.protocol.claims import claim, complete
from jobs.protocol.ingest import begin, place
from jobs.protocol.outlook import survey
from jobs.protocol.store import FolderStore
from tests.protocol.build import MODEL, OPEN_RULES, OTHER, PASSED, READY, SUNDAY, desk, machine

if TYPE_CHECKING:
    from datetime import date

    from jobs.protocol.ingest import Desk


def path(store: FolderStore, name: str) -> Path:
    return store.root.at(name)


def usable(model_id: str) -> str | None:
    return None if model_id in (MODEL, OTHER) else "it is not there"


def told(store: FolderStore, day: date = SUNDAY, verdict: str = "") -> str:
    """The text, with its lines joined again as far as they belong together."""
    said = status.text(replace(survey(desk(store, day, unusable=usable)), verdict=verdict))
    assert all(len(line) <= 80 for line in said.splitlines())
    assert said.isascii()
    return " ".join(said.split())


def proposed(store: FolderStore, note: bytes) -> Desk:
    at_desk = desk(store)
    place(at_desk, note, begin(at_desk))
    return at_desk


def trained(store: FolderStore, *, promote: bool = True) -> None:
    at_desk = proposed(store, machine())
    _, entry = claim(at_desk, OPEN_RULES, READY, "")
    assert entry
    complete(at_desk, entry.seq, replace(PASSED, promote=promote))
