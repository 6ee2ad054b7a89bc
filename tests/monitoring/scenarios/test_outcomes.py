from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.monitoring import lenders
from tests.monitoring.scenarios.saying import SUNDAY, rules, said

if TYPE_CHECKING:
    from pathlib import Path

    from tests.monitoring.lenders import Lender

pytestmark = pytest.mark.timeout(900)  # the first test builds the lender that all begin with


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
