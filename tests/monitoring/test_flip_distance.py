"""How far each number is from turning the verdict."""

from __future__ import annotations

import pytest

from jobs.monitoring.retraining import judge
from tests.monitoring.evidences import (
    Json,
    drifted,
    evidence,
    finding,
    measure,
    miscalibrated,
)
from tests.monitoring.judging import POLICY, feature


def of(verdict: Json, rule: str) -> Json:
    return next(each for each in verdict["reasons"] if each["rule"] == rule)


class TestFlipDistance:
    @pytest.mark.parametrize(
        ("changes", "rule", "distance"),
        [
            pytest.param(drifted(0.27), "drift", 0.02, id="back-to-no-action"),
            pytest.param(drifted(0.29), "drift", 0.01, id="on-to-retrain"),
            pytest.param(drifted(0.60), "drift", 0.30, id="over-several-bounds"),
            pytest.param(drifted(0.11), "drift", 0.14, id="from-a-note-to-an-alert"),
            pytest.param(drifted(0.60) | miscalibrated(1.7), "drift", None, id="another-rule-decides-all-the-same"),
            pytest.param(miscalibrated(0.70), "calibration", 0.05, id="below-one"),
            pytest.param({"performance__auc": measure(0.60, 3000, interval=[0.57, 0.63])}, "floor", 0.02, id="floor"),
            pytest.param({"quality__findings": [finding("medium")]}, "DQ-2", 0.01, id="a-finding-of-quality"),
            pytest.param(
                feature(0.2) | feature(0.2, 1) | feature(0.2, 2), "many_features", 1.0, id="a-count-of-features"
            ),
        ],
    )
    def test_it_is_the_way_to_the_nearest_other_decision(
        self, changes: Json, rule: str, distance: float | None
    ) -> None:
        found = of(judge(evidence(**changes), POLICY), rule)["flip_distance"]
        assert found == (None if distance is None else pytest.approx(distance))
