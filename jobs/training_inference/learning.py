"""Claim a decision, train on what had landed, publish the model, and complete the decision: or say why not."""

from __future__ import annotations

import os
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from jobs.protocol import claims, clock, contract, ledger, model_bank, partitions
from jobs.protocol.claims import Outcome
from jobs.protocol.errors import JobError
from jobs.protocol.guards import guards_of
from jobs.scorer import scorer as scorers
from jobs.scorer import trees
from jobs.training_inference import dataset, deciding, training
from jobs.training_inference.session import FEATURES, LABELS
from jobs.training_inference.training import Champion

if TYPE_CHECKING:
    from collections.abc import Mapping

    import polars as pl

    from jobs.protocol.facts import Entry
    from jobs.protocol.model_bank import Model
    from jobs.protocol.policy import Policy
    from jobs.training_inference.session import Session
    from jobs.training_inference.training import Trained


def claim(session: Session) -> Entry | None:
    """Claim the open decision, or record what blocks it; the claim, if there is one now."""
    seen = deciding.open_desk(session)
    if session.policy is None or deciding.wants_training(seen, session.run.day) is None:
        return None
    lease = clock.now() + timedelta(minutes=session.policy.decision.lease_minutes)
    found = deciding.circumstances(session, seen.state)
    guards = guards_of(session.policy)
    _, entry = claims.claim(session.desk, guards, found, lease.isoformat(timespec="seconds"))
    return entry if entry and entry.kind == "claimed" else None


def learn(session: Session, claimed: Entry) -> None:
    """Train under a claim. Whatever goes wrong gives the decision back; the gates' verdict is a result, no failure."""
    assert session.policy is not None  # noqa: S101 - nothing is claimed without one
    run = session.run
    try:
        trained = _trained(session, session.policy)
        model = model_bank.put(run.root, run.day, trained.files)
    except BaseException as error:
        reason = error.what if isinstance(error, JobError) else type(error).__name__
        claims.fail_attempt(session.desk, claimed.seq, reason)
        raise
    verdict = trained.verdict
    outcome = Outcome(
        promote=verdict.passed,
        model_id=model.model_id,
        model_sha256=model.sha256,
        reasons=verdict.failures,
        metrics=trained.metrics,
    )
    state = claims.complete(session.desk, claimed.seq, outcome, session.unusable).state
    served = state.model_id == model.model_id
    run.report.change(f"{model_bank.BANK}/{model.model_id}", verdict="promoted" if served else "kept")
    for reason in verdict.failures:
        run.report.skip(f"promotion of {model.model_id}", reason)


def _trained(session: Session, policy: Policy) -> Trained:
    day, shelf = session.run.day, session.shelf
    days = {table: [built for built in sorted(shelf.built(table)) if built <= day] for table in (FEATURES, LABELS)}
    used = {
        partitions.folder(table, built): shelf.built(table)[built].content for table in days for built in days[table]
    }
    frames = {table: shelf.scan(table, days[table]).collect() for table in days}
    serving = ledger.read(session.store).state.model_id
    champion = champion_of(session.model(serving)) if serving else None
    return trained_on(frames, training.recipe(day, policy, champion, used), policy, champion)


def trained_on(
    frames: Mapping[str, pl.DataFrame], recipe: Mapping[str, Any], policy: Policy, champion: Champion | None
) -> Trained:
    """A model by its recipe: the same rows, policy and champion give the same bytes."""
    agreed = contract.load(FEATURES)
    as_of = date.fromisoformat(recipe["as_of"])
    rows = dataset.dataset(frames[FEATURES], frames[LABELS], as_of, policy, agreed.version)
    threads = trees.threads_for(os.cpu_count() or 1, os.getloadavg()[0])
    return training.train(rows, agreed, policy, recipe, champion, threads)


def champion_of(model: Model) -> Champion:
    return Champion(model.model_id, scorers.of(model.files))
