"""What the guards are told of gold, at the very days on which it turns."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Literal

import pytest

from jobs.protocol import circumstances
from jobs.protocol.files import Root
from jobs.protocol.index import Index
from jobs.protocol.layers import FEATURES, LABELS
from jobs.protocol.shelf import Shelf
from jobs.protocol.state import State
from tests.protocol.build import rules
from tests.sql.built import build

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

FIRST = date(2024, 1, 1)
TRAINED, DAY = FIRST + timedelta(days=100), FIRST + timedelta(days=120)


def shelf(root: Path, matured: dict[date, dict[int, date]], exceptions: Collection[tuple[date, int]] = ()) -> Shelf:
    """Labels of loans, by the day on which they became known and with that on which they matured."""
    for day, of in matured.items():
        rows = {"id": list(of), "mature_date": list(of.values()), "snapshot_date": day}
        build(root, LABELS, day, rows | {"policy_exception": [(day, loan) in exceptions for loan in of]})
    build(root, FEATURES, DAY, {"id": [1]})
    return Shelf(root=Root(root), index=Index(Root(root), "training_inference"))


def test_new_rows_are_loans_that_matured_after_the_last_training_each_counted_once(tmp_path: Path) -> None:
    after = TRAINED + timedelta(days=1)
    known = {FIRST: {1: TRAINED, 2: after, 3: DAY, 4: DAY + timedelta(days=1)}, after: {2: after}}
    found = circumstances.of(shelf(tmp_path, known), State(trained=(FIRST, TRAINED)), DAY, rules())
    assert found.new_rows == 2


@pytest.mark.parametrize(("rule", "counted"), [("exclude", 2), ("include", 4)])
def test_new_rows_are_those_that_a_training_would_take_by_the_newest_label_of_each_loan(
    tmp_path: Path, rule: Literal["exclude", "include"], counted: int
) -> None:
    after = TRAINED + timedelta(days=1)
    known = {FIRST: dict.fromkeys((1, 2, 3), DAY), after: dict.fromkeys((2, 3, 4), DAY)}
    at, policy = shelf(tmp_path, known, {(after, 2), (FIRST, 3), (after, 4)}), rules()
    policy = replace(policy, label=replace(policy.label, policy_exceptions=rule))
    assert circumstances.of(at, State(trained=(TRAINED,)), DAY, policy).new_rows == counted


@pytest.mark.parametrize(("least", "is_ready"), [(120, True), (121, False)])
def test_history_is_long_enough_from_its_very_day_on(tmp_path: Path, least: int, is_ready: bool) -> None:
    known = shelf(tmp_path, {FIRST: {1: DAY}, DAY: {2: DAY}})
    assert circumstances.is_ready(known, DAY, rules(min_history_days=least)) is is_ready
