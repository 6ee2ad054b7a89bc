"""A root with judged weeks, full enough that every panel of the report has something to show."""

from __future__ import annotations

import hashlib
import math
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import polars as pl

from jobs.protocol import files, policy, strict_json, verdicts
from tests.monitoring.evidences import MODEL, WEEK, evidence, measure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jobs.protocol.files import Root

Json = dict[str, Any]
POLICY = policy.default_bytes()
POLICY_SHA = hashlib.sha256(POLICY).hexdigest()
NAMES = (
    *("fico_range_low", "dti", "int_rate", "annual_inc", "revol_util", "term", "loan_amnt", "purpose", "open_acc"),
    *("home_ownership", "inq_last_6mths", "emp_length", "total_acc", "mort_acc", "bc_util", "addr_state", "il_util"),
    *("acc_open_past_24mths", "earliest_cr_line_months", "verification_status", "payment_to_income"),
)
WEEKS = 13


def judge_weeks(root: Root, last: date = WEEK, count: int = WEEKS, **changes: Any) -> list[date]:
    """Weeks with verdicts, of which the last has moved scores; `changes` are those of `full_evidence` in the last."""
    files.write_whole(root, root.at(f"decisions/policies/{POLICY_SHA[:12]}.json"), POLICY)
    days = [last - timedelta(days=7 * back) for back in range(count - 1, -1, -1)]
    for place, day in enumerate(days, start=WEEKS - count):
        keep(root, full_evidence(root, day, place, **(changes if day == last else {})))
    return days


def keep(root: Root, found: Json, **verdict: Any) -> Json:
    """Evidence under its hash, and a verdict that cites it."""
    data = strict_json.pretty(found)
    sha256 = hashlib.sha256(data).hexdigest()
    folder = verdicts.folder(date.fromisoformat(found["week"]))
    files.write_whole(root, root.at(f"{folder}/evidence-{sha256[:12]}.json"), data)
    cited = {"path": f"{folder}/evidence-{sha256[:12]}.json", "sha256": sha256}
    judged = {**_verdict(found, cited), **verdict}
    files.write_whole(root, root.at(f"{folder}/decision.json"), strict_json.pretty(judged))
    return judged


def full_evidence(root: Root, day: date, place: int, names: Sequence[str] = NAMES, **changes: Any) -> Json:
    """Evidence whose drift grows over the weeks, with everything that the page can draw."""
    psi = 0.02 + 0.03 * max(0, place - 1)
    auc = 0.712 - 0.002 * place + 0.006 * math.sin(place)
    n, bads = 3180 + 37 * place, 612 + 5 * place
    found = evidence(
        day,
        drift__score__value=psi,
        drift__score__p=0.4 if psi < 0.05 else 1e-9,
        drift__weighted__value=psi * 0.7,
        drift__value=psi,
        performance__n=n,
        performance__bads=bads,
        performance__auc=measure(auc, n, interval=[auc - 0.021, auc + 0.021], variance=0.00011),
        estimate__auc=measure(auc + 0.004 * math.cos(place), 2000),
        concept__drop=measure(0.705 - auc, n, interval=[0.684 - auc, 0.726 - auc], variance=0.0002, n_reference=9000),
        calibration__observed_to_expected=measure(1.08, n, interval=[1.0, 1.16], p=0.04),
        calibration__grades=[_grade(grade, at) for at, grade in enumerate("ABCDEFG")],
        calibration__deciles=[_band(at) for at in range(10)],
        target__months=[_month(day, back) for back in range(11, -1, -1)],
        track_record__estimates=[_estimated(day, back) for back in range(8, 0, -1)],
        curves=_curves(),
        vintages__months=[_aged(day, back) for back in range(18, 6, -1)],
        quality__findings=[_finding()],
        quality__tables=[
            {"table": f"silver/{name}", "days": 7, "rows": 2000 + at, "rejected": 3 * at}
            for at, name in enumerate(("loan_terms", "credit_history", "demographic", "financial"))
        ],
        drift__features=[_feature(name, at, place) for at, name in enumerate(names)],
    )
    tables = {"bins": _bins(found), "vintages": _vintages(day)}
    for path, value in changes.items():
        found[path] = value
    found["files"] = {name: _cited(root, day, name, frame) for name, frame in tables.items()}
    return found


def _cited(root: Root, day: date, name: str, frame: pl.DataFrame) -> Json:
    path = root.at(f"{verdicts.folder(day)}/{name}.parquet")
    path.parent.mkdir(parents=True, exist_ok=True)
    frame.write_parquet(path)
    sha256 = files.sha256_of(path)
    kept = path.with_name(f"{name}-{sha256[:12]}.parquet")
    path.rename(kept)
    return {"path": root.name_of(kept), "sha256": sha256}


def _verdict(found: Json, cited: Json) -> Json:
    psi = found["drift"].get("value") if isinstance(found["drift"], dict) else None
    grave = psi is not None and psi > 0.30
    reasons = [
        {
            "rule": "drift",
            "subject": "score",
            "severity": "high",
            "value": psi,
            "threshold": 0.30,
            "p": 1e-9,
            "n": 2000,
            "flip_distance": (psi or 0) - 0.30,
            "sentence": f"The scores have moved: PSI {psi or 0:.3f} is above 0.300.",
        }
    ]
    aside = {**reasons[0], "rule": "calibration", "subject": "portfolio", "severity": "low", "value": 1.08}
    said = "More bads came than promised."
    aside |= {"threshold": 0.10, "flip_distance": None, "why": "hysteresis", "sentence": said}
    return {
        "format": 1,
        "week": found["week"],
        "decision": "retrain" if grave else "no_action",
        "priority": "MEDIUM" if grave else None,
        "severity": "high" if grave else "none",
        "insufficient_data": False,
        "blocked_by": [],
        "action_hint": None,
        "guards": {"waits": {"cooldown": "2024-01-09"}, "min_new_rows": 500, "approval": False},
        "performance_score": 0.70,
        "estimated": False,
        "sentence": f"Retrain: the scores have moved, PSI {psi:.3f} against 0.300." if grave else "No action.",
        "reasons": reasons if grave else [],
        "set_aside": [aside] if grave else [],
        "unknown": [name for name, part in found.items() if isinstance(part, dict) and "unknown" in part],
        "model_id": MODEL,
        "evidence": cited,
        "policy_sha256": POLICY_SHA,
        "previous": None,
    }


def _feature(name: str, at: int, place: int) -> Json:
    value = 0.01 + 0.002 * ((at * 7 + place * 3) % 5) + (0.035 * max(0, place - 3) if at in (1, 4) else 0)
    csi = measure(value, 2000, p=0.3, n_reference=50000, missing_part=0.0, unseen_part=0.0, bins=10)
    if at == 7 and place < 4:
        csi = measure(None, 120, reason="fewer rows than the least that is judged")
    return {
        "name": name,
        "csi": csi,
        "p_adjusted": 1e-6 if value > 0.05 else 0.4,
        "share": 0.24 / (at + 1) ** 0.9,
        "missing": 0.01 * (at % 4),
        "reference_missing": 0.01,
        "schema_change": at == 14 and place > 8,
    }


def _bins(found: Json) -> pl.DataFrame:
    rows: list[Json] = []
    for subject in ("score", *(one["name"] for one in found["drift"]["features"])):
        for at in range(11):
            low, high = 0.0213 + 0.0187 * at, 0.0400 + 0.0187 * at
            name = "missing" if at == 10 else "<= 0.0213" if at == 0 else f"({low:.10g}, {high:.10g}]"
            reference, now = (500, 20) if at < 10 else (4, 1)
            moved = now + (at * 18 if at < 10 else 0)
            rows.append({"subject": subject, "bin": name, "reference_rows": reference, "rows": moved})
            rows[-1]["contribution"] = 0.002 * at
    return pl.DataFrame(rows)


def _vintages(day: date) -> pl.DataFrame:
    rows: list[Json] = []
    for back in range(6, 0, -1):
        seen = min(12, 3 * back - 2)
        for month in range(seen + 1):
            share = (0.19 - 0.008 * (back % 3)) * (1 - math.exp(-month / 6)) * (month > 2)
            counts = {"loans": 2700, "at_risk": 2700 - 40 * month, "bads": round(2700 * share / 12)}
            named = {"quarter": f"{day.year - 2 + (6 - back) // 4}-Q{(6 - back) % 4 + 1}", "month_on_book": month}
            bounds = {"share": share, "low": share * 0.93, "high": share * 1.07}
            rows.append({**named, **counts, **bounds, "immature": month > seen - 2 and seen < 12})
    return pl.DataFrame(rows)


def _grade(grade: str, at: int) -> Json:
    n = 420 + 40 * at
    expected = n * (0.04 + 0.05 * at)
    light = ("green", "green", "yellow", "green", "orange", "green", "red")[at]
    return {
        "grade": grade,
        "n": n,
        "bads": round(expected * 1.07),
        "expected": expected,
        "p": 0.3 / (at + 1),
        "p_too_high": 1 - 0.3 / (at + 1),
        "light": light,
    }


def _band(at: int) -> Json:
    n, low = 320, 0.02 + 0.04 * at
    return {
        "lowest": low,
        "highest": low + 0.038,
        "n": n,
        "bads": round(n * (low + 0.02) * 1.08),
        "expected": n * (low + 0.02),
    }


def _month(day: date, back: int) -> Json:
    month = day.year * 12 + day.month - 13 - back
    n, rate = 900 + 13 * back, 0.19 + 0.004 * (back % 5)
    bounds = [rate - 0.026, rate + 0.026]
    return {
        "month": f"{month // 12}-{month % 12 + 1:02d}",
        "n": n,
        "bads": round(n * rate),
        "rate": rate,
        "interval": bounds,
    }


def _aged(day: date, back: int) -> Json:
    month = day.year * 12 + day.month - 1 - back
    matured = 900 if back > 13 else max(0, 130 * (back - 7))
    rates = {"bad_rate": 0.19, "low": 0.17, "high": 0.21} if matured else {"bad_rate": None, "low": None, "high": None}
    named = {"month": f"{month // 12}-{month % 12 + 1:02d}", "loans": 900, "matured": matured}
    return {**named, "share_matured": matured / 900, **rates}


def _estimated(day: date, back: int) -> Json:
    name = (day - timedelta(days=7 * (back + 52))).isoformat()
    return {"week": name, "estimated": 0.706, "realised": 0.706 + 0.004 * (back % 3 - 1), "n": 2000 + back}


def _finding() -> Json:
    said = "revol_util: 1.2 % of the week's values lie outside their range; 1 % is the limit."
    found = {"rule": "DQ-2", "subject": "revol_util", "severity": "medium", "value": 0.012, "threshold": 0.01}
    return {**found, "n": 2000, "p": None, "sentence": said}


def _curves() -> Json:
    steps = [at / 100 for at in range(101)]
    ks = [[0.45 * x, 1 - (1 - x) ** 2.2, 1 - (1 - x) ** 1.25] for x in steps]
    return {
        **{name: [[x, x**power] for x in steps] for name, power in (("roc", 0.48), ("reference_roc", 0.44))},
        "ks": ks,
        "reference_ks": [[at, 0.9 * goods, bads] for at, bads, goods in ks],
        "pr": [[max(x, 0.01), 0.55 - 0.35 * x**0.6] for x in steps],
        "reference_pr": [[max(x, 0.01), 0.58 - 0.38 * x**0.6] for x in steps],
    }
