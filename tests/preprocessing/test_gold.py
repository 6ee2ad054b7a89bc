"""Labels on their way into gold: what is published and counted of each day, and what is refused before any."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from jobs.preprocessing import gold, leaks, windows
from jobs.preprocessing.stock import Stock, Work
from jobs.protocol import partitions, policy
from jobs.protocol.errors import ContractBroken
from jobs.protocol.files import Root
from jobs.protocol.layers import LABELS
from jobs.protocol.receipts import Report
from tests.preprocessing.loan_histories import BRISK, Row, frame

if TYPE_CHECKING:
    from pathlib import Path

    import polars as pl

    from jobs.protocol.command import Run

APPLIED = date(2016, 2, 1)
HEARD = [
    Row(1, APPLIED, 36, "Fully Paid", date(2016, 3, 1), date(2016, 3, 10)),
    Row(2, APPLIED, 36, "Charged Off", None, date(2016, 4, 20)),
    Row(3, APPLIED, 36, "Current", date(2016, 5, 1), date(2016, 5, 5)),
    Row(3, APPLIED, 36, "Charged Off", date(2016, 5, 1), date(2016, 6, 10)),
    Row(4, APPLIED, 36, "Charged Off", None, date(2016, 5, 26)),  # the last day that counts
]
NOTHING = {"bad": 0, "good": 0, "late_news": 0}


def test_the_labels_of_a_day_are_counted_by_outcome_and_news_that_come_too_late_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(_: Stock, __: str, ___: object, ____: object, made: Any) -> pl.DataFrame:
        return cast("pl.DataFrame", made(frame(HEARD)).collect())

    monkeypatch.setattr(windows, "rows", read)
    monkeypatch.setattr(leaks, "check", lambda *_: None)
    root, rules = Root(tmp_path), replace(policy.load(None, ""), label=BRISK)
    expected = {
        date(2016, 4, 4): NOTHING,
        date(2016, 4, 5): NOTHING | {"good": 1},
        date(2016, 4, 20): NOTHING | {"bad": 1},
        date(2016, 5, 6): NOTHING | {"good": 1},
        date(2016, 5, 26): NOTHING | {"bad": 1},
        date(2016, 6, 10): NOTHING | {"late_news": 1},
        date(2016, 6, 11): NOTHING,
    }
    run = cast("Run", SimpleNamespace(report=Report()))
    gold._labels(run, Stock.of(root, date(2016, 6, 30)), rules, [Work(LABELS, day, ()) for day in expected])
    found = {day: partitions.existing(root, LABELS, day) for day in expected}
    assert {day: manifest.counts for day, manifest in found.items()} == expected
    assert all(manifest.rows == manifest.counts["bad"] + manifest.counts["good"] for manifest in found.values())
    stored = Stock.of(root, date(2016, 6, 30)).scan(LABELS, expected).select("id", "y").collect()
    assert stored.rows() == [(1, 0), (2, 1), (3, 0), (4, 1)]


def test_no_gold_is_built_where_the_contracts_would_let_a_feature_know_the_outcome(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object) -> None:
        raise ContractBroken("the feature store would leak", where="here", mend="there")

    monkeypatch.setattr(leaks, "refuse_leaks", refuse)
    monkeypatch.setattr(gold, "_refuse_leaks", gold._refuse_leaks.__wrapped__)
    with pytest.raises(ContractBroken, match="would leak"):
        gold.build(cast("Run", None), cast("Stock", None))
