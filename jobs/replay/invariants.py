"""What must be true of any root after any mishaps: every day scored, each decision ended once, no future read."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from jobs.protocol import ledger, partitions
from jobs.protocol.files import Root
from jobs.protocol.index import Index
from jobs.protocol.shelf import Shelf
from jobs.protocol.store import FolderStore


def broken(root: Root, first: date, last: date) -> list[str]:
    """Every invariant that does not hold, in words."""
    return [*_of_decisions(root, first, last), *_of_the_future(root)]


def _of_decisions(root: Root, first: date, last: date) -> Iterator[str]:
    shelf, known = Shelf(root=root, index=Index(root, "replay")), ledger.read(FolderStore(root))
    scored, state = shelf.built("gold/predictions"), known.state
    missing = [day for day in shelf.built("gold/feature_store") if first <= day <= last and day not in scored]
    if missing and state.serving:
        yield f"{len(missing)} days have features and no scores, the first {min(missing)}"
    ended = [ending.decision.seq for ending in state.ended]
    seen = {*ended} | ({state.open.seq} if state.open else set())
    proposed = {entry.seq for entry in known.entries if entry.kind == "proposed"} - {*state.ignored}
    if len({*ended}) < len(ended):
        yield "a decision ended twice"
    if proposed != seen:
        yield f"decisions that were lost: {sorted(proposed ^ seen)}"
    if state.ignored:
        yield f"ledger entries that could not be: {state.ignored}"


def _of_the_future(root: Root) -> Iterator[str]:
    """No partition rests on a later day."""
    for table in ("gold/feature_store", "gold/label_store", "gold/predictions"):
        for path in root.at(f"datamart/{table}").glob("snapshot_date=*/_manifest.json"):
            manifest = partitions.parse(path.read_bytes(), where=root.name_of(path))
            for given in manifest.inputs:
                day = given.path.rpartition("snapshot_date=")[2]
                if len(day) == len("2016-01-01") and day > manifest.date.isoformat():
                    yield f"{root.name_of(path)} rests on {given.path}"
