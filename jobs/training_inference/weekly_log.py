"""retraining_log_YYYY_MM_DD.txt, for people: what was trained in the week that starts on that Monday."""

from __future__ import annotations

from datetime import timedelta

from jobs.protocol import files, ledger
from jobs.protocol.facts import Entry
from jobs.training_inference.session import Session


def write(session: Session) -> None:
    """A projection of the ledger: written only where a training ran, and never read by a job."""
    day = session.run.day
    monday = day - timedelta(days=day.weekday())
    trained = [
        entry
        for entry in ledger.read(session.store).entries
        if entry.kind == "completed" and monday <= entry.as_of < monday + timedelta(days=7)
    ]
    if not trained:
        return
    path = session.run.root.at(f"decisions/retraining_log_{monday:%Y_%m_%d}.txt")
    data = "".join(line for entry in trained for line in _lines(entry)).encode()
    if not path.is_file() or path.read_bytes() != data:
        files.write_whole(session.run.root, path, data, mode=0o640)


def _lines(entry: Entry) -> list[str]:
    body = entry.body
    lines = [f"{entry.as_of}  model {body['model_id']}: {body['verdict']} (ledger entry {entry.seq})\n"]
    lines += [f"    {name} {value}\n" for name, value in sorted(body["metrics"].items())]
    return lines + [f"    {reason}\n" for reason in body["reasons"]]
