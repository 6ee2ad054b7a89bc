"""The story of a replay as one page that needs nothing else: what happened on which day, and why."""

from __future__ import annotations

from jobs.monitoring import charts, report
from jobs.monitoring.page import Cell, Figure, Panel, Table, amount, cell
from jobs.replay.story import Story

REALISED, ESTIMATED = "realised", "estimated"
ALERT_PSI = 0.25  # where drift is an alert, by the default policy


def rendered(story: Story) -> bytes:
    """The page: AUC over the weeks, every decision, training and alarm with its reason."""
    panels = [panel.drawn() for panel in (_performance(story), _weeks(story), _events(story))]
    template = report.template("story.html.j2", "jobs.replay")
    return template.render(page=report.page(), headline=headline(story), panels=panels).encode()


def headline(story: Story) -> str:
    """The replay in one sentence."""
    trained = [event for event in story.events if event.what.startswith("trained")]
    promoted = sum(event.what.endswith("promoted") for event in trained)
    alarms = sum(week.decision != "no_action" for week in story.weeks)
    told = (amount(len(story.weeks), "week"), amount(len(trained), "training"), amount(promoted, "promotion"))
    return f"{told[0]}, of which {alarms} called for somebody; {told[1]}, {told[2]}"


def _performance(story: Story) -> Panel:
    heads = ("week to", "model", "AUC realised", "AUC estimated", "score PSI")
    rows = [
        [Cell(w.week.isoformat()), Cell(w.model_id), cell(w.auc), cell(w.estimated_auc), cell(w.score_psi)]
        for w in story.weeks
    ]
    table = Table("AUC and drift by week", heads, rows)
    ranked = {REALISED: [week.auc for week in story.weeks], ESTIMATED: [week.estimated_auc for week in story.weeks]}
    moved = {"score PSI": [week.score_psi for week in story.weeks]}
    figures = [
        Figure(title, "A point a week; the table holds the numbers.", _drawn(story, series, what, level), table)
        for title, series, what, level in (
            ("AUC of the serving model", ranked, "AUC", None),
            ("Score PSI against the model's reference", moved, "PSI", ALERT_PSI),
        )
        if any(value is not None for values in series.values() for value in values)
    ]
    lead = "How well the serving model ranked, by outcomes where they are known and as estimated; how far scores moved."
    return Panel(id="performance", title="Over time", lead=lead, figures=figures)


def _drawn(story: Story, series: dict[str, list[float | None]], what: str, level: float | None) -> charts.Drawing:
    dates = [week.week.isoformat() for week in story.weeks]
    lines = {
        name: [(day, value) for day, value in zip(dates, values, strict=True) if value is not None]
        for name, values in series.items()
    }
    axes = charts.Axes(x="week to", y=what, y_format=".2f", dates=True, from_zero=level is not None, level=level)
    return charts.curves(lines, axes)


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
