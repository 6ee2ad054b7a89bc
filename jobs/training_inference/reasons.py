"""Why a loan scored as it did: what pushed its risk up against the loans the model learned from, in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from jobs.scorer import trees

if TYPE_CHECKING:
    from collections.abc import Mapping

    import lightgbm as lgb

    from jobs.measures.counts import FloatArray, IntArray
    from jobs.protocol.contract import Column
    from jobs.scorer.encoding import Encoding

MOST_REASONS = 4  # more are unlikely to help the person who reads them
MOST_ROWS = 20_000  # explained at once: some 2,000 rows a second, so that one call takes about ten
BACKGROUND_ROWS = 2_000
CHUNK = 5_000
TEXTS: Mapping[str, str] = {
    "account_mix": "Number and kind of accounts on the credit file",
    "affordability": "Amount of the loan or its instalment in relation to income",
    "available_credit": "Credit available on existing accounts",
    "credit_age": "Length of credit history",
    "credit_score": "Credit bureau score",
    "debt_burden": "Debt payments in relation to income",
    "delinquencies": "Late payments on the credit file",
    "employment": "Length of employment",
    "housing": "Home ownership status",
    "income": "Income, or how far it could be verified",
    "inquiries": "Number of recent credit inquiries",
    "installment_debt": "Balances of instalment loans",
    "loan_request": "Term, purpose or amount of the loan asked for",
    "new_accounts": "Number of recently opened accounts",
    "pricing": "Interest rate and grade set by the lender",
    "public_records": "Public records or collections on the credit file",
    "revolving_balances": "Balances of revolving accounts",
    "thin_file": "Too little information on the credit file",
    "total_balances": "Total of balances owed",
    "utilisation": "Share of available credit in use",
}


@dataclass(frozen=True, slots=True)
class Background:
    """The groups of reasons in order, the group of each column of the model, and its mean contribution there."""

    groups: tuple[str, ...]
    group_of: tuple[int, ...]
    means: tuple[float, ...]

    def to_json(self) -> dict[str, Any]:
        return {"groups": list(self.groups), "group_of": list(self.group_of), "means": list(self.means)}


def from_json(stored: dict[str, Any]) -> Background:
    return Background(tuple(stored["groups"]), tuple(stored["group_of"]), tuple(stored["means"]))


def background(columns: tuple[Column, ...], contributions: FloatArray) -> Background:
    """Freeze what is usual; a column without a group, as a proxy of a place would be, never becomes a reason."""
    groups = tuple(dict.fromkeys(column.group for column in columns if column.group))
    places = tuple(groups.index(column.group) if column.group else -1 for column in columns)
    return Background(groups, places, tuple(contributions.mean(axis=0).tolist()))


def contributions(booster: lgb.Booster, encoding: Encoding, frame: pl.DataFrame, *, threads: int) -> FloatArray:
    """Each column's part of the raw score (exact TreeSHAP, in log-odds), without the base value."""
    names = booster.feature_name()
    order = [names.index(name) for name in encoding.columns]
    parts = [
        trees.predicted(booster, encoding, rows, threads=threads, pred_contrib=True)[:, order]
        for rows in frame.iter_slices(CHUNK)
        if rows.height
    ]
    return np.concatenate(parts) if parts else np.empty((0, len(names)))


def sampled(frame: pl.DataFrame, rows: int = BACKGROUND_ROWS) -> pl.DataFrame:
    """Rows spread evenly over a frame: no chance in it."""
    places = np.unique(np.linspace(0, frame.height - 1, min(rows, frame.height)).astype(np.int64))
    return frame[places]


def reasons(parts: FloatArray, usual: Background) -> pl.DataFrame:
    """Up to four groups that push each row's risk up most, strongest first; equal ones in the order of the groups.

    A group's push is the sum of its columns' distances from usual, so that columns that say the same in opposite
    directions cancel; one that does not raise the risk is no reason.
    """
    pushes = np.zeros((len(parts), len(usual.groups)))
    for place, group in enumerate(usual.group_of):
        if group >= 0:
            pushes[:, group] += parts[:, place] - usual.means[place]
    order = np.argsort(-pushes, axis=1, kind="stable")[:, :MOST_REASONS]
    strengths = np.take_along_axis(pushes, order, axis=1)
    names = np.array(usual.groups, dtype=object)[order]
    names[strengths <= 0] = None
    found = {f"reason_{n + 1}": pl.Series(names[:, n].tolist(), dtype=pl.String) for n in range(order.shape[1])}
    first = pl.Series("reason_1_contrib", strengths[:, 0], dtype=pl.Float64)
    return pl.DataFrame(found).with_columns(pl.when(first > 0).then(first).alias("reason_1_contrib"))


def riskiest(pd: FloatArray, most: int = MOST_ROWS) -> IntArray:
    """Places of the rows to explain where there are too many: the riskiest, in their own order; ties go by place."""
    places: IntArray = np.sort(np.argsort(-pd, kind="stable")[:most])
    return places
