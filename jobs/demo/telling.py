"""The story of the demo in ten lines: from the drift to what mended it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from jobs.replay.story import Event, Story, Week


def lines(story: Story, drift: date) -> Iterator[str]:
    """What happened, in order; each line only where it did happen."""
    before = [week for week in story.weeks if week.week < drift]
    yield f"{drift}  drift began: weaker applicants and longer terms, all at once"
    yield f"{'':10}  until then {_quiet(before)} of {len(before)} weeks were quiet, score PSI {_range(before)}"
    noticed = next((week for week in story.weeks if week.week >= drift and week.decision != "no_action"), None)
    if noticed:
        yield f"{noticed.week}  noticed by monitoring, severity {noticed.severity}: {noticed.sentence}"
    asked = _first(story, "asked for a retraining", drift)
    if asked:
        yield f"{asked.day}  decided: {asked.what}"
    trained = [event for event in story.events if event.what.startswith("trained") and event.day >= drift]
    for number, event in enumerate(trained[:3]):
        yield f"{event.day}  {event.what}" + ("" if number else _why(event))
    escalated = next(
        (week for week in story.weeks if trained and week.week >= trained[0].day and _is_in_vain(week)), None
    )
    if escalated:
        yield (
            f"{escalated.week}  not mended: no loan of the new kind had matured, so no training could learn from one; "
            "a person was told instead of training again"
        )
    recovered = _recovered(story, drift)
    yield (
        f"{recovered.week}  recovered: {recovered.sentence}"
        if recovered
        else f"{story.weeks[-1].week}  not recovered yet: {story.weeks[-1].sentence}"
    )


def _first(story: Story, what: str, since: date) -> Event | None:
    return next((event for event in story.events if event.what.startswith(what) and event.day >= since), None)


def _recovered(story: Story, drift: date) -> Week | None:
    """The first week from which on nothing was asked for any more."""
    found = None
    for week in reversed([week for week in story.weeks if week.week >= drift]):
        if week.decision != "no_action":
            break
        found = week
    return found


def _is_in_vain(week: Week) -> bool:
    return week.action_hint == "escalate"


def _why(event: Event) -> str:
    return f" ({event.why})" if event.what.endswith("kept") else ""


def _quiet(weeks: list[Week]) -> int:
    return sum(week.decision == "no_action" for week in weeks)


def _range(weeks: list[Week]) -> str:
    known = [week.score_psi for week in weeks if week.score_psi is not None]
    return f"{min(known):.3f} to {max(known):.3f}" if known else "not known"
