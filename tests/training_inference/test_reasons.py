from __future__ import annotations

import numpy as np
import pytest

from jobs.training_inference import scoring

USUAL = {
    "groups": ["a", "b", "c", "d", "e"],
    "group_of": [0, 0, 1, 2, 3, 4, -1],
    "means": [0.0, 0.0, 0.125, 0.0, 0.0, 0.0, 0.0],
}
CASES = [
    ("the strongest first, four at most", [0.2, 0.2, 0.6, 0.3, 0.2, 0.1, 0.0], ["b", "a", "c", "d"], 0.475),
    ("what cancels within a group is no reason", [0.5, -0.5, 0.1, 0.3, 0.0, 0.0, 0.0], ["c", None, None, None], 0.3),
    ("equal ones in the order of the groups", [0.0, 0.25, 0.375, 0.25, 0.25, 0.25, 0.0], ["a", "b", "c", "d"], 0.25),
    ("what lowers the risk is no reason", [-0.1] * 7, [None] * 4, None),
    ("a column without a group never is", [0.0, 0.0, 0.1, 0.0, 0.0, 0.0, 9.0], [None] * 4, None),
]


@pytest.mark.parametrize(
    ("parts", "expected", "strength"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_reasons_are(parts: list[float], expected: list[str | None], strength: float | None) -> None:
    row = scoring.reasons(np.array([parts]), USUAL).row(0)
    assert list(row[:4]) == expected
    assert row[4] == (None if strength is None else pytest.approx(strength))
