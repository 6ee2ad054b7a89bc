"""All that a verdict rests on, section by section: one that breaks is unknown, and the others are still there."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import date, timedelta
from functools import cached_property, partial
from typing import Any

import numpy as np
import polars as pl

from jobs.measures.counts import ScoreCounts
from jobs.measures.drift import ZeroPolicy
from jobs.monitoring import drift, sources, storing, weeks
from jobs.monitoring.reading import Reading
from jobs.monitoring.session import Session
from jobs.monitoring.sources import Sources
from jobs.monitoring.storing import Judged
from jobs.protocol import files, strict_json, verdicts
from jobs.protocol.command import Run

Json = dict[str, Any]

FORMAT = 1
REMEMBERED = 70  # weeks: the loans of the first have matured by then


def judge(session: Session, found: Sources) -> None:
    """Compute, store, judge: the verdict is the last file that gets its name."""
    from jobs.monitoring import retraining

    run, week = session.run, session.week
    files.sweep(session.root.at(verdicts.folder(week)))
    past = _past(session)
    evidence = Assembly(session, found, Reading(session, found), past).whole()
    cited = storing.put(run, week, "evidence", "json", strict_json.pretty(evidence))
    said = retraining.judge(evidence, session.policy, [one.verdict for one in past])
    resting_on = {"evidence": cited, "policy_sha256": session.policy.sha256, "previous": found.previous}
    storing.put_verdict(run, week, said | resting_on)


def _past(session: Session) -> list[Judged]:
    """The weeks before, oldest first; one that is damaged is told, and the others are still remembered."""
    found: list[Judged] = []
    for week in verdicts.weeks(session.root, session.week - timedelta(days=1))[-REMEMBERED:]:
        session.run.attempt(partial(_remember, session, week, found))
    return found


def _remember(session: Session, week: date, found: list[Judged]) -> None:
    if judged := storing.judged(session.root, week):
        found.append(judged)


class Assembly:
    """The sections of one week's evidence, in the order in which they need one another."""

    def __init__(self, session: Session, found: Sources, reading: Reading, past: list[Judged]) -> None:
        self._session, self._sources, self._reading, self._past = session, found, reading, past
        self._frames: dict[str, pl.DataFrame] = {}

    def whole(self) -> Json:
        evidence = self._head()
        sections: dict[str, Callable[[], Json]] = {
            "window": self._window,
            "drift": self._drift,
            "performance": self._performance,
            "concept": self._concept,
            "calibration": self._calibration,
            "target": self._target,
            "estimate": self._estimate,
            "track_record": lambda: self._track_record(evidence["performance"]),
            "vintages": self._vintages,
            "curves": self._curves,
            "quality": self._quality,
        }
        for name, work in sections.items():
            evidence[name] = guarded(self._session.run, work)
        evidence["files"] = {name: self._kept(name, frame) for name, frame in self._frames.items()}
        return evidence

    def _head(self) -> Json:
        session, week = self._session, self._session.week
        serving, model = session.serving, session.model
        assert serving is not None  # noqa: S101 - without a model no week is judged
        return {
            "format": FORMAT,
            "week": week.isoformat(),
            "first": weeks.first_of(week).isoformat(),
            "last": week.isoformat(),
            "model": {
                "model_id": model.model_id,
                "sha256": model.sha256,
                "since": serving.as_of.isoformat(),
                "ledger_seq": serving.seq,
                "trained_as_of": self._reading.trained_as_of.isoformat(),
            },
            "policy_sha256": session.policy.sha256,
            "version": sources.VERSION,
            "made_from": self._sources.made_from,
            "inputs": [asdict(each) for each in self._sources.inputs],
            "trainings": self._sources.trainings,
            "promoted_on": serving.as_of.isoformat(),
        }

    def _window(self) -> Json:
        window = self._reading.window
        named = {"first": window.first.isoformat(), "last": window.last.isoformat(), "days": window.days}
        return named | {"rows": window.scores.n, "backscored": window.backscored}

    def _drift(self) -> Json:
        reference, window = self._reading.reference, self._reading.window
        zero = ZeroPolicy(self._session.policy.drift.zero_policy)
        rows = drift.rows_of_bins(reference, window.scores, window.features, zero)
        self._frames["bins"] = pl.DataFrame(rows, schema=_BINS)
        return drift.section(reference, window.scores, window.features, zero)

    def _performance(self) -> Json:
        from jobs.monitoring import performance

        found, counts = self._reading.outcomes, self._reading.outcomes.counts
        named = {"first": found.first.isoformat(), "last": found.last.isoformat(), "n": counts.n, "bads": counts.n_bad}
        named |= {"backscored": found.backscored, "unscored": found.unscored}
        cohorts = performance.cohorts(self._reading.cohorts)
        return named | performance.realised(counts, self._reading.reference["cutoff"]) | {"cohorts": cohorts}

    def _concept(self) -> Json:
        from jobs.monitoring import performance, track_record

        past = track_record.past_drops(self._kept_weeks, self._session.week, self._session.model.model_id)
        return performance.concept(self._reference_counts, self._reading.outcomes.counts, past, self._session.policy)

    def _calibration(self) -> Json:
        from jobs.monitoring import performance
        from jobs.scorer import scorecard

        rows = self._reading.outcomes.rows
        bands = scorecard.grade_bands(rows["pd"].to_numpy(), rows["y"].to_numpy().astype(np.int64))
        return performance.calibration(self._reading.outcomes.counts, bands)

    def _target(self) -> Json:
        from jobs.monitoring import performance

        reference, reading = self._reference_counts, self._reading
        return performance.target(reference.n_bad, reference.n, reading.outcomes.rows, self._aged)

    def _estimate(self) -> Json:
        from jobs.monitoring import estimate

        cutoff = self._reading.reference["cutoff"]
        return estimate.estimate(self._reading.window.scores, self._reference_counts, cutoff, self._session.policy)

    def _track_record(self, performance: Json) -> Json:
        from jobs.monitoring import track_record

        return track_record.track_record(self._kept_weeks, performance, self._session.policy)

    def _vintages(self) -> Json:
        from jobs.monitoring import vintages

        said, curves = vintages.vintages(self._aged, self._session.policy.label)
        self._frames["vintages"] = curves
        return said

    def _curves(self) -> Json:
        from jobs.monitoring import performance

        return performance.curves(self._reading.outcomes.counts, self._reference_counts)

    def _quality(self) -> Json:
        from jobs.monitoring import quality, quality_facts

        session, reading = self._session, self._reading
        facts = quality_facts.facts(session.root, session.shelf, session.week, reading.reference, reading.daily)
        return quality.findings(facts)

    @cached_property
    def _reference_counts(self) -> ScoreCounts:
        stored = self._reading.reference["score_counts"]
        goods, bads = (np.asarray(stored[name], np.int64) for name in ("goods", "bads"))
        return ScoreCounts(np.asarray(stored["scores"], np.float64), goods, bads)

    @cached_property
    def _aged(self) -> pl.DataFrame:
        from jobs.monitoring import vintages

        reading, session = self._reading, self._session
        return vintages.count(reading.labels, reading.loans, session.week, session.policy.label)

    @property
    def _kept_weeks(self) -> list[tuple[date, Json, Json]]:
        return [(one.week, one.evidence, one.verdict) for one in self._past]

    def _kept(self, name: str, frame: pl.DataFrame) -> Json:
        data = io.BytesIO()
        frame.write_parquet(data)
        return storing.put(self._session.run, self._session.week, name, "parquet", data.getvalue())


_BINS: Mapping[str, Any] = {
    "subject": pl.String,
    "bin": pl.String,
    "reference_rows": pl.Int64,
    "rows": pl.Int64,
    "contribution": pl.Float64,
}


def guarded(run: Run, work: Callable[[], Json]) -> Json:
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
