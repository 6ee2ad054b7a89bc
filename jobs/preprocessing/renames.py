"""Columns that came or went with a landing file, as beside the file of its table before it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from jobs.protocol.partitions import Manifest

NOTES = ("columns_absent", "columns_unknown")  # of bronze
SHOWN = 5  # names of columns


def change(now: Manifest, before: Manifest | None, eras: Mapping[str, int | None]) -> dict[str, Any]:
    """The columns of the contract that are missing now, others that are new, and which of these may be which of those.

    What a first file lacks, or one of JSON lines, whose rows may leave out what they have no value for, is told only
    where it may be there by another name; what a file of that year cannot have yet, never. Empty if nothing is news.
    """
    then = before.notes if before else {}
    absent, new = ([name for name in now.notes.get(kind, ()) if name not in then.get(kind, ())] for kind in NOTES)
    went = [name for name in absent if (eras.get(name) or 0) <= now.date.year]
    near = ((get_close_matches(name.casefold(), went, 1), name) for name in new)
    renamed = {old[0]: name for old, name in near if old}
    if len(went) == len(new) == 1:
        renamed = {went[0]: new[0]}
    if before is None or now.inputs[0].path.endswith(".jsonl"):
        went = list(renamed)
    return {"missing": went, "unknown": new, "renamed": renamed} if went or new else {}


def said(missing: Sequence[str], unknown: Sequence[str], renamed: Mapping[str, str]) -> str:
    pairs = [f"{old} is {new}" for old, new in renamed.items()]
    parts = (("lacks ", missing), ("has what no contract knows: ", unknown), ("renamed? ", pairs))
    return "; ".join(what + _some(names) for what, names in parts if names)


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")
