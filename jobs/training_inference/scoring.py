"""Score every application that has features and no score: probability, points, grade, and what pushed the risk up."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import date
from functools import partial
from itertools import chain

import lightgbm as lgb
import numpy as np
import polars as pl

from jobs.measures.counts import FloatArray
from jobs.protocol import contract, files, model_bank, partitions, receipts
from jobs.protocol.command import failure_of
from jobs.protocol.contract import Column
from jobs.protocol.errors import InputMissing, JobError, StoreDamaged, UsageError
from jobs.protocol.events import amount
from jobs.protocol.layers import FEATURES, PREDICTIONS
from jobs.protocol.model_bank import Model
from jobs.protocol.partitions import Input, Manifest
from jobs.protocol.shelf import cited_files
from jobs.protocol.state import Serving
from jobs.protocol.strict_json import Json
from jobs.protocol.workers import batches, side_by_side
from jobs.scorer import scorecard
from jobs.scorer import scorer as scorers
from jobs.scorer.scorer import Scorer, free_threads, predicted
from jobs.training_inference.session import Session

PREDICTIONS_VERSION = 1
MOST_REASONS = 4  # more are unlikely to help the person who reads them
MOST_ROWS = 20_000  # explained per day: one row takes up to 0.5 ms on one core
LATE = "was scored after later days: its features came late, or its scores were lost and are made anew"
LOST = "was scored before, and its scores were lost: they are made anew by the model that serves"
CHUNK = 5_000  # rows that are explained in one call; also, small days are scored together up to so many rows


def score(session: Session, serving: Serving) -> None:
    """Score all pending days with the serving model, whatever becomes of decisions.

    A large day is scored alone, with all free threads; small ones in batches, many batches in parallel.
    """
    run, model, rows = session.run, session.banked(serving.model_id), session.pending()
    newest = max(session.shelf.built(PREDICTIONS), default=date.min)
    lost = {day for day in rows if receipts.wrote(run.root, session.JOB, day, partitions.folder(PREDICTIONS, day))}
    threads = free_threads()  # measured before we cause load ourselves
    small = batches({day: n for day, n in rows.items() if n <= CHUNK}, CHUNK)
    with run.events.progress("scores", len(rows)) as done:
        for group in (*([[day]] for day, n in rows.items() if n > CHUNK), small):
            make = partial(_score_days, session, serving, model, threads if len(group) == 1 else 1)
            for days, outcomes in zip(group, side_by_side(partial(_in_turn, make), group), strict=True):
                for outcome in outcomes:
                    if not isinstance(outcome, Manifest):
                        run.report.fail(outcome)
                        continue
                    session.shelf.register(run, outcome)
                    if outcome.date in lost or outcome.date < newest:
                        name, why = partitions.folder(PREDICTIONS, outcome.date), LOST if outcome.date in lost else LATE
                        run.report.skip(name, why)
                        run.events.say("out_of_turn", f"warning: {name} {why}", name=name)
                done(len(days))


def predictions(rows: pl.DataFrame, model_id: str, ledger_seq: int, scorer: Scorer, threads: int) -> pl.DataFrame:
    """The rows of gold/predictions for one or more days; the same model and features give the same rows."""
    ordered = rows.sort("snapshot_date", "id")
    found = scores(scorer, ordered, threads=threads).with_columns(
        ordered["snapshot_date"],
        ordered["feature_hash"],
        model_id=pl.lit(model_id),
        ledger_seq=pl.lit(ledger_seq, pl.Int64),
    )
    return found.select(column.name for column in contract.load(PREDICTIONS).columns)


def _in_turn(make: Callable[[list[date]], Iterable[Manifest]], days: list[date]) -> list[Manifest | JobError]:
    """The manifest or error of each day of a batch. If the batch fails, its days are tried one by one."""
    done: list[Manifest | JobError] = []
    if error := failure_of(lambda: done.extend(make(days))):
        alone = [_in_turn(make, [day]) for day in days] if len(days) > 1 else [[error]]
        done.extend(chain(*alone))
    return done


def _score_days(session: Session, serving: Serving, model: Model, threads: int, days: list[date]) -> Iterator[Manifest]:
    """Score days, publish them, and yield their manifests; a day that has been scored meanwhile keeps its scores."""
    root, shelf = session.root, session.shelf
    scorer = scorers.of(model.files)  # one per call: explaining is not thread-safe in LightGBM
    rows = shelf.scan(FEATURES, days).collect()
    if other := sorted(set(rows["feature_set_version"]) - {scorer.feature_set_version}):
        raise InputMissing(  # the same column may have another meaning there
            f"features of version {other[0]} wait for a model of that version: {serving.model_id}, which serves, "
            f"has {scorer.feature_set_version}",
            where=partitions.folder(FEATURES, days[0]),
            mend="ask for a retraining, or choose a model of that version: once it serves, the next run scores the day",
        )
    found, agreed = predictions(rows, serving.model_id, serving.seq, scorer, threads), contract.load(PREDICTIONS)
    by_day = found.partition_by("snapshot_date", as_dict=True)
    of_model = Input(f"{model_bank.BANK}/{serving.model_id}", model.sha256)
    for day in days:
        of_day = by_day.get((day,), found.clear())
        with files.draft(root, partitions.drafts_folder(root, PREDICTIONS)) as path:
            of_day.write_parquet(path)
            manifest = Manifest(
                table=PREDICTIONS,
                date=day,
                contract=agreed.name,
                contract_version=agreed.version,
                contract_sha256=agreed.sha256,
                layer_version=PREDICTIONS_VERSION,
                parts=(partitions.part_of(path, of_day.height),),
                inputs=(Input(partitions.folder(FEATURES, day), shelf.built(FEATURES)[day].content), of_model),
                counts={"explained": int(of_day["reason_1"].is_not_null().sum())},
                notes={"model_id": serving.model_id, "ledger_seq": serving.seq},
            )
            if partitions.publish(root, manifest, [path], once=True):
                yield manifest


def rescore(session: Session, *, verify: bool) -> None:
    """Score a date again with the model that scored it, and compare. Scores are never overwritten."""
    if not verify:
        raise UsageError("a scored date is never overwritten", where="--step rescore", mend="add --verify to compare")
    root, day = session.root, session.run.day
    home = partitions.folder(PREDICTIONS, day)
    manifest = partitions.read(root, PREDICTIONS, day)
    if manifest is None:
        raise InputMissing(f"{day} has no scores", where=home, mend="give a scored date")
    model_id, seq = manifest.notes["model_id"], manifest.notes["ledger_seq"]
    scorer = scorers.of(session.banked(model_id).files)
    rows = session.cited(FEATURES, {given.path: given.sha256 for given in manifest.inputs[:1]})
    before = pl.read_parquet(cited_files(root, manifest), glob=False)
    scored = predictions(rows, model_id, seq, scorer, free_threads())
    later = [name for name in scored.columns if name not in before]  # added to the contract since
    found = scored.drop(later)
    with files.draft(root, partitions.drafts_folder(root, PREDICTIONS)) as path:
        found.write_parquet(path)
        made = partitions.part_of(path, found.height)
    if (made,) != manifest.parts:
        differ = [name for name in before.columns if name not in found or not found[name].equals(before[name])]
        mend = "compare the versions of the program and its libraries with those in the model's card"
        raise StoreDamaged(f"rescored, {', '.join(differ) or 'the bytes'} came out different", where=home, mend=mend)
    said = f"{day}: {amount(found.height, 'score')}, identical to the byte"
    more = f"; not compared, because it was added later: {', '.join(later)}" if later else ""
    session.run.events.say("same", said + more, rows=found.height, not_compared=later)


def scores(scorer: Scorer, frame: pl.DataFrame, *, threads: int, most_explained: int = MOST_ROWS) -> pl.DataFrame:
    """One row per application, in the order given: id, pd, points, grade and reasons.

    Reasons take about 0.5 ms per row and core, hundreds of times as long as the score itself, so only the
    `most_explained` riskiest rows get them; in the others they are null.
    """
    table = scorer.encoding.table(frame)
    pd = scorer.calibration(predicted(scorer.booster, table, threads=threads, raw_score=True))
    places = np.sort(np.argsort(-pd, kind="stable")[:most_explained])  # in row order; ties by position
    why = reasons(contributions(scorer.booster, table[places], threads=threads), scorer.usual)
    scored = frame.select("id", "application_date").with_columns(
        pl.Series("pd", pd, dtype=pl.Float64),
        pl.Series("score", scorecard.points(pd), dtype=pl.Int16),
        scorecard.grades(pd),
        pl.int_range(pl.len(), dtype=pl.Int64).alias("_place"),
    )
    explained = why.with_columns(pl.Series("_place", places, dtype=pl.Int64))
    return scored.join(explained, on="_place", how="left", maintain_order="left").drop("_place")


def contributions(booster: lgb.Booster, table: pl.DataFrame, *, threads: int) -> FloatArray:
    """Each column's part of the raw score (exact TreeSHAP, in log-odds), without the base value."""
    chunks = table.iter_slices(CHUNK) if table.height else [table]
    told = np.concatenate([predicted(booster, rows, threads=threads, pred_contrib=True) for rows in chunks])
    return np.asfortranarray(told[:, :-1])  # used column by column; the order also affects how means are rounded


def reasons(parts: FloatArray, usual: Json) -> pl.DataFrame:
    """Up to four groups that raise each row's risk most, strongest first; ties in the order of the groups.

    A group's push is the sum of its columns' differences from their usual contributions, so that opposite effects
    within a group cancel; a group that does not raise the risk is no reason.
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


def usual(columns: tuple[Column, ...], contributions: FloatArray) -> Json:
    """The groups of reasons in order, each column's group, and each column's mean contribution.

    A column without a group (such as a proxy for a place) never becomes a reason.
    """
    groups = list(dict.fromkeys(column.group for column in columns if column.group))
    places = [groups.index(column.group) if column.group else -1 for column in columns]
    return {"groups": groups, "group_of": places, "means": contributions.mean(axis=0).tolist()}
