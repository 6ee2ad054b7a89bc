"""What the report says of a week as a whole: its verdict, its data, the weeks before, and what its numbers rest on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass

from jobs.monitoring import charts, page
from jobs.monitoring.page import Cell, Figure, Panel, Shown, Table, Week, cell, listing, number, part, plain

_REASON = ("rule", "subject", ("severity", "severity grade"))
_RANKED = (("value", "value -"), ("threshold", "threshold -"))
_WORDS = ("in words", "sentence -")
_NOTHING: tuple[object, ...] = (None, [], "")
_OUTCOMES = ("model_id", "verdict", "priority", "retrain", "source", "reason", "blocked_by", "why")  # of an entry


def headline(week: Week) -> list[tuple[str, Cell, str]]:
    """The few figures that stand at the very top: name, value, and what it rests on."""
    verdict = week.verdict
    blocked = f"blocked by: {plain(verdict['blocked_by']) or 'nothing'}"
    first = [
        ("decision", page.decided(verdict), f"severity {verdict['severity']}"),
        ("priority", Cell(str(verdict["priority"] or "none")), blocked),
    ]
    paths = {
        "AUC, realised": "performance.auc",
        "AUC, estimated": "estimate.auc",
        "score PSI": "drift.score",
        "observed / expected": "calibration.observed_to_expected",
    }
    numbers = {name: part(week.evidence, path) for name, path in paths.items()}
    return first + [(name, cell(found), page.rests_on(found)) for name, found in numbers.items()]


def changes(weeks: Sequence[Week]) -> list[str]:
    """What is new against the week before, in sentences."""
    if len(weeks) < 2:  # noqa: PLR2004 - this one and one to compare it with
        return ["There is no earlier week to compare this one with."]
    before, now = weeks[-2], weeks[-1]

    def compared(what: str, old: str, new: str) -> str:
        return f"{what} is still {new}" if old == new else f"{what} went from {old} to {new}"

    found = [f"Compared with the week to {before.name}:"]
    for what in ("decision", "severity", "priority", "model_id"):
        words = [str(week.verdict.get(what) or "none").replace("_", " ") for week in (before, now)]
        found.append(compared(what.removesuffix("_id"), *words))
    old, new = ({(one["rule"], one["subject"]) for one in week.verdict["reasons"]} for week in (before, now))
    for what, left in (("new reason", new - old), ("no longer a reason", old - new)):
        found += [f"{what}: {rule}, {subject}" for rule, subject in sorted(left)]
    followed = {
        "score PSI": "drift.score",
        "weighted CSI": "drift.weighted",
        "realised AUC": "performance.auc",
        "observed to expected bads": "calibration.observed_to_expected",
    }
    for what, path in followed.items():
        values = [page.value_of(part(week.evidence, path)) for week in (before, now)]
        if None not in values:
            found.append(compared(what, *map(number, values)))
    return found


def verdict(shown: Shown) -> Panel:
    """Why the week was judged so: what counted, what did not, and what is not known."""
    given, tables, notes = shown.now.verdict, [], []
    counted, aside = given["reasons"], given["set_aside"]
    measured = (*_REASON, *_RANKED, ("p", "p p"), ("n", "n -"))
    if counted:
        flip = ("distance to flip", "flip_distance -")
        tables.append(listing("Reasons of this verdict", counted, *measured, flip, _WORDS))
    if aside:
        tables.append(listing("Seen, and set aside", aside, *measured, ("why it does not count", "why -"), _WORDS))
    if shown.alerts:
        lasting = (("open for weeks", "weeks -"), ("since", "opened -"), ("acknowledged by", "acknowledged_by -"))
        tables.append(listing("Open alerts", shown.alerts, *_REASON, *lasting, _WORDS))
    lead = f"{page.amount(len(counted), 'reason')}, the gravest first." if counted else "No rule gave a reason to act."
    if given["insufficient_data"]:
        lead = "There were too few rows to judge by. That is no sign of health."
    if given["unknown"]:
        notes.append(f"Could not be computed, and counts as unknown: {', '.join(given['unknown'])}.")
    if given["blocked_by"]:
        notes.append(f"Training is blocked by: {', '.join(given['blocked_by'])}.")
    if waits := given.get("guards", {}).get("waits"):
        until = ", ".join(f"{guard} until {day}" for guard, day in waits.items())
        notes.append(f"A retraining would have to wait for: {until}.")
    if given["action_hint"]:
        notes.append(f"Hint for who acts: {given['action_hint']}.")
    return Panel(lead=lead, state=page.INSUFFICIENT if given["insufficient_data"] else "", notes=notes, tables=tables)


def quality(shown: Shown) -> Panel:
    """Whether what came in was whole and sound."""
    found = shown.now.evidence["quality"]
    findings, arrived, tables = found.get("findings") or [], found.get("tables") or [], []
    if findings:
        tables.append(listing("Findings", findings, *_REASON, *_RANKED, ("n", "n -"), ("p", "p p"), _WORDS))
    refused = ("cells refused", "rejected")
    tables.append(listing("What arrived in the week", arrived, "table", "days", "rows", refused))
    lead = f"{page.amount(len(findings), 'finding')}." if findings else "No rule found anything in what arrived."
    return Panel(lead=lead, state="" if arrived else page.INSUFFICIENT, tables=tables)


def timeline(shown: Shown) -> Panel:
    """Decisions, models and what they were worth, over the weeks."""
    weeks, policy = shown.weeks, shown.policy
    ranked = {"realised": "performance.auc", "estimated": "estimate.auc"}
    moved = {"score PSI": "drift.score", "weighted CSI": "drift.weighted"}
    figures = [
        _over(weeks, "AUC over the weeks", "AUC", ranked, policy.performance_floor.auc),
        _over(weeks, "Drift over the weeks", "index", moved, policy.drift.psi.high),
    ]
    rows = [
        {"week": week.name, "decision": page.decided(week.verdict), "evidence": week.evidence}
        | {key: str(week.verdict.get(key) or "none") for key in ("severity", "priority", "model_id")}
        for week in reversed(weeks)
    ]
    judged = (("week to", "week"), "decision", "severity", "priority", ("model", "model_id"))
    realised = (("AUC realised", "evidence.performance.auc"), ("n", "evidence.performance.auc.n"))
    estimated = (("AUC estimated", "evidence.estimate.auc"), ("n", "evidence.estimate.auc.n"))
    tables = [listing("Weeks", rows, *judged, ("score PSI", "evidence.drift.score"), *realised, *estimated)]
    if shown.entries:
        entries = [
            {"date": str(one.as_of), "about": one.topic, "what": one.kind, "details": "; ".join(details)}
            for one in shown.entries
            for details in [[f"{key} {plain(one.body[key])}" for key in _OUTCOMES if one.body.get(key) not in _NOTHING]]
        ]
        tables.append(listing("What the ledger holds of these weeks", entries, "date", "about", "what", "details"))
    lead = f"{len(weeks)} weeks, the newest first; intervals are those of the realised AUC."
    return Panel(lead=lead, figures=figures, tables=tables)


def _over(weeks: Sequence[Week], title: str, axis: str, paths: Mapping[str, str], level: float) -> Figure:
    """Measures over the weeks, with the level from which a rule calls for retraining."""
    lines = {
        name: [
            (week.name, page.value_of(found), *(part(found, "interval") or ()))
            for week in weeks
            if page.value_of(found := part(week.evidence, path)) is not None
        ]
        for name, path in paths.items()
    }
    latest = ", ".join(f"{name} {page.told(part(weeks[-1].evidence, path))}" for name, path in paths.items())
    says = f"{title} ({len(weeks)} weeks). Dashed line: threshold {number(level)}. Newest: {latest}."
    axes = charts.Axes(x="week to", y=axis, y_format=".2f", dates=True, from_zero=axis == "index", level=level)
    rows = [[Cell(point[0]), Cell(name), cell(point[1])] for name, points in lines.items() for point in points]
    return Figure(title, says, charts.curves(lines, axes), Table(title, ("week to", "measure", "value"), rows))


def appendix(shown: Shown) -> Panel:
    """What the numbers rest on: thresholds and hashes; the words used stand in the page."""
    given, evidence = shown.now.verdict, shown.now.evidence
    hashes = {
        "evidence": part(given, "evidence.sha256"),
        "evidence made from": evidence.get("made_from"),
        "policy": given.get("policy_sha256"),
        "model": part(evidence, "model.sha256"),
        "verdict of the week before": part(given, "previous.sha256"),
        **{one["path"]: one["sha256"] for one in evidence.get("inputs") or []},
    }
    thresholds = [[Cell(name), Cell(text)] for name, text in _flat(shown.policy)]
    tables = [
        Table("Policy", ("setting", "value"), thresholds),
        Table("Hashes (sha256)", ("of", "hash"), [[Cell(of), Cell(str(one or "none"))] for of, one in hashes.items()]),
    ]
    lead = "Every threshold that this verdict rests on, what it was computed from, and the words used here."
    return Panel(lead=lead, tables=tables)


def _flat(value: object, name: str = "") -> list[tuple[str, str]]:
    """Settings by their dotted names."""
    if is_dataclass(value):
        value = {one.name: getattr(value, one.name) for one in fields(value)}
    if not isinstance(value, Mapping):
        return [(name, "none" if value is None else plain(value) or "none")]
    return [pair for key, found in value.items() for pair in _flat(found, f"{name}.{key}" if name else key)]
