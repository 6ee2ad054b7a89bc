"""Guards against features that leak the outcome: judged by what they read, and by how well they predict."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from itertools import chain
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from jobs.preprocessing import features, windows
from jobs.preprocessing.labels import window_start
from jobs.preprocessing.stock import Stock
from jobs.protocol import contract
from jobs.protocol.calendar import days_between
from jobs.protocol.contract import Column, Contract
from jobs.protocol.errors import ContractBroken
from jobs.protocol.layers import FEATURES, LABELS
from jobs.protocol.policy import LeakPolicy, Policy

ALLOWED_ROLES = {"orig", "bureau", "pricing", "joint"}
PRICING = "pricing"  # another model's output: known to an investor at listing, not to the lender who grants
PROFILES = {"investor", "granting"}
SUNDAY = 6
COHORTS = timedelta(days=27)  # one day's cohort is too small to judge: judge four weeks of them, once a week
LANDING = timedelta(days=31)  # how late an application may land and still be included
MOST_ROWS = 50_000  # enough to see any leak; more would only cost time
_AS_OF = {"issue_d"}  # engineered features may measure time up to it; on its own it would reveal the vintage
_LATER = "_days_later_than_others"
_MARKERS = {features.HAS_CREDIT_HISTORY, features.HAS_DEMOGRAPHIC}
_OF_LABELS = ("id", "y", "mature_date", "application_date", "snapshot_date")

Numbers = NDArray[np.float64]


class Suspicion(NamedTuple):
    """A feature that is too good to be true: what was measured, and the limit it lies above."""

    feature: str
    measure: str
    value: float
    limit: float


def check(stock: Stock, policy: Policy, found: pl.DataFrame, first: date, last: date) -> None:
    """Refuse, by name, features that are too good to be true on the cohorts that matured up to `last`."""
    is_due = any(day.weekday() == SUNDAY for day in days_between(first, last))
    if is_due and can_judge(known := _cohorts(stock, policy, found, first, last), policy.leaks):
        columns = features.feature_columns(contract.load(FEATURES))
        refuse_suspicious(_with_features(stock, known), columns, policy.leaks)


def _cohorts(stock: Stock, policy: Policy, found: pl.DataFrame, first: date, last: date) -> pl.DataFrame:
    """The labels of all cohorts that matured in the four weeks up to `last`, published or about to be."""
    start = window_start(first - COHORTS, policy.label)
    days = [day for day in sorted(stock.built(LABELS)) if start <= day < first]
    published = windows.rows(stock, LABELS, days, _OF_LABELS, lambda rows: rows.select(_OF_LABELS))
    return (
        pl.concat([published.lazy(), found.lazy().select(_OF_LABELS)])
        .filter(pl.col("mature_date").is_between(pl.lit(first - COHORTS), pl.lit(last)))
        .sort("id", "snapshot_date")
        .unique("id", keep="last", maintain_order=True)
        .drop("snapshot_date")
        .collect()
    )


def _with_features(stock: Stock, known: pl.DataFrame) -> pl.DataFrame:
    every = -(-known.height // MOST_ROWS)
    sampled = known.filter(pl.col("id") % every == 0)
    applied = known["application_date"]
    first, last = applied.min(), applied.max()
    assert isinstance(first, date) and isinstance(last, date)  # noqa: S101, PT018 - the frame has rows
    days = [day for day in sorted(stock.built(FEATURES)) if first <= day <= last + LANDING]
    rows = windows.rows(stock, FEATURES, days, None, lambda rows: rows)
    return rows.lazy().join(sampled.lazy().select("id", "y"), on="id").collect()


def refuse_leaks(store: Contract, *silver: Contract) -> None:
    """Raise ContractBroken naming every feature that reads what is not known, or not allowed, at application time."""
    roles = defaultdict[str, set[str]](set)
    for column in chain(*(table.columns for table in silver)):
        roles[column.name].add(column.role or "none")
    offences = [offence for column in features.feature_columns(store) for offence in _offences(column, roles)]
    offences += [
        f"{column.name} is neither a key of the store nor a feature of any profile"
        for column in store.columns
        if not column.profiles and column.name not in features.KEPT
    ]
    if offences:
        raise ContractBroken(
            "the feature store would leak: " + "; ".join(offences),
            where=f"jobs/contracts/{store.name}.json",
            mend=f"remove these features; only columns of roles {', '.join(sorted(ALLOWED_ROLES))} may be read",
        )


def can_judge(known: pl.DataFrame, rule: LeakPolicy) -> bool:
    """Whether there are enough labelled rows, good and bad, for `suspicious` to mean anything."""
    bads = int((known["y"] == 1).sum())
    return known.height >= rule.min_rows and min(bads, known.height - bads) >= rule.min_bads


def suspicious(known: pl.DataFrame, columns: Sequence[Column], rule: LeakPolicy) -> list[Suspicion]:
    """Features that on their own rank labelled rows too well, or reveal how long after its issue a loan landed.

    `known` has the features, y (0 or 1), application_date and snapshot_date, and passes `can_judge`.
    """
    most = rule.max_single_feature_auc
    limits = {"auc": most, "auc of being missing": most, "correlation with landing": rule.max_age_correlation}
    return [
        Suspicion(column.name, measure, float(value), limit)
        for column, *values in zip(columns, *_measured(known, columns, rule), strict=True)
        for (measure, limit), value in zip(limits.items(), values, strict=True)
        if value > limit
    ]


def refuse_suspicious(known: pl.DataFrame, columns: Sequence[Column], rule: LeakPolicy) -> None:
    """Raise ContractBroken naming every suspicious feature: gold is not built on one."""
    if found := suspicious(known, columns, rule):
        raise ContractBroken(
            "too good to be true: "
            + "; ".join(f"{one.feature}: {one.measure} is {one.value:.3f}, above {one.limit:g}" for one in found),
            where=FEATURES,
            mend="find out how the feature knows the outcome; remove it from jobs/contracts/gold/feature_store.json, "
            "or raise leaks in decisions/policy.json",
        )


def _offences(feature: Column, roles: dict[str, set[str]]) -> Iterator[str]:
    name, read = feature.name, set(features.expression(feature.name).meta.root_names()) - _MARKERS
    if name in features.ENGINEERED:
        read -= _AS_OF
    elif feature.dtype == "date":
        yield f"{name} is a date, which tells the vintage"
    for column in sorted(read):
        for role in sorted(roles.get(column, {"unknown"}) - ALLOWED_ROLES):
            yield f"{name} reads {column}, whose role is {role}"
    if "granting" in feature.profiles and any(PRICING in roles.get(column, set()) for column in read):
        yield f"{name} reads the lender's pricing, which the profile granting must not"
    if unknown := set(feature.profiles) - PROFILES:
        yield f"{name} names the unknown profile {', '.join(sorted(unknown))}"
    if feature.role not in ALLOWED_ROLES:
        yield f"{name} has the role {feature.role}"


def _measured(known: pl.DataFrame, columns: Sequence[Column], rule: LeakPolicy) -> list[Numbers]:
    """For each feature: how well it ranks, how well its missingness ranks, and its correlation with landing late.

    All regardless of direction; NaN, which exceeds no limit, where there are too few rows.
    """
    values, bad = known.select(map(_number, columns)), known["y"] == 1
    present, bads = _row(values.count()), _row(values.filter(bad).count())
    goods, all_bads = present - bads, int(bad.sum())
    ranks = _row(values.select(pl.all().rank("average")).filter(bad).sum())
    missing = bads / all_bads - goods / (known.height - all_bads)
    later = known.select(_days_later_than_others().alias(_LATER)).to_series()
    moves = _row(values.with_columns(later).select(pl.corr(name, _LATER).alias(name) for name in values.columns))
    moves[(present < rule.min_rows) | [column.dtype == "string" for column in columns]] = np.nan
    with np.errstate(divide="ignore", invalid="ignore"):
        auc = (ranks - bads * (bads + 1) / 2) / (bads * goods)
    auc[np.minimum(bads, goods) < rule.min_bads] = np.nan
    return [np.abs(auc - 0.5) + 0.5, 0.5 + np.abs(missing) / 2, np.abs(moves)]


def _row(frame: pl.DataFrame) -> Numbers:
    return np.array(frame.row(0), float)


def _number(column: Column) -> pl.Expr:
    """A category is ranked by its share of bads, the best that any model could make of it."""
    value = pl.col(column.name)
    if column.dtype != "string":
        return value.cast(pl.Float64)
    return pl.when(value.is_not_null()).then(pl.col("y").mean().over(column.name)).alias(column.name)


def _days_later_than_others() -> pl.Expr:
    """How many days after its issue month began a loan landed, beyond the mean of that month's loans."""
    month = pl.col("application_date").dt.month_start()
    days = (pl.col("snapshot_date") - month).dt.total_days()
    return days - days.mean().over(month)
