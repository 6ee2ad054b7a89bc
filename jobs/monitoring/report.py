"""The weekly report: a verdict and everything it is based on, in one self-contained page."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import date, timedelta

import polars as pl

from jobs.monitoring import delivering, panels, storing, weeks
from jobs.monitoring.lookup import at
from jobs.monitoring.page import Cell, Table, cell, decided, template
from jobs.monitoring.panels import Shown
from jobs.monitoring.storing import Judged
from jobs.protocol import files, ledger, policy_in_force, verdicts
from jobs.protocol.errors import JobError, StoreDamaged
from jobs.protocol.files import Root
from jobs.protocol.store import FolderStore
from jobs.protocol.strict_json import Json

INDEX = f"{weeks.REPORTS}/index.html"
EARLIER = 12  # earlier weeks that the page shows


def write(root: Root, week: date, tell: Callable[[JobError], None] | None = None) -> list[str]:
    """Write the report of a judged week, and the page of all weeks; return those that are new or changed.

    Verdicts on other weeks that are damaged are told of and left out.
    """
    store, now = FolderStore(root), storing.judged(root, week)
    if now is None:
        raise StoreDamaged("the week has no verdict", where=verdicts.folder(week), mend="run monitoring for it first")
    earlier = verdicts.until(root, week - timedelta(days=1), tell)
    judged = [*(_earlier(root, verdict) for verdict in earlier[-EARLIER:]), now]
    bins: dict[str, list[Json]] = {}
    for row in _beside(root, now, "bins"):
        bins.setdefault(row["subject"], []).append(row)
    since = judged[0].week - timedelta(days=6)  # no entry after the week, so that the page can be made again unchanged
    shown = Shown(
        weeks=judged,
        policy=policy_in_force.kept(store, now.verdict["policy_sha256"]) or policy_in_force.last_good(store),
        entries=[entry for entry in ledger.read(store).entries if since <= entry.as_of <= week],
        alerts=delivering.standing(store, [*earlier, now.verdict]),  # they may be older than the weeks shown
        bins=bins,
        curves=_beside(root, now, "vintages"),
    )
    sha256 = files.sha256_of(root.at(verdicts.name_of(week)))
    pages = {INDEX: _index(root, week, tell), weeks.report_of(week): report(shown, sha256)}
    for name in pages:
        files.sweep(root.at(name).parent)
    # the report last: if it is there, everything is done
    return [name for name, text in pages.items() if files.write_changed(root, root.at(name), text.encode())]


def report(shown: Shown, sha256: str = "") -> str:
    """The page about the last of these weeks; `sha256` is the hash of its verdict, printed on the page."""
    return template("report.html.j2").render(of=shown, panels=list(panels.sections(shown)), sha256=sha256)


def _earlier(root: Root, verdict: Json) -> Judged:
    """An earlier week, without its evidence if that is damaged or gone."""
    evidence: Json = {}
    with suppress(StoreDamaged):
        evidence = storing.evidence_of(root, verdict)
    return Judged(date.fromisoformat(verdict["week"]), evidence, verdict)


def _beside(root: Root, week: Judged, name: str) -> list[Json]:
    """The rows of a table stored beside the evidence: `bins` or `vintages`."""
    citation = at(week.evidence, f"files.{name}")
    return pl.read_parquet(storing.cited(root, citation)).to_dicts() if citation else []


def _index(root: Root, week: date, tell: Callable[[JobError], None] | None = None) -> str:
    """The page that lists all weeks, including this one."""
    rows = []
    for verdict in reversed(verdicts.until(root, date.max, tell)):
        day = date.fromisoformat(verdict["week"])
        score = verdict["performance_score"]
        kind = "none" if score is None else "estimated" if verdict["estimated"] else "realised"
        link = f"week={day}/report.html" if day == week or files.is_file(root.at(weeks.report_of(day))) else ""
        named = [Cell(str(verdict[key] or "none")) for key in ("severity", "priority", "model_id")]
        cells = [decided(verdict), *named, cell(score), Cell(kind), Cell(verdict["sentence"])]
        rows.append([Cell(str(day), link=link), *cells])
    heads = ("week to", "decision", "severity", "priority", "model", "AUC", "AUC basis", "verdict")
    return template("index.html.j2").render(weeks=Table("Weeks, models and decisions, the newest first", heads, rows))
