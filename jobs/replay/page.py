"""The story of a replay as one page that needs nothing else: what happened on which day, and why."""

from __future__ import annotations

from jobs.monitoring import charts, report
from jobs.monitoring.page import Cell, Figure, Panel, amount, listing
from jobs.replay.story import NO_ACTION, Story

ALERT_PSI = 0.25  # where drift is an alert, by the default policy


def rendered(story: Story) -> bytes:
    """The page: AUC over the weeks, every decision, training and alarm with its reason."""
    trained = [event.what for event in story.events if event.what.startswith("trained")]
    promoted = amount(sum(what.endswith("promoted") for what in trained), "promotion")
    alarms = sum(week.decision != NO_ACTION for week in story.weeks)
    weeks, trainings = amount(len(story.weeks), "week"), amount(len(trained), "training")
    headline = f"{weeks}, of which {alarms} called for somebody; {trainings}, {promoted}"
    panels = [panel.drawn() for panel in _panels(story)]
    template = report.template("story.html.j2", "jobs.replay")
    return template.render(page=report.page(), headline=headline, panels=panels).encode()


def _panels(story: Story) -> list[Panel]:
    weeks = [week._asdict() | {"week": week.week.isoformat()} for week in story.weeks]
    for week in weeks:
        week["verdict"] = Cell(week["decision"].replace("_", " "), None, week["severity"])
    days = [{"day": one.day.isoformat(), "who": one.who, "what": one.what, "why": one.why} for one in story.events]
    measures = (("AUC realised", "auc"), ("AUC estimated", "estimated_auc"), ("score PSI", "score_psi"))
    numbers = listing("AUC and drift by week", weeks, ("week to", "week"), ("model", "model_id"), *measures)
    figures = []
    for title, y, names, level in (
        ("AUC of the serving model", "AUC", {"realised": "auc", "estimated": "estimated_auc"}, None),
        ("Score PSI against the model's reference", "PSI", {"score PSI": "score_psi"}, ALERT_PSI),
    ):
        lines = {
            line: [(week["week"], week[name]) for week in weeks if week[name] is not None]
            for line, name in names.items()
        }
        if any(lines.values()):
            axes = charts.Axes(x="week to", y=y, y_format=".2f", dates=True, from_zero=level is not None, level=level)
            drawn = charts.curves(lines, axes)
            figures.append(Figure(title, "A point a week; the table holds the numbers.", drawn, numbers))
    ranked = "How well the serving model ranked, by outcomes where they are known and as estimated"
    said = listing("Weeks and verdicts", weeks, ("week to", "week"), "verdict", ("in words", "sentence"))
    on_days = listing("What happened on which day", days, "day", "who", "what", "why")
    sundays = "What monitoring said each Sunday of the week that had ended."
    all_told = "Every decision and what became of it, every training, every alarm, and every mishap."
    return [
        Panel(id="performance", title="Over time", lead=f"{ranked}; how far scores moved.", figures=figures),
        Panel(id="weeks", title="Verdicts", lead=sundays, tables=[said]),
        Panel(id="days", title="Day by day", lead=all_told, tables=[on_days]),
    ]
