"""`explain`: a date's runs, decision, evidence and inputs, and which model scored it and why."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from datetime import date

from jobs.decisions.checking_partitions import folders, manifest_in
from jobs.protocol import files, partitions
from jobs.protocol import ledger as ledgers
from jobs.protocol import receipts as kept
from jobs.protocol.decisions import fold
from jobs.protocol.events import amount
from jobs.protocol.files import Root
from jobs.protocol.index import entries
from jobs.protocol.layers import PREDICTIONS
from jobs.protocol.ledger import Ledger
from jobs.protocol.notes import evidence_of
from jobs.protocol.outlook import end_of, printable
from jobs.protocol.partitions import Input
from jobs.protocol.state import Decision, Entry
from jobs.protocol.status import words_of
from jobs.protocol.store import FolderStore


def explain(root: Root, options: argparse.Namespace) -> tuple[int, str]:
    """Runs, decisions, evidence, the model that scores the date and why, partitions and what they were made from."""
    day: date = options.date
    known = ledgers.read(FolderStore(root))
    standing = fold(known.entries, until=day).open
    if standing and day > standing.valid_until and not standing.claim:
        standing = None  # what the next run records
    sections = {
        f"RUNS FOR {day}": _runs(root, day),
        f"RECORDED FOR {day}": (_recorded(entry) for entry in known.entries if entry.as_of == day),
        f"OPEN ON {day}": _decision(root, standing) if standing else (),
        f"THE MODEL THAT SCORES {day}": _model(root, known, day),
        f"PARTITIONS OF {day}": _partitions(root, day),
    }
    said = ((name, [f"  {line}\n" for line in lines] or ["  none\n"]) for name, lines in sections.items())
    return 0, "\n".join(name + "\n" + "".join(lines) for name, lines in said)


def _runs(root: Root, day: date) -> Iterator[str]:
    for job in entries(root, kept.HOME):
        for step, receipt in kept.latest_by_step(root, job.name, day, changes=True).items():
            yield f"{job.name}, step {step}: exit code {receipt['exit_code']}, {kept.places(receipt['changed'])}"
            for skipped in receipt["skipped"]:
                yield f"  skipped {skipped['what']}: {skipped['why']}"
            for problem in receipt["problems"]:
                yield f"  {problem['what']}; {problem['where']}; mend: {problem['mend']}"


def _recorded(entry: Entry) -> str:
    shown = ("decision", "claim", "source", "verdict", "model_id", "reason", "reasons", "blocked_by", "edited")
    facts = ", ".join(f"{name} {entry.body[name]}" for name in shown if entry.body.get(name))
    return printable(f"entry {entry.seq} {entry.kind} ({entry.run_key}): {facts}")


def _model(root: Root, known: Ledger, day: date) -> Iterator[str]:
    """The model that wrote the day's scores, else the one that served then: a day may be scored later, by another."""
    scored = partitions.read(root, PREDICTIONS, day)
    by_entry = scored.notes.get("ledger_seq") if scored else None
    named = (change for change in known.state.served if change.seq == by_entry)
    if (serving := next(named, known.state.serving_on(day))) is None:
        return
    yield f"{serving.model_id}, by entry {serving.seq} of {serving.as_of}: {printable(serving.reason) or 'chosen'}"
    ending = next((one for one in known.state.ended if one.seq == serving.seq), None)
    if ending and ending.how == "completed":
        body = known.entries[serving.seq - 1].body
        yield f"trained and promoted for {end_of(ending)}; manifest {body['model_sha256']}"
        yield from ("  " + printable(f"{name}: {value}") for name, value in sorted(body["metrics"].items()))
        yield from _decision(root, ending.decision)
    else:
        yield "a person chose it in serving_decision.json"


def _decision(root: Root, decision: Decision) -> Iterator[str]:
    yield f"decision {decision.seq} ({decision.source}, {decision.priority}): {words_of(decision.note)}"
    if given := evidence_of(decision.note):
        yield f"  evidence {_held(root, given)}"


def _partitions(root: Root, day: date) -> Iterator[str]:
    for home in (home for home in folders(root) if home.endswith(f"={day}")):
        if not files.mode_at(root.at(f"{home}/{partitions.MANIFEST}")):
            yield f"{home}: no manifest"
            continue
        manifest = manifest_in(root, home)
        by = "".join(f", {one} {manifest.notes[one]}" for one in ("model_id", "ledger_seq") if one in manifest.notes)
        yield f"{home}: {amount(manifest.rows, 'row')}, content {manifest.content_sha256[:12]}{by}"
        yield from (f"  from {_held(root, given)}" for given in manifest.inputs)


def _held(root: Root, given: Input) -> str:
    """An input, and whether it is still unchanged."""
    name, path = f"{given.path} {given.sha256[:12]}", root.at(given.path)
    if not files.mode_at(root.at(given.path.partition("#")[0])):
        return f"{name}, missing now"
    if files.is_file(path) and files.sha256_of(path) != given.sha256:
        kept = path.with_name(f"{path.stem}-{given.sha256[:12]}{path.suffix}")
        is_whole = files.is_file(kept) and files.sha256_of(kept) == given.sha256
        return f"{name}, replaced since and kept as {kept.name}" if is_whole else f"{name}, changed since"
    if files.is_file(path / partitions.MANIFEST):
        return name if manifest_in(root, given.path).content_sha256 == given.sha256 else f"{name}, changed since"
    return name + (f", {given.partitions} partitions" if given.partitions > 1 else "")
