"""The page a person looks at: a week's verdict and all it rests on, in one file that needs nothing else."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from functools import cache
from importlib import resources

import jinja2
import polars as pl
from markupsafe import Markup

from jobs.monitoring import delivering, drift_panels, outcome_panels, panels
from jobs.monitoring.page import NOT_COMPUTED, Cell, Json, Panel, Shown, Week, cell, decided, part
from jobs.protocol import files, ledger, policies, policy, strict_json, verdicts
from jobs.protocol.errors import StoreDamaged
from jobs.protocol.files import Root
from jobs.protocol.policy import Policy
from jobs.protocol.store import FolderStore

REPORTS = "datamart/gold/reports"
INDEX = f"{REPORTS}/index.html"
EARLIER = 12  # weeks before this one that the page shows
_PANELS: tuple[tuple[str, str, str, Callable[[Shown], Panel]], ...] = (  # each with the section it cannot do without
    ("verdict", "Verdict and reasons", "", panels.verdict),
    ("scores", "Scores: distribution and stability", "drift", drift_panels.scores),
    ("features", "Features: drift over the weeks", "drift", drift_panels.features),
    ("ranking", "Ranking: ROC and KS", "performance", outcome_panels.ranking),
    ("calibration", "Calibration: reliability and grades", "calibration", outcome_panels.calibration),
    ("vintages", "Vintages and target", "vintages", outcome_panels.vintages),
    ("estimate", "Estimated performance and its track record", "estimate", outcome_panels.estimate),
    ("quality", "Data quality", "quality", panels.quality),
    ("timeline", "Timeline of decisions and models", "", panels.timeline),
    ("appendix", "Appendix", "", panels.appendix),
)


def name_of(week: date) -> str:
    """Where the report of a week lies, relative to the root."""
    return f"{REPORTS}/week={week.isoformat()}/report.html"


def write(root: Root, week: date) -> list[str]:
    """Write the report of a judged week, and the page of all weeks; return those that are new or changed."""
    store, known = FolderStore(root), verdicts.weeks(root, week)[-1 - EARLIER :]
    weeks = [_week(store, one) for one in known]
    if not weeks or weeks[-1].name != week.isoformat():
        raise StoreDamaged("the week has no verdict", where=verdicts.folder(week), mend="run monitoring for it first")
    now = weeks[-1]
    if not now.evidence:
        where = now.verdict["evidence"]["path"]
        raise StoreDamaged("the evidence of the verdict is gone", where=where, mend=verdicts.LOST)
    bins: dict[str, list[Json]] = {}
    for row in _beside(root, now, "bins"):
        bins.setdefault(row["subject"], []).append(row)
    since = known[0] - timedelta(days=6)  # and none of later days, so that a page made again is the same
    shown = Shown(
        weeks=weeks,
        policy=_policy(store, now),
        entries=[entry for entry in ledger.read(store).entries if since <= entry.as_of <= week],
        alerts=delivering.standing(store, [one.verdict for one in weeks]),
        bins=bins,
        vintages=_beside(root, now, "vintages"),
    )
    pages = {INDEX: _index(root, week), name_of(week): report(shown)}  # the report last: it says that all is done
    return [name for name, text in pages.items() if _put(root, name, text)]


def report(shown: Shown) -> str:
    """The page of the last of these weeks."""
    built = [_built(shown, *panel) for panel in _PANELS]
    top = {"headline": panels.headline(shown.now), "changes": panels.changes(shown.weeks)}
    return template("report.html.j2").render(page=page(), week=shown.now, panels=built, **top)


def _built(shown: Shown, id_: str, title: str, section: str, build: Callable[[Shown], Panel]) -> Panel:
    """A panel with its pictures; one that cannot be made says so, and the others are still there."""
    found = shown.now.evidence.get(section) if section else {}
    if found is None:
        return Panel(id=id_, title=title, state=NOT_COMPUTED, lead="This was not computed for this week.")
    lead = f"This could not be computed, and counts as unknown: {found.get('unknown')}."
    try:
        if "unknown" not in found:
            return replace(build(shown), id=id_, title=title).drawn(f"{shown.now.name.replace('-', '')}n")
    except Exception as error:  # noqa: BLE001 - a page with one hole is better than none
        lead = f"This part of the evidence could not be shown: {type(error).__name__}."
    return Panel(id=id_, title=title, state="unknown", lead=lead)


def _week(store: FolderStore, day: date) -> Week:
    """A week with the evidence that its verdict cites; without, where that is not kept any more."""
    name = f"{verdicts.folder(day)}/{verdicts.DECISION}"
    verdict: Json = verdicts.read(store.root, day) or {}  # listed a moment ago
    cited, sha256 = verdict["evidence"], files.sha256_of(store.root.at(name))
    data = store.get(cited["path"])
    if data is None:
        return Week(day.isoformat(), verdict, {}, sha256)
    if hashlib.sha256(data).hexdigest() != cited["sha256"]:
        what = "the evidence is not what its verdict was made from"
        raise StoreDamaged(what, where=cited["path"], mend=verdicts.LOST)
    return Week(day.isoformat(), verdict, strict_json.parse(data, where=cited["path"]), sha256)


def _beside(root: Root, week: Week, name: str) -> list[Json]:
    """The rows of a table beside the evidence: bins of every subject, or curves of the vintages."""
    path = part(week.evidence, f"files.{name}.path")
    return pl.read_parquet(root.at(path)).to_dicts() if path and root.at(path).is_file() else []


def _policy(store: FolderStore, week: Week) -> Policy:
    """The policy that the week was judged by, from the copies that are kept of each."""
    name = f"{policies.KEPT}/{week.verdict['policy_sha256'][:12]}.json"
    data = store.get(name, policy.MAX_BYTES)
    return policy.load(data, name) if data is not None else policies.last_good(store)


def _index(root: Root, week: date) -> str:
    """The page of all weeks, when this one is reported."""
    rows = []
    for day in reversed(verdicts.weeks(root, date.max)):
        if (verdict := verdicts.read(root, day)) is None:
            continue
        score = verdict["performance_score"]
        kind = "none" if score is None else "estimated" if verdict["estimated"] else "realised"
        judged = [Cell(str(verdict[key] or "none")) for key in ("severity", "priority", "model_id")]
        cells = [decided(verdict), *judged, cell(score), Cell(kind), Cell(verdict["sentence"])]
        reported = day == week or root.at(name_of(day)).is_file()
        rows.append({"name": day.isoformat(), "verdict": verdict, "reported": reported, "cells": cells})
    return template("index.html.j2").render(page=page(), weeks=rows)


def _put(root: Root, name: str, text: str) -> bool:
    """Write a page whose bytes are not there yet."""
    target, data = root.at(name), text.encode()
    if target.is_file() and target.read_bytes() == data:
        return False
    files.sweep(target.parent)
    files.write_whole(root, target, data)
    return True


@cache
def template(name: str, package: str = "jobs.monitoring") -> jinja2.Template:
    """A page of ours, or of another package that is put together from the same parts."""
    loader = jinja2.ChoiceLoader([jinja2.PackageLoader(each) for each in (package, "jobs.monitoring")])
    return jinja2.Environment(loader=loader, autoescape=True, undefined=jinja2.StrictUndefined).get_template(name)


@cache
def page() -> dict[str, Markup]:
    """Style and script, and the hashes by which alone a browser may use them."""
    found: dict[str, Markup] = {}
    for name, file in (("style", "style.css"), ("script", "sort.js")):
        text = (resources.files("jobs.monitoring") / "templates" / file).read_text()
        digest = b64encode(hashlib.sha256(text.encode()).digest()).decode()
        found |= {name: Markup(text), f"{name}_hash": Markup(f"sha256-{digest}")}  # noqa: S704 - our own files
    return found
