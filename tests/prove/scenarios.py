"""The design's scenarios in full: default policy, a year of outcomes, and the verdict that each must lead to."""

from __future__ import annotations

import shutil
from collections import Counter
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from jobs.protocol import ledger
from jobs.protocol.files import Root
from jobs.protocol.store import FolderStore
from tests.monitoring import lenders, quiet_weeks
from tests.monitoring.lenders import ONE_DAY, ONE_WEEK, Lender, Plan

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

Json = dict[str, Any]
FULL = Plan(
    policy={},
    loans_per_day=300,
    first=date(2012, 9, 1),
    learned=date(2013, 10, 2),
    trained=date(2014, 11, 2),
    calm=date(2014, 11, 23),
)
WAVE = date(2015, 12, 12)  # the Saturday of the first whole week in which columns of 2015 are filled
MOST_ALERTS_A_YEAR, MOST_ERROR = 2, 0.01
Expected = tuple[set[str], str | None, list[str]]
ALERT, RETRAIN = {"alert"}, {"retrain"}


@dataclass(frozen=True)
class Case:
    """Scenarios from the calm Sunday on (or, aged, from the first loans that the model could not learn from)."""

    name: str
    scenarios: tuple[str, ...]
    expected: Expected
    rules: frozenset[str] = frozenset()  # that must count at medium or above
    days: int = 0
    aged: bool = False


CASES = (
    Case("S1 covariate", ("covariate",), (RETRAIN, "MEDIUM", []), frozenset({"drift"})),
    Case("S2 covariate, large", ("covariate-large",), (RETRAIN, "HIGH", []), frozenset({"drift"})),
    Case("S3 concept", ("concept",), (RETRAIN, "IMMEDIATE", []), frozenset({"concept"}), aged=True),
    Case("S4 base rate", ("base-rate",), (ALERT, None, []), frozenset({"calibration"}), aged=True),
    Case("S5 unit shift", ("unit-shift",), (ALERT, None, ["data_quality"]), frozenset({"DQ-10"}), days=2),
    Case("S7 missing table", ("missing-table",), (ALERT, None, []), frozenset({"DQ-6"}), days=4),
    Case("S14 new level", ("new-level",), (ALERT, None, []), frozenset({"DQ-3"})),
)


def scenarios(scratch: Path, _: argparse.Namespace) -> int:
    """Every scenario that the simulator knows, and the year in which nothing happens."""
    folders = {name: scratch / name for name in ("begun", "calm", "case", "year", "thin")}
    for folder in folders.values():
        folder.mkdir()
    begun = lenders.learnable(FULL, folders["begun"])
    calm = lenders.calm(begun, folders["calm"])
    wrong = 0
    for case in CASES:
        wrong += _case(case, begun, calm, folders["case"])
    wrong += _thin(calm, folders["thin"])
    return wrong + _year(calm, folders["year"])


def _case(case: Case, begun: Lender, calm: Lender, scratch: Path) -> int:
    sunday = FULL.shifted
    if case.aged:
        lender = lenders.aged(begun, calm, scratch, *case.scenarios)
    else:
        lender = lenders.shifted(calm, scratch, *case.scenarios, after=FULL.calm + timedelta(days=case.days))
        lender.live(sunday - ONE_DAY)
    verdict, evidence = lender.judge(sunday), lender.evidence(sunday)
    counted = {each["rule"] for each in verdict["reasons"] if each["severity"] in {"medium", "high", "critical"}}
    decisions, priority, blocked = case.expected
    right = verdict["decision"] in decisions and verdict["priority"] == priority and verdict["blocked_by"] == blocked
    right = right and case.rules <= counted and verdict["unknown"] == []
    if case.scenarios == ("covariate",):
        right = _estimated_well(lender, sunday) and right
    if case.scenarios == ("base-rate",):
        right = verdict["action_hint"] == "recalibrate" and right
    if case.scenarios == ("covariate-large",):
        right = _waits(lender, sunday) and right
    _tell(case.name, verdict, evidence, right=right)
    shutil.rmtree(lender.root)
    return int(not right)


def _tell(name: str, verdict: Json, evidence: Json, *, right: bool) -> None:
    numbers = {
        "score PSI": evidence["drift"]["score"]["value"],
        "AUC": evidence["performance"]["auc"]["value"],
        "AUC lost": evidence["concept"]["drop"]["value"],
        "estimated": evidence["estimate"]["auc"]["value"],
        "O/E": evidence["calibration"]["observed_to_expected"]["value"],
    }
    shown = ", ".join(f"{title} {value:.3f}" for title, value in numbers.items() if value is not None)
    said = (verdict["decision"], verdict["priority"], *verdict["blocked_by"])
    print(f"{'' if right else 'WRONG '}{name}: {said}; {shown}", flush=True)
    if not right:
        print("\n".join(f"    {each['sentence']}" for each in verdict["reasons"]), flush=True)


def _estimated_well(lender: Lender, sunday: date) -> bool:
    """The estimate beside what the true risk of the same loans promises."""
    days = [sunday - timedelta(days=back) for back in range(1, 8)]
    truth = pl.concat(pl.read_parquet(lender.root / f"truth/loans_{day:%Y_%m_%d}.parquet") for day in days)
    scored = pl.read_parquet(
        [path for day in days for path in lender.root.glob(f"datamart/gold/predictions/snapshot_date={day}/*.parquet")],
        columns=["id", "pd"],
    )
    loans = truth.join(scored, on="id").sort("pd")
    bads = loans["true_pd"].to_numpy()
    promised = float((bads * (np.cumsum(1 - bads) - (1 - bads) / 2)).sum() / (bads.sum() * (1 - bads).sum()))
    estimated: float = lender.evidence(sunday)["estimate"]["auc"]["value"]
    print(f"    estimated without outcomes: {estimated:.4f}; by the true risk: {promised:.4f}", flush=True)
    return abs(estimated - promised) <= MOST_ERROR


def _waits(lender: Lender, sunday: date) -> bool:
    """S9: too few loans have matured since the last training, so the decision stands and waits."""
    lender.land(sunday)
    lender.preprocess(sunday)
    lender.train_and_score(sunday)
    standing = ledger.read(FolderStore(Root(lender.root))).state.open
    blocked = standing.blocked_by if standing else None
    print(f"    S9: the decision waits for {blocked}", flush=True)
    return blocked == ("new_rows",)


def _thin(calm: Lender, scratch: Path) -> int:
    """S8: 120 loans a week; the model is the large lender's."""
    plan = replace(FULL, loans_per_day=17, first=FULL.calm - timedelta(days=60))
    lender = Lender(scratch / "root", plan)
    lender.root.mkdir()
    for below in ("decisions", "model_bank"):
        shutil.copytree(calm.root / below, lender.root / below)
    verdict = lender.live_and_judge(FULL.shifted)
    window = lender.evidence(FULL.shifted)["window"]
    right = verdict["insufficient_data"] and verdict["decision"] == "no_action" and window["days"] == 28
    print(f"{'' if right else 'WRONG '}S8 thin: {verdict['decision']}, {window['rows']} rows in {window['days']} days")
    return int(not right)


def _year(calm: Lender, scratch: Path) -> int:
    """S0: 52 weeks in which nothing changes; then S6, the wave of columns."""
    lender = calm.copied(scratch)
    last = FULL.calm + 52 * ONE_WEEK
    lender.land(last - ONE_DAY)
    lender.preprocess(last - ONE_DAY)
    lender.train_and_score(last - ONE_DAY)
    verdicts = [lender.judge(FULL.calm + weeks * ONE_WEEK) for weeks in range(1, 53)]
    alerts, kinds = quiet_weeks.alerts(verdicts), Counter(verdict["decision"] for verdict in verdicts)
    right = alerts <= MOST_ALERTS_A_YEAR and not kinds["retrain"]
    print(
        f"{'' if right else 'WRONG '}S0 stable: {alerts} alerts in 52 weeks {dict(sorted(kinds.items()))}", flush=True
    )
    lender.live(WAVE)
    verdict, evidence = lender.judge(WAVE + ONE_DAY), lender.evidence(WAVE + ONE_DAY)
    changed = sum(each["schema_change"] for each in evidence["drift"]["features"])
    told = any(each["rule"] == "DQ-7" for each in verdict["reasons"])
    ignored = verdict["decision"] in {"no_action", "alert"} and told and changed > 11
    _tell(f"S6 wave, {changed} columns", verdict, evidence, right=ignored)
    return int(not right) + int(not ignored)
