"""A root in which a model serves, and the step that writes the note of a week there."""

from __future__ import annotations

import argparse
import hashlib
import json
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from jobs.monitoring.deciding import decide
from jobs.monitoring.retraining import judge
from jobs.monitoring.session import Session
from jobs.protocol import files, ledger, model_bank, policy, policy_in_force, strict_json, verdicts
from jobs.protocol.claims import choose
from jobs.protocol.command import Run
from jobs.protocol.events import Events
from jobs.protocol.files import Root
from jobs.protocol.index import Index
from jobs.protocol.notes import serving_bytes
from jobs.protocol.shelf import Shelf
from jobs.protocol.state import RETRAINING
from jobs.protocol.store import RETRAINING_NOTE, SERVING_NOTE, FolderStore
from tests.monitoring.evidences import WEEK, evidence
from tests.protocol.build import SUNDAY, desk

if TYPE_CHECKING:
    from pathlib import Path

    from jobs.protocol.policy import Policy

RULES = policy.load(None, "policy.json")
DAY = timedelta(days=1)
FIRST = date(2023, 6, 1)
FEW = {"window__rows": 10, "performance__n": 10}


def serving(path: Path) -> Root:
    """One in which a model serves."""
    store, root = FolderStore(Root(path)), Root(path)
    policy_in_force.begin(store, dry_run=False)
    model = model_bank.put(root, FIRST, {"recipe.json": b'{"trees": 1}\n'})
    store.put_if_absent(SERVING_NOTE, serving_bytes(model.model_id, FIRST, "the first", pinned=False))
    choose(desk(store, FIRST, job="training_inference"))
    return root


def judged(root: Root, week: date = WEEK, **changes: Any) -> dict[str, Any]:
    """A week's verdict and evidence, as they lie there."""
    found = evidence(week, **changes)
    found["model"] |= {"model_id": ledger.read(FolderStore(root)).state.model_id}
    data = strict_json.pretty(found)
    sha256 = hashlib.sha256(data).hexdigest()
    name = f"{verdicts.folder(week)}/evidence-{sha256[:12]}.json"
    files.write_whole(root, root.at(name), data)
    cited = {"evidence": {"path": name, "sha256": sha256}, "policy_sha256": RULES.sha256, "previous": None}
    verdict = judge(found, RULES) | cited
    files.write_whole(root, root.at(f"{verdicts.folder(week)}/decision.json"), strict_json.pretty(verdict))
    return verdict


def run(
    root: Root, day: date = SUNDAY, rules: Policy = RULES, wait: Any = lambda _: None, today: date | None = None
) -> Session:
    """One run of the step."""
    of = Run(root, day, today or day, False, Events(), argparse.Namespace(), 0.0)
    at = desk(FolderStore(root), day, wait=wait, today=today or day)
    session = Session(of, at, rules, None, Shelf(root=root, index=Index(root, "monitoring")))
    decide(session)
    return session


def kinds(root: Root) -> list[str]:
    return [entry.kind for entry in ledger.read(FolderStore(root)).entries if entry.topic == RETRAINING]


def note(root: Root) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(root.at(RETRAINING_NOTE).read_bytes())
    return found
