"""Guards against features that know the outcome: by what they read, and by what they can do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import NamedTuple

import polars as pl

from jobs.preprocessing import tables
from jobs.preprocessing.feature_expressions import ENGINEERED, HAS_CREDIT_HISTORY, HAS_DEMOGRAPHIC
from jobs.preprocessing.features import KEPT, expression, feature_columns
from jobs.preprocessing.labels import window_start
from jobs.preprocessing.stock import Stock
from jobs.protocol import contract
from jobs.protocol.contract import Column, Contract
from jobs.protocol.errors import ContractBroken
from jobs.protocol.policy import LeakPolicy, Policy

ALLOWED_ROLES = {"orig", "bureau", "pricing", "joint"}
PRICING = "pricing"  # another model's output: seen by an investor at listing, not by the lender who grants
PROFILES = {"investor", "granting"}
SUNDAY = 6
COHORTS = timedelta(days=27)  # a day's cohort is too small to judge: four weeks of them, once a week
LANDING = timedelta(days=31)  # how late an application may land and still be looked at
MOST_ROWS = 50_000  # enough to see any leak; more would only cost time
_AS_OF = {"issue_d"}  # an engineered feature may measure time up to it; by itself it would tell the vintage
_LATER = "_days_later_than_others"
_MARKERS = {HAS_CREDIT_HISTORY, HAS_DEMOGRAPHIC}


class Suspicion(NamedTuple):
    """A feature that is too good to be true: what was measured, and the limit it lies above."""

    feature: str
    measure: str
    value: float
    limit: float


def check(stock: Stock, policy: Policy, found: pl.DataFrame, first: date, last: date) -> None:
    """Refuse, by name, features that are too good to be true on the cohorts that matured up to `last`."""
    if all((first + timedelta(days=day)).weekday() != SUNDAY for day in range((last - first).days + 1)):
        return
    known = _cohorts(stock, policy, found, first, last)
    if can_judge(known, policy.leaks):
        columns = feature_columns(contract.load(tables.FEATURES))
        refuse_suspicious(_with_features(stock, known), columns, policy.leaks)


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


def refuse_leaks(store: Contract, *silver: Contract) -> None:
    """Raise ContractBroken naming every feature that reads what is not known, or not allowed, at application time."""
    roles: dict[str, set[str]] = {}
    for table in silver:
        for column in table.columns:
            roles.setdefault(column.name, set()).add(column.role or "none")
    offences = [offence for column in feature_columns(store) for offence in _offences(column, roles)]
    offences += [
        f"{column.name} is neither a key of the store nor a feature of any profile"
        for column in store.columns
        if not column.profiles and column.name not in KEPT
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
    """Features of labelled rows that rank by themselves too well, or know how long after its issue a loan landed.

    `known` has the features, y (0 or 1), application_date and snapshot_date. With too few rows nothing is suspicious:
    ask `can_judge` first and say so.
    """
    if not can_judge(known, rule):
        return []
    limits = {"auc": rule.max_single_feature_auc, "auc of being missing": rule.max_single_feature_auc}
    limits |= {"correlation with landing": rule.max_age_correlation}
    measured = known.with_columns(_days_later_than_others().alias(_LATER)).select(_measures(columns, rule))
    found = measured.unpivot().with_columns(pl.col("variable").str.split("|"))
    return [
        Suspicion(feature, measure, value, limits[measure])
        for (feature, measure), value in found.iter_rows()
        if value is not None and value > limits[measure]
    ]


def refuse_suspicious(known: pl.DataFrame, columns: Sequence[Column], rule: LeakPolicy) -> None:
    """Raise ContractBroken naming every suspicious feature: gold is not built on one."""
    if found := suspicious(known, columns, rule):
        raise ContractBroken(
            "too good to be true: "
            + "; ".join(f"{one.feature}: {one.measure} is {one.value:.3f}, above {one.limit:g}" for one in found),
            where="gold/feature_store",
            mend="find out how the feature knows; take it out of jobs/contracts/gold/feature_store.json, "
            "or raise leaks in decisions/policy.json",
        )


def _offences(feature: Column, roles: dict[str, set[str]]) -> Iterator[str]:
    name, read = feature.name, set(expression(feature.name).meta.root_names()) - _MARKERS
    if name in ENGINEERED:
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


def _measures(columns: Sequence[Column], rule: LeakPolicy) -> Iterator[pl.Expr]:
    for column in columns:
        value = _number(column)
        yield _auc(value, rule).alias(f"{column.name}|auc")
        yield _auc_of_missing(value).alias(f"{column.name}|auc of being missing")
        if column.dtype != "string":
            yield _correlation_with_landing(value, rule).alias(f"{column.name}|correlation with landing")


def _number(column: Column) -> pl.Expr:
    """A category ranks by its share of bads: the most that anybody could make of it."""
    value = pl.col(column.name)
    if column.dtype != "string":
        return value.cast(pl.Float64)
    return pl.when(value.is_not_null()).then(pl.col("y").mean().over(column.name))


def _auc(value: pl.Expr, rule: LeakPolicy) -> pl.Expr:
    """Of the rows that have a value, in whichever direction it ranks; null with too few of them."""
    bad, present = pl.col("y") == 1, value.is_not_null()
    bads, goods = ((kind & present).sum().cast(pl.Float64) for kind in (bad, ~bad))
    beaten = value.rank("average").filter(bad).sum() - bads * (bads + 1) / 2
    auc = beaten / (bads * goods)
    return pl.when(pl.min_horizontal(bads, goods) >= rule.min_bads).then((auc - 0.5).abs() + 0.5)


def _auc_of_missing(value: pl.Expr) -> pl.Expr:
    bad, missing = pl.col("y") == 1, value.is_null()
    return 0.5 + (missing.filter(bad).mean() - missing.filter(~bad).mean()).abs() / 2


def _correlation_with_landing(value: pl.Expr, rule: LeakPolicy) -> pl.Expr:
    """With what differs within one issue month, so that the drift of years is not taken for it; null for few rows."""
    return pl.when(value.count() >= rule.min_rows).then(pl.corr(value, pl.col(_LATER)).abs().fill_nan(None))


def _days_later_than_others() -> pl.Expr:
    """How many days after its issue month began a loan landed, beyond the mean of that month's loans."""
    month = pl.col("application_date").dt.month_start()
    days = (pl.col("snapshot_date") - month).dt.total_days()
    return days - days.mean().over(month)
