"""`show`, `lint` and `withdraw`: the state of decisions and models, what the next run will do, a person's veto."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import asdict, replace
from datetime import date, timedelta
from typing import Any

from jobs.protocol import circumstances, clock, files, policy_in_force, receipts, status
from jobs.protocol import ledger as ledgers
from jobs.protocol.errors import UsageError, gravest
from jobs.protocol.files import Root
from jobs.protocol.index import Index, day_of, entries
from jobs.protocol.ingest import Desk, desk_of
from jobs.protocol.ingest import withdraw as veto
from jobs.protocol.layers import LABELS
from jobs.protocol.notes import Kind
from jobs.protocol.outlook import Sight, ahead, next_run, printable, survey
from jobs.protocol.shelf import Shelf
from jobs.protocol.store import DECISIONS, FolderStore

SHOWN = 20  # receipts with problems
FIRST = {"preprocessing": "check", "training_inference": "wait", "monitoring": "check"}  # steps


def _desk(root: Root, day: date) -> Desk:
    store = FolderStore(root)
    return desk_of(store, "decisions", day, policy_in_force.read(store)[0] or policy_in_force.last_good(store))


def show(root: Root, options: argparse.Namespace) -> tuple[int, str]:
    """What STATUS.txt would say at this moment, all models that have served, and the runs with problems."""
    sight = sight_of(root, clock.today())
    troubled = list(_troubled(root))[:SHOWN]
    if options.json:
        return 0, _json({**asdict(sight.state), "head_sha256": sight.head, "problems": troubled})
    served = []
    for change in reversed(sight.state.served):
        why = f"{printable(change.reason)}{' (pinned)' if change.pinned else ''}"
        served.append(f"  {change.as_of}   {change.model_id}  {why}, entry {change.seq}")
    row = "  {name}: {what}\n      where: {where}\n      mend:  {mend}"
    until = "RUNS WITH PROBLEMS, each listed until its job runs again for that date"
    sections = {"MODELS THAT SERVED": served, until: [row.format(**one) for one in troubled]}
    more = "".join(f"\n{name}\n" + "\n".join(lines or ["  none"]) + "\n" for name, lines in sections.items())
    return 0, status.text(sight) + more


def lint(root: Root, options: argparse.Namespace) -> tuple[int, str]:
    """What the next run will do with notes and policy as they are; exit 5 if one of them is invalid."""
    today = clock.today()
    sight, later = (_with_circumstances(root, sight_of(root, today + timedelta(days=n))) for n in (0, 1))
    problems = [*map(receipts.Problem.of, sight.problems), *sight.misnamed]
    code = gravest([problem.code for problem in problems])
    now, then = list(next_run(sight)), list(next_run(later))
    if options.json:
        said = {"note": sight.found.kind.value, "problems": [asdict(one) for one in problems]}
        return code, _json({**said, "today": now, "tomorrow": then})
    lines = [f"The retraining note is {sight.found.kind.value}.", *["PROBLEMS"] * bool(problems)]
    lines += [*receipts.in_words(problems).splitlines(), "A run today:", *(f"  - {line}" for line in now)]
    if then != now:
        lines += ["If the next run is tomorrow's:", *(f"  - {line}" for line in then)]
    return code, "\n".join(lines) + "\n"


def withdraw(root: Root, options: argparse.Namespace) -> tuple[int, str]:
    """A person's veto: end the open decision as withdrawn, and remove its note unless somebody has edited it.

    An edited note stays and is mentioned: it may be a colleague's, and no run has read it yet.
    """
    if not options.reason.strip():
        raise UsageError("the reason is empty", where="--reason", mend="say why, in a sentence: the ledger keeps it")
    if not files.is_folder(root.at(DECISIONS)):
        what = "nothing can be withdrawn: no job has run on this root yet"
        raise UsageError(what, where="--root", mend="give the root on which the jobs run")
    desk = _desk(root, clock.today())
    seen, entry = veto(desk, options.reason)
    is_left = seen.found.kind not in (Kind.ABSENT, Kind.CLOSED)
    if entry is None:
        claimed, mend = seen.state.open, "delete the note: no run has recorded it" if is_left else "nothing needs doing"
        why = f"decision {claimed.seq} is claimed: training ends it" if claimed else "no decision is open"
        if claimed:
            mend = "to keep the model that serves, pin it in serving_decision.json"
        raise UsageError(f"nothing can be withdrawn: {why}", where=ledgers.FOLDER, mend=mend)
    lines = [f"decision {seen.state.ended[-1].decision.seq} is withdrawn (ledger entry {entry.seq})"]
    sight = status.refresh(desk)
    if is_left:
        lines += ["Its note was edited and is left in place: delete it if you do not want it either. The next run:"]
        lines += [f"  - {line}" for line in next_run(sight)]
    return 0, "\n".join(lines) + "\n"


def sight_of(root: Root, day: date) -> Sight:
    return survey(_desk(root, day))


def _with_circumstances(root: Root, sight: Sight) -> Sight:
    """Add what the guards need from gold, as of its newest day, if somebody asks for a retraining."""
    policy, state = policy_in_force.read(FolderStore(root))[0], ahead(sight)
    if policy is None or state.open is None or not state.open.retrain:
        return sight
    shelf = Shelf(root=root, index=Index(root, "training_inference"))
    day = max(shelf.days(LABELS, sight.today), default=sight.today)
    return replace(sight, circumstances=circumstances.of(shelf, state, day, policy))


def _troubled(root: Root) -> Iterator[dict[str, Any]]:
    """The open problems, newest dates first. Usage errors are left out: they were reported at once."""
    jobs = [entry.name for entry in entries(root, receipts.HOME)]
    days = [(day_of(one.name, ""), job) for job in jobs for one in entries(root, f"{receipts.HOME}/{job}")]
    for day, job in sorted(((day, job) for day, job in days if day), reverse=True):
        for step, receipt in receipts.latest_by_step(root, job, day, FIRST.get(job, "")).items():
            for problem in (one for one in receipt["problems"] if one["code"] != UsageError.exit_code):
                yield {"name": f"{job} {day}" + ("" if step == "all" else f" {step}"), **problem}


def _json(value: object) -> str:
    return json.dumps(value, indent=2, default=lambda one: one.decode() if isinstance(one, bytes) else str(one)) + "\n"
