"""The story of a replay as one page that needs nothing else: what happened on which day, and why."""

from __future__ import annotations

from jobs.monitoring.page import Cell, template
from jobs.protocol.events import amount
from jobs.replay.story import NO_ACTION, Story

ALERT_PSI = 0.25  # where drift is an alert, by the default policy


def rendered(story: Story) -> bytes:
    """The page: AUC over the weeks, every decision, training and alarm with its reason."""
    trained = [event.what for event in story.events if event.what.startswith("trained")]
    promoted = amount(sum(what.endswith("promoted") for what in trained), "promotion")
    alarms = sum(week.decision != NO_ACTION for week in story.weeks)
    told, trainings = amount(len(story.weeks), "week"), amount(len(trained), "training")
    headline = f"{told}, of which {alarms} called for somebody; {trainings}, {promoted}"
    weeks = [
        {
            **week._asdict(),
            "week": str(week.week),
            "verdict": Cell(week.decision.replace("_", " "), None, week.severity),
        }
        for week in story.weeks
    ]
    days = [{"day": str(one.day), "who": one.who, "what": one.what, "why": one.why} for one in story.events]
    lines = {
        name: [(week["week"], week[name]) for week in weeks if week[name] is not None]
        for name in ("auc", "estimated_auc", "score_psi")
    }
    page = template("story.html.j2", "jobs.replay")
    return page.render(headline=headline, weeks=weeks, days=days, of=lines, alert=ALERT_PSI).encode()
