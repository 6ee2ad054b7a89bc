"""The evidence for a verdict, section by section: one that fails is marked unknown, and the others are still made."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import timedelta

import polars as pl

from jobs.measures.drift import ZeroPolicy
from jobs.monitoring import drift, performance, quality, retraining, storing, vintages, weeks
from jobs.monitoring.reading import Reading
from jobs.monitoring.session import VERSION, Session
from jobs.monitoring.storing import Judged
from jobs.protocol import files, strict_json, verdicts
from jobs.protocol.command import Run, failure_of
from jobs.protocol.policy import LabelPolicy, Policy
from jobs.protocol.receipts import Problem
from jobs.protocol.strict_json import Json

FORMAT = 1


def judge(session: Session) -> None:
    """Compute the evidence, store it, judge it; the verdict is written last."""
    run, week, policy = session.run, session.week, session.policy
    files.sweep(session.root.at(verdicts.folder(week)))
    earlier = verdicts.weeks(session.root, week - timedelta(days=1))
    past = storing.remembered(run, earlier[-weeks_back(policy.label) :])
    reading = Reading(session)
    evidence, tables = _head(session, reading), dict[str, pl.DataFrame]()
    for name, work in _sections(session, reading, past, evidence, tables).items():
        evidence[name] = _guarded(run, work)
    evidence["files"] = {}
    for name, table in tables.items():
        data = io.BytesIO()
        table.write_parquet(data)
        evidence["files"][name] = storing.put(run, week, name, "parquet", data.getvalue())
    cited = storing.put(run, week, "evidence", "json", strict_json.pretty(evidence))
    said = retraining.judge(evidence, policy, [one.verdict for one in past])
    resting_on = {"evidence": cited, "policy_sha256": policy.sha256, "previous": session.sources.previous}
    storing.put_verdict(run, week, said | resting_on)


def weeks_back(label: LabelPolicy) -> int:
    """How many past weeks a verdict needs: enough that loans of the first have matured, to check old estimates."""
    return max(70, (31 * label.longest_months + label.lag_days) // 7 + 13)


def _sections(
    session: Session, reading: Reading, past: Sequence[Judged], evidence: Json, tables: dict[str, pl.DataFrame]
) -> dict[str, Callable[[], Json]]:
    """The function that computes each section, in the order of their dependencies; they add tables to `tables`."""
    policy, judged = session.policy, session.judged.model_id

    def beside(name: str, made: tuple[Json, pl.DataFrame]) -> Json:
        said, tables[name] = made
        return said

    def of_drift() -> tuple[Json, pl.DataFrame]:
        window, learned, zero = reading.window, reading.learned.unlabelled(), ZeroPolicy(policy.drift.zero_policy)
        return drift.section(reading.reference, learned, window.scores, window.features, zero)

    return {
        "window": lambda: reading.window.told,
        "drift": lambda: beside("bins", of_drift()),
        "performance": lambda: (
            reading.outcomes.told | performance.realised(reading.outcomes.counts, reading.reference["cutoff"])
        ),
        "concept": lambda: performance.concept(
            reading.learned, reading.outcomes.counts, performance.past_drops(past, session.week, judged), policy
        ),
        "calibration": lambda: performance.calibration(reading.outcomes.counts, reading.outcomes.grades),
        "target": lambda: performance.target(reading.learned, reading.outcomes.rows, reading.aged),
        "estimate": lambda: performance.estimate(
            reading.window.scores, reading.learned, reading.reference["cutoff"], policy
        ),
        "track_record": lambda: _track_record(reading, past, evidence["performance"], policy),
        "vintages": lambda: beside("vintages", vintages.vintages(reading.aged, policy.label)),
        "curves": lambda: performance.curves(reading.outcomes.counts, reading.learned),
        "quality": lambda: quality.section(session.shelf, session.week, reading.reference, reading.daily),
    }


def _track_record(reading: Reading, past: Sequence[Judged], now: Json, policy: Policy) -> Json:
    """Adds the cohorts to performance `now`: they rest on more scores, whose damage must not hide all of it."""
    if "unknown" not in now:
        now["cohorts"] = performance.cohorts(reading.cohorts)
    return performance.track_record(past, now, policy)


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
    """Compute a section, or say what failed and where, without row values; the run's report gets that problem too."""
    found: Json = {}

    def compute() -> None:
        found.update(work())
        strict_json.canonical(found)  # a value that cannot be stored, such as NaN, fails this section alone

    error = failure_of(compute)
    if error is None:
        return found
    problem = Problem.of(error)
    if problem not in run.report.problems:  # several sections may rest on the same
        run.report.problems.append(problem)
    return {"unknown": problem.what if problem.where.startswith("/") else f"{problem.what} ({problem.where})"}
