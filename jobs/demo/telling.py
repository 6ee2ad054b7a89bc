"""The story of the demo in ten lines: from the drift to what mended it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from itertools import takewhile

from jobs.replay.story import NO_ACTION, Story

MOVED = 0.25  # a stability index above it is told as drift
RECOVERED = "recovered: scores lie again where the reference of the model that serves has them"
IN_VAIN = (
    "not mended: no loan of the new kind had matured, so no training could learn of one; from now on a person is told, "
    "instead of training again"
)


def lines(story: Story, drift: date) -> Iterator[str]:
    """What happened, by its day; each line only where it did happen."""
    for day, text in sorted(_told(story, drift), key=lambda line: line[0]):
        yield f"{day}  {text}"


def _told(story: Story, drift: date) -> Iterator[tuple[date, str]]:
    before, since = ([week for week in story.weeks if (week.week < drift) == is_before] for is_before in (True, False))
    known = [week.score_psi for week in before if week.score_psi is not None]
    psi = f"{min(known):.3f} to {max(known):.3f}" if known else "not known"
    quiet = f"{sum(week.decision == NO_ACTION for week in before)} of {len(before)} weeks before it were quiet"
    yield drift, f"drift began: weaker applicants and longer terms, from one day to the next; {quiet}, score PSI {psi}"
    for week in [week for week in since if week.decision != NO_ACTION][:1]:
        yield week.week, f"noticed by monitoring, severity {week.severity}: {week.sentence}"
    events = [event for event in story.events if event.day >= drift]
    for event in [event for event in events if event.what.startswith("asked for a retr")][:1]:
        yield event.day, f"decided: {event.what}"
    trained = [event for event in events if event.what.startswith("trained")]
    for event in trained[:4]:
        yield event.day, event.what + (f" ({event.why})" if event.what.endswith("kept") else "")
    for week in [week for week in story.weeks if trained and week.action_hint == "escalate"][:1]:
        yield week.week, IN_VAIN
    mended = list(takewhile(lambda week: week.score_psi is not None and week.score_psi <= MOVED, reversed(since)))
    for week in mended[-1:]:  # the first from which on the scores lay where their reference has them
        yield week.week, f"{RECOVERED}, PSI {week.score_psi:.3f}"
    for week in story.weeks[-1:]:
        if week.decision != NO_ACTION:
            yield week.week, f"monitoring still says: {week.sentence}"
