"""The facts that the guards need from gold and the model bank: matured labels, and whether all inputs are sound."""

from __future__ import annotations

from datetime import date

from jobs.protocol import ledger, model_bank, verdicts
from jobs.protocol.errors import StoreDamaged
from jobs.protocol.guards import Circumstances
from jobs.protocol.layers import FEATURES, LABELS
from jobs.protocol.policy import Policy
from jobs.protocol.shelf import Shelf
from jobs.protocol.state import State
from jobs.protocol.store import FolderStore


def of(shelf: Shelf, state: State, day: date, policy: Policy) -> Circumstances:
    """New rows are labelled loans of cohorts that matured since the last training and that a training would use."""
    import polars as pl

    days, since, rows = shelf.days(LABELS, day), max(state.trained, default=date.min), 0
    if days:
        matured = pl.col("mature_date").is_between(since, day, closed="right")
        newest = shelf.scan(LABELS, days).filter(matured).sort("snapshot_date").unique("id", keep="last")
        excluded = pl.col("policy_exception") & (policy.label.policy_exceptions == "exclude")
        rows = int(newest.select((~excluded).sum()).collect().item())
    readiness = is_ready(shelf, day, policy) and _has_whole_champion(shelf, state)
    is_sound = not verdicts.blocks_training(shelf.root, day)
    return Circumstances(note=True, new_rows=rows, readiness=readiness, data_quality=is_sound)


def is_ready(shelf: Shelf, day: date, policy: Policy) -> bool:
    """Whether there are enough days of history, and the day's own gold is built."""
    days = shelf.days(LABELS, day)
    whole = bool(days) and days[-1] == day and day in shelf.built(FEATURES)
    return whole and (day - days[0]).days >= policy.guards.min_history_days


def _has_whole_champion(shelf: Shelf, state: State) -> bool:
    """A new model is compared with the one that serves: a claim while that is damaged would only waste an attempt.

    If the system cannot read it now, that is no damage but fails the run: nothing else would tell of it once it passes.
    """
    try:
        if serving := state.model_id:
            model_bank.whole(shelf.root, serving, ledger.vouched(FolderStore(shelf.root), serving))
    except StoreDamaged:
        return False
    return True
