"""What the guards are told of gold, at the very days on which it turns."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import pytest

from jobs.protocol import circumstances
from jobs.protocol.facts import State
from jobs.protocol.files import Root
from jobs.protocol.index import Index
from jobs.protocol.layers import FEATURES, LABELS
from jobs.protocol.shelf import Shelf
from tests.protocol.build import rules
from tests.sql.built import build

if TYPE_CHECKING:
    from pathlib import Path

FIRST = date(2024, 1, 1)
TRAINED, DAY = FIRST + timedelta(days=100), FIRST + timedelta(days=120)


def shelf(root: Path, matured: dict[date, dict[int, date]]) -> Shelf:
    """Labels of loans, by the day on which they became known and with that on which they matured."""
    for day, of in matured.items():
        build(root, LABELS, day, {"id": list(of), "mature_date": list(of.values())})
    build(root, FEATURES, DAY, {"id": [1]})
    return Shelf(root=Root(root), index=Index(Root(root), "training_inference"))


def test_new_rows_are_loans_that_matured_after_the_last_training_each_counted_once(tmp_path: Path) -> None:
    after = TRAINED + timedelta(days=1)
    known = {FIRST: {1: TRAINED, 2: after, 3: DAY, 4: DAY + timedelta(days=1)}, after: {2: after}}
    found = circumstances.of(shelf(tmp_path, known), State(trained=(FIRST, TRAINED)), DAY, rules())
    assert found.new_rows == 2


@pytest.mark.parametrize(("least", "is_ready"), [(120, True), (121, False)])
def test_history_is_long_enough_from_its_very_day_on(tmp_path: Path, least: int, is_ready: bool) -> None:
    known = shelf(tmp_path, {FIRST: {1: DAY}, DAY: {2: DAY}})
    assert circumstances.is_ready(known, DAY, rules(min_history_days=least)) is is_ready
