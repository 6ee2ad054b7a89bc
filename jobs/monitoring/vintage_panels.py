"""How loans of a time of application turned bad, and how far each time can be read."""

from __future__ import annotations

from collections.abc import Sequence

from jobs.monitoring import charts
from jobs.monitoring.charts import Axes
from jobs.monitoring.page import Figure, Json, Panel, Table, Week, measures, missing, number, part, rows_of


def vintages(week: Week, curves: Sequence[Json]) -> Panel:
    """How loans of each quarter went bad as they aged, and how far each quarter can be read."""
    title, found = "Vintages and target", part(week.evidence, "vintages")
    target = part(week.evidence, "target")
    if there := missing("vintages", title, found):
        return there
    months = found.get("months") or []
    figures = [_vintage_figure(curves)] if curves else []
    if target and target.get("months"):
        figures.append(_target_figure(target["months"]))
    tables = (
        [measures("Change of the bad rate", {"against the reference": target["change"]}, kind="%")]
        if part(target, "change")
        else []
    )
    if months:
        heads = ("month", "loans", "matured", "share matured", "bad rate of these", "low", "high")
        tables.append(Table("Maturity by month of application", heads, rows_of(months, *_MATURITY)))
    lead = (
        "Cumulative share of loans that went bad, by months since the application; dashed where not all are that old."
    )
    state = "" if figures or months else "insufficient data"
    return Panel(id="vintages", title=title, lead=lead, state=state, figures=figures, tables=tables)


_MATURITY: tuple[str | tuple[str, str], ...] = (
    *("month", "loans", "matured"),
    *(("share_matured", "%"), ("bad_rate", "%"), ("low", "%"), ("high", "%")),
)


def _vintage_figure(curves: Sequence[Json]) -> Figure:
    """A line a quarter; the last row of a quarter bears its name, and the first young one joins the two parts."""
    drawn: list[Json] = []
    for row, after in zip(curves, (*curves[1:], None), strict=True):
        ends = after is None or after["quarter"] != row["quarter"]
        joins = not ends and after is not None and after["immature"]
        whole = not row["immature"]
        drawn.append({"x": row["month_on_book"], "y": row["share"], "series": row["quarter"], "last": ends})
        drawn[-1] |= {"whole": whole, "young": not whole or joins}
    newest = [row for row in drawn if row["last"]]
    says = f"Cumulative share gone bad of {len(newest)} quarters of application. At the end of each line: "
    says += "; ".join(f"{row['series']} {row['y']:.1%} after {row['x']} months" for row in newest) + "."
    rows = rows_of(curves, *_CURVE_COLUMNS)
    axes = Axes(x="months on book", y="cumulative share gone bad", y_format="~%")
    heads = ("quarter", "month on book", "loans", "at risk", "bads", "share", "low", "high", "not all are that old")
    return Figure("Vintages by quarter", says, charts.vintages(drawn, axes), Table("Vintages", heads, rows))


_CURVE_COLUMNS: tuple[str | tuple[str, str], ...] = (
    *("quarter", "month_on_book", "loans", "at_risk", "bads"),
    *(("share", "%"), ("low", "%"), ("high", "%"), "immature"),
)


def _target_figure(months: Sequence[Json]) -> Figure:
    drawn = [
        {"x": one["month"], "y": one["rate"], "at": at, "series": "bad rate", "low": ends[0], "high": ends[1]}
        for at, one in enumerate(months)
        if one.get("rate") is not None
        for ends in [one.get("interval") or (None, None)]
    ]
    newest = months[-1]
    says = f"Bad rate of matured loans by month of application, with 95 % intervals. Newest: {newest['month']},"
    says += f" {number(newest.get('rate'), '%')} of {number(newest.get('n'))}."
    rows = rows_of(months, "month", "n", "bads", ("rate", "%"))
    axes = Axes(x="month of application", y="bad rate", y_format="~%", dates=True)
    chart = charts.curves(drawn, ["bad rate"], axes, points=True)
    return Figure(
        "Bad rate by month", says, chart, Table("Bad rate by month", ("month", "n", "bads", "bad rate"), rows)
    )
