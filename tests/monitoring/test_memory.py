"""What earlier weeks have to say to a verdict."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any, ClassVar

import pytest

from jobs.monitoring.retraining import judge
from tests.monitoring.evidences import (
    WEEK,
    Json,
    decayed,
    drifted,
    evidence,
    finding,
    measure,
    miscalibrated,
    training,
    unknown,
)
from tests.monitoring.judging import DAYS, POLICY, aside, estimated, feature, weeks

BEFORE = WEEK - DAYS


def test_the_block_stands_until_a_clean_week() -> None:
    poor = {"quality__findings": [finding("critical")]}
    lost, clean = weeks(poor, unknown("quality"), {})[1:]
    assert (lost["decision"], lost["blocked_by"]) == ("alert", ["data_quality"])
    assert clean["blocked_by"] == []


class TestWhatCannotBeJudgedAgain:
    def test_a_breach_that_cannot_be_judged_again_is_not_cleared(self) -> None:
        few = {"window__rows": 100}
        assert [each["insufficient_data"] for each in weeks(drifted(0.6), few, few, {}, few)] == [
            *(False, True, True),
            *(False, False),
        ]

    def test_nor_is_one_that_is_just_grave_enough_to_retrain_for(self) -> None:
        few = {"window__rows": 100}
        assert [weeks(drifted(psi), few)[-1]["insufficient_data"] for psi in (0.31, 0.29)] == [True, False]

    def test_a_training_that_it_knew_of_did_not_carry_it_out(self) -> None:
        held = [training(BEFORE, "floor")]
        assert weeks(drifted(0.6), {"window__rows": 100, "trainings": held})[-1]["insufficient_data"]

    def test_a_breach_that_was_carried_out_is(self) -> None:
        held = [training(BEFORE + timedelta(days=2), "drift")]
        assert not weeks(drifted(0.6), {"window__rows": 100, "trainings": held})[-1]["insufficient_data"]


class TestSingleFeatures:
    def test_the_first_week_is_only_noted(self) -> None:
        verdict = weeks({}, feature(0.9))[-1]
        assert (verdict["decision"], aside(verdict)) == ("no_action", {"feature": "persistence"})

    def test_one_that_is_only_noted_has_nothing_to_wait_for(self) -> None:
        verdict = weeks({}, feature(0.24))[-1]
        assert ([each["severity"] for each in verdict["reasons"]], aside(verdict)) == (["low"], {})

    def test_the_second_week_retrains(self) -> None:
        assert weeks(feature(0.31), feature(0.31))[-1]["priority"] == "MEDIUM"

    def test_also_for_a_feature_of_just_enough_importance(self) -> None:
        just = feature(0.31, share=0.05)
        assert weeks(just, just)[-1]["priority"] == "MEDIUM"

    def test_not_for_a_feature_of_little_importance(self) -> None:
        small, enough = feature(0.9, share=0.049), feature(0.9, share=0.05)
        assert weeks(small, small)[-1]["decision"] == "alert"
        assert weeks(enough, enough)[-1]["decision"] == "retrain"

    def test_two_of_three_weeks_alert(self) -> None:
        assert weeks(feature(0.31), {}, feature(0.31))[-1]["decision"] == "alert"

    def test_two_of_four_do_not(self) -> None:
        assert weeks(feature(0.31), {}, {}, feature(0.31))[-1]["decision"] == "no_action"

    def test_a_change_of_schema_is_no_drift(self) -> None:
        moved = feature(0.9) | {"drift__features__0__schema_change": True}
        verdict = weeks(moved, moved)[-1]
        assert (verdict["decision"], aside(verdict)) == ("no_action", {"feature": "schema_change"})
        assert "many_features" not in [
            each["rule"] for each in weeks(moved | feature(0.2, 1) | feature(0.2, 2))[0]["reasons"]
        ]

    def test_chance_is_judged_by_the_adjusted_p(self) -> None:
        counts = feature(0.31) | {"drift__features__0__p_adjusted": 0.05}
        assert weeks(counts, counts)[-1]["decision"] == "retrain"
        moved = feature(0.9) | {"drift__features__0__p_adjusted": 0.051}
        assert aside(weeks(moved, moved)[-1]) == {"feature": "not significant"}
        moved = feature(0.9) | {"drift__features__0__p_adjusted": POLICY.drift.fdr_q}
        assert weeks(moved, moved)[-1]["decision"] == "retrain"


class TestEstimates:
    LOW: ClassVar[Json] = {"estimate__auc": measure(0.655, 2000), "estimate__drop": 0.045}

    def test_two_weeks_running_retrain_with_priority_medium(self) -> None:
        assert weeks(self.LOW, self.LOW)[-1]["priority"] == "MEDIUM"

    def test_a_drop_just_above_the_bound_retrains_too(self) -> None:
        just = self.LOW | {"estimate__drop": 0.031}
        assert weeks(just, just)[-1]["priority"] == "MEDIUM"

    def test_a_gap_begins_anew(self) -> None:
        assert weeks(self.LOW, {}, self.LOW)[-1]["decision"] == "alert"

    def test_a_small_drop_only_alerts(self) -> None:
        small = self.LOW | {"estimate__drop": 0.03}
        assert weeks(small, small)[-1]["decision"] == "alert"

    def test_unreliable_ones_are_only_noted(self) -> None:
        verdict = weeks(self.LOW, self.LOW | {"track_record__mean_error": 0.031})[-1]
        assert (verdict["severity"], aside(verdict)) == ("low", {"cbpe": "cbpe unreliable"})
        moved = weeks(drifted(0.6) | {"track_record__mean_error": 0.031})[-1]
        assert (moved["decision"], aside(moved)) == ("retrain", {})
        most = self.LOW | {"track_record__mean_error": POLICY.cbpe.max_mae}
        assert weeks(self.LOW, most)[-1]["decision"] == "retrain"

    @pytest.mark.parametrize(("most", "decision"), [("high", "retrain"), ("medium", "alert"), ("low", "no_action")])
    def test_the_policy_says_how_grave_they_may_be(self, most: Any, decision: str) -> None:
        rules = replace(POLICY, cbpe=replace(POLICY.cbpe, max_severity=most))
        assert weeks(self.LOW, self.LOW, rules=rules)[-1]["decision"] == decision

    def test_the_flip_of_one_counts_the_floor_that_looks_at_the_same_number(self) -> None:
        reason = weeks(estimated(0.653))[-1]["reasons"][0]  # an alert: below the limit of 0.66, above the floor
        assert (reason["rule"], reason["flip_distance"]) == ("cbpe", pytest.approx(0.003))

    def test_none_where_the_policy_wants_none(self) -> None:
        rules = replace(POLICY, cbpe=replace(POLICY.cbpe, enabled=False))
        assert weeks(estimated(0.5), rules=rules)[-1]["reasons"] == []


class TestHysteresis:
    def test_an_alert_stays_open_near_its_bound(self) -> None:
        near = weeks(drifted(0.26), drifted(0.21))[-1]
        assert (near["decision"], aside(near)) == ("no_action", {"drift": "hysteresis"})

    def test_and_is_over_at_four_fifths_of_it(self) -> None:
        assert aside(weeks(drifted(0.26), drifted(0.20))[-1]) == {}

    @pytest.mark.parametrize(
        ("before", "near", "away", "rule", "threshold"),
        [
            (decayed(0.04), decayed(0.0241), decayed(0.024), "concept", 0.02),
            (miscalibrated(1.2), miscalibrated(1.13, p=0.5), miscalibrated(1.12, p=0.5), "calibration", 1.1),
            (miscalibrated(0.8), miscalibrated(0.87, p=0.5), miscalibrated(0.88, p=0.5), "calibration", 0.9),
        ],
    )
    def test_so_do_those_of_outcomes_each_near_its_own_bound_and_on_its_own_side(
        self, before: Json, near: Json, away: Json, rule: str, threshold: float
    ) -> None:
        (kept,) = weeks(before, near)[-1]["set_aside"]
        assert (kept["rule"], kept["why"], kept["threshold"]) == (rule, "hysteresis", threshold)
        assert "hysteresis" not in aside(weeks(before, away)[-1]).values()

    def test_one_beyond_its_bound_again_is_counted_and_not_set_aside_besides(self) -> None:
        assert aside(weeks(drifted(0.26), drifted(0.27))[-1]) == {}

    def test_two_weeks_away_from_it_close_it(self) -> None:
        assert aside(weeks(drifted(0.26), {}, drifted(0.21))[-1]) == {"drift": "hysteresis"}
        assert aside(weeks(drifted(0.26), {}, {}, drifted(0.21))[-1]) == {}


class TestPromotion:
    @pytest.mark.parametrize(
        ("days", "decision"), [(13, "no_action"), (14, "retrain")], ids=["within-two-weeks", "after-two-weeks"]
    )
    def test_rules_with_a_new_reference_wait(self, days: int, decision: str) -> None:
        new: Json = {"promoted_on": (WEEK - timedelta(days=days)).isoformat()}
        found = judge(evidence(**drifted(0.6), **new), POLICY)
        assert found["decision"] == decision
        assert ("does not count yet" in found["sentence"]) == (decision == "no_action")
        assert judge(evidence(**new), POLICY)["set_aside"] == []

    def test_the_floor_and_the_feed_do_not(self) -> None:
        new: Json = {"promoted_on": WEEK.isoformat(), "quality__findings": [finding("medium")]}
        verdict = judge(evidence(**new, performance__auc=measure(0.5, 3000, interval=[0.48, 0.52])), POLICY)
        assert [each["rule"] for each in verdict["reasons"]] == ["floor", "DQ-2"]

    def test_another_model_remembers_nothing(self) -> None:
        past = [judge(evidence(BEFORE, model__model_id="20230101-ffffffffffff", **feature(0.9)), POLICY)]
        assert aside(judge(evidence(**feature(0.9)), POLICY, past)) == {"feature": "persistence"}


class TestRetrainingInVain:
    def judged(self, trained: date, *reasons: str, verdict: str = "kept", **changes: Any) -> Json:
        held = [training(trained, *reasons, verdict=verdict)]
        return judge(evidence(**drifted(0.6), trainings=held, **changes), POLICY)

    @pytest.mark.parametrize("verdict", ["kept", "promoted"])
    def test_a_breach_after_it_calls_a_person(self, verdict: str) -> None:
        found = self.judged(WEEK - timedelta(days=30), "drift", verdict=verdict)
        assert (found["decision"], found["action_hint"], found["severity"]) == ("alert", "escalate", "critical")
        assert "did not mend it: 2023-12-14" in aside(found)["drift"]
        assert found["sentence"].startswith("A retraining did not fix this, so a person must decide: ")

    def test_until_the_loans_of_its_time_have_matured(self) -> None:
        assert self.judged(date(2022, 12, 13), "drift")["decision"] == "retrain"  # twelve months and 31 days ago
        assert self.judged(date(2022, 12, 14), "drift")["decision"] == "alert"

    @pytest.mark.parametrize(("week", "decision"), [("2023-07-01", "alert"), ("2023-07-08", "retrain")])
    def test_the_next_one_waits_for_a_reference_of_new_months(self, week: str, decision: str) -> None:
        tried = [training(date(2022, 3, 1), "drift"), training(date(2023, 4, 3), "drift")]  # it had matured by then
        found = judge(evidence(date.fromisoformat(week), **drifted(0.6), trainings=tried), POLICY)
        assert found["decision"] == decision

    def test_a_training_of_long_ago_was_for_something_else(self) -> None:
        tried = [training(date(2019, 3, 1), "drift"), training(WEEK - timedelta(days=120), "drift")]
        assert judge(evidence(**drifted(0.6), trainings=tried), POLICY)["decision"] == "alert"

    @pytest.mark.parametrize(("again", "decision"), [("2023-07-02", "retrain"), ("2023-07-03", "alert")])
    def test_as_is_one_whose_loans_and_three_months_more_had_passed(self, again: str, decision: str) -> None:
        tried = [training(date(2022, 3, 1), "drift"), training(date.fromisoformat(again), "drift")]
        found = judge(evidence(date(2023, 12, 30), **drifted(0.6), trainings=tried), POLICY)
        assert found["decision"] == decision

    def test_another_rule_is_no_repetition(self) -> None:
        assert self.judged(WEEK - timedelta(days=30), "floor")["decision"] == "retrain"

    def test_single_features_that_moved_with_the_scores_are_the_same_cause(self) -> None:
        held: Json = {"trainings": [training(WEEK - timedelta(days=30), "drift")]}
        past = [judge(evidence(BEFORE, **feature(0.9), **held), POLICY)]
        found = judge(evidence(**feature(0.9), **held), POLICY, past)
        assert (found["decision"], found["action_hint"]) == ("alert", "escalate")

    def test_it_calls_a_person_every_week_for_a_feature_that_stays_moved(self) -> None:
        held: Json = {"trainings": [training(WEEK - timedelta(days=40), "feature")]}
        verdicts = weeks(*[feature(0.9) | held] * 5)
        assert [each["action_hint"] for each in verdicts] == [None, *["escalate"] * 4]
        assert [each["severity"] for each in verdicts] == ["low", *["high"] * 4]

    def test_its_alert_stays_open_near_its_bound(self) -> None:
        held: Json = {"trainings": [training(WEEK - timedelta(days=40), "drift")]}
        assert aside(weeks(drifted(0.6) | held, drifted(0.21) | held)[-1]) == {"drift": "hysteresis"}

    def test_a_training_after_the_week_is_not_held_against_it(self) -> None:
        assert self.judged(WEEK + timedelta(days=1), "drift")["decision"] == "retrain"
        assert self.judged(WEEK, "drift")["decision"] == "alert"

    def test_a_rule_not_tried_before_still_retrains(self) -> None:
        found = self.judged(WEEK - timedelta(days=30), "drift", **miscalibrated(1.3))
        assert (found["decision"], found["priority"], found["action_hint"]) == ("retrain", "MEDIUM", "recalibrate")
