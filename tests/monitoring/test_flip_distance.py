"""How far each number is from turning the verdict."""

from __future__ import annotations

import pytest

from jobs.monitoring import quality_rules
from jobs.monitoring.retraining import judge
from tests.monitoring.evidences import (
    Json,
    drifted,
    evidence,
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

    @pytest.mark.parametrize(
        ("found", "changes", "distance"),
        [
            pytest.param([*quality_rules.share("DQ-2", "dti", 20, 1000)], {}, 0.01, id="below-the-alert"),
            pytest.param(
                [*quality_rules.share("DQ-2", "dti", 60, 1000)], {}, 0.05, id="still-an-alert-when-less-grave"
            ),
            pytest.param([*quality_rules.share("DQ-2", "dti", 60, 1000)], drifted(0.4), 0.01, id="no-longer-blocks"),
            pytest.param([*quality_rules.share("DQ-2", "dti", 20, 1000)], drifted(0.4), 0.03, id="blocks"),
            pytest.param([*quality_rules.share("DQ-2", "dti", 6, 1000)], {}, 0.004, id="from-a-note-to-an-alert"),
            pytest.param([*quality_rules.share("DQ-9", "dti", 60, 1000)], {}, 0.05, id="high"),
            pytest.param([*quality_rules.absence("financial", 7, 4)], {}, 3.0, id="days"),
            pytest.param([*quality_rules.absence("financial", 7, 4)], drifted(0.4), 1.0, id="days-that-block"),
            pytest.param([*quality_rules.volume("financial", "", 600, [100] * 4)], {}, 4.0, id="many-rows"),
            pytest.param([*quality_rules.volume("financial", "", 0, [100] * 4)], {}, 0.5, id="no-rows"),
            pytest.param([*quality_rules.volume("financial", "", 0, [100] * 4)], drifted(0.4), 0.0, id="any-rows"),
            pytest.param(
                [quality_rules.column("dti", "absent", is_documented=False, is_used=True)], {}, 1.0, id="a-column"
            ),
        ],
    )
    def test_of_quality_goes_by_the_bounds_of_its_rule(self, found: list[Json], changes: Json, distance: float) -> None:
        verdict = judge(evidence(quality__findings=found, **changes), POLICY)
        (reason,) = (each for each in verdict["reasons"] if each["rule"].startswith("DQ-"))
        assert reason["flip_distance"] == pytest.approx(distance)

    @pytest.mark.parametrize(("before", "now", "distance"), [(0.0, 0.4, 0.3), (0.5, 0.8, 0.05), (0.04, 0.09, 0.05)])
    def test_of_missing_values(self, before: float, now: float, distance: float) -> None:
        known = {"missing": before, "rows": [100_000], "shap_share": 0.3}
        day = quality_rules.Day("", 1000, round(1000 * now), None)
        few = [quality_rules.Feature("dti", known, None, is_documented=False, was_filled=True, days=(day,))]
        found = [*quality_rules.missing_rates(few)]
        (reason,) = judge(evidence(quality__findings=found), POLICY)["reasons"]
        assert reason["flip_distance"] == pytest.approx(distance)
