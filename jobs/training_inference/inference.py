"""Score every application that has features and no score, with the model that serves: whatever becomes of decisions."""

from __future__ import annotations

import os
from datetime import date
from functools import partial

import polars as pl

from jobs.protocol import contract, files, partitions
from jobs.protocol.errors import InputMissing
from jobs.protocol.facts import Serving
from jobs.protocol.model_bank import Model
from jobs.protocol.partitions import Input, Manifest
from jobs.scorer import trees
from jobs.training_inference import scoring
from jobs.training_inference.scoring import Explainer
from jobs.training_inference.session import FEATURES, PREDICTIONS, Session

PREDICTIONS_VERSION = 1


def pending(session: Session) -> list[date]:
    """The days with features and without scores. A scored day is not scored again by itself."""
    scored = session.shelf.built(PREDICTIONS)
    return sorted(day for day in session.shelf.built(FEATURES) if day <= session.run.day and day not in scored)


def score(session: Session, serving: Serving) -> None:
    if not (days := pending(session)):
        return
    model = session.model(serving.model_id)
    explainer = scoring.explainer(model.files)
    threads = trees.threads_for(os.cpu_count() or 1, os.getloadavg()[0])
    with session.run.events.progress("scores", len(days)) as done:
        for day in days:
            session.run.attempt(partial(_score_day, session, day, serving, model, explainer, threads))
            done(1)


def scored(rows: pl.DataFrame, model_id: str, ledger_seq: int, explainer: Explainer, threads: int) -> pl.DataFrame:
    """The predictions of a day: the same model and features give the same rows."""
    ordered = rows.sort("id")
    found = explainer.scores(ordered, threads=threads).with_columns(
        ordered["snapshot_date"],
        ordered["feature_hash"],
        model_id=pl.lit(model_id),
        ledger_seq=pl.lit(ledger_seq, pl.Int64),
    )
    return found.select(column.name for column in contract.load(PREDICTIONS).columns)


def _refuse_other_features(rows: pl.DataFrame, where: str, model_id: str, explainer: Explainer) -> None:
    """A feature of another version may mean something else under the same name: such a day waits for its model."""
    version = explainer.scorer.feature_set_version
    if other := sorted(set(rows["feature_set_version"]) - {version}):
        raise InputMissing(
            f"features of version {other[0]} wait for a model of that version: {model_id}, which serves, has {version}",
            where=where,
            mend="ask for a retraining, or choose a model of that version: once it serves, the next run scores the day",
        )


def _score_day(session: Session, day: date, serving: Serving, model: Model, explainer: Explainer, threads: int) -> None:
    agreed = contract.load(PREDICTIONS)
    root = session.run.root
    rows = session.shelf.scan(FEATURES, [day]).collect()
    _refuse_other_features(rows, partitions.folder(FEATURES, day), serving.model_id, explainer)
    found = scored(rows, serving.model_id, serving.seq, explainer, threads)
    with files.draft(root, partitions.drafts_folder(root, PREDICTIONS)) as path:
        found.write_parquet(path)
        features = session.shelf.as_input(FEATURES, day)
        assert features is not None  # noqa: S101 - the day is pending because it has features
        manifest = Manifest(
            table=PREDICTIONS,
            date=day,
            contract=agreed.name,
            contract_version=agreed.version,
            contract_sha256=agreed.sha256,
            layer_version=PREDICTIONS_VERSION,
            parts=(partitions.part_of(path, found.height),),
            inputs=(features, Input(f"model_bank/{serving.model_id}", model.sha256)),
            counts={"explained": int(found["reason_1"].is_not_null().sum())},
            notes={"model_id": serving.model_id, "ledger_seq": serving.seq},
        )
        session.shelf.publish(session.run, manifest, path, once=True)
