"""Complete evidence of a healthy week, and verdicts about it; a test names only what is different."""

from __future__ import annotations

import copy
from datetime import date, timedelta
from typing import Any

Json = dict[str, Any]

WEEK = date(2024, 1, 13)
MODEL = "20230601-0123456789ab"
SHA = "0" * 64
NAMES = ("fico_range_low", "dti", "int_rate", "annual_inc", "revol_util", "term")
SHARES = (0.30, 0.20, 0.20, 0.15, 0.14, 0.01)


def evidence(week: date = WEEK, **changes: Any) -> Json:
    """A healthy week. A change is named by its path, `drift__score__value=0.4`, or `drift__features__0__csi__value`."""
    found = copy.deepcopy(_healthy(week))
    for path, value in changes.items():
        *before, last = path.split("__")
        part: Any = found
        for name in before:
            part = part[int(name)] if isinstance(part, list) else part[name]
        part[int(last) if isinstance(part, list) else last] = copy.deepcopy(value)  # what one week loses, others keep
    return found


def measure(value: float | None, n: int, *, reason: str = "there are no rows", **more: Any) -> Json:
    """A measure as the evidence holds it."""
    ordinary = {"interval": None, "variance": None, "p": None, "reason": None if value is not None else reason}
    return {"value": value, "n": n, **ordinary, **more}


def drifted(psi: float, *, p: float = 0.0) -> Json:
    """The changes of a week whose scores have moved."""
    return {"drift__score__value": psi, "drift__score__p": p, "drift__value": psi, "drift__largest__value": psi}


def decayed(drop: float, *, half: float = 0.02) -> Json:
    """The changes of a week whose model has lost this much AUC, give or take."""
    auc = 0.70 - drop
    return {
        "performance__auc": measure(auc, 3000, interval=[auc - half, auc + half], variance=0.0001),
        "concept__drop": measure(drop, 3000, variance=0.0001, n_reference=5000),
        "concept__adjusted_drop": drop,
        "concept__drop_lower": drop - half,
    }


def miscalibrated(oe: float, *, p: float = 1e-6) -> Json:
    """The changes of a week with this many bads for each that was expected."""
    return {"calibration__observed_to_expected": measure(oe, 3000, interval=[oe - 0.05, oe + 0.05], p=p)}


def finding(severity: str, rule: str = "DQ-2", subject: str = "revol_util") -> Json:
    sentence = f"{rule} on {subject}"
    found = {"rule": rule, "subject": subject, "severity": severity, "value": 0.06, "threshold": 0.05}
    return {**found, "n": 1000, "p": None, "sentence": sentence}


def training(as_of: date, *reasons: str, verdict: str = "promoted") -> Json:
    return {"as_of": as_of.isoformat(), "verdict": verdict, "model_id": MODEL, "reasons": list(reasons)}


def unknown(*sections: str) -> Json:
    return {name: {"unknown": "ValueError in somewhere.py:1"} for name in sections}


def _healthy(week: date) -> Json:
    days = {"first": (week - timedelta(days=6)).isoformat(), "last": week.isoformat()}
    model = {"model_id": MODEL, "sha256": SHA, "since": "2023-06-01", "ledger_seq": 3, "trained_as_of": "2023-06-01"}
    curves = {"roc": [[0.0, 0.0], [0.3, 0.6], [1.0, 1.0]], "reference_roc": [[0.0, 0.0], [1.0, 1.0]]}
    landed = [{"table": "silver/financial", "days": 7, "rows": 2000, "rejected": 0}]
    return {
        "format": 1,
        "week": week.isoformat(),
        **days,
        "window": {**days, "days": 7, "rows": 2000, "backscored": 0},
        "model": model,
        "policy_sha256": SHA,
        "version": 1,
        "made_from": SHA,
        "inputs": [{"path": "datamart/gold/predictions", "sha256": SHA, "partitions": 7}],
        "trainings": [],
        "promoted_on": "2023-06-01",
        "drift": _drift(),
        **_outcomes(),
        **_estimates(),
        "vintages": {"months": [], "curves": []},
        "curves": curves,
        "quality": {"findings": [], "tables": landed},
    }


def _estimates() -> Json:
    figures = {"auc": 0.70, "precision": 0.30, "recall": 0.40, "f1": 0.34}
    return {
        "estimate": {
            **{name: measure(value, 2000) for name, value in figures.items()},
            "limits": [0.66, 0.74],
            "drop": 0.0,
            "n": 2000,
        },
        "track_record": {
            "estimates": [{"week": "2023-01-07", "estimated": 0.70, "realised": 0.70, "n": 2000}],
            "mean_error": 0.01,
            "n": 1,
            "unreliable": False,
            "alarms": {"raised": 0, "confirmed": 0, "refuted": 0, "open": 0, "precision": None},
        },
    }


def _drift() -> Json:
    features = [
        {
            "name": name,
            "csi": _stability(0.01),
            "p_adjusted": 0.9,
            "share": share,
            "missing": 0.01,
            "reference_missing": 0.01,
            "schema_change": False,
            "ks": 0.02,
        }
        for name, share in zip(NAMES, SHARES, strict=True)
    ]
    return {
        "score": _stability(0.01),
        "weighted": {"value": 0.01},
        "largest": {"value": 0.01, "subject": NAMES[0]},
        "value": 0.01,
        "features": features,
        "cutoff": {"value": 0.123, "bin": "(0.1148, 0.1335]"},
        "approval": measure(0.0, 2000, interval=[-0.01, 0.01], p=0.9, n_reference=5000),
        "mean_pd": measure(0.0, 2000, interval=[-0.01, 0.01], p=0.9, n_reference=5000),
        "grades": [{"grade": grade, "reference_rows": 1000, "rows": 400} for grade in "ABCDE"],
    }


def _stability(value: float) -> Json:
    parts: Json = {"missing_part": 0.0, "unseen_part": 0.0, "body": value, "bins": 10, "noise": 0.006, "parts": [value]}
    return measure(value, 2000, p=0.9, n_reference=5000, **parts)


def _outcomes() -> Json:
    n, bads = 3000, 600
    p = {"p": 0.5, "p_too_high": 0.5}
    names = ("gini", "ks", "average_precision", "log_loss", "log_loss_skill", "brier", "precision", "recall", "f1")
    return {
        "performance": {
            "first": "2023-12-17",
            "last": WEEK.isoformat(),
            "n": n,
            "bads": bads,
            "backscored": 0,
            "auc": measure(0.70, n, interval=[0.68, 0.72], variance=0.0001),
            **{name: measure(0.4, n) for name in names},
        },
        "concept": {
            "drop": measure(0.0, n, variance=0.0001, n_reference=5000),
            "reference_auc": 0.70,
            "adjusted_reference_auc": 0.70,
            "adjusted_drop": 0.0,
            "drop_lower": -0.02,
            "cusum": {"path": [0.0], "alarm_at": None},
        },
        "calibration": {
            "observed_to_expected": measure(1.0, n, interval=[0.92, 1.08], p=0.99),
            "p_too_low": 0.5,
            "p_too_high": 0.5,
            "grades": [{"grade": "A", "n": 600, "bads": 30, "expected": 30.0, **p, "light": "green"}],
            "slope": 1.0,
            "intercept": 0.0,
            "ece": measure(0.01, n),
            "brier_parts": {"n": n, "reliability": 0.0012, "resolution": 0.01, "uncertainty": 0.16},
            "hosmer_lemeshow": measure(8.0, n, p=0.6, df=10),
            "deciles": [],
        },
        "target": {
            "change": measure(0.0, n, interval=[-0.02, 0.02], p=0.9, n_reference=5000),
            "months": [{"month": "2022-12", "n": n, "bads": bads, "rate": 0.2, "interval": [0.19, 0.21]}],
            "early": [],
        },
    }
