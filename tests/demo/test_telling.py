from __future__ import annotations

from datetime import date, timedelta

from jobs.demo.__main__ import IN_VAIN, RECOVERED, lines
from jobs.replay.story import Event, Story, Week

FIRST = date(2016, 9, 3)
DRIFT = date(2016, 10, 1)


def week(number: int, psi: float, decision: str = "no_action", hint: str | None = None) -> Week:
    day, severity = FIRST + timedelta(days=7 * number), "none" if decision == "no_action" else "critical"
    return Week(day, "20160701-0123456789ab", decision, severity, f"said in week {number}", 0.7, 0.7, psi, hint)


WEEKS = (
    *(week(number, (number + 1) / 1000) for number in range(5)),
    week(5, 0.8, "retrain"),
    week(6, 0.8, "alert", "escalate"),
    week(7, 0.8, "alert", "escalate"),
    week(8, 0.02),
)
EVENTS = (
    Event(date(2016, 7, 1), "training_inference", "trained 20160701-0123456789ab: promoted", "auc 0.7"),
    Event(date(2016, 10, 9), "monitoring", "decided: a retraining, proposed by monitoring", "The scores have moved"),
    Event(date(2016, 10, 10), "training_inference", "trained 20161010-0123456789ab: kept", "auc_change_lower is -0.1"),
    Event(date(2016, 10, 24), "training_inference", "trained 20161024-0123456789ab: promoted", ""),
)


def told(story: Story) -> list[str]:
    return list(lines(story, DRIFT))


def test_the_story_is_told_by_its_days_each_with_its_reason() -> None:
    quiet = "4 of 4 weeks before it called for no action, score PSI 0.001 to 0.004"
    began = "drift began: weaker applicants and longer terms, from one day to the next"
    assert told(Story(WEEKS, EVENTS, 0.25)) == [
        f"2016-10-01  {began}; {quiet}",
        "2016-10-08  noticed by monitoring, severity critical: said in week 5",
        "2016-10-09  decided: a retraining, proposed by monitoring",
        "2016-10-10  trained 20161010-0123456789ab: kept (auc_change_lower is -0.1)",
        f"2016-10-15  {IN_VAIN}",
        "2016-10-24  trained 20161024-0123456789ab: promoted",
        f"2016-10-29  {RECOVERED}, PSI 0.020",
    ]


def test_what_did_not_happen_is_not_told() -> None:
    calm = tuple(one._replace(decision="no_action", score_psi=0.01) for one in WEEKS)
    found = told(Story(calm, EVENTS[:1], 0.25))
    assert [line[12:].split(":")[0] for line in found] == ["drift began", "recovered"]


def test_a_drift_that_goes_on_is_not_told_as_mended() -> None:
    found = told(Story(WEEKS[:-1], EVENTS[:3], 0.25))
    assert not any("recovered" in line for line in found)
    assert found[-1] == "2016-10-22  monitoring still says: said in week 7"
