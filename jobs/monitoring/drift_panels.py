"""Whether scores and features still look like those of the reference, in words, tables and charts."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from jobs.monitoring import charts
from jobs.monitoring.page import (
    RANK,
    Cell,
    Figure,
    Json,
    Panel,
    Table,
    Week,
    cell,
    measures,
    missing,
    number,
    p_cell,
    part,
    rows_of,
    told,
    value_of,
)
from jobs.protocol.policy import Policy, Severities

Bins = Mapping[str, Sequence[Json]]  # subject -> its bins, in order
SCORE = "score"
LARGEST = 6  # features that get a picture of their own
_NUMERAL = re.compile(r"-?\d+\.\d+(?:e[-+]?\d+)?")


def scores(week: Week, bins: Bins) -> Panel:
    """Whether the scores still look like those of the reference."""
    title, drift = "Scores: distribution and stability", week.evidence.get("drift")
    if there := missing("scores", title, drift):
        return there
    n = part(drift, "score", "n")
    named = {
        "score PSI": part(drift, "score"),
        "of it, missing": part(drift, "score", "missing_part"),
        "CSI weighted by importance": part(drift, "weighted"),
        "change of the approval rate at the reference cut-off": part(drift, "approval"),
        "change of the mean PD": part(drift, "mean_pd"),
    }
    figures = (
        [distribution("Scores by bin of the reference", bins[SCORE], part(drift, "score"))] if bins.get(SCORE) else []
    )
    grades = part(drift, "grades") or []
    if grades:
        rows = [{"bin": row["grade"], "reference_rows": row["reference_rows"], "rows": row["rows"]} for row in grades]
        figures.append(distribution("Grades", rows, None))
    window = week.evidence.get("window") or {}
    lead = (
        f"{number(window.get('rows'))} scored rows from {window.get('first', '?')} to {window.get('last', '?')}"
        f" ({window.get('days', '?')} days; {number(window.get('backscored'))} of them scored again with this model)."
        f" Score PSI {told(part(drift, 'score'))}."
    )
    state = "insufficient data" if value_of(part(drift, "score")) is None else ""
    tables = [measures("Drift of the scores", named, n)]
    return Panel(id="scores", title=title, lead=lead, state=state, figures=figures, tables=tables)


def distribution(title: str, bins: Sequence[Json], index: object) -> Figure:
    """Shares of bins then and now, and what each adds to the index."""
    totals = [sum(row[key] for row in bins) or 1 for key in ("reference_rows", "rows")]
    drawn = [
        {"bin": _short(row["bin"]), "before": row["reference_rows"] / totals[0], "now": row["rows"] / totals[1]}
        for row in bins
    ]
    most = max(drawn, key=lambda row: abs(row["now"] - row["before"]))
    says = f"Shares of {len(bins)} bins, {number(totals[1])} rows now against {number(totals[0])} of the reference."
    says += f" Largest shift in {most['bin']}: {most['before']:.1%} then, {most['now']:.1%} now."
    says += f" Index {told(index)}." if index is not None else ""
    rows = [
        [
            *(Cell(str(row["bin"])), cell(row["reference_rows"]), cell(shape["before"], "%"), cell(row["rows"])),
            *(cell(shape["now"], "%"), cell(row.get("contribution"))),
        ]
        for row, shape in zip(bins, drawn, strict=True)
    ]
    heads = ("bin", "reference rows", "reference share", "rows", "share", "adds to the index")
    return Figure(title, says, charts.bars(drawn), Table(title, heads, rows), 60 + 20 * max(len(bins), 5))


def _short(name: str) -> str:
    return _NUMERAL.sub(lambda found: f"{float(found[0]):.3g}", name)


def features(weeks: Sequence[Week], policy: Policy, bins: Bins) -> Panel:
    """Which features moved, over the weeks, the most important first."""
    title, drift = "Features: drift over the weeks", weeks[-1].evidence.get("drift")
    if there := missing("features", title, drift):
        return there
    known = sorted(part(drift, "features") or [], key=lambda one: (-(one.get("share") or 0), one["name"]))
    by_week = [{one["name"]: one for one in part(week.evidence, "drift", "features") or []} for week in reversed(weeks)]
    heat = [
        [Cell(one["name"]), cell(one.get("share"), "%"), *(_heat(week.get(one["name"]), policy) for week in by_week)]
        for one in known
    ]
    heads = ("feature", "importance", *(week.name[5:] for week in reversed(weeks)))
    caption = "CSI by week, the newest first; grey: too few rows, hatched: the schema changed, blank: not in that week"
    ranked = sorted(known, key=lambda one: (-(value_of(one.get("csi")) or 0), one["name"]))
    table = Table("Features of this week, by CSI", _FEATURE_HEADS, [_feature(one, policy) for one in ranked])
    drawable = [one for one in ranked if not one.get("schema_change") and bins.get(one["name"])]
    pictured = sorted(drawable, key=lambda one: -(value_of(one.get("csi")) or 0) * (one.get("share") or 0))[:LARGEST]
    figures = [distribution(one["name"], bins[one["name"]], one.get("csi")) for one in pictured]
    moved = sum(1 for one in known if _mark(one, policy) not in ("none", "insufficient", "schema"))
    lead = f"{len(known)} features; {moved} moved by more than noise and the lowest threshold."
    lead += " Pictured are those with the most CSI times importance."
    return Panel(
        id="features", title=title, lead=lead, figures=figures, tables=[Table(caption, heads, heat, "heat"), table]
    )


_FEATURE_HEADS = ("feature", "CSI", "n", "adjusted p", "importance", "missing", "missing, reference", "severity of CSI")


def _feature(one: Json, policy: Policy) -> list[Cell]:
    mark = _mark(one, policy)
    csi = one.get("csi")
    return [
        *(Cell(one["name"]), cell(value_of(csi)), cell(part(csi, "n")), p_cell(one.get("p_adjusted"))),
        *rows_of([one], ("share", "%"), ("missing", "%"), ("reference_missing", "%"))[0],
        Cell("schema change" if mark == "schema" else mark, RANK.get(mark), mark),
    ]


def _mark(one: Json, policy: Policy) -> str:
    value = value_of(one.get("csi"))
    if one.get("schema_change"):
        return "schema"
    if value is None:
        return "insufficient"
    p = one.get("p_adjusted")
    return severity(value, policy.drift.psi) if p is None or p <= policy.drift.alpha else "none"


def severity(value: float, bounds: Severities) -> str:
    """The severity of the highest bound that a value lies above."""
    passed = [name for name in ("low", "medium", "high", "critical") if value > getattr(bounds, name)]
    return passed[-1] if passed else "none"


def _heat(one: Json | None, policy: Policy) -> Cell:
    if one is None:
        return Cell("")
    mark, value = _mark(one, policy), value_of(one.get("csi"))
    text = "" if mark in ("insufficient", "schema") or value is None else f"{value:.2f}"
    return Cell(text, value, "" if mark == "none" else mark)
