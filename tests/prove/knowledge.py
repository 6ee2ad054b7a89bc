"""What a root may know: nothing of what lands later, and the same however its days were built."""

from __future__ import annotations

import os
import random
import re
import shutil
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

import polars as pl

from jobs.protocol import clock, ingest
from tests.monitoring.lenders import ONE_DAY, ONE_WEEK, SHORT, Lender
from tests.prove import monitoring
from tests.prove.system_calls import fingerprint

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from tests.prove.system_calls import Tree

PLAN = replace(SHORT, loans_per_day=150)
LAST = PLAN.calm + 4 * ONE_WEEK
TWO_YEARS = replace(PLAN, loans_per_day=25, first=date(2013, 1, 1))
DAYS = re.compile(r"\d{4}-\d{2}-\d{2}")
MADE_ANEW = ("datamart/landing/", "datamart/.index/")
KEYS = ("id", "member_id", "issue_d")


def future(scratch: Path, options: argparse.Namespace) -> int:
    """Poison in all that lands after a snapshot changes no byte of layers, model, scores, evidence and report."""
    source = Lender(scratch / "source", PLAN)
    source.root.mkdir()
    source.land(LAST)
    sundays = [PLAN.trained + weeks * ONE_WEEK for weeks in range(8)]
    looks, ingest.BETWEEN_LOOKS = ingest.BETWEEN_LOOKS, 0.0
    wrong = 0
    try:
        for number, sunday in enumerate(random.Random(13).sample(sundays, max(1, 3 // options.every))):
            honest, poisoned = (
                _lived(scratch / f"{number}-{poison}", source.root, sunday, poison=poison) for poison in (False, True)
            )
            wrong += _same(f"future: as of {sunday}", honest, poisoned)
    finally:
        ingest.BETWEEN_LOOKS = looks
        clock.stand_at(None)
    return wrong


def _lived(root: Path, source: Path, sunday: date, *, poison: bool) -> Tree:
    """All that the three jobs make as of a Sunday; the poisoned root has built its later days before it trains."""
    lender = Lender(root, PLAN)
    root.mkdir()
    lender.set_policy(PLAN.policy)
    for table in sorted((source / "datamart/landing").iterdir()):
        _land(table, root / "datamart/landing" / table.name, sunday, poison=poison)
    clock.stand_at(datetime.combine(LAST if poison else sunday, time(1), UTC))
    lender.preprocess(LAST if poison else sunday)
    clock.stand_at(datetime.combine(sunday, time(6), UTC))
    for day in (sunday - ONE_WEEK, sunday):
        lender.train_and_score(day)
    lender.judge(sunday)
    seen = monitoring.observed(root) | fingerprint(root, (*MADE_ANEW, *monitoring.COUNTED))
    return {name: content for name, content in seen.items() if _until(name, sunday)}


def _until(name: str, sunday: date) -> bool:
    """Whether it speaks of that Sunday or before; what bears no date does."""
    days = DAYS.findall(name)
    return not days or max(date.fromisoformat(day) for day in days) <= sunday


def _land(table: Path, into: Path, sunday: date, *, poison: bool) -> None:
    into.mkdir(parents=True)
    for path in sorted(table.iterdir()):
        if date.fromisoformat(path.name.partition(".")[0][-10:].replace("_", "-")) <= sunday:
            shutil.copy2(path, into / path.name)
        elif poison and path.suffix == ".csv":
            _poisoned(pl.read_csv(path, infer_schema=False)).write_csv(into / path.name)
            os.utime(into / path.name, (0, 0))  # it came long ago: nobody is writing it


def _poisoned(rows: pl.DataFrame) -> pl.DataFrame:
    """Other loans' values, and a loan that is paid where it went bad."""
    values = [name for name in rows.columns if name not in KEYS]
    rows = rows.with_columns(pl.col(values).reverse())
    if "loan_status" not in values:
        return rows
    bad = pl.col("loan_status") == "Charged Off"
    return rows.with_columns(loan_status=pl.when(bad).then(pl.lit("Fully Paid")).otherwise(pl.lit("Charged Off")))


def day_by_day(scratch: Path, options: argparse.Namespace) -> int:
    """Two years of days built one by one are the two years built in one go."""
    bulk = Lender(scratch / "bulk", TWO_YEARS)
    bulk.root.mkdir()
    bulk.set_policy(PLAN.policy)
    last = TWO_YEARS.first + timedelta(days=730 // options.every)
    bulk.land(last)
    daily = bulk.copied(scratch / "daily")
    bulk.preprocess(last)
    try:
        day = TWO_YEARS.first
        while day <= last:
            clock.stand_at(datetime.combine(day, time(1), UTC))
            daily.preprocess(day)
            day += ONE_DAY
    finally:
        clock.stand_at(None)
    seen = [fingerprint(lender.root / "datamart", ("landing/", ".index/")) for lender in (bulk, daily)]
    return _same(f"day by day: {(last - TWO_YEARS.first).days + 1} days", *seen)


def _same(what: str, one: Tree, other: Tree) -> int:
    differ = sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))
    print("\n  ".join([f"{what}: {len(one)} files and facts, {len(differ)} differ", *differ[:20]]), flush=True)
    return len(differ)
