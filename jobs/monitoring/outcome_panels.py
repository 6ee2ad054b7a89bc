"""What outcomes say of the model: ranking, calibration, vintages, and estimates made before outcomes came."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jobs.monitoring import charts
from jobs.monitoring.charts import Axes
from jobs.monitoring.page import (
    Cell,
    Figure,
    Json,
    Panel,
    Table,
    Week,
    amount,
    cell,
    measures,
    missing,
    number,
    part,
    probability,
    rows_of,
    told,
    value_of,
)

LIGHTS = ("green", "yellow", "orange", "red")


def ranking(week: Week) -> Panel:
    """How well the scores rank the loans that matured."""
    title, found = "Ranking: ROC and KS", part(week.evidence, "performance")
    if there := missing("ranking", title, found):
        return there
    concept = week.evidence.get("concept") or {}
    named = {label: found[name] for name, label in _FIGURES.items() if name in found}
    tables = [measures("Performance on matured loans", named)]
    if isinstance(concept, dict):
        tables.append(measures("Against the reference", _against(concept), found.get("n")))
    when = f"from {found.get('first') or '?'} to {found.get('last') or '?'}"
    again = f"{number(found.get('backscored'))} scored again with this model"
    lead = f"{number(found.get('n'))} loans matured, {when}, {number(found.get('bads'))} of them bad ({again})."
    lead += f" AUC {told(found.get('auc'))}."
    state = "insufficient data" if value_of(found.get("auc")) is None else ""
    figures = _rankings(week.evidence.get("curves") or {}, found, concept)
    return Panel(id="ranking", title=title, lead=lead, state=state, figures=figures, tables=tables)


_FIGURES = {
    "auc": "AUC",
    "gini": "Gini",
    "ks": "KS",
    "average_precision": "average precision",
    "log_loss": "log loss",
    "log_loss_skill": "share of log loss saved",
    "brier": "Brier score",
    "precision": "precision at the cut-off",
    "recall": "recall at the cut-off",
    "f1": "F1 at the cut-off",
}


def _against(concept: Json) -> dict[str, object]:
    if "unknown" in concept:
        return {"concept drift": concept}
    names = {
        "drop": "AUC lost since the reference",
        "drop_lower": "AUC lost, one-sided lower bound",
        "reference_auc": "AUC of the reference",
        "adjusted_reference_auc": "AUC of the reference at the score mix of now",
        "adjusted_drop": "AUC lost at the score mix of now",
    }
    return {label: concept.get(name) for name, label in names.items() if name in concept}


def _rankings(curves: Json, found: Json, concept: Json) -> list[Figure]:
    figures = []
    if curves.get("roc"):
        sides = {"now": curves["roc"], "reference": curves.get("reference_roc") or []}
        says = f"ROC curve. AUC now {told(found.get('auc'))}, of the reference {told(part(concept, 'reference_auc'))}."
        axes = Axes(x="goods lost", y="bads caught", x_format="~%", y_format="~%", square=True)
        figures.append(_lines("ROC curve", says, sides, axes))
    if curves.get("ks"):
        sides = {
            "bads": [(at, bads) for at, _, bads in curves["ks"]],
            "goods": [(at, goods) for at, goods, _ in curves["ks"]],
        }
        gap = max(curves["ks"], key=lambda point: abs(point[2] - point[1]))
        says = f"Shares of bads and goods up to each score. Widest gap at {gap[0]:.3f}. KS {told(found.get('ks'))}."
        axes = Axes(x="score (PD)", y="share at or below", x_format="~%", y_format="~%")
        figures.append(_lines("KS: goods and bads by score", says, sides, axes))
    if curves.get("pr"):
        says = f"Precision over recall. Average precision {told(found.get('average_precision'))}."
        axes = Axes(x="recall", y="precision", x_format="~%", y_format="~%")
        sides = {"now": curves["pr"], "reference": curves.get("reference_pr") or []}
        figures.append(_lines("Precision and recall", says, sides, axes))
    return figures


def _lines(title: str, says: str, sides: dict[str, Sequence[Any]], axes: Axes) -> Figure:
    """Lines of points, in the order given."""
    drawn = [
        {"x": point[0], "y": point[1], "at": at, "series": name}
        for name, points in sides.items()
        for at, point in enumerate(points)
    ]
    names = [name for name, points in sides.items() if points]
    kept = [row for row in drawn if row["at"] % 20 == 0]  # the table gives the shape, the curve its details
    rows = [[Cell(row["series"]), cell(float(row["x"])), cell(float(row["y"]))] for row in kept]
    return Figure(title, says, charts.curves(drawn, names, axes), Table(title, ("line", axes.x, axes.y), rows))


def calibration(week: Week) -> Panel:
    """Whether the scores promise as many bads as came."""
    title, found = "Calibration: reliability and grades", part(week.evidence, "calibration")
    if there := missing("calibration", title, found):
        return there
    names = {
        "observed_to_expected": "observed over expected bads",
        "slope": "calibration slope",
        "intercept": "calibration intercept",
        "ece": "expected calibration error",
        "hosmer_lemeshow": "Hosmer-Lemeshow chi-squared",
    }
    observed = found.get("observed_to_expected")
    tables = [
        measures(
            "Calibration", {label: found[name] for name, label in names.items() if name in found}, part(observed, "n")
        )
    ]
    grades = found.get("grades") or []
    if grades:
        tables.append(Table("Grades: bads expected and seen", _GRADE_HEADS, [_grade(one) for one in grades]))
    figures = [_reliability(found["deciles"])] if found.get("deciles") else []
    lead = f"Observed over expected bads: {told(observed)}. Jeffreys test: p {probability(found.get('p_too_low'))} that"
    lead += f" PDs are not too low, p {probability(found.get('p_too_high'))} that they are not too high."
    state = "insufficient data" if value_of(observed) is None else ""
    return Panel(id="calibration", title=title, lead=lead, state=state, figures=figures, tables=tables)


_GRADE_HEADS = ("grade", "n", "bads", "bad rate", "expected rate", "p", "light")


def _grade(one: Json) -> list[Cell]:
    n, light = one.get("n") or 0, str(one.get("light") or "unknown")
    rates = [one["bads"] / n if n else None, one.get("expected", 0) / n if n else None]
    mark = light if light in LIGHTS else "unknown"
    rank = float(LIGHTS.index(light)) if light in LIGHTS else None
    return [
        *(Cell(str(one["grade"])), cell(n), cell(one["bads"]), *(cell(rate, "%") for rate in rates)),
        *rows_of([one], ("p", "p"))[0],
        Cell(light, rank, mark),
    ]


def _reliability(deciles: Sequence[Json]) -> Figure:
    """Bad rates against promised ones, with Jeffreys intervals."""
    from jobs.measures.bands import Band

    of = [Band(**one) for one in deciles]
    drawn: list[Json] = [
        {"x": one.mean_score, "y": one.bad_rate, "at": at, "series": "bands of scores", "low": ends[0], "high": ends[1]}
        for at, one in enumerate(of)
        for ends in [one.bad_rate_interval()]
    ]
    top = max(*(row["y"] for row in drawn), *(row["x"] for row in drawn))
    ideal: list[Json] = [{"x": end, "y": end, "at": at, "series": "as promised"} for at, end in enumerate((0.0, top))]
    off = [one for one, row in zip(of, drawn, strict=True) if not row["low"] <= one.mean_score <= row["high"]]
    says = f"Observed bad rate against the promised one in {len(of)} bands of equal mass, with 95 % intervals."
    says += f" {len(off)} bands lie off the diagonal by more than their interval."
    rows = [
        [
            *(Cell(f"{one.lowest:.3f} to {one.highest:.3f}"), cell(one.n), cell(one.bads), cell(one.mean_score, "%")),
            *(cell(one.bad_rate, "%"), Cell(f"{row['low']:.1%} to {row['high']:.1%}", row["low"])),
        ]
        for one, row in zip(of, drawn, strict=True)
    ]
    axes = Axes(x="promised bad rate", y="observed bad rate", x_format="~%", y_format="~%")
    chart = charts.curves([*drawn, *ideal], ["bands of scores", "as promised"], axes, points=True)
    heads = ("scores", "n", "bads", "promised", "observed", "95 % interval")
    return Figure("Reliability diagram", says, chart, Table("Reliability", heads, rows))


_ESTIMATED = {
    "auc": "AUC",
    "precision": "precision at the cut-off",
    "recall": "recall at the cut-off",
    "f1": "F1 at the cut-off",
    "drop": "AUC lost since the reference",
}


def estimate(week: Week) -> Panel:
    """What the scores alone say of performance, and how right that was so far."""
    title, found = "Estimated performance and its track record", part(week.evidence, "estimate")
    if there := missing("estimate", title, found):
        return there
    record = week.evidence.get("track_record") or {}
    named = {label: found[name] for name, label in _ESTIMATED.items() if name in found}
    caption = "Estimated for the rows of the window, before outcomes are known"
    tables = [measures(caption, named, found.get("n"))]
    past = record.get("estimates") or []
    if past:
        heads = ("week", "estimated", "realised", "n")
        tables.append(Table("Estimates whose outcomes came since", heads, rows_of(past, *heads)))
    figures = [_honesty(past, told(record.get("mean_error")))] if past else []
    error = record.get("mean_error")
    notes = [
        "Valid while scores are calibrated and features mean what they meant: an estimate cannot see concept drift."
    ]
    if record.get("unreliable"):
        notes.append("The track record is too poor: such estimates raise nothing above low.")
    alarms = record.get("alarms") or {}
    if alarms:
        notes.append("Alarms so far: " + ", ".join(f"{key} {number(value)}" for key, value in alarms.items()) + ".")
    honest = f"{number(error)} over {amount(record['n'], 'week')}" if error is not None else "no outcome has come yet"
    lead = f"Estimated AUC {told(found.get('auc'))}. Mean error so far: {honest}."
    state = "insufficient data" if value_of(found.get("auc")) is None else ""
    return Panel(id="estimate", title=title, lead=lead, state=state, notes=notes, figures=figures, tables=tables)


def _honesty(past: Sequence[Json], error: str) -> Figure:
    """What was estimated in a week, beside what came of its loans."""
    names = ("realised", "estimated")
    drawn = [
        {"x": one["week"], "at": at, "y": one[name], "series": name} for name in names for at, one in enumerate(past)
    ]
    says = (
        f"AUC as estimated and as it came, of {amount(len(past), 'week')} whose outcomes are known. Mean error {error}."
    )
    axes = Axes(x="week of the estimate", y="AUC", y_format=".2f", dates=True, from_zero=False)
    table = Table("Estimated and realised", ("week", *names, "n"), rows_of(past, "week", *names, "n"))
    return Figure("Estimates and what came", says, charts.curves(drawn, names, axes, points=True), table)
