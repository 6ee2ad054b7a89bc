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
from jobs.protocol.command import REPLAY_CLOCK
from jobs.protocol.errors import JobError
from jobs.protocol.files import DRAFT, Root
from jobs.protocol.folder import ASIDE
from jobs.protocol.store import RETRAINING_NOTE, FolderStore, quarantine_name
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
HEAD = re.compile(rb"(entry:? )\d+|(sha256 )[0-9a-f]{64}|(Message: )[0-9a-f]{32}")


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


def on_its_sunday(root: Path) -> None:
    """The same on a clock that stands at the run's tick: long after it, a week judged anew would get no note."""
    root.mkdir()
    (root / REPLAY_CLOCK).write_text(f"{SUNDAY}T06:00:00+00:00\n")
    land(root)


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


def concluded(root: Path) -> system_calls.Tree:
    """What is concluded of the week in the end: verdict, its evidence and report, and what the note asks for.

    Where a read fails, a section is unknown in a verdict that is kept and told; the next run adds one that is whole.
    So copies of verdicts, messages and the ledger's numbers are others than without the failure.
    """
    seen = observed(root)
    verdict = f"datamart/gold/monitoring/week={WEEK}/decision.json"
    names = ["check", verdict, *(name for name in seen if name.startswith(("datamart/gold/reports/", "left: ")))]
    if verdict in seen:
        names.append(json.loads((root / verdict).read_bytes())["evidence"]["path"])
    note = json.loads((root / RETRAINING_NOTE).read_bytes()) if RETRAINING_NOTE in seen else {}
    asked = {name: str(note.get(name)) for name in ("decision_date", "retrain", "performance_score", "reason")}
    return {name: seen.get(name, "") for name in names} | asked


SUBJECT = system_calls.Subject("monitoring", land, argv, observed)
READ = system_calls.Subject("monitoring", on_its_sunday, argv, concluded)
