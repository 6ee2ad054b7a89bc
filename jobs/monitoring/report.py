"""The page a person looks at: a week's verdict and all it rests on, in one file that needs nothing else."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from functools import cache, partial
from importlib import resources
from typing import Any

import jinja2
import polars as pl
from markupsafe import Markup

from jobs.monitoring import appendix, charts, delivering, drift_panels, outcome_panels, panels, vintage_panels
from jobs.monitoring.page import Cell, Json, Panel, Week, cell, decided, part
from jobs.protocol import files, ledger, policies, policy, strict_json, verdicts
from jobs.protocol.errors import StoreDamaged
from jobs.protocol.facts import Entry
from jobs.protocol.files import Root
from jobs.protocol.policy import Policy
from jobs.protocol.store import FolderStore

REPORTS = "datamart/gold/reports"
INDEX = f"{REPORTS}/index.html"
EARLIER = 12  # weeks before this one that the page shows


def name_of(week: date) -> str:
    """Where the report of a week lies, relative to the root."""
    return f"{REPORTS}/week={week.isoformat()}/report.html"


def write(root: Root, week: date) -> list[str]:
    """Write the report of a judged week, and the page of all weeks; return those that are new or changed."""
    known = verdicts.weeks(root, week)[-1 - EARLIER :]
    weeks = [_week(root, one) for one in known]
    if not weeks or weeks[-1].name != week.isoformat():
        raise StoreDamaged("the week has no verdict", where=verdicts.folder(week), mend="run monitoring for it first")
    if not weeks[-1].evidence:
        where = weeks[-1].verdict["evidence"]["path"]
        raise StoreDamaged("the evidence of the verdict is gone", where=where, mend=verdicts.LOST)
    entries = [entry for entry in ledger.read(FolderStore(root)).entries if _shown(entry, known)]
    frames = _frames(root, weeks[-1])
    frames["alerts"] = delivering.standing(FolderStore(root), [one.verdict for one in weeks])
    text = report(weeks, _policy(root, weeks[-1]), entries, frames)
    pages = {INDEX: _index(root, week), name_of(week): text}  # the report last: that it is there says that all is done
    return [name for name, text in pages.items() if _put(root, name, text)]


def report(weeks: Sequence[Week], rules: Policy, entries: Sequence[Entry], frames: dict[str, list[Json]]) -> str:
    """The page of the last of these weeks."""
    bins: dict[str, list[Json]] = {}
    for row in frames["bins"]:
        bins.setdefault(row["subject"], []).append(row)
    now = weeks[-1]
    built = [
        _guarded(now, "verdict", "Verdict and reasons", partial(panels.verdict, now, frames.get("alerts", ()))),
        _guarded(now, "scores", "Scores", partial(drift_panels.scores, now, bins)),
        _guarded(now, "features", "Features", partial(drift_panels.features, weeks, rules, bins)),
        _guarded(now, "ranking", "Ranking", partial(outcome_panels.ranking, now)),
        _guarded(now, "calibration", "Calibration", partial(outcome_panels.calibration, now)),
        _guarded(now, "vintages", "Vintages", partial(vintage_panels.vintages, now, frames["vintages"])),
        _guarded(now, "estimate", "Estimated performance", partial(outcome_panels.estimate, now)),
        _guarded(now, "quality", "Data quality", partial(panels.quality, now)),
        _guarded(now, "timeline", "Timeline", partial(panels.timeline, weeks, rules, entries)),
        _guarded(now, "appendix", "Appendix", partial(appendix.appendix, now, rules)),
    ]
    return template("report.html.j2").render(
        page=page(),
        week=now,
        headline=panels.headline(now),
        changes=panels.changes(weeks),
        panels=[panel for panel, _ in built],
        drawings={panel.id: drawn for panel, drawn in built},
    )


def _guarded(week: Week, id_: str, title: str, build: Callable[[], Panel]) -> tuple[Panel, list[Markup]]:
    """A panel with its pictures; one that cannot be made says so, and the others are still there."""
    try:
        panel = build()
        number = f"{id_}{week.name.replace('-', '')}"
        drawn = [charts.svg(one.chart, f"{number}n{at}", one.height) for at, one in enumerate(panel.figures)]
    except Exception as error:  # noqa: BLE001 - a page with one hole is better than none
        lead = f"This part of the evidence could not be shown: {type(error).__name__}."
        return Panel(id=id_, title=title, state="unknown", lead=lead), []
    return panel, [Markup(one) for one in drawn]  # noqa: S704 - cleaned by charts, element by element


def _week(root: Root, day: date) -> Week:
    verdict = verdicts.read(root, day)
    assert verdict is not None  # noqa: S101 - listed a moment ago
    sha256 = files.sha256_of(root.at(f"{verdicts.folder(day)}/{verdicts.DECISION}"))
    return Week(day.isoformat(), verdict, _evidence(root, verdict), sha256)


def _evidence(root: Root, verdict: Json) -> Json:
    """The evidence that a verdict cites; empty where it is not kept any more."""
    cited = verdict["evidence"]
    data = FolderStore(root).get(cited["path"])
    if data is None:
        return {}
    if hashlib.sha256(data).hexdigest() != cited["sha256"]:
        what = "the evidence is not what its verdict was made from"
        raise StoreDamaged(what, where=cited["path"], mend=verdicts.LOST)
    found: Json = strict_json.parse(data, where=cited["path"])
    return found


def _frames(root: Root, week: Week) -> dict[str, list[Json]]:
    """The tables beside the evidence: bins of every subject, and curves of the vintages."""
    found: dict[str, list[Json]] = {}
    for name in ("bins", "vintages"):
        path = part(week.evidence, "files", name, "path")
        found[name] = pl.read_parquet(root.at(path)).to_dicts() if path and root.at(path).is_file() else []
    return found


def _policy(root: Root, week: Week) -> Policy:
    """The policy that the week was judged by, from the copies that are kept of each."""
    store = FolderStore(root)
    name = f"{policies.KEPT}/{week.verdict['policy_sha256'][:12]}.json"
    data = store.get(name, policy.MAX_BYTES)
    return policy.load(data, name) if data is not None else policies.last_good(store)


def _shown(entry: Entry, known: Sequence[date]) -> bool:
    """Whether an entry belongs to the weeks shown: none of later days, so that a page made again is the same."""
    return known[0] - timedelta(days=6) <= entry.as_of <= known[-1]


def _index(root: Root, week: date) -> str:
    """The page of all weeks, when this one is reported."""
    rows = []
    for day in reversed(verdicts.weeks(root, date.max)):
        verdict = verdicts.read(root, day)
        if verdict is not None:
            reported = day == week or root.at(name_of(day)).is_file()
            rows.append({"name": day.isoformat(), "verdict": verdict, "reported": reported, "cells": _summary(verdict)})
    return template("index.html.j2").render(page=page(), weeks=rows)


def _summary(verdict: Json) -> list[Cell]:
    score = verdict["performance_score"]
    kind = "none" if score is None else "estimated" if verdict["estimated"] else "realised"
    return [
        decided(verdict),
        *(Cell(str(verdict[key] or "none")) for key in ("severity", "priority", "model_id")),
        *(cell(score), Cell(kind), Cell(verdict["sentence"])),
    ]


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
def page() -> dict[str, Any]:
    """Style and script, and the hashes by which alone a browser may use them."""
    folder = resources.files("jobs.monitoring") / "templates"
    style, script = ((folder / name).read_text() for name in ("style.css", "sort.js"))
    hashes = [f"sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}" for text in (style, script)]
    return {
        "style": Markup(style),  # noqa: S704 - our own file
        "script": Markup(script),  # noqa: S704 - our own file
        "style_hash": hashes[0],
        "script_hash": hashes[1],
    }
