"""The story of a replay as one page that needs nothing else: what happened on which day, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

from jobs.monitoring import charts, report
from jobs.monitoring.page import Cell, Figure, Panel, Table, cell

if TYPE_CHECKING:
    from jobs.replay.story import Story

REALISED, ESTIMATED = "realised", "estimated"


def rendered(story: Story) -> bytes:
    """The page: AUC over the weeks, every decision, training and alarm with its reason."""
    panels = [_performance(story), _weeks(story), _events(story)]
    drawings = {
        panel.id: [
            Markup(charts.svg(one.chart, f"{panel.id}{at}", one.height))  # noqa: S704 - cleaned, element by element
            for at, one in enumerate(panel.figures)
        ]
        for panel in panels
    }
    text = report.template("story.html.j2", "jobs.replay").render(
        page=report.page(), headline=headline(story), panels=panels, drawings=drawings
    )
    return text.encode()


def headline(story: Story) -> str:
    """The replay in one sentence."""
    trained = [event for event in story.events if event.what.startswith("trained")]
    promoted = sum(event.what.endswith("promoted") for event in trained)
    alarms = sum(week.decision != "no_action" for week in story.weeks)
    return (
        f"{len(story.weeks)} weeks: {alarms} that called for somebody, {len(trained)} trainings, {promoted} promotions"
    )


def _performance(story: Story) -> Panel:
    rows = [
        {"x": week.week.isoformat(), "y": value, "series": series, "at": at}
        for series, values in (
            (REALISED, [week.auc for week in story.weeks]),
            (ESTIMATED, [week.estimated_auc for week in story.weeks]),
        )
        for at, (week, value) in enumerate(zip(story.weeks, values, strict=True))
        if value is not None
    ]
    lead = "How well the serving model ranked: by outcomes where they are known, and as estimated before."
    if not rows:
        return Panel(id="performance", title="Ranking over time", lead="No week could be judged by outcomes.")
    drawn = charts.curves(
        rows,
        (REALISED, ESTIMATED),
        charts.Axes(x="week to", y="AUC", y_format=".2f", dates=True, from_zero=False),
        points=True,
    )
    heads = ("week to", "model", "AUC realised", "AUC estimated", "score PSI")
    table = Table(
        "AUC and drift by week",
        heads,
        [
            [Cell(w.week.isoformat()), Cell(w.model_id), cell(w.auc), cell(w.estimated_auc), cell(w.score_psi)]
            for w in story.weeks
        ],
    )
    return Panel(
        id="performance",
        title="Ranking over time",
        lead=lead,
        figures=[Figure("AUC of the serving model", "A line a week; the table holds the numbers.", drawn, table)],
    )


def _weeks(story: Story) -> Panel:
    rows = [
        [Cell(w.week.isoformat()), Cell(w.decision.replace("_", " "), None, w.severity), Cell(w.sentence)]
        for w in story.weeks
    ]
    lead = "What monitoring said each Sunday of the week that had ended."
    table = Table("Weeks and verdicts", ("week to", "verdict", "in words"), rows)
    return Panel(id="weeks", title="Verdicts", lead=lead, tables=[table])


def _events(story: Story) -> Panel:
    rows = [[Cell(e.day.isoformat()), Cell(e.who), Cell(e.what), Cell(e.why)] for e in story.events]
    lead = "Every decision and what became of it, every training, every alarm, and every mishap."
    table = Table("What happened on which day", ("day", "who", "what", "why"), rows)
    return Panel(id="days", title="Day by day", lead=lead, tables=[table])
