"""Simulated loans that the tests of training share: features by the real code, outcomes and true risk by the truth."""

from __future__ import annotations

from datetime import date
from functools import cache
from typing import TYPE_CHECKING

import polars as pl

from jobs.preprocessing import cleaning
from jobs.preprocessing.features import features
from jobs.preprocessing.tables import FEATURE_SOURCES
from jobs.protocol import contract, policy
from jobs.scorer import scorer as scorers
from jobs.scorer.scorer import Scorer
from jobs.simulate.portfolio import months
from jobs.simulate.settings import Settings
from jobs.training_inference import dataset, training

if TYPE_CHECKING:
    from jobs.protocol.policy import Policy
    from jobs.training_inference.dataset import Dataset
    from jobs.training_inference.training import Trained

STORE = contract.load("gold/feature_store")
POLICY = policy.load(None, "decisions/policy.json")
AS_OF = date(2017, 7, 1)
SETTINGS = Settings(date(2015, 1, 2), date(2016, 5, 20), 55, 11, 0.0)


@cache
def loans() -> tuple[pl.DataFrame, pl.DataFrame]:
    """The feature store, and the truth."""
    store, truths = [], []
    for days in months(SETTINGS):
        first = days[0].landed
        tables = {name: pl.concat(day.tables[name] for day in days) for name in days[0].tables}
        opened = pl.concat(day.truth for day in days)
        truths.append(opened)
        tables = {name: frame.unique("id", keep="first", maintain_order=True) for name, frame in tables.items()}
        tables = {
            name: frame.filter(pl.col("id").cast(pl.Int64).is_in(opened["id"].implode()))
            for name, frame in tables.items()
        }
        silver = {name: _silver(frame, name, first) for name, frame in tables.items()}
        terms, history, demographic, financial = (silver[name] for name in FEATURE_SOURCES)
        store.append(features(terms, history, demographic, financial)[0])
    return pl.concat(store).rechunk(), pl.concat(truths)


@cache
def labels() -> pl.DataFrame:
    mature = pl.col("application_date").dt.offset_by("12mo").dt.offset_by("31d")
    return loans()[1].select(
        "id",
        pl.col("defaulted_12m").cast(pl.Int8).alias("y"),
        mature.alias("mature_date"),
        mature.alias("snapshot_date"),
        pl.lit(value=False).alias("policy_exception"),
        pl.lit(1, pl.Int16).alias("label_version"),
    )


@cache
def data() -> Dataset:
    return dataset.dataset(loans()[0], labels(), AS_OF, POLICY)


@cache
def trained(threads: int = 1) -> Trained:
    return train(threads, None)


def train(threads: int, champion: Scorer | None, rules: Policy = POLICY) -> Trained:
    name = "20170601-0123456789ab" if champion else None
    recipe = training.recipe_of(AS_OF, rules, name, {"datamart/gold/feature_store": "0" * 64})
    return training.train(data(), rules, recipe, champion, threads=threads)


def _silver(frame: pl.DataFrame, table: str, day: date) -> pl.DataFrame:
    numbered = frame.select(pl.all().cast(pl.String)).with_columns(
        pl.lit("simulated").alias("_source_file"), pl.int_range(1, pl.len() + 1, dtype=pl.Int64).alias("_source_row")
    )
    return cleaning.clean(numbered, table, day).tables[table]


def scorer() -> Scorer:
    return scorers.of(trained().files)
