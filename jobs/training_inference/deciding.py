"""Whether to train: what the ledger, the notes and the gold that has matured say together."""

from __future__ import annotations

from datetime import date

import polars as pl

from jobs.protocol import claims, ingest, ledger, notes, verdicts
from jobs.protocol.errors import InputMissing
from jobs.protocol.facts import Decision, State
from jobs.protocol.guards import Circumstances, blocked_by, guards_of
from jobs.protocol.ingest import Seen
from jobs.protocol.policy import Policy
from jobs.training_inference import dataset
from jobs.training_inference.session import FEATURES, LABELS, Session

COLD_START = "no model serves"


def open_desk(session: Session) -> Seen:
    """Begin as every run does, with no other trainer alive: a claim found now is that of a dead one."""
    known = ledger.read(session.store)
    day = session.run.day
    if known.state.is_backfill(day):
        return ingest.begin(session.desk)
    ingest.settle(session.desk)
    if claim := known.state.claim:
        claims.fail_attempt(session.desk, claim.seq, "its trainer is gone")
    claims.choose(session.desk, session.unusable)
    seen = ingest.begin(session.desk)
    return _cold_start(session, seen)


def circumstances(session: Session, state: State) -> Circumstances:
    return Circumstances(
        note=True,
        new_rows=_new_rows(session, state),
        policy=session.policy is not None,
        readiness=_is_ready(session),
        data_quality=not verdicts.blocks_training(session.run.root, session.run.day),
    )


def blocks(session: Session, state: State, decision: Decision, found: Circumstances) -> tuple[str, ...]:
    if session.policy is None:
        return ("policy",)
    return blocked_by(state, decision, session.run.day, guards_of(session.policy), found)


def defer(session: Session, state: State, wanted: Decision) -> tuple[str, ...]:
    """What blocks the claim of the open decision, recorded where that is news: a step that is skipped says nothing."""
    found = circumstances(session, state)
    blocked = blocks(session, state, wanted, found)
    if blocked and session.policy is not None:
        claims.claim(session.desk, guards_of(session.policy), found, None)
    return blocked


def wants_training(seen: Seen, day: date) -> Decision | None:
    """The open decision, if it asks for a retraining and its time has not passed; a backfill carries out none."""
    standing = None if seen.backfill else seen.state.open
    return standing if standing and standing.retrain and not standing.claim and day <= standing.valid_until else None


def _cold_start(session: Session, seen: Seen) -> Seen:
    """With no model and enough matured history training puts a note of its own, as monitoring would."""
    state = seen.state
    if seen.backfill or state.model_id or state.open or session.policy is None or not _is_ready(session):
        return seen
    if missing := _missing(session, session.policy):
        if not session.run.report.skipped:  # a run comes by here twice
            session.run.report.skip("a first model", missing)
        return seen
    fields = {
        "decision_date": session.run.day.isoformat(),
        "performance_score": None,
        "retrain": True,
        "reason": COLD_START,
        "priority": "MEDIUM",
    }
    return ingest.place(session.desk, notes.retraining_bytes(fields), seen)[0]


def _is_ready(session: Session) -> bool:
    """Enough days of history, and the gold of the day itself."""
    days = sorted(day for day in session.shelf.built(LABELS) if day <= session.run.day)
    history = session.policy.guards.min_history_days if session.policy else 0
    return (
        bool(days)
        and days[-1] == session.run.day
        and session.run.day in session.shelf.built(FEATURES)
        and (days[-1] - days[0]).days >= history
    )


def _missing(session: Session, policy: Policy) -> str | None:
    """What a first model would not find enough of: a claim would only fail."""
    days = [day for day in session.shelf.built(LABELS) if day <= session.run.day]
    try:
        dataset.refuse_too_few(session.shelf.scan(LABELS, days).collect(), session.run.day, policy)
    except InputMissing as missing:
        return missing.what
    return None


def _new_rows(session: Session, state: State) -> int:
    """Labelled rows of cohorts that have matured since the last training."""
    since = max(state.trained, default=None)
    days = [day for day in session.shelf.built(LABELS) if day <= session.run.day]
    if not days:
        return 0
    matured = pl.col("mature_date") <= session.run.day
    if since:
        matured &= pl.col("mature_date") > since
    found = session.shelf.scan(LABELS, days).filter(matured).select(pl.col("id").n_unique())
    return int(found.collect().item())
