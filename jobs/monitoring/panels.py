"""What the report says of a week, panel by panel: from verdicts and evidence to words, tables and charts."""

from __future__ import annotations

from collections.abc import Sequence

from jobs.monitoring import charts
from jobs.monitoring.charts import Axes
from jobs.monitoring.page import (
    NONE,
    NOT_COMPUTED,
    RANK,
    Cell,
    Figure,
    Json,
    Panel,
    Table,
    Week,
    amount,
    cell,
    decided,
    missing,
    number,
    part,
    plain,
    rests_on,
    rows_of,
    told,
    value_of,
)
from jobs.protocol.facts import Entry
from jobs.protocol.policy import Policy

ALERT_HEADS = ("rule", "subject", "severity", "open for weeks", "since", "acknowledged by", "in words")
ALERT_COLUMNS = ("weeks", "opened", "acknowledged_by", "sentence")


def headline(week: Week) -> list[tuple[str, Cell, str]]:
    """The few figures that stand at the very top: name, value, and what it rests on."""
    verdict, evidence = week.verdict, week.evidence
    first = [
        ("decision", decided(verdict), f"severity {verdict['severity']}"),
        (
            "priority",
            Cell(str(verdict["priority"] or "none")),
            f"blocked by: {plain(verdict['blocked_by']) or 'nothing'}",
        ),
    ]
    numbers: list[tuple[str, object]] = [
        ("AUC, realised", part(evidence, "performance", "auc")),
        ("AUC, estimated", part(evidence, "estimate", "auc")),
        ("score PSI", part(evidence, "drift", "score")),
        ("observed / expected", part(evidence, "calibration", "observed_to_expected")),
    ]
    return first + [(name, cell(value_of(found)), rests_on(found)) for name, found in numbers]


def changes(weeks: Sequence[Week]) -> list[str]:
    """What is new against the week before, in sentences."""
    if len(weeks) < 2:  # noqa: PLR2004 - this one and one to compare it with
        return ["There is no earlier week to compare this one with."]
    before, now = weeks[-2], weeks[-1]
    found = [f"Compared with the week to {before.name}:"]
    for what in ("decision", "severity", "priority", "model_id"):
        old, new = (str(week.verdict.get(what) or "none").replace("_", " ") for week in (before, now))
        name = what.removesuffix("_id")
        found.append(f"{name} is still {new}" if old == new else f"{name} went from {old} to {new}")
    reasons = [{(reason["rule"], reason["subject"]) for reason in week.verdict["reasons"]} for week in (before, now)]
    for what, left in (("new reason", reasons[1] - reasons[0]), ("no longer a reason", reasons[0] - reasons[1])):
        found += [f"{what}: {rule}, {subject}" for rule, subject in sorted(left)]
    for what, path in _FOLLOWED.items():
        old_value, new_value = (value_of(part(week.evidence, *path)) for week in (before, now))
        if old_value is not None and new_value is not None:
            old, new = number(old_value), number(new_value)
            found.append(f"{what} is still {new}" if old == new else f"{what} went from {old} to {new}")
    return found


_FOLLOWED = {
    "score PSI": ("drift", "score"),
    "weighted CSI": ("drift", "weighted"),
    "realised AUC": ("performance", "auc"),
    "observed to expected bads": ("calibration", "observed_to_expected"),
}


def verdict(week: Week, alerts: Sequence[Json] = ()) -> Panel:
    """Why the week was judged so: what counted, what did not, and what is not known."""
    given = week.verdict
    heads = ("rule", "subject", "severity", "value", "threshold", "p", "n", "distance to flip", "in words")
    columns = ("value", "threshold", ("p", "p"), "n", "flip_distance", "sentence")
    counted = [_graded(reason, *columns) for reason in given["reasons"]]
    aside = [_graded(reason, *columns[:-2], "why", "sentence") for reason in given["set_aside"]]
    tables = [Table("Reasons of this verdict", heads, counted)] if counted else []
    if aside:
        tables.append(Table("Seen, and set aside", (*heads[:-2], "why it does not count", heads[-1]), aside))
    if alerts:
        tables.append(Table("Open alerts", ALERT_HEADS, [_graded(one, *ALERT_COLUMNS) for one in alerts]))
    state = "insufficient data" if given["insufficient_data"] else ""
    lead = "No rule gave a reason to act." if not counted else f"{amount(len(counted), 'reason')}, the gravest first."
    if given["insufficient_data"]:
        lead = "There were too few rows to judge by. That is no sign of health."
    notes = (
        [f"Could not be computed, and counts as unknown: {', '.join(given['unknown'])}."] if given["unknown"] else []
    )
    if given["blocked_by"]:
        notes.append(f"Training is blocked by: {', '.join(given['blocked_by'])}.")
    if waits := given.get("guards", {}).get("waits"):
        until = ", ".join(f"{guard} until {day}" for guard, day in waits.items())
        notes.append(f"A retraining would have to wait for: {until}.")
    if given["action_hint"]:
        notes.append(f"Hint for who acts: {given['action_hint']}.")
    return Panel(id="verdict", title="Verdict and reasons", lead=lead, state=state, notes=notes, tables=tables)


def _graded(item: Json, *columns: str | tuple[str, str]) -> list[Cell]:
    grade = str(item.get("severity", ""))
    first = [Cell(str(item.get("rule"))), Cell(str(item.get("subject"))), Cell(grade, RANK.get(grade), grade)]
    given = rows_of([item], *columns)[0]
    return [*first, *(Cell(NONE) if one.text == NOT_COMPUTED else one for one in given)]  # what a rule has no use for


def quality(week: Week) -> Panel:
    """Whether what came in was whole and sound."""
    title, found = "Data quality", week.evidence.get("quality")
    if there := missing("quality", title, found):
        return there
    findings = part(found, "findings") or []
    heads = ("rule", "subject", "severity", "value", "threshold", "n", "p", "in words")
    rows = [_graded(one, "value", "threshold", "n", ("p", "p"), "sentence") for one in findings]
    tables = [Table("Findings", heads, rows)] if rows else []
    landed = rows_of(part(found, "tables") or [], "table", "days", "rows", "rejected")
    tables.append(Table("What arrived in the week", ("table", "days", "rows", "cells refused"), landed))
    lead = f"{amount(len(rows), 'finding')}." if rows else "No rule found anything in what arrived."
    state = "" if landed else "insufficient data"
    return Panel(id="quality", title=title, lead=lead, state=state, tables=tables)


def timeline(weeks: Sequence[Week], policy: Policy, entries: Sequence[Entry]) -> Panel:
    """Decisions, models and what they were worth, over the weeks."""
    figures = [_performance_over(weeks, policy), _drift_over(weeks, policy)]
    heads = (
        "week to",
        "decision",
        "severity",
        "priority",
        "model",
        "score PSI",
        "AUC realised",
        "n",
        "AUC estimated",
        "n",
    )
    rows = [
        [
            Cell(week.name),
            decided(week.verdict),
            *(Cell(str(week.verdict.get(key) or "none")) for key in ("severity", "priority", "model_id")),
            cell(value_of(part(week.evidence, "drift", "score"))),
            *_value_and_n(part(week.evidence, "performance", "auc")),
            *_value_and_n(part(week.evidence, "estimate", "auc")),
        ]
        for week in reversed(weeks)
    ]
    told_of = [[Cell(str(entry.as_of)), Cell(entry.topic), Cell(entry.kind), Cell(_detail(entry))] for entry in entries]
    tables = [Table("Weeks", heads, rows)]
    if told_of:
        tables.append(Table("What the ledger holds of these weeks", ("date", "about", "what", "details"), told_of))
    lead = f"{len(weeks)} weeks, the newest first; intervals are those of the realised AUC."
    return Panel(id="timeline", title="Timeline of decisions and models", lead=lead, figures=figures, tables=tables)


def _value_and_n(measure: object) -> list[Cell]:
    return [cell(value_of(measure)), cell(part(measure, "n") if isinstance(measure, dict) else None)]


def _detail(entry: Entry) -> str:
    shown = ("model_id", "verdict", "priority", "retrain", "source", "reason", "blocked_by", "why")
    return "; ".join(f"{key} {plain(entry.body[key])}" for key in shown if entry.body.get(key) not in (None, [], ""))


def _performance_over(weeks: Sequence[Week], policy: Policy) -> Figure:
    paths = {"realised": ("performance", "auc"), "estimated": ("estimate", "auc")}
    return _over(weeks, "AUC over the weeks", "AUC", paths, policy.performance_floor.auc)


def _drift_over(weeks: Sequence[Week], policy: Policy) -> Figure:
    paths = {"score PSI": ("drift", "score"), "weighted CSI": ("drift", "weighted")}
    return _over(weeks, "Drift over the weeks", "index", paths, policy.drift.psi.high)


def _over(weeks: Sequence[Week], title: str, axis: str, paths: Json, level: float) -> Figure:
    """Measures over the weeks, with the level from which a rule calls for retraining."""
    drawn: list[Json] = [
        {"x": week.name, "at": at, "y": value_of(found), "series": name, "low": ends[0], "high": ends[1]}
        for name, path in paths.items()
        for at, week in enumerate(weeks)
        if value_of(found := part(week.evidence, *path)) is not None
        for ends in [part(found, "interval") or (None, None)]
    ]
    latest = ", ".join(f"{name} {told(part(weeks[-1].evidence, *path))}" for name, path in paths.items())
    says = f"{title} ({len(weeks)} weeks). Dashed line: threshold {number(level)}. Newest: {latest}."
    rows = [[Cell(row["x"]), Cell(row["series"]), cell(row["y"])] for row in drawn]
    axes = Axes(x="week to", y=axis, y_format=".2f", dates=True, from_zero=axis == "index")
    chart = charts.curves(drawn, list(paths), axes, points=True, level=level)
    return Figure(title, says, chart, Table(title, ("week to", "measure", "value"), rows))
