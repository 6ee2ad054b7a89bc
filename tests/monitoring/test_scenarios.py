"""Known answers: what each scenario of the design must lead to, by the real jobs from landing files to the verdict.

Here in short form; the full sizes under the default policy are in tests/prove/scenarios.py. Of the design's matrix,
crashes (S10) are proved in tests/prove, leaks, poison and replays (S12, S13, S15) tested in tests/preprocessing.
"""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import TYPE_CHECKING

import pytest

from jobs.protocol import ingest, ledger, partitions
from jobs.protocol.files import Root
from jobs.protocol.store import FolderStore
from tests.monitoring import lenders
from tests.monitoring.lenders import ONE_DAY, ONE_WEEK, SHORT, Json, Lender

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from jobs.protocol.facts import State

SUNDAY = SHORT.shifted
pytestmark = pytest.mark.timeout(900)  # the first test builds half a year of the lender that all others begin with


@pytest.fixture(scope="module", autouse=True)
def no_waiting() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ingest, "BETWEEN_LOOKS", 0.0)
        yield


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Lender:
    return lenders.learnable(SHORT, tmp_path_factory.mktemp("begun"))


@pytest.fixture(scope="module")
def calm(begun: Lender, tmp_path_factory: pytest.TempPathFactory) -> Lender:
    return lenders.calm(begun, tmp_path_factory.mktemp("calm"))


@pytest.fixture(scope="module")
def steady(calm: Lender, tmp_path_factory: pytest.TempPathFactory) -> Lender:
    """A week more in which nothing happens."""
    lender = calm.copied(tmp_path_factory.mktemp("steady"))
    lender.live(SUNDAY - ONE_DAY)
    return lender


def said(verdict: Json) -> tuple[str, str | None, list[str]]:
    assert verdict["unknown"] == []
    return verdict["decision"], verdict["priority"], verdict["blocked_by"]


def rules(verdict: Json, *severities: str) -> set[str]:
    return {reason["rule"] for reason in verdict["reasons"] if reason["severity"] in severities}


def state(lender: Lender) -> State:
    return ledger.read(FolderStore(Root(lender.root))).state


def test_s0_a_stable_market_needs_nothing(calm: Lender) -> None:
    for weeks in range(3):
        assert said(calm.verdict(SHORT.calm - weeks * ONE_WEEK)) == ("no_action", None, [])
    assert not calm.verdict(SHORT.calm)["insufficient_data"]
    assert not calm.verdict(SHORT.calm)["estimated"]  # loans that the model never learned from have matured


def test_s1_other_applicants_lead_to_a_retraining(calm: Lender, tmp_path: Path) -> None:
    lender = lenders.shifted(calm, tmp_path, "covariate")
    verdict = lender.live_and_judge(SUNDAY)
    assert said(verdict) == ("retrain", "MEDIUM", [])
    assert rules(verdict, "high", "critical") == {"drift"}
    note = json.loads((lender.root / "decisions/retraining_decision.json").read_bytes())
    assert (note["retrain"], note["priority"]) == (True, "MEDIUM")


def test_s2_very_other_applicants_press_more_and_s9_the_decision_waits_and_s11_a_worse_model_is_kept_out(
    calm: Lender, tmp_path: Path
) -> None:
    lender = lenders.shifted(calm, tmp_path, "covariate-large")
    verdict = lender.live_and_judge(SUNDAY)
    assert said(verdict) == ("retrain", "HIGH", [])
    assert rules(verdict, "critical") == {"drift"}
    champion = state(lender).model_id
    lender.land(SUNDAY)
    lender.preprocess(SUNDAY)
    lender.set_policy(SHORT.policy | {"guards": {"min_history_days": 60, "min_new_rows": 100_000}})
    lender.train_and_score(SUNDAY)
    waiting = state(lender)
    assert waiting.open is not None
    assert waiting.open.blocked_by == ("new_rows",)
    lender.set_policy(SHORT.policy | {"gates": {"profile": "credit", "credit": {"auc": 0.99}}})
    lender.train_and_score(SUNDAY)
    ended = state(lender)
    assert ended.open is None
    assert ended.model_id == champion
    assert [entry.body["verdict"] for entry in ledger.read(FolderStore(Root(lender.root))).entries[-1:]] == ["kept"]


def test_s3_features_that_tell_less_are_seen_once_loans_have_matured_and_not_before(
    begun: Lender, calm: Lender, tmp_path: Path
) -> None:
    lender = lenders.aged(begun, calm, tmp_path, "concept")
    verdict, evidence = lender.judge(SUNDAY), lender.evidence(SUNDAY)
    assert said(verdict) == ("retrain", "IMMEDIATE", [])
    assert rules(verdict, "critical") == {"concept"}
    assert evidence["drift"]["value"] < 0.02
    low, high = evidence["estimate"]["limits"]
    assert low < evidence["estimate"]["auc"]["value"] < high
    assert evidence["performance"]["auc"]["value"] < evidence["estimate"]["auc"]["value"] - 0.05


def test_s4_more_defaults_in_the_same_order_call_for_calibration(begun: Lender, calm: Lender, tmp_path: Path) -> None:
    """The shift twice: of a few hundred bads, a fifth more would be chance."""
    lender = lenders.aged(begun, calm, tmp_path, "base-rate", "base-rate")
    verdict = lender.judge(SUNDAY)
    assert said(verdict) == ("alert", None, [])
    assert verdict["action_hint"] == "recalibrate"
    assert rules(verdict, "medium", "high", "critical") == {"calibration"}


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
