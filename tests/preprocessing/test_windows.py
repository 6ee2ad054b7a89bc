"""The window of servicing rows that a process keeps from day to day is what a fresh look would read."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from jobs.preprocessing import gold, labels, windows
from jobs.preprocessing.stock import Stock
from jobs.protocol import policy
from jobs.protocol.files import Root
from jobs.protocol.layers import PERFORMANCE
from jobs.protocol.shelf import Built
from tests.preprocessing.roots import FIRST, LAST, built, land, landing, preprocess

DAYS = [FIRST + timedelta(days=day) for day in range((LAST - FIRST).days + 1)]


def test_a_window_that_moves_or_whose_days_or_rule_change_is_as_read_anew(tmp_path: Path) -> None:
    root, rules = built(tmp_path), policy.load(None, "decisions/policy.json")
    other = replace(rules, label=replace(rules.label, window_months=6))

    def is_as_read_anew(days: list[date], by: policy.Policy) -> None:
        stock = Stock.of(Root(root), LAST)
        found = windows.rows(stock, PERFORMANCE, days, by.label, lambda rows: labels.judged(rows, by.label))
        fresh = labels.judged(stock.scan(PERFORMANCE, days), by.label)
        order = ["snapshot_date", "id"]
        assert_frame_equal(found.lazy().collect().sort(order), fresh.collect().sort(order))

    for days, by in ((DAYS[:4], rules), (DAYS[1:], rules), (DAYS[1:], other), (DAYS[:2], rules), (DAYS, rules)):
        is_as_read_anew(days, by)
    is_as_read_anew([DAYS[0], *DAYS[2:]], rules)  # what is held has a day more in the middle
    path = landing(root, "loan_terms", FIRST)
    land(path, b"\n".join(path.read_bytes().splitlines()[:-1]) + b"\n")
    assert preprocess(root) == 0
    is_as_read_anew(DAYS, rules)


def test_a_window_that_moves_by_a_day_reads_that_day_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stock, read, scan = Stock.of(Root(built(tmp_path)), LAST), list[list[date]](), Stock.scan

    def counted(self: Stock, table: str, days: list[date]) -> pl.LazyFrame:
        read.append(days)
        return scan(self, table, days)

    monkeypatch.setattr(windows, "_held", {})
    monkeypatch.setattr(Stock, "scan", counted)
    for days in (DAYS[:3], DAYS[1:4], DAYS[1:4], DAYS[2:]):
        windows.rows(stock, PERFORMANCE, days, "as it is", lambda rows: rows)
    assert read == [DAYS[:3], DAYS[3:4], DAYS[4:]]


def test_what_the_labels_of_a_day_rest_on_is_the_same_wherever_a_look_begins(tmp_path: Path) -> None:
    rules = policy.load(None, "decisions/policy.json")
    brisk = replace(rules, label=replace(rules.label, window_months=1, lag_days=0, closing_days=0))
    stock = Stock.of(Root(tmp_path), LAST)
    for back in range(90):
        stock.built(PERFORMANCE).known[LAST - timedelta(days=back)] = Built.of([str(back), "", "", "1"])
    whole = gold.stale_labels(stock, brisk)
    for back in range(60):
        stock.since = LAST - timedelta(days=back)
        assert gold.stale_labels(stock, brisk) == whole[len(whole) - back :]
