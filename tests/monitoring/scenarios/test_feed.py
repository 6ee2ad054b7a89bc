from __future__ import annotations

import json
from datetime import date, timedelta
from typing import TYPE_CHECKING

import pytest

from jobs.protocol import partitions
from jobs.protocol.files import Root
from tests.monitoring import lenders
from tests.monitoring.lenders import ONE_DAY, SHORT, Lender
from tests.monitoring.scenarios.saying import SUNDAY, rules, said, state

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.timeout(900)  # the first test builds the lender that all begin with


def test_s5_another_unit_blocks_every_training(calm: Lender, tmp_path: Path) -> None:
    lender = lenders.shifted(calm, tmp_path, "unit-shift", after=SHORT.calm + timedelta(days=2))
    verdict = lender.live_and_judge(SUNDAY)
    assert said(verdict) == ("alert", None, ["data_quality"])
    assert rules(verdict, "critical") == {"DQ-10"}
    note = {"decision_date": str(SUNDAY), "performance_score": 0.6, "retrain": True, "reason": "by hand"}
    (lender.root / "decisions/retraining_decision.json").write_text(json.dumps(note))
    before = state(lender).model_id
    lender.live(SUNDAY)
    waiting = state(lender)
    assert waiting.open is not None
    assert waiting.open.blocked_by == ("data_quality",)
    assert waiting.model_id == before


def test_s6_columns_that_begin_to_be_filled_are_no_drift(calm: Lender, tmp_path: Path) -> None:
    lender = calm.copied(tmp_path)
    lender.live(date(2015, 12, 12))
    for sunday in (date(2015, 12, 6), date(2015, 12, 13)):  # the week that it comes in, and the first whole one
        verdict = lender.judge(sunday)
        assert verdict["decision"] in {"no_action", "alert"}
        assert verdict["blocked_by"] == []
        assert "DQ-7" in rules(verdict, "low", "medium", "high")
        changed = {each["name"] for each in lender.evidence(sunday)["drift"]["features"] if each["schema_change"]}
        assert len(changed) >= 12
    assert lender.evidence(date(2015, 12, 13))["drift"]["value"] < SHORT.policy["drift"]["psi"]["low"]


def test_s7_a_missing_table_is_told_and_its_coming_later_gives_the_same_bytes(
    calm: Lender, steady: Lender, tmp_path: Path
) -> None:
    thursday = SHORT.calm + timedelta(days=4)
    lender = lenders.shifted(calm, tmp_path, "missing-table", after=thursday)
    verdict = lender.live_and_judge(SUNDAY)
    assert said(verdict) == ("alert", None, [])
    assert [each["subject"] for each in verdict["reasons"] if each["rule"] == "DQ-6"] == ["financial"]
    assert partitions.read(Root(lender.root), "gold/feature_store", thursday) is None
    plain = Lender(lender.root, SHORT)
    plain.live(SUNDAY - ONE_DAY)
    for day in (thursday - ONE_DAY, thursday, SUNDAY - ONE_DAY):
        for table in ("gold/feature_store", "gold/label_store"):
            late, in_time = (partitions.existing(Root(each.root), table, day) for each in (lender, steady))
            assert late.parts == in_time.parts
    again = plain.judge(SUNDAY)
    assert said(again) == ("no_action", None, [])


def test_s8_too_few_rows_are_never_healthy(steady: Lender, tmp_path: Path) -> None:
    """A minimum that no month of this lender reaches stands in for a lender of 120 rows a week."""
    lender = steady.copied(tmp_path)
    lender.set_policy(SHORT.policy | {"drift": {"n_min": 20_000}, "concept": {"min_rows": 20_000}})
    verdict = lender.judge(SUNDAY)
    assert said(verdict) == ("no_action", None, [])
    assert verdict["insufficient_data"]
    assert lender.evidence(SUNDAY)["window"]["days"] == 28


def test_s14_a_new_purpose_is_told_and_scored(calm: Lender, tmp_path: Path) -> None:
    lender = lenders.shifted(calm, tmp_path, "new-level")
    verdict = lender.live_and_judge(SUNDAY)
    assert said(verdict) == ("alert", None, [])
    assert rules(verdict, "medium", "high", "critical") == {"DQ-3"}
    evidence = lender.evidence(SUNDAY)
    (purpose,) = (each for each in evidence["drift"]["features"] if each["name"] == "purpose_grp")
    assert purpose["csi"]["unseen_part"] > 0
    assert evidence["window"]["rows"] == 7 * SHORT.loans_per_day
