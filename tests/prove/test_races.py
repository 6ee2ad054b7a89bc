"""The races of `make prove`, in short."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.prove.races import monitor_trainer_and_editor, race_for_numbers

if TYPE_CHECKING:
    from pathlib import Path


def test_sixteen_processes_race_for_each_number_and_one_wins(tmp_path: Path) -> None:
    assert race_for_numbers(tmp_path, 10).total() == 10


def test_monitors_trainer_and_editor_at_once_keep_the_four_sentences(tmp_path: Path) -> None:
    found = monitor_trainer_and_editor(tmp_path, 25)
    assert found["proposed"] > 5
    assert found["claimed"] > 0
    assert found["saved"] > 20
