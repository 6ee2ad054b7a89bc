"""All that a verdict rests on, section by section: one that breaks is unknown, and the others are still there."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import timedelta
from functools import partial
from typing import Any

import numpy as np
import polars as pl

from jobs.measures.drift import ZeroPolicy
from jobs.monitoring import drift, performance, quality_facts, retraining, sources, storing, vintages, weeks
from jobs.monitoring.reading import Reading
from jobs.monitoring.session import Session
from jobs.monitoring.sources import Sources
from jobs.monitoring.storing import Judged
from jobs.protocol import files, strict_json, verdicts
from jobs.protocol.command import Run
from jobs.protocol.policy import LabelPolicy
from jobs.scorer import scorecard

Json = dict[str, Any]

FORMAT = 1
REMEMBERED = 70  # weeks: the loans of the first have matured by then
_BINS: Json = {
    "subject": pl.String,
    "bin": pl.String,
    "reference_rows": pl.Int64,
    "rows": pl.Int64,
    "contribution": pl.Float64,
}


def judge(session: Session, found: Sources) -> None:
    """Compute, store, judge: the verdict is the last file that gets its name."""
    run, week = session.run, session.week
    files.sweep(session.root.at(verdicts.folder(week)))
    past = storing.remembered(run, verdicts.weeks(session.root, week - timedelta(days=1))[-REMEMBERED:])
    evidence = _whole(session, found, past)
    cited = storing.put(run, week, "evidence", "json", strict_json.pretty(evidence))
    said = retraining.judge(evidence, session.policy, [one.verdict for one in past])
    resting_on = {"evidence": cited, "policy_sha256": session.policy.sha256, "previous": found.previous}
    storing.put_verdict(run, week, said | resting_on)


def _whole(session: Session, found: Sources, past: Sequence[Judged]) -> Json:
    """The sections of one week's evidence, in the order in which they need one another."""
    reading, policy, week = Reading(session, found), session.policy, session.week
    evidence, frames = _head(session, found, reading), dict[str, pl.DataFrame]()
    drops = partial(performance.past_drops, past, week, session.model.model_id)
    sections: dict[str, Callable[[], Json]] = {
        "window": lambda: _window(reading),
        "drift": lambda: _drift(reading, ZeroPolicy(policy.drift.zero_policy), frames),
        "performance": lambda: _performance(reading),
        "concept": lambda: performance.concept(reading.learned, reading.outcomes.counts, drops(), policy),
        "calibration": lambda: _calibration(reading),
        "target": lambda: performance.target(
            reading.learned.n_bad, reading.learned.n, reading.outcomes.rows, reading.aged
        ),
        "estimate": lambda: performance.estimate(
            reading.window.scores, reading.learned, reading.reference["cutoff"], policy
        ),
        "track_record": lambda: performance.track_record(past, evidence["performance"], policy),
        "vintages": lambda: _vintages(reading, policy.label, frames),
        "curves": lambda: performance.curves(reading.outcomes.counts, reading.learned),
        "quality": lambda: quality_facts.section(session.shelf, week, reading.reference, reading.daily),
    }
    for name, work in sections.items():
        evidence[name] = _guarded(session.run, work)
    evidence["files"] = {}
    for name, frame in frames.items():
        data = io.BytesIO()
        frame.write_parquet(data)
        evidence["files"][name] = storing.put(session.run, week, name, "parquet", data.getvalue())
    return evidence


def _head(session: Session, found: Sources, reading: Reading) -> Json:
    week, serving, model = session.week, session.serving, session.model
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
            "trained_as_of": reading.trained_as_of.isoformat(),
        },
        "policy_sha256": session.policy.sha256,
        "version": sources.VERSION,
        "made_from": found.made_from,
        "inputs": [asdict(each) for each in found.inputs],
        "trainings": found.trainings,
        "promoted_on": serving.as_of.isoformat(),
    }


def _window(reading: Reading) -> Json:
    window = reading.window
    named = {"first": window.first.isoformat(), "last": reading.week.isoformat(), "days": window.days}
    return named | {"rows": window.scores.n, "backscored": window.backscored}


def _drift(reading: Reading, zero: ZeroPolicy, frames: dict[str, pl.DataFrame]) -> Json:
    compared = reading.reference, reading.window.scores, reading.window.features, zero
    frames["bins"] = pl.DataFrame(drift.rows_of_bins(*compared), schema=_BINS)
    return drift.section(*compared)


def _performance(reading: Reading) -> Json:
    found, counts = reading.outcomes, reading.outcomes.counts
    named = {"first": found.first.isoformat(), "last": reading.week.isoformat(), "n": counts.n, "bads": counts.n_bad}
    named |= {"backscored": found.backscored, "unscored": found.unscored}
    cohorts = performance.cohorts(reading.cohorts)
    return named | performance.realised(counts, reading.reference["cutoff"]) | {"cohorts": cohorts}


def _calibration(reading: Reading) -> Json:
    rows = reading.outcomes.rows
    bands = scorecard.grade_bands(rows["pd"].to_numpy(), rows["y"].to_numpy().astype(np.int64))
    return performance.calibration(reading.outcomes.counts, bands)


def _vintages(reading: Reading, rule: LabelPolicy, frames: dict[str, pl.DataFrame]) -> Json:
    said, frames["vintages"] = vintages.vintages(reading.aged, rule)
    return said


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
