"""All that a verdict rests on, section by section: one that breaks is unknown, and the others are still there."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import Any

import numpy as np
import polars as pl

from jobs.measures.drift import ZeroPolicy
from jobs.monitoring import drift, performance, quality_facts, retraining, storing, vintages, weeks
from jobs.monitoring.reading import Reading
from jobs.monitoring.session import VERSION, Session
from jobs.monitoring.storing import Judged
from jobs.protocol import files, strict_json, verdicts
from jobs.protocol.command import Run
from jobs.protocol.policy import LabelPolicy
from jobs.scorer import scorecard

Json = dict[str, Any]

FORMAT = 1
SECTIONS = (  # in the order in which they need one another
    *("window", "drift", "performance", "concept", "calibration", "target", "estimate", "track_record", "vintages"),
    *("curves", "quality"),
)
_BINS: Json = {
    "subject": pl.String,
    "bin": pl.String,
    "reference_rows": pl.Int64,
    "rows": pl.Int64,
    "contribution": pl.Float64,
}


def judge(session: Session) -> None:
    """Compute, store, judge: the verdict is the last file that gets its name."""
    run, week = session.run, session.week
    files.sweep(session.root.at(verdicts.folder(week)))
    earlier = verdicts.weeks(session.root, week - timedelta(days=1))
    past = storing.remembered(run, earlier[-remembered(session.policy.label) :])
    sections = Sections(session, past)
    evidence = sections.evidence
    for name in SECTIONS:
        evidence[name] = _guarded(run, getattr(sections, name))
    evidence["files"] = {}
    for name, frame in sections.frames.items():
        data = io.BytesIO()
        frame.write_parquet(data)
        evidence["files"][name] = storing.put(run, week, name, "parquet", data.getvalue())
    cited = storing.put(run, week, "evidence", "json", strict_json.pretty(evidence))
    said = retraining.judge(evidence, session.policy, [one.verdict for one in past])
    resting_on = {"evidence": cited, "policy_sha256": session.policy.sha256, "previous": session.sources.previous}
    storing.put_verdict(run, week, said | resting_on)


def remembered(label: LabelPolicy) -> int:
    """Weeks that a verdict looks back on: the loans of the first of them have matured by then, and judge estimates."""
    return max(70, (31 * label.longest_months + label.lag_days) // 7 + 13)


class Sections:
    """One week's evidence, section by section; `frames` are the tables that are kept beside it."""

    def __init__(self, session: Session, past: Sequence[Judged]) -> None:
        self._session, self._policy, self._past, self._reading = session, session.policy, past, Reading(session)
        self.evidence, self.frames = _head(session, self._reading), dict[str, pl.DataFrame]()

    def window(self) -> Json:
        return self._reading.window.told

    def drift(self) -> Json:
        window, zero = self._reading.window, ZeroPolicy(self._policy.drift.zero_policy)
        said, table = drift.section(self._reading.reference, window.scores, window.features, zero)
        self.frames["bins"] = pl.DataFrame(table, schema=_BINS)
        return said

    def performance(self) -> Json:
        outcomes, reading = self._reading.outcomes, self._reading
        said = outcomes.told | performance.realised(outcomes.counts, reading.reference["cutoff"])
        return said | {"cohorts": performance.cohorts(reading.cohorts)}

    def concept(self) -> Json:
        drops = performance.past_drops(self._past, self._session.week, self._session.model.model_id)
        return performance.concept(self._reading.learned, self._reading.outcomes.counts, drops, self._policy)

    def calibration(self) -> Json:
        rows = self._reading.outcomes.rows
        bands = scorecard.grade_bands(rows["pd"].to_numpy(), rows["y"].to_numpy().astype(np.int64))
        return performance.calibration(self._reading.outcomes.counts, bands)

    def target(self) -> Json:
        learned = self._reading.learned
        return performance.target(learned.n_bad, learned.n, self._reading.outcomes.rows, self._reading.aged)

    def estimate(self) -> Json:
        reading = self._reading
        return performance.estimate(reading.window.scores, reading.learned, reading.reference["cutoff"], self._policy)

    def track_record(self) -> Json:
        return performance.track_record(self._past, self.evidence["performance"], self._policy)

    def vintages(self) -> Json:
        said, self.frames["vintages"] = vintages.vintages(self._reading.aged, self._policy.label)
        return said

    def curves(self) -> Json:
        return performance.curves(self._reading.outcomes.counts, self._reading.learned)

    def quality(self) -> Json:
        shelf, week = self._session.shelf, self._session.week
        return quality_facts.section(shelf, week, self._reading.reference, self._reading.daily)


def _head(session: Session, reading: Reading) -> Json:
    week, serving, model, sources = session.week.isoformat(), session.judged, session.model, session.sources
    since = serving.as_of.isoformat()
    known = {"model_id": model.model_id, "sha256": model.sha256, "since": since, "ledger_seq": serving.seq}
    return {
        "format": FORMAT,
        "week": week,
        "first": weeks.first_of(session.week).isoformat(),
        "last": week,
        "model": known | {"trained_as_of": reading.trained_as_of.isoformat()},
        "policy_sha256": session.policy.sha256,
        "version": VERSION,
        "made_from": sources.made_from,
        "inputs": [asdict(each) for each in sources.inputs],
        "trainings": sources.trainings,
        "promoted_on": since,
    }


def _guarded(run: Run, work: Callable[[], Json]) -> Json:
    """A section; or what broke and where, without a row's values, which is written down as a problem of the run too."""
    found: list[Json] = []

    def compute() -> None:
        section = work()
        strict_json.canonical(section)  # what cannot be stored, NaN first of all, breaks this section alone
        found.append(section)

    problems = run.report.problems
    run.attempt(compute)
    if found:
        return found[0]
    problem = problems[-1]
    if problem in problems[:-1]:  # several sections may rest on the same
        problems.pop()
    return {"unknown": problem.what if problem.where.startswith("/") else f"{problem.what} ({problem.where})"}
