"""The rows that a model learns from: only matured cohorts, sliced by time, with every excluded row counted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl

from jobs.protocol import contract
from jobs.protocol.calendar import add_months
from jobs.protocol.contract import Column
from jobs.protocol.errors import InputMissing
from jobs.protocol.layers import FEATURES, LABELS, UNSEEN
from jobs.protocol.policy import Policy
from jobs.scorer.scorer import Encoding

TRAIN, VALID, CALIBRATION, OOT = "train", "valid", "calibration", "oot"
SLICES = (TRAIN, VALID, CALIBRATION, OOT)
OOT_DAYS, CALIBRATION_DAYS, VALID_DAYS, MOST_TRAIN_DAYS = 92, 61, 61, 1096
FULL_SPAN = 366  # with fewer days of matured applications all slices shrink in proportion
LEAST_CLASS = 20  # bads, and goods, that every slice needs
SAMPLED_ROWS = 2_000
Span = tuple[date, date]  # first and last application date


@dataclass(frozen=True, slots=True)
class Dataset:
    """Rows by slice (id, application_date, y and all columns of the store), and the dates that each slice covers.

    `waterfall` starts with all rows, lists what was excluded and why, and ends with the slices: the parts add up.
    """

    frames: Mapping[str, pl.DataFrame]
    spans: Mapping[str, Span]
    waterfall: tuple[tuple[str, int], ...]


def dataset(store: pl.DataFrame, labels: pl.DataFrame, as_of: date, policy: Policy) -> Dataset:
    """Join rows of the feature store with the labels known by `as_of`, and slice them by application date.

    InputMissing names a slice that has too few rows: later runs will find more.
    """
    known = _known(labels, as_of).select("id", "y", "mature_date", "policy_exception")
    rows = (
        store.filter(pl.col("snapshot_date") <= as_of).join(known, on="id", how="left").sort("application_date", "id")
    )
    version = contract.load(FEATURES).version
    other = pl.col("feature_set_version") != version
    reasons = {"other_feature_set": other} | _exclusions(as_of, policy)
    first = pl.coalesce(pl.when(applies).then(pl.lit(reason)) for reason, applies in reasons.items())
    why = rows.select(first.alias("why")).to_series()
    counted = [("applications", rows.height), *((reason, int((why == reason).sum())) for reason in reasons)]
    if rows.height and rows.filter(~other).is_empty():
        mend = "to make an older model again take the program of then; else run preprocessing, which builds them anew"
        raise InputMissing(f"no features are of version {version}, which this program makes", where=FEATURES, mend=mend)
    rows = rows.filter(why.is_null())
    spans, frames = _slices(rows, as_of, policy)
    before = rows.filter(pl.col("application_date") < spans[TRAIN][0]).height
    embargo = rows.height - before - sum(frame.height for frame in frames.values())
    counted += [("older_than_training", before), ("embargo", embargo)]
    return Dataset(frames, spans, (*counted, *((name, frames[name].height) for name in SLICES)))


def refuse_too_few(labels: pl.DataFrame, as_of: date, policy: Policy) -> None:
    """InputMissing if a slice has too few labels, without looking at features: `dataset` could only find fewer rows."""
    applies = [~reason.fill_null(value=False) for reason in _exclusions(as_of, policy).values()]
    _slices(_known(labels, as_of).filter(applies).sort("application_date", "id"), as_of, policy)


def complete_until(as_of: date, policy: Policy) -> date:
    """The last application date whose loans have all had their whole window, whether they are good or bad."""
    months = policy.label.longest_months  # if the window is the term, that of the longest loans
    latest = as_of - timedelta(days=policy.label.lag_days)
    near = add_months(latest, -months)
    return max(day for n in range(-1, 4) if add_months(day := near + timedelta(days=n), months) <= latest)


def features(profile: str) -> tuple[Column, ...]:
    """The columns that a model of this profile may use, in the order of the contract."""
    return tuple(column for column in contract.load(FEATURES).columns if profile in column.profiles)


def encoding(train: pl.DataFrame, columns: tuple[Column, ...]) -> Encoding:
    """Freeze the levels in the training rows; cleaning's mark for unseen categories is not a level."""
    texts = [train[column.name].drop_nulls().unique().sort() for column in columns if column.dtype == "string"]
    vocabulary = {found.name: tuple(level for level in found if level != UNSEEN) for found in texts}
    return Encoding(tuple(column.name for column in columns), vocabulary)


def sampled(frame: pl.DataFrame, rows: int = SAMPLED_ROWS) -> pl.DataFrame:
    """Rows spread evenly over a frame; deterministic."""
    return frame[np.unique(np.linspace(0, frame.height - 1, min(rows, frame.height)).astype(np.int64))]


def _known(labels: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """The newest label of each loan."""
    until = labels.filter(pl.col("snapshot_date") <= as_of)
    return until.sort("id", "snapshot_date").unique("id", keep="last", maintain_order=True)


def _exclusions(as_of: date, policy: Policy) -> dict[str, pl.Expr]:
    late = pl.col("application_date") > complete_until(as_of, policy)
    reasons = {"immature": late | (pl.col("mature_date") > as_of), "unlabelled": pl.col("y").is_null()}
    exception = {"policy_exception": pl.col("policy_exception")}
    return reasons | exception if policy.label.policy_exceptions == "exclude" else reasons


def _slices(rows: pl.DataFrame, as_of: date, policy: Policy) -> tuple[dict[str, Span], dict[str, pl.DataFrame]]:
    """Slices, counted back from the newest. An embargo separates the rows that fit the trees from those that judge."""
    mend = "wait until more loans have matured; the model that serves stays"
    if rows.is_empty():
        raise InputMissing(f"no application had matured by {as_of}", where=LABELS, mend=mend)
    first, end = rows["application_date"].item(0), complete_until(as_of, policy)
    shrink = min(1.0, ((end - first).days + 1) / FULL_SPAN)
    lengths = {OOT: OOT_DAYS, CALIBRATION: CALIBRATION_DAYS, "embargo": policy.label.lag_days, VALID: VALID_DAYS}
    found = {}
    for name, days in lengths.items():
        found[name] = (end - timedelta(days=round(days * shrink) - 1), end)
        end = found[name][0] - timedelta(days=1)
    found[TRAIN] = (max(first, end - timedelta(days=MOST_TRAIN_DAYS - 1)), end)
    spans = {name: found[name] for name in SLICES}
    frames = {name: rows.filter(pl.col("application_date").is_between(*span)) for name, span in spans.items()}
    for name, frame in frames.items():
        bads = int(frame["y"].sum())
        if min(bads, frame.height - bads) < LEAST_CLASS:
            what = f"the {name} slice has {frame.height} rows and {bads} bads; {LEAST_CLASS} of each are needed"
            raise InputMissing(what, where=LABELS, mend=mend)
    return spans, frames
