"""The words of a digest, line by line."""

from __future__ import annotations

from dataclasses import replace

from jobs.monitoring import alerts
from tests.monitoring.test_alerts import MODEL, POLICY, only, reason, verdict, week

NOW = f"""\
Week 2024-02-03, model {MODEL}: retrain (HIGH).
Something moved.

- critical, drift of worst: worst moved.
  (open since 2024-02-03; to acknowledge, put your name in acknowledged_by of WORST)
- high, drift of worse: worse moved.
  (open since 2024-02-03; to acknowledge, put your name in acknowledged_by of WORSE)
Still open, already reported: drift of kept.
Resolved: drift of gone.
Only noted: drift of small.
Could not be computed: target, vintages.

Decision: datamart/gold/monitoring/week=2024-02-03/decision.json
Report: datamart/gold/reports/week=2024-02-03/report.html
Newest ledger entry: 7, sha256 none"""


def test_a_digest_tells_what_is_new_gravest_first_and_what_became_of_the_rest() -> None:
    there = {"kept": range(5), "gone": range(3), "old": range(1)}
    past = [
        verdict(number, *(reason(subject=name) for name, weeks in there.items() if number in weeks))
        for number in range(4)
    ]
    found = [reason(subject="kept"), reason("low", subject="small")]
    found += [reason("high", subject="worse"), reason("critical", subject="worst")]
    now = verdict(4, *found, decision="retrain", priority="HIGH", unknown=["target", "vintages"])
    known = {one.subject: one for one in alerts.episodes([*past, now]).values()}
    told = {(known["kept"].fingerprint, week(0)): (week(3), "medium")}
    telling = alerts.due(known.values(), told, (), week(4), POLICY.renotify_days)
    digest, page = alerts.messages(now, telling, known.values(), (7, ""), replace(POLICY, max_pages_per_run=1))
    files = {name.upper(): known[name].file for name in ("worst", "worse")}
    assert digest["text"] == NOW.replace("WORST", files["WORST"]).replace("WORSE", files["WORSE"])
    assert digest["subject"] == "[P2PCreditScore] URGENT: week 2024-02-03, retrain (HIGH), 2 alerts"
    assert page["text"] == f"drift of worst, week 2024-02-03, model {MODEL}: worst moved."
    (alone,) = alerts.messages(now, telling[1:], known.values(), (7, ""), POLICY)
    assert alone["subject"] == "[P2PCreditScore] week 2024-02-03, retrain (HIGH), 1 alert"


def test_a_reason_that_was_seen_and_set_aside_is_not_gone_and_the_count_begins_anew() -> None:
    aside = verdict(2, set_aside=[reason("none", why="too few rows")])
    weeks = [verdict(0, reason()), verdict(1), aside, verdict(3)]
    assert only(weeks).resolved is None
    assert only([*weeks, verdict(4)]).resolved == week(4)
