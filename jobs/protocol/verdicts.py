"""Where monitoring keeps its verdict on each week, and how other jobs may read it."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from datetime import date
from functools import partial
from typing import Any

from jobs.protocol import schemas, strict_json
from jobs.protocol.errors import READ, ConfigInvalid, JobError, StoreDamaged
from jobs.protocol.files import Root
from jobs.protocol.index import WEEK, day_of, identities
from jobs.protocol.state import DATA_QUALITY, State
from jobs.protocol.store import FolderStore

MONITORING = "datamart/gold/monitoring"
DECISION = "decision.json"
LOST = (
    "restore it from a backup; or delete the week's folder and run monitoring for the Sunday after it: with the same "
    "model, policy and tables it comes back the same; otherwise a decision that cites it stays without its evidence"
)


def folder(week: date) -> str:
    """The folder of a week, named by its Saturday, relative to the root."""
    return f"{MONITORING}/{WEEK}{week.isoformat()}"


def name_of(week: date) -> str:
    """The verdict of a week, relative to the root."""
    return f"{folder(week)}/{DECISION}"


def weeks(root: Root, until: date) -> list[date]:
    """The weeks up to a date that have a verdict, oldest first."""
    named = identities(root, MONITORING, lambda name: day_of(name, WEEK), f"/{DECISION}")
    return [week for name in named if (week := day_of(name, WEEK)) and week <= until]


def read(root: Root, week: date) -> dict[str, Any] | None:
    name = name_of(week)
    data = FolderStore(root).get(name)
    if data is None:
        return None
    try:
        found: dict[str, Any] = strict_json.parse(data, where=name)
        if absent := set(schemas.document("verdict")["required"]) - found.keys():
            raise StoreDamaged(f"the verdict lacks {min(absent)}", where=name, mend=LOST)
    except (ConfigInvalid, AttributeError) as error:
        raise StoreDamaged("the verdict cannot be read", where=name, mend=LOST) from error
    READ[name] = partial(schemas.broken, "verdict", found, name, LOST)
    return found


def until(root: Root, day: date, tell: Callable[[JobError], None] | None = None) -> list[dict[str, Any]]:
    """The verdicts on the weeks up to a date, oldest first; one that is damaged is told of and left out."""
    found = []
    for week in weeks(root, day):
        try:
            found.append(read(root, week))
        except StoreDamaged as damage:
            if tell is None:
                raise
            tell(damage)
    return [verdict for verdict in found if verdict]


def kept_back(root: Root, until: date, state: State) -> str:
    """The newest verdict on the serving model, in words, if something keeps it from becoming the open decision."""
    newest = None
    with suppress(StoreDamaged):  # whoever needs it reports it; all else that STATUS.txt says does not wait for that
        newest = _newest(root, until) if state.open else None
    if newest is None or state.open is None or newest["model_id"] != state.model_id:
        return ""
    is_told = json.dumps(newest["sentence"]).encode() in state.open.note
    return "" if is_told else str(newest["sentence"])


def blocks_training(root: Root, until: date) -> bool:
    """Whether the newest week found the data too poor to train on."""
    newest = _newest(root, until)
    return newest is not None and DATA_QUALITY in newest["blocked_by"]


def _newest(root: Root, until: date) -> dict[str, Any] | None:
    known = weeks(root, until)
    return read(root, known[-1]) if known else None
