"""What the guards ask of gold: how many labels have matured, and whether its history is whole, long and sound."""

from __future__ import annotations

from datetime import date

from jobs.protocol import verdicts
from jobs.protocol.facts import State
from jobs.protocol.guards import Circumstances
from jobs.protocol.layers import FEATURES, LABELS
from jobs.protocol.policy import Policy
from jobs.protocol.shelf import Shelf


def of(shelf: Shelf, state: State, day: date, policy: Policy) -> Circumstances:
    """The new rows are labelled ones of cohorts that have matured since the last training."""
    import polars as pl

    days, since, rows = shelf.days(LABELS, day), max(state.trained, default=date.min), 0
    if days:
        matured = pl.col("mature_date").is_between(since, day, closed="right")
        rows = int(shelf.scan(LABELS, days).filter(matured).select(pl.col("id").n_unique()).collect().item())
    is_sound = not verdicts.blocks_training(shelf.root, day)
    return Circumstances(note=True, new_rows=rows, readiness=is_ready(shelf, day, policy), data_quality=is_sound)


def is_ready(shelf: Shelf, day: date, policy: Policy) -> bool:
    """Enough days of history, and the gold of the day itself."""
    days = shelf.days(LABELS, day)
    whole = bool(days) and days[-1] == day and day in shelf.built(FEATURES)
    return whole and (day - days[0]).days >= policy.guards.min_history_days
