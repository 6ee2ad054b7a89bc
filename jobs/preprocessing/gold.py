"""Silver to gold: the features of applications, and the labels that became known."""

from __future__ import annotations

from functools import partial

from jobs.preprocessing import feature_store, label_store, tables
from jobs.preprocessing.stock import Stock
from jobs.protocol import contract, policies
from jobs.protocol.command import Run
from jobs.protocol.policy import Policy
from jobs.protocol.store import FolderStore


def build(run: Run, stock: Stock) -> None:
    """Features first: labels are published only after the features of their loans have been looked at."""
    from jobs.preprocessing import leaks

    leaks.refuse_leaks(contract.load(tables.FEATURES), *(contract.load(name) for name in _silver_tables()))
    if run.dry_run:
        _tell(run, stock)
        return
    feature_store.build(run, stock)
    rules = _policy(run)
    run.attempt(partial(label_store.build, run, stock, rules))


def is_stale(run: Run, stock: Stock) -> bool:
    return bool(feature_store.stale(stock) or label_store.stale(stock, _policy(run)))


def _policy(run: Run) -> Policy:
    """The rules a person owns. Without them labels wait: those that are there stay."""
    rules, problem = policies.begin(FolderStore(run.root), dry_run=run.dry_run)
    if rules is None:
        assert problem is not None  # noqa: S101 - one of the two
        raise problem
    return rules


def _tell(run: Run, stock: Stock) -> None:
    found = {tables.FEATURES: [item.day for item in feature_store.stale(stock)]}
    found[tables.LABELS] = [item.day for item in label_store.stale(stock, _policy(run))]
    for table, days in found.items():
        for day in days:
            run.events.say("would_build", f"would build {table} of {day}", name=table, date=day)


def _silver_tables() -> list[str]:
    return [tables.silver(name) for names in tables.SILVER_OF.values() for name in names]
