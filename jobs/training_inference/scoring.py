"""Score every application that has features and no score: probability, points, grade, and what pushed the risk up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from functools import partial
from typing import Any

import lightgbm as lgb
import numpy as np
import polars as pl

from jobs.measures.counts import FloatArray, IntArray
from jobs.protocol import contract, files, model_bank, partitions, strict_json
from jobs.protocol.contract import Column
from jobs.protocol.errors import InputMissing, StoreDamaged, UsageError
from jobs.protocol.facts import Serving
from jobs.protocol.partitions import Input, Manifest
from jobs.protocol.shelf import cited_files
from jobs.scorer import scorecard
from jobs.scorer import scorer as scorers
from jobs.scorer.scorer import Encoding, Scorer, free_threads, predicted
from jobs.training_inference.session import FEATURES, PREDICTIONS, Session

PREDICTIONS_VERSION = 1
MOST_REASONS = 4  # more are unlikely to help the person who reads them
MOST_ROWS = 20_000  # explained at once: some 2,000 rows a second, so that one call takes about ten
CHUNK = 5_000


def score(session: Session, serving: Serving) -> None:
    """Score what is pending with the model that serves, whatever becomes of decisions."""
    days, model = session.pending(), session.model(serving.model_id)
    scorer, cited = scorers.of(model.files), Input(f"{model_bank.BANK}/{serving.model_id}", model.sha256)
    threads = free_threads()  # before there is any load of our own
    with session.run.events.progress("scores", len(days)) as done:
        for day in days:
            session.run.attempt(partial(_score_day, session, day, serving, scorer, cited, threads))
            done(1)


def scored(rows: pl.DataFrame, model_id: str, ledger_seq: int, scorer: Scorer, threads: int) -> pl.DataFrame:
    """The predictions of a day: the same model and features give the same rows."""
    ordered = rows.sort("id")
    found = scores(scorer, ordered, threads=threads).with_columns(
        ordered["snapshot_date"],
        ordered["feature_hash"],
        model_id=pl.lit(model_id),
        ledger_seq=pl.lit(ledger_seq, pl.Int64),
    )
    return found.select(column.name for column in contract.load(PREDICTIONS).columns)


def _score_day(session: Session, day: date, serving: Serving, scorer: Scorer, model: Input, threads: int) -> None:
    agreed, root, version = contract.load(PREDICTIONS), session.run.root, scorer.feature_set_version
    rows = session.shelf.scan(FEATURES, [day]).collect()
    if other := sorted(set(rows["feature_set_version"]) - {version}):  # the same name may mean something else in it
        raise InputMissing(
            f"features of version {other[0]} wait for a model of that version: {serving.model_id}, which serves, "
            f"has {version}",
            where=partitions.folder(FEATURES, day),
            mend="ask for a retraining, or choose a model of that version: once it serves, the next run scores the day",
        )
    found = scored(rows, serving.model_id, serving.seq, scorer, threads)
    features = session.shelf.as_input(FEATURES, day)
    assert features is not None  # noqa: S101 - the day is pending because it has features
    with files.draft(root, partitions.drafts_folder(root, PREDICTIONS)) as path:
        found.write_parquet(path)
        manifest = Manifest(
            table=PREDICTIONS,
            date=day,
            contract=agreed.name,
            contract_version=agreed.version,
            contract_sha256=agreed.sha256,
            layer_version=PREDICTIONS_VERSION,
            parts=(partitions.part_of(path, found.height),),
            inputs=(features, model),
            counts={"explained": int(found["reason_1"].is_not_null().sum())},
            notes={"model_id": serving.model_id, "ledger_seq": serving.seq},
        )
        session.shelf.publish(session.run, manifest, path, once=True)


def rescore(session: Session, *, verify: bool) -> None:
    """Score a date again with the model that scored it. A scored partition is never written again."""
    if not verify:
        raise UsageError("a scored date is not scored again", where="--step rescore", mend="add --verify to compare")
    root, day = session.run.root, session.run.day
    home = partitions.folder(PREDICTIONS, day)
    manifest = partitions.read(root, PREDICTIONS, day)
    if manifest is None:
        raise InputMissing(f"{day} has no scores", where=home, mend="give a scored date")
    model_id, seq = manifest.notes["model_id"], manifest.notes["ledger_seq"]
    scorer = scorers.of(session.model(model_id).files)
    rows = session.cited(FEATURES, {given.path: given.sha256 for given in manifest.inputs[:1]})
    found, paths = scored(rows, model_id, seq, scorer, free_threads()), cited_files(root, manifest)
    with files.draft(root, partitions.drafts_folder(root, PREDICTIONS)) as path:
        found.write_parquet(path)
        made = partitions.part_of(path, found.height)
    if (made,) != manifest.parts:
        before = pl.read_parquet(paths, glob=False)
        differ = [name for name in found.columns if name not in before or not found[name].equals(before[name])]
        raise StoreDamaged(
            f"scored again, {', '.join(differ) or 'the bytes'} came out differently",
            where=home,
            mend="compare the versions of program and libraries with those in the card of the model",
        )
    session.run.events.say("same", f"{day}: {found.height} scores, every byte the same", rows=found.height)


def scores(scorer: Scorer, frame: pl.DataFrame, *, threads: int, most_explained: int = MOST_ROWS) -> pl.DataFrame:
    """One row per application, in the order given: id, pd, points, grade and reasons.

    Reasons cost some half a millisecond a row on one core, hundreds of times the score itself, so at most
    `most_explained` rows get them, the riskiest first; in the others they are null.
    """
    pd = scorer.pd(frame, threads=threads)
    places = riskiest(pd, most_explained)
    parts = contributions(scorer.booster, scorer.encoding, frame[places], threads=threads)
    why = reasons(parts, scorer.usual).with_columns(pl.Series("_place", places, dtype=pl.Int64))
    scored = frame.select("id", "application_date").with_columns(
        pl.Series("pd", pd, dtype=pl.Float64),
        pl.Series("score", scorecard.points(pd), dtype=pl.Int16),
        pl.Series("grade", scorecard.grades(pd), dtype=pl.String),
        pl.int_range(pl.len(), dtype=pl.Int64).alias("_place"),
    )
    return scored.join(why, on="_place", how="left", maintain_order="left").drop("_place")


def riskiest(pd: FloatArray, most: int) -> IntArray:
    """Places of the rows to explain where there are too many: the riskiest, in their own order; ties go by place."""
    places: IntArray = np.sort(np.argsort(-pd, kind="stable")[:most])
    return places


def contributions(booster: lgb.Booster, encoding: Encoding, frame: pl.DataFrame, *, threads: int) -> FloatArray:
    """Each column's part of the raw score (exact TreeSHAP, in log-odds), without the base value."""
    names = booster.feature_name()
    order = [names.index(name) for name in encoding.columns]
    chunks = frame.iter_slices(CHUNK) if frame.height else [frame]
    told = [predicted(booster, encoding, rows, threads=threads, pred_contrib=True)[:, order] for rows in chunks]
    return np.concatenate(told)


def reasons(parts: FloatArray, usual: Mapping[str, Any]) -> pl.DataFrame:
    """Up to four groups that push each row's risk up most, strongest first; equal ones in the order of the groups.

    A group's push is the sum of its columns' distances from usual, so that columns that say the same in opposite
    directions cancel; one that does not raise the risk is no reason.
    """
    pushes = np.zeros((len(parts), len(usual["groups"])))
    for place, (group, mean) in enumerate(zip(usual["group_of"], usual["means"], strict=True)):
        if group >= 0:
            pushes[:, group] += parts[:, place] - mean
    order = np.argsort(-pushes, axis=1, kind="stable")[:, :MOST_REASONS]
    strengths = np.take_along_axis(pushes, order, axis=1)
    names = np.array(usual["groups"], dtype=object)[order]
    names[strengths <= 0] = None
    found = {f"reason_{n + 1}": pl.Series(names[:, n].tolist(), dtype=pl.String) for n in range(order.shape[1])}
    first = pl.Series("reason_1_contrib", strengths[:, 0], dtype=pl.Float64)
    return pl.DataFrame(found).with_columns(pl.when(first > 0).then(first).alias("reason_1_contrib"))


def usual(columns: tuple[Column, ...], contributions: FloatArray) -> dict[str, Any]:
    """The groups of reasons in order, the group of each column of the model, and its mean contribution.

    A column without a group, as a proxy of a place would be, never becomes a reason.
    """
    groups = list(dict.fromkeys(column.group for column in columns if column.group))
    places = [groups.index(column.group) if column.group else -1 for column in columns]
    return {"groups": groups, "group_of": places, "means": contributions.mean(axis=0).tolist()}


def preparation(scorer: Scorer) -> bytes:
    """All of a model but its trees, as one file of the bank."""
    return strict_json.pretty(
        {
            "feature_set_version": scorer.feature_set_version,
            "columns": list(scorer.encoding.columns),
            "vocabulary": {name: list(levels) for name, levels in scorer.encoding.vocabulary.items()},
            "calibration": asdict(scorer.calibration),
            "reasons": scorer.usual,
        }
    )
