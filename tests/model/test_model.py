"""A small bound of the model in every run of the tests; `python -m tests.model` visits the full one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.model import replaced, replay
from tests.model.mutants import MUTANTS, TRAINERS, atomic_store
from tests.model.search import search
from tests.model.things import Bounds

if TYPE_CHECKING:
    from collections.abc import Callable

WEEK = (("monitor", 0), ("train", 1))


@pytest.mark.parametrize(
    "bounds",
    [
        pytest.param(Bounds(starts=WEEK, edits=1, crashes=0, serving=False), id="a-week-with-one-act-of-a-person"),
        pytest.param(Bounds(starts=WEEK, edits=0, crashes=2, reruns=1, together=1), id="a-week-with-two-crashes"),
        pytest.param(
            Bounds(starts=(("monitor", 0), ("monitor", 2)), edits=1, crashes=0, serving=False), id="two-weeks"
        ),
    ],
)
def test_no_reachable_world_breaks_a_sentence_or_is_a_dead_end(monkeypatch: pytest.MonkeyPatch, bounds: Bounds) -> None:
    replay.install(monkeypatch)
    findings = search(bounds)
    assert findings.exhausted
    assert findings.states > 1_000
    assert (findings.violations, findings.dead_ends) == ({}, {})


def test_a_store_with_atomic_replacement_needs_no_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    replay.install(monkeypatch)
    atomic_store(monkeypatch)
    findings = search(replace(TRAINERS, locked=False, edits=1, together=2))
    assert (findings.exhausted, findings.violations, findings.dead_ends) == (True, {}, {})


@pytest.mark.parametrize("name", MUTANTS)
def test_an_unsafe_variant_is_caught(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    spoil: Callable[[pytest.MonkeyPatch], None]
    spoil, bounds = MUTANTS[name]
    replay.install(monkeypatch)
    spoil(monkeypatch)
    findings = search(bounds, until_violation=True)
    assert findings.violations or findings.dead_ends


def test_the_replaced_protocol_consumes_twice_loses_edits_and_logs_what_never_was() -> None:
    _, wrong = replaced.search(sunday_to_monday=False)
    assert set(wrong) == {
        "a decision is consumed twice",
        "two retrainings in a week",
        "a decision or an edit is lost",
        "the log tells of a training that never was",
        "a decision is honoured",
    }


def test_by_its_own_schedule_the_replaced_protocol_never_honours_a_decision() -> None:
    _, wrong = replaced.search(sunday_to_monday=True)
    assert "a decision is honoured" not in wrong
