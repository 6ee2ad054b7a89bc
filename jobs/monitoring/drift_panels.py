"""Whether scores and features still look like those of the reference, in words, tables and charts."""

from __future__ import annotations

import re
from collections.abc import Sequence

from jobs.monitoring import charts, page
from jobs.monitoring.page import Cell, Figure, Json, Panel, Shown, Table, cell, listing, number, part, told, value_of
from jobs.protocol.policy import Policy

SCORE = "score"
LARGEST = 6  # features that get a picture of their own
_NUMERAL = re.compile(r"-?\d+\.\d+(?:e[-+]?\d+)?")


def scores(shown: Shown) -> Panel:
    """Whether the scores still look like those of the reference."""
    drift, window = shown.now.evidence["drift"], shown.now.evidence.get("window") or {}
    psi = part(drift, "score")
    named = {
        "score PSI": psi,
        "of it, missing": part(psi, "missing_part"),
        "CSI weighted by importance": part(drift, "weighted"),
        "change of the approval rate at the reference cut-off": part(drift, "approval"),
        "change of the mean PD": part(drift, "mean_pd"),
    }
    figures = []
    if bins := shown.bins.get(SCORE):
        figures.append(_distribution("Scores by bin of the reference", bins, psi))
    if grades := part(drift, "grades"):
        figures.append(_distribution("Grades", [{"bin": row["grade"], **row} for row in grades], None))
    lead = (
        f"{number(window.get('rows'))} scored rows from {window.get('first', '?')} to {window.get('last', '?')}"
        f" ({window.get('days', '?')} days; {number(window.get('backscored'))} of them scored again with this model)."
        f" Score PSI {told(psi)}."
    )
    tables = [page.measures("Drift of the scores", named, part(psi, "n"))]
    return Panel(lead=lead, state=page.INSUFFICIENT if value_of(psi) is None else "", figures=figures, tables=tables)


def _distribution(title: str, bins: Sequence[Json], index: object) -> Figure:
    """Shares of bins then and now, and what each adds to the index."""
    before, now = (sum(row[key] for row in bins) for key in ("reference_rows", "rows"))
    shares = [{**row, "before": row["reference_rows"] / (before or 1), "now": row["rows"] / (now or 1)} for row in bins]
    drawn = [{**row, "bin": _NUMERAL.sub(lambda found: f"{float(found[0]):.3g}", row["bin"])} for row in shares]
    most = max(drawn, key=lambda row: abs(row["now"] - row["before"]))
    says = f"Shares of {len(bins)} bins, {number(now)} rows now against {number(before)} of the reference."
    says += f" Largest shift in {most['bin']}: {most['before']:.1%} then, {most['now']:.1%} now."
    says += f" Index {told(index)}." if index is not None else ""
    then = ("bin", ("reference rows", "reference_rows"), ("reference share", "before %"))
    table = listing(title, shares, *then, "rows", ("share", "now %"), ("adds to the index", "contribution"))
    return Figure(title, says, charts.bars(drawn), table, 60 + 20 * max(len(bins), 5))


def features(shown: Shown) -> Panel:
    """Which features moved, over the weeks, the most important first."""
    policy, newest_first = shown.policy, shown.weeks[::-1]
    by_week = [
        {one["name"]: {**one, "grade": _grade(one, policy)} for one in part(week.evidence, "drift.features") or []}
        for week in newest_first
    ]
    known = sorted(by_week[0].values(), key=lambda one: (-(one.get("share") or 0), one["name"]))
    heat = [
        [Cell(one["name"]), cell(one.get("share"), "%"), *(_heat(week.get(one["name"])) for week in by_week)]
        for one in known
    ]
    heads = ("feature", "importance", *(week.name[5:] for week in newest_first))
    caption = "CSI by week, the newest first; grey: too few rows, hatched: the schema changed, blank: not in that week"
    ranked = sorted(known, key=lambda one: (-(value_of(one.get("csi")) or 0), one["name"]))
    moves = (("feature", "name"), ("CSI", "csi"), ("n", "csi.n"), ("adjusted p", "p_adjusted p"))
    shares = (("importance", "share %"), ("missing", "missing %"), ("missing, reference", "reference_missing %"))
    listed = listing("Features of this week, by CSI", ranked, *moves, *shares, ("severity of CSI", "grade"))
    drawable = [one for one in ranked if not one.get("schema_change") and shown.bins.get(one["name"])]
    pictured = sorted(drawable, key=lambda one: -(value_of(one.get("csi")) or 0) * (one.get("share") or 0))[:LARGEST]
    figures = [_distribution(one["name"], shown.bins[one["name"]], one.get("csi")) for one in pictured]
    moved = sum(one["grade"].mark not in ("none", "insufficient", "schema") for one in known)
    lead = f"{len(known)} features; {moved} moved by more than noise and the lowest threshold."
    lead += " Pictured are those with the most CSI times importance."
    return Panel(lead=lead, figures=figures, tables=[Table(caption, heads, heat, "heat"), listed])


def _grade(one: Json, policy: Policy) -> Cell:
    """How far a feature moved: the highest bound that its CSI lies above, where chance does not explain it."""
    value, p, bounds = value_of(one.get("csi")), one.get("p_adjusted"), policy.drift.psi
    if one.get("schema_change"):
        return Cell("schema change", None, "schema")
    if value is None:
        return cell("insufficient", "grade")
    passed = [name for name in ("low", "medium", "high", "critical") if value > getattr(bounds, name)]
    return cell(passed[-1] if passed and (p is None or p <= policy.drift.alpha) else "none", "grade")


def _heat(one: Json | None) -> Cell:
    if one is None:
        return Cell("")
    mark, value = one["grade"].mark, value_of(one.get("csi"))
    text = "" if mark in ("insufficient", "schema") or value is None else f"{value:.2f}"
    return Cell(text, value, "" if mark == "none" else mark)
