"""The story of the demo in ten lines: from the drift to what mended it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from jobs.replay.story import Event, Story, Week

MOVED = 0.25  # a stability index above it is told as drift


def lines(story: Story, drift: date) -> Iterator[str]:
    """What happened, by its day; each line only where it did happen."""
    for day, text in sorted(_told(story, drift), key=lambda line: line[0]):
        yield f"{day}  {text}"


def _told(story: Story, drift: date) -> Iterator[tuple[date, str]]:
    before = [week for week in story.weeks if week.week < drift]
    quiet = f"{_quiet(before)} of {len(before)} weeks before it were quiet, score PSI {_range(before)}"
    yield drift, f"drift began: weaker applicants and longer terms, from one day to the next; {quiet}"
    noticed = next((week for week in story.weeks if week.week >= drift and week.decision != "no_action"), None)
    if noticed:
        yield noticed.week, f"noticed by monitoring, severity {noticed.severity}: {noticed.sentence}"
    asked = next((one for one in story.events if one.day >= drift and one.what.startswith("asked for a retr")), None)
    if asked:
        yield asked.day, f"decided: {asked.what}"
    trained = [event for event in story.events if event.what.startswith("trained") and event.day >= drift]
    yield from ((event.day, event.what + _why(event)) for event in trained[:4])
    in_vain = next((week for week in story.weeks if trained and _is_in_vain(week)), None)
    if in_vain:
        yield in_vain.week, IN_VAIN
    if recovered := _recovered(story, drift):
        psi = f"PSI {recovered.score_psi:.3f}"
        yield (
            recovered.week,
            f"recovered: scores lie again where the reference of the model that serves has them, {psi}",
        )
    for last in story.weeks[-1:]:
        if last.decision != "no_action":
            yield last.week, f"monitoring still says: {last.sentence}"


IN_VAIN = (
    "not mended: no loan of the new kind had matured, so no training could learn of one; from now on a person is told, "
    "instead of training again"
)


def _recovered(story: Story, drift: date) -> Week | None:
    """The first week from which on the scores lay where their reference has them."""
    found = None
    for week in reversed([week for week in story.weeks if week.week >= drift]):
        if week.score_psi is None or week.score_psi > MOVED:
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
