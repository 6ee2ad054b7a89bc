"""The files of a week: evidence is named by its hash, and a verdict that is replaced is kept."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from datetime import date
from functools import partial
from typing import NamedTuple

from jobs.protocol import files, strict_json, verdicts
from jobs.protocol.command import Run
from jobs.protocol.errors import StoreDamaged
from jobs.protocol.files import Root
from jobs.protocol.strict_json import Json

DIGITS = 12  # of a hash, in a name


class Judged(NamedTuple):
    """A judged week: its current verdict, and the evidence that it cites."""

    week: date
    evidence: Json
    verdict: Json


def put(run: Run, week: date, stem: str, suffix: str, data: bytes) -> Json:
    """Store bytes under their hash, and return the citation for a verdict or evidence."""
    sha256 = hashlib.sha256(data).hexdigest()
    name = f"{verdicts.folder(week)}/{stem}-{sha256[:DIGITS]}.{suffix}"
    if files.write_changed(run.root, run.root.at(name), data):
        run.report.change(name)
    return {"path": name, "sha256": sha256}


def put_verdict(run: Run, week: date, verdict: Json) -> None:
    """Write the verdict, last of all; keep the one that it replaces."""
    name, data = verdicts.name_of(week), strict_json.pretty(verdict)
    before = run.root.at(name).read_bytes() if files.is_file(run.root.at(name)) else data
    if before != data:
        put(run, week, "decision", "json", before)
    if files.write_changed(run.root, run.root.at(name), data):
        run.report.change(name, decision=verdict["decision"], severity=verdict["severity"])


def judged(root: Root, week: date) -> Judged | None:
    """The verdict of a week and the evidence it cites, checked against its hash."""
    verdict = verdicts.read(root, week)
    return Judged(week, evidence_of(root, verdict), verdict) if verdict else None


def evidence_of(root: Root, verdict: Json) -> Json:
    found: Json = json.loads(cited(root, verdict["evidence"]))
    return found


def remembered(run: Run, weeks: Iterable[date]) -> list[Judged]:
    """The judged ones of these weeks; one that is damaged is reported and left out."""
    found: list[Judged | None] = []
    for week in weeks:
        run.attempt(partial(lambda week: found.append(judged(run.root, week)), week))
    return [one for one in found if one]


def cited(root: Root, citation: Json) -> bytes:
    """The bytes that a citation refers to, checked against its hash."""
    path = root.at(citation["path"])
    data = path.read_bytes() if files.is_file(path) else b""
    if hashlib.sha256(data).hexdigest() != citation["sha256"]:
        what = "evidence that a verdict cites is " + ("changed" if data else "missing")
        raise StoreDamaged(what, where=citation["path"], mend=verdicts.LOST)
    return data


def kept_verdict(root: Root, citation: Json) -> Json | None:
    """A verdict by its hash, even if it has since been replaced; None if it is no longer kept."""
    folder = citation["path"].rpartition("/")[0]
    for name in (citation["path"], f"{folder}/decision-{citation['sha256'][:DIGITS]}.json"):
        path = root.at(name)
        if files.is_file(path) and files.sha256_of(path) == citation["sha256"]:
            found: Json = json.loads(files.content(path))
            return found
    return None
