"""The smallest root on which monitoring does all its work: a week is judged and told, and another one is not yet.

So the note of the week before is exchanged, episodes that were told are told again, and their files are brought up.
"""

from __future__ import annotations

import json
import re
from datetime import date, timedelta
from typing import TYPE_CHECKING

from jobs.monitoring import job
from jobs.protocol import ingest, ledger
from jobs.protocol.errors import JobError
from jobs.protocol.files import DRAFT, Root
from jobs.protocol.folder import ASIDE
from jobs.protocol.store import FolderStore, quarantine_name
from jobs.training_inference import job as scoring
from tests.prove import system_calls, training

if TYPE_CHECKING:
    from pathlib import Path

BEFORE = date(2015, 10, 25)  # the Sunday after the last scores
SUNDAY = BEFORE + timedelta(days=7)
WEEK = SUNDAY - timedelta(days=1)
POLICY = training.POLICY | {"drift": {"n_min": 100}, "alerts": {"renotify_days": 7}}
COUNTED = ("datamart/gold/monitoring/", "datamart/gold/reports/", "decisions/")
BY_RUN = ("decisions/ledger/", "decisions/receipts/", "decisions/alerts/outbox/")  # numbers, times, hashes of both
OUTBOX = "decisions/alerts/outbox"
HEAD = re.compile(rb"(entry )\d+|(sha256 )[0-9a-f]{64}|(Message: )[0-9a-f]{32}")


def land(root: Path) -> None:
    """Scores of two days of a week that has its verdict, its note and its message."""
    training.cold(root)
    (root / "decisions/policy.json").write_text(json.dumps(POLICY))
    looks, ingest.BETWEEN_LOOKS = ingest.BETWEEN_LOOKS, 0.0
    try:
        for day in (training.EARLIER, training.LAST):
            assert scoring.main(["--root", str(root), "--date", str(day)]) == 0
        assert job.main(["--root", str(root), "--date", str(BEFORE)]) == 0
    finally:
        ingest.BETWEEN_LOOKS = looks


def argv(root: Path) -> list[str]:
    return system_calls.command("monitoring", root, "--date", str(SUNDAY))


def observed(root: Path) -> system_calls.Tree:
    """Evidence, verdicts, reports, notes, alerts and the fold, but for numbers of entries, times and processes.

    A run that died between placing its note and removing the one before, taken aside, leaves that to the next: it keeps
    the bytes in quarantine, for they might have been a person's. That is allowed.
    """
    try:
        known = ledger.read(FolderStore(Root(root)))
    except JobError as error:
        return {"ledger": error.what}
    kept = tuple(quarantine_name(ending.decision.note) for ending in known.state.ended)
    seen = {"ledger": training.told(known), "check": training.checked(root), "outbox": _outbox(root)}
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        if path.is_file() and name.startswith(COUNTED) and not name.startswith((*BY_RUN, *kept)):
            is_told = path.parent.name == "alerts" and path.suffix == ".txt"
            seen[name] = HEAD.sub(rb"\1\2\3", path.read_bytes()).decode() if is_told else training.hashed(path)
    left = [path for path in root.rglob("*") if path.name.startswith((DRAFT, ASIDE))]
    return seen | {f"left: {path.relative_to(root)}": "" for path in left}


def _outbox(root: Path) -> str:
    """Every message, and by which ways it went; the head of the ledger in it is another each time."""
    told = []
    for path in sorted((root / OUTBOX).glob("*.json")):
        content = json.loads(path.read_bytes())
        for message in content["messages"]:
            message["text"] = HEAD.sub(rb"\1\2\3", message["text"].encode()).decode()
        ways = [(one["channel"], one["message"], bool(one["delivered"])) for one in content.pop("deliveries")]
        told.append([content, ways])
    return json.dumps(told)


SUBJECT = system_calls.Subject("monitoring", land, argv, observed)
