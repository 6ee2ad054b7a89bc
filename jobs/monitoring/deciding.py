"""The note: what monitoring asks for, placed where a person may read it, change it or delete it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from jobs.monitoring.session import Session
from jobs.protocol import files, ingest, notes, status, verdicts
from jobs.protocol.facts import MONITOR
from jobs.protocol.ingest import Seen
from jobs.protocol.store import RETRAINING_NOTE

LOOKS = 3  # at a note that others keep changing
LEFT_ALONE = {
    "person": "a person's decision is open",
    "claim": "training is at work on a decision",
    "changed": "others keep changing it",
    "late": "its last day has passed",
    "insufficient": "too little can be judged",
}


def decide(session: Session) -> None:
    """Begin as every run does; then place the note of the week's verdict, if it has one that says enough.

    Done again it does nothing: the bytes of a verdict's note do not depend on the day of the run.
    """
    seen = ingest.begin(session.desk)
    if seen.backfill:
        return
    verdict = verdicts.read(session.root, session.week)
    if verdict:
        answer = _placed(session, seen, verdict)
        if answer == "placed":
            session.run.report.change(RETRAINING_NOTE, decision=verdict["decision"])
        elif answer in LEFT_ALONE:
            session.run.report.skip(RETRAINING_NOTE, LEFT_ALONE[answer])
    back = verdicts.kept_back(session.root, session.run.day, session.state)
    status.refresh(session.desk, session.unusable, verdict=back)


def _placed(session: Session, seen: Seen, verdict: Mapping[str, Any]) -> str:
    """What became of the note: as `ingest.place` says, or why it was not tried.

    It is dated on the Sunday after the week, on whichever day it is written.
    """
    priority = verdict["priority"]
    sunday = date.fromisoformat(verdict["week"]) + timedelta(days=1)
    last_day = sunday + timedelta(days=session.policy.decision.valid_days[priority or "MEDIUM"])
    if verdict["insufficient_data"]:
        return "insufficient"
    known = [seen.state.open, *(ending.decision for ending in seen.state.ended)]
    is_anew = any(one and (one.source, one.decision_date) == (MONITOR, sunday) for one in known)
    # days made good one by one have their trainings still to come; a week judged anew has had its own
    if last_day < (session.run.today if is_anew else session.run.day):
        return "late"
    path = f"{verdicts.folder(session.week)}/{verdicts.DECISION}"
    fields = {
        "decision_date": sunday.isoformat(),
        "performance_score": verdict["performance_score"],
        "retrain": verdict["decision"] == "retrain",
        "reason": verdict["sentence"],
        **({"priority": priority} if priority else {}),
        "valid_until": last_day.isoformat(),
        "approved_by": None,
        "details": {"path": path, "sha256": files.sha256_of(session.root.at(path))},
    }
    data, answer = notes.retraining_bytes(fields), "changed"
    for look in range(LOOKS):
        seen, answer = ingest.place(session.desk, data, ingest.begin(session.desk) if look else seen)
        if answer != "changed":
            break
    return answer
