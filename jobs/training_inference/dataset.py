"""Which rows a model learns from: matured cohorts only, cut by time, every excluded row counted, categories frozen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from jobs.protocol.calendar import add_months
from jobs.protocol.contract import Column, Contract
from jobs.protocol.errors import InputMissing
from jobs.protocol.policy import Policy
from jobs.scorer.encoding import Encoding

TRAIN, VALID, CALIBRATION, OOT = "train", "valid", "calibration", "oot"
SLICES = (TRAIN, VALID, CALIBRATION, OOT)
OOT_DAYS, CALIBRATION_DAYS, VALID_DAYS, MOST_TRAIN_DAYS = 92, 61, 61, 1096
FULL_SPAN = 366  # days of matured applications below which every slice shrinks alike
LONGEST_WINDOW = 65  # months: where the window is the term, a cohort is complete when its longest loans are
LEAST_CLASS = 20  # bads, and goods, without which a slice tells nothing
UNSEEN = "__UNSEEN__"


@dataclass(frozen=True, slots=True)
class Span:
    """Application dates, both included."""

    first: date
    last: date


@dataclass(frozen=True, slots=True)
class Dataset:
    """Rows by slice (id, application_date, y and all columns of the store), where each begins and ends, and the rest.

    `waterfall` begins with all rows, ends with the slices, and names what left in between: the parts add up.
    """

    frames: Mapping[str, pl.DataFrame]
    spans: Mapping[str, Span]
    waterfall: tuple[tuple[str, int], ...]


def features(contract: Contract, profile: str) -> tuple[Column, ...]:
    """What a model of this profile may see, in the order of the contract."""
    return tuple(column for column in contract.columns if profile in column.profiles)


def encoding(train: pl.DataFrame, columns: tuple[Column, ...]) -> Encoding:
    """Freeze the levels that the training rows hold; what cleaning marked as unseen is no level."""
    texts = [column.name for column in columns if column.dtype == "string"]
    levels = {name: train[name].drop_nulls().unique().sort().to_list() for name in texts}
    return Encoding(
        tuple(column.name for column in columns),
        {name: tuple(level for level in found if level != UNSEEN) for name, found in levels.items()},
    )


def complete_until(as_of: date, policy: Policy) -> date:
    """The last application date whose cohort is complete: good or bad, every loan of it has had its whole window."""
    months = LONGEST_WINDOW if policy.label.window_months == "term" else policy.label.window_months
    latest = as_of - timedelta(days=policy.label.lag_days)
    near = add_months(latest, -months)
    return max(day for n in range(-1, 4) if add_months(day := near + timedelta(days=n), months) <= latest)


def dataset(store: pl.DataFrame, labels: pl.DataFrame, as_of: date, policy: Policy, version: int) -> Dataset:
    """Join rows of the feature store with the labels known by `as_of`, and cut them by application date.

    InputMissing says which slice is too thin: later runs find more.
    """
    known = _known(labels, as_of).select("id", "y", "mature_date", "policy_exception")
    rows = (
        store.filter(pl.col("snapshot_date") <= as_of).join(known, on="id", how="left").sort("application_date", "id")
    )
    counted = [("applications", rows.height)]
    exclusions = {"other_feature_set": pl.col("feature_set_version") != version} | _exclusions(as_of, policy)
    for reason, applies in exclusions.items():
        kept = rows.filter(~applies.fill_null(value=False))
        counted.append((reason, rows.height - kept.height))
        rows = kept
    spans, frames = _slices(rows, as_of, policy)
    in_time = sum(frame.height for frame in frames.values())
    before = rows.filter(pl.col("application_date") < spans[TRAIN].first).height
    counted += [("older_than_training", before), ("embargo", rows.height - before - in_time)]
    counted += [(name, frames[name].height) for name in SLICES]
    return Dataset(frames, spans, tuple(counted))


def refuse_too_few(labels: pl.DataFrame, as_of: date, policy: Policy) -> None:
    """InputMissing where labels alone say that a slice is too thin: `dataset` would find no more of them."""
    applies = [~reason.fill_null(value=False) for reason in _exclusions(as_of, policy).values()]
    _slices(_known(labels, as_of).filter(applies).sort("application_date", "id"), as_of, policy)


def _known(labels: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """The newest label of each loan."""
    until = labels.filter(pl.col("snapshot_date") <= as_of)
    return until.sort("id", "label_version").unique("id", keep="last", maintain_order=True)


def _exclusions(as_of: date, policy: Policy) -> dict[str, pl.Expr]:
    late = pl.col("application_date") > complete_until(as_of, policy)
    reasons = {"immature": late | (pl.col("mature_date") > as_of), "unlabelled": pl.col("y").is_null()}
    exception = {"policy_exception": pl.col("policy_exception")}
    return reasons | exception if policy.label.policy_exceptions == "exclude" else reasons


def _slices(rows: pl.DataFrame, as_of: date, policy: Policy) -> tuple[dict[str, Span], dict[str, pl.DataFrame]]:
    if rows.is_empty():
        raise _too_thin(f"no application had matured by {as_of}")
    spans = _spans(rows["application_date"].item(0), complete_until(as_of, policy), policy.label.lag_days)
    frames = {name: rows.filter(pl.col("application_date").is_between(s.first, s.last)) for name, s in spans.items()}
    for name, frame in frames.items():
        _refuse_thin(name, frame)
    return spans, frames


def _spans(first: date, last: date, lag_days: int) -> dict[str, Span]:
    """Slices from the newest back. An embargo parts the rows that fit the trees from those that judge them."""
    shrink = min(1.0, ((last - first).days + 1) / FULL_SPAN)
    lengths = {OOT: OOT_DAYS, CALIBRATION: CALIBRATION_DAYS, "embargo": lag_days, VALID: VALID_DAYS}
    found, end = {}, last
    for name, days in lengths.items():
        start = end - timedelta(days=round(days * shrink) - 1)
        found[name] = Span(start, end)
        end = start - timedelta(days=1)
    found[TRAIN] = Span(max(first, end - timedelta(days=MOST_TRAIN_DAYS - 1)), end)
    return {name: found[name] for name in SLICES}


def _refuse_thin(name: str, frame: pl.DataFrame) -> None:
    bads = int(frame["y"].sum())
    if min(bads, frame.height - bads) < LEAST_CLASS:
        raise _too_thin(f"the {name} slice has {frame.height} rows and {bads} bads; {LEAST_CLASS} of each are needed")


def _too_thin(what: str) -> InputMissing:
    mend = "wait until more loans have matured; the model that serves stays"
    return InputMissing(what, where="gold/label_store", mend=mend)
