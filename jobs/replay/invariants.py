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
    return [*_unscored(root, first, last), *_decisions(root), *_future(root)]


def _unscored(root: Root, first: date, last: date) -> Iterator[str]:
    shelf = Shelf(root=root, index=Index(root, "replay"))
    scored = shelf.built("gold/predictions")
    missing = [day for day in shelf.built("gold/feature_store") if first <= day <= last and day not in scored]
    if missing and ledger.read(FolderStore(root)).state.serving:
        yield f"{len(missing)} days have features and no scores, the first {min(missing)}"


def _decisions(root: Root) -> Iterator[str]:
    known = ledger.read(FolderStore(root))
    ended = [ending.decision.seq for ending in known.state.ended]
    standing = {known.state.open.seq} if known.state.open else set()
    proposed = {entry.seq for entry in known.entries if entry.kind == "proposed"} - set(known.state.ignored)
    if len(set(ended)) < len(ended):
        yield "a decision ended twice"
    if proposed != set(ended) | standing:
        yield f"decisions that were lost: {sorted(proposed ^ (set(ended) | standing))}"
    if known.state.ignored:
        yield f"ledger entries that could not be: {known.state.ignored}"


def _future(root: Root) -> Iterator[str]:
    """No partition rests on a later day."""
    for table in ("gold/feature_store", "gold/label_store", "gold/predictions"):
        for path in root.at(f"datamart/{table}").glob("snapshot_date=*/_manifest.json"):
            manifest = partitions.parse(path.read_bytes(), where=root.name_of(path))
            for given in manifest.inputs:
                day = given.path.rpartition("snapshot_date=")[2]
                if len(day) == len("2016-01-01") and day > manifest.date.isoformat():
                    yield f"{root.name_of(path)} rests on {given.path}"
