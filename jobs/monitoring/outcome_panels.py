"""What outcomes say of the model: ranking, calibration, vintages, and estimates made before outcomes came."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from jobs.measures.bands import Band
from jobs.monitoring import charts, page
from jobs.monitoring.charts import Axes
from jobs.monitoring.page import Cell, Figure, Json, Panel, Shown, Table, cell, listing, measures, number, part, told

LIGHTS = ("green", "yellow", "orange", "red")
_AT_CUTOFF = {"precision": "precision at the cut-off", "recall": "recall at the cut-off", "f1": "F1 at the cut-off"}
_RANKING = {"auc": "AUC", "gini": "Gini", "ks": "KS", "average_precision": "average precision", "log_loss": "log loss"}
_RANKING |= {"log_loss_skill": "share of log loss saved", "brier": "Brier score"} | _AT_CUTOFF
_CONCEPT = {
    "unknown": "concept drift",
    "drop": "AUC lost since the reference",
    "drop_lower": "AUC lost, one-sided lower bound",
    "reference_auc": "AUC of the reference",
    "adjusted_reference_auc": "AUC of the reference at the score mix of now",
    "adjusted_drop": "AUC lost at the score mix of now",
}
_CALIBRATION = {"observed_to_expected": "observed over expected bads", "slope": "calibration slope"}
_CALIBRATION |= {"intercept": "calibration intercept", "ece": "expected calibration error"}
_CALIBRATION |= {"hosmer_lemeshow": "Hosmer-Lemeshow chi-squared"}
_ESTIMATED = {"auc": "AUC", **_AT_CUTOFF, "drop": _CONCEPT["drop"]}


def _named(names: Mapping[str, str], found: Json) -> Json:
    return {label: found[name] for name, label in names.items() if name in found}


def ranking(shown: Shown) -> Panel:
    """How well the scores rank the loans that matured."""
    evidence = shown.now.evidence
    found, concept = evidence["performance"], evidence.get("concept") or {}
    tables = [measures("Performance on matured loans", _named(_RANKING, found))]
    against = _named(_CONCEPT, {"unknown": concept} if "unknown" in concept else concept)
    tables.append(measures("Against the reference", against, found.get("n")))
    when = f"from {found.get('first') or '?'} to {found.get('last') or '?'}"
    again = f"{number(found.get('backscored'))} scored again with this model"
    lead = f"{number(found.get('n'))} loans matured, {when}, {number(found.get('bads'))} of them bad ({again})."
    lead += f" AUC {told(found.get('auc'))}."
    state = page.INSUFFICIENT if page.value_of(found.get("auc")) is None else ""
    figures = _rankings(evidence.get("curves") or {}, found, concept)
    return Panel(lead=lead, state=state, figures=figures, tables=tables)


def _rankings(curves: Json, found: Json, concept: Json) -> list[Figure]:
    figures = []
    shares: dict[str, Any] = {"x_format": "~%", "y_format": "~%", "points": False}
    if curves.get("roc"):
        sides = {"now": curves["roc"], "reference": curves.get("reference_roc") or []}
        says = f"ROC curve. AUC now {told(found.get('auc'))}, of the reference {told(part(concept, 'reference_auc'))}."
        figures.append(_lines("ROC curve", says, sides, Axes(x="goods lost", y="bads caught", square=True, **shares)))
    if ks := curves.get("ks"):
        gap = max(ks, key=lambda point: abs(point[2] - point[1]))
        sides = {"bads": [(at, bads) for at, _, bads in ks], "goods": [(at, goods) for at, goods, _ in ks]}
        says = f"Shares of bads and goods up to each score. Widest gap at {gap[0]:.3f}. KS {told(found.get('ks'))}."
        axes = Axes(x="score (PD)", y="share at or below", **shares)
        figures.append(_lines("KS: goods and bads by score", says, sides, axes))
    if curves.get("pr"):
        sides = {"now": curves["pr"], "reference": curves.get("reference_pr") or []}
        says = f"Precision over recall. Average precision {told(found.get('average_precision'))}."
        figures.append(_lines("Precision and recall", says, sides, Axes(x="recall", y="precision", **shares)))
    return figures


def _lines(title: str, says: str, sides: Mapping[str, Sequence[Any]], axes: Axes) -> Figure:
    """Lines of points, in the order given; the table holds their shape, every twentieth point."""
    rows = [[Cell(name), cell(float(x)), cell(float(y))] for name, points in sides.items() for x, y in points[::20]]
    chart = charts.curves({name: points for name, points in sides.items() if points}, axes)
    return Figure(title, says, chart, Table(title, ("line", axes.x, axes.y), rows))


def calibration(shown: Shown) -> Panel:
    """Whether the scores promise as many bads as came."""
    found = shown.now.evidence["calibration"]
    observed = found.get("observed_to_expected")
    tables = [measures("Calibration", _named(_CALIBRATION, found), part(observed, "n"))]
    if grades := found.get("grades"):
        rates = (("bad rate", "rate %"), ("expected rate", "expected_rate %"))
        heads = ("grade", "n", "bads", *rates, ("p", "p p"), "light")
        tables.append(listing("Grades: bads expected and seen", map(_grade, grades), *heads))
    lead = f"Observed over expected bads: {told(observed)}. Jeffreys test: p {number(found.get('p_too_low'), 'p')} that"
    lead += f" PDs are not too low, p {number(found.get('p_too_high'), 'p')} that they are not too high."
    figures = [_reliability(found["deciles"])] if found.get("deciles") else []
    state = page.INSUFFICIENT if page.value_of(observed) is None else ""
    return Panel(lead=lead, state=state, figures=figures, tables=tables)


def _grade(one: Json) -> Json:
    n, light = one.get("n") or 0, str(one.get("light") or "unknown")
    known = light in LIGHTS
    shown = Cell(light, float(LIGHTS.index(light)) if known else None, light if known else "unknown")
    rates = {"rate": one["bads"] / n if n else None, "expected_rate": one.get("expected", 0) / n if n else None}
    return {**one, **rates, "n": n, "light": shown}


def _reliability(deciles: Sequence[Json]) -> Figure:
    """Bad rates against promised ones, with Jeffreys intervals."""
    bands = [Band(**one) for one in deciles]
    points = [(one.mean_score, one.bad_rate, *one.bad_rate_interval()) for one in bands]
    top = max(max(point[:2]) for point in points)
    off = sum(not low <= promised <= high for promised, _, low, high in points)
    says = f"Observed bad rate against the promised one in {len(bands)} bands of equal mass, with 95 % intervals."
    says += f" {off} bands lie off the diagonal by more than their interval."
    rows = [
        [
            *(Cell(f"{one.lowest:.3f} to {one.highest:.3f}"), cell(one.n), cell(one.bads), cell(one.mean_score, "%")),
            *(cell(one.bad_rate, "%"), Cell(f"{low:.1%} to {high:.1%}", low)),
        ]
        for one, (_, _, low, high) in zip(bands, points, strict=True)
    ]
    axes = Axes(x="promised bad rate", y="observed bad rate", x_format="~%", y_format="~%")
    chart = charts.curves({"bands of scores": points, "as promised": [(0.0, 0.0), (top, top)]}, axes)
    heads = ("scores", "n", "bads", "promised", "observed", "95 % interval")
    return Figure("Reliability diagram", says, chart, Table("Reliability", heads, rows))


def vintages(shown: Shown) -> Panel:
    """How loans of each quarter went bad as they aged, and how far each quarter can be read."""
    months, target = shown.now.evidence["vintages"].get("months") or [], shown.now.evidence.get("target")
    figures = [_vintage_figure(shown.vintages)] if shown.vintages else []
    tables = []
    if rates := part(target, "months"):
        figures.append(_target_figure(rates))
    if change := part(target, "change"):
        tables.append(measures("Change of the bad rate", {"against the reference": change}, kind="%"))
    if months:
        ages = ("month", "loans", "matured", ("share matured", "share_matured %"))
        rates = (("bad rate of these", "bad_rate %"), ("low", "low %"), ("high", "high %"))
        tables.append(listing("Maturity by month of application", months, *ages, *rates))
    lead = (
        "Cumulative share of loans that went bad, by months since the application; dashed where not all are that old."
    )
    return Panel(lead=lead, state="" if figures or months else page.INSUFFICIENT, figures=figures, tables=tables)


def _vintage_figure(curves: Sequence[Json]) -> Figure:
    """A line a quarter; the last row of a quarter bears its name, and the first young one joins the two parts."""
    drawn: list[Json] = []
    for row, after in zip(curves, (*curves[1:], None), strict=True):
        ends = after is None or after["quarter"] != row["quarter"]
        joins = not ends and after is not None and after["immature"]
        drawn.append({"x": row["month_on_book"], "y": row["share"], "series": row["quarter"], "last": ends})
        drawn[-1] |= {"whole": not row["immature"], "young": row["immature"] or joins}
    newest = [row for row in drawn if row["last"]]
    says = f"Cumulative share gone bad of {len(newest)} quarters of application. At the end of each line: "
    says += "; ".join(f"{row['series']} {row['y']:.1%} after {row['x']} months" for row in newest) + "."
    counts = ("quarter", ("month on book", "month_on_book"), "loans", ("at risk", "at_risk"), "bads")
    shares = (("share", "share %"), ("low", "low %"), ("high", "high %"), ("not all are that old", "immature"))
    axes = Axes(x="months on book", y="cumulative share gone bad", y_format="~%")
    table = listing("Vintages", curves, *counts, *shares)
    return Figure("Vintages by quarter", says, charts.vintages(drawn, axes), table)


def _target_figure(months: Sequence[Json]) -> Figure:
    rates = [(one["month"], one["rate"], *(one.get("interval") or ())) for one in months if one.get("rate") is not None]
    title, newest = "Bad rate by month", months[-1]
    says = f"Bad rate of matured loans by month of application, with 95 % intervals. Newest: {newest['month']},"
    says += f" {number(newest.get('rate'), '%')} of {number(newest.get('n'))}."
    axes = Axes(x="month of application", y="bad rate", y_format="~%", dates=True)
    table = listing(title, months, "month", "n", "bads", ("bad rate", "rate %"))
    return Figure(title, says, charts.curves({"bad rate": rates}, axes), table)


def estimate(shown: Shown) -> Panel:
    """What the scores alone say of performance, and how right that was so far."""
    found, record = shown.now.evidence["estimate"], shown.now.evidence.get("track_record") or {}
    caption = "Estimated for the rows of the window, before outcomes are known"
    tables, figures = [measures(caption, _named(_ESTIMATED, found), found.get("n"))], []
    error, past = record.get("mean_error"), record.get("estimates")
    if past:
        tables.append(listing("Estimates whose outcomes came since", past, "week", "estimated", "realised", "n"))
        says = f"AUC as estimated and as it came, of {page.amount(len(past), 'week')} whose outcomes are known."
        lines = {name: [(one["week"], one[name]) for one in past] for name in ("realised", "estimated")}
        axes = Axes(x="week of the estimate", y="AUC", y_format=".2f", dates=True, from_zero=False)
        table = listing("Estimated and realised", past, "week", *lines, "n")
        says += f" Mean error {told(error)}."
        figures.append(Figure("Estimates and what came", says, charts.curves(lines, axes), table))
    notes = [
        "Valid while scores are calibrated and features mean what they meant: an estimate cannot see concept drift."
    ]
    if record.get("unreliable"):
        notes.append("The track record is too poor: such estimates raise nothing above low.")
    if alarms := record.get("alarms"):
        notes.append("Alarms so far: " + ", ".join(f"{key} {number(value)}" for key, value in alarms.items()) + ".")
    known = error is not None
    honest = f"{number(error)} over {page.amount(record['n'], 'week')}" if known else "no outcome has come yet"
    lead = f"Estimated AUC {told(found.get('auc'))}. Mean error so far: {honest}."
    state = page.INSUFFICIENT if page.value_of(found.get("auc")) is None else ""
    return Panel(lead=lead, state=state, notes=notes, figures=figures, tables=tables)
