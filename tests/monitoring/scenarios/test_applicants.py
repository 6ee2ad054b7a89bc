from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from jobs.protocol import ledger
from jobs.protocol.files import Root
from jobs.protocol.store import FolderStore
from tests.monitoring import lenders
from tests.monitoring.lenders import ONE_WEEK, SHORT, Lender
from tests.monitoring.scenarios.saying import SUNDAY, rules, said, state

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.timeout(900)  # the first test builds the lender that all begin with


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
