"""Before labels are published, the features of the cohorts they complete are looked at: none may rank too well."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl

from jobs.preprocessing import features, leaks, tables
from jobs.preprocessing.labels import window_start
from jobs.preprocessing.stock import Stock
from jobs.protocol import contract
from jobs.protocol.policy import Policy

SUNDAY = 6
COHORTS = timedelta(days=27)  # a day's cohort is too small to judge: four weeks of them, once a week
LANDING = timedelta(days=31)  # how late an application may land and still be looked at
MOST_ROWS = 50_000  # enough to see any leak; more would only cost time


def check(stock: Stock, policy: Policy, found: pl.DataFrame, first: date, last: date) -> None:
    """Refuse, by name, features that are too good to be true on the cohorts that matured up to `last`."""
    if all((first + timedelta(days=day)).weekday() != SUNDAY for day in range((last - first).days + 1)):
        return
    known = _cohorts(stock, policy, found, first, last)
    if known.is_empty():
        return
    columns = features.feature_columns(contract.load(tables.FEATURES))
    leaks.refuse_suspicious(_with_features(stock, known), columns, policy.leaks)


def _cohorts(stock: Stock, policy: Policy, found: pl.DataFrame, first: date, last: date) -> pl.DataFrame:
    """Every label of the cohorts that matured in the weeks up to `last`: published ones and those about to be."""
    start = window_start(first - COHORTS, policy.label)
    days = [day for day in stock.built(tables.LABELS) if start <= day < first]
    wanted = ("id", "y", "label_version", "mature_date", "application_date")
    published = [stock.scan(tables.LABELS, days).select(wanted)] if days else []
    return (
        pl.concat([*published, found.lazy().select(wanted)])
        .filter(pl.col("mature_date").is_between(pl.lit(first - COHORTS), pl.lit(last)))
        .sort("id", "label_version")
        .unique("id", keep="last", maintain_order=True)
        .collect()
    )


def _with_features(stock: Stock, known: pl.DataFrame) -> pl.DataFrame:
    every = -(-known.height // MOST_ROWS)
    sampled = known.filter(pl.col("id") % every == 0) if every > 1 else known
    applied = known["application_date"]
    first, last = applied.min(), applied.max()
    assert isinstance(first, date) and isinstance(last, date)  # noqa: S101, PT018 - the frame has rows
    days = [day for day in sorted(stock.built(tables.FEATURES)) if first <= day <= last + LANDING]
    if not days:
        return sampled.clear()
    return stock.scan(tables.FEATURES, days).join(sampled.lazy().select("id", "y"), on="id").collect()
