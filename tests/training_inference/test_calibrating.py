from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.scorer.scorer import Platt
from jobs.training_inference import fitting

STORED: dict[str, Any] = {"kind": "platt", "intercept": 0.0, "slope": 1.0, "rows": 10, "bads": 1}


def drawn(shift: float, slope: float, rows: int = 40_000) -> tuple[np.ndarray, np.ndarray]:
    chance = np.random.default_rng(3)
    raw = chance.normal(-2, 0.8, rows)
    return raw, (chance.random(rows) < 1 / (1 + np.exp(-(shift + slope * raw)))).astype(float)


@pytest.mark.parametrize(("shift", "slope"), [(0.0, 1.0), (0.4, 1.0), (-0.3, 0.7), (0.2, 1.4)])
def test_a_line_that_made_the_outcomes_is_found_again(shift: float, slope: float) -> None:
    found = fitting.calibrated(*drawn(shift, slope))
    assert found.intercept == pytest.approx(shift, abs=0.15)
    assert found.slope == pytest.approx(slope, abs=0.08)


def test_on_its_own_slice_it_promises_as_many_bads_as_came() -> None:
    raw, labels = drawn(0.5, 1.0)
    assert fitting.calibrated(raw, labels)(raw).sum() == pytest.approx(labels.sum(), rel=1e-6)


def test_scores_that_rank_the_wrong_way_round_are_not_turned_over() -> None:
    raw, labels = drawn(0.0, 1.0)
    found = fitting.calibrated(-raw, labels)
    assert found.slope == 1.0
    assert found(-raw).mean() == pytest.approx(labels.mean(), rel=1e-6)


@pytest.mark.parametrize("raw", [np.full(100, -1.0), np.where(np.arange(100) < 20, 1.0, -1.0)], ids=["one", "parted"])
def test_scores_through_which_no_line_goes_get_the_level_of_the_bads_alone(raw: np.ndarray) -> None:
    labels = (np.arange(100) < 20).astype(float)
    found = fitting.calibrated(raw, labels)
    assert (found.slope, found.rows, found.bads) == (1.0, 100, 20)
    assert found(raw).mean() == pytest.approx(0.2, rel=1e-6)


@given(st.lists(st.floats(-800, 800), min_size=2, max_size=30), st.floats(0.1, 10), st.floats(-5, 5))
def test_no_probability_is_sure_and_none_overtakes_another(raw: list[float], slope: float, intercept: float) -> None:
    found = Platt(intercept=intercept, slope=slope, rows=1, bads=1)(np.sort(np.array(raw)))
    assert (found > 0).all()
    assert (found < 1).all()
    assert (np.diff(found) >= 0).all()


def test_it_is_the_same_after_a_round_through_json() -> None:
    found = fitting.calibrated(*drawn(0.1, 1.0, 2_000))
    assert Platt(**json.loads(json.dumps(asdict(found)))) == found


@pytest.mark.parametrize("change", [{"slope": -1.0}, {"slope": 0.0}, {"intercept": float("inf")}, {"kind": "steps"}])
def test_a_stored_calibration_that_would_turn_ranks_over_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="keeps ranks"):
        Platt(**{**STORED, **change})
