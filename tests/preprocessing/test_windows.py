"""The window of servicing rows that a process keeps from day to day is what a fresh look would read."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

from polars.testing import assert_frame_equal

from jobs.preprocessing import labels, windows
from jobs.preprocessing.stock import Stock
from jobs.protocol import policy
from jobs.protocol.files import Root
from jobs.protocol.layers import PERFORMANCE
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
