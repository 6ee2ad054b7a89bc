"""The model card: what a person must know before a model may decide about people, as JSON and as a page."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from dataclasses import asdict
from html import escape
from pathlib import Path
from typing import Any

import lightgbm
import polars as pl

from jobs.protocol import contract, strict_json
from jobs.protocol.contract import Column
from jobs.protocol.layers import FEATURES
from jobs.protocol.policy import Policy
from jobs.protocol.strict_json import Json
from jobs.training_inference.dataset import Dataset, features
from jobs.training_inference.gates import Verdict

_HOME = Path(__file__)
_TEXTS: Json = strict_json.parse(_HOME.with_name("card.json").read_bytes(), where="card.json")
STYLE = _HOME.with_name("card.css").read_text("utf-8").removesuffix("\n")


def card(data: Dataset, policy: Policy, reference: Json, verdict: Verdict, facts: Json) -> Json:
    """All that is known about a model, in the order in which people ask for it."""
    agreed, used, recipe = contract.load(FEATURES), features(policy.feature_profile), facts["recipe"]
    gates = [{**asdict(gate), "passed": gate.passed, "sentence": gate.sentence} for gate in verdict.gates]
    judged = {"profile": verdict.profile, "passed": verdict.passed, "champion": recipe["champion"], "gates": gates}
    return {
        "title": "Model card",
        "purpose": _TEXTS["purpose"],
        "not_for": _TEXTS["not_for"],
        "verdict": judged,
        "approval": {"name": None, "date": None, "decision": None, "remarks": None},
        "population": _population(data),
        "label": {**asdict(policy.label), "policy_sha256": recipe["policy_sha256"]},
        "performance": [
            {"slice": name, **{figure: _shown(found) for figure, found in figures.items()}}
            for name, figures in reference["performance"].items()
        ],
        "benchmark": {
            "interest_rate_alone_auc": _shown(reference["rate_alone"]),
            "grade_alone_auc": _shown(reference["grade_alone"]),
        },
        "calibration": facts["calibration"] | {"deciles": reference["deciles"]},
        "grades": [{"grade": grade, **band} for grade, band in reference["grades"].items()],
        "features": sorted((_feature(c, reference["features"][c.name]) for c in used), key=lambda f: -f["shap_share"]),
        "left_out": [
            {"name": column.name, "why": _TEXTS["why_left_out"].get(column.role or "", "not of this profile")}
            for column in agreed.columns
            if column not in used
        ],
        **facts["trials"],
        "monotonicity": {"worst_violation_of_raw_score": facts["worst_monotone_violation"], "proof": "every split"},
        "algorithm": {"name": "LightGBM", "version": lightgbm.__version__, "polars": pl.__version__, **facts["fitted"]},
        "limits": _TEXTS["limits"],
        "monitoring": {"drift_psi": asdict(policy.drift.psi), "auc_drop": policy.concept.auc_drop},
        "feature_set": {"profile": policy.feature_profile, "version": agreed.version, "sha256": agreed.sha256},
        "recipe": {"as_of": recipe["as_of"], "partitions": len(recipe["inputs"])},
    }


def page(described: Json) -> bytes:
    """The card as a web page: no scripts, no external resources, every text escaped."""
    digest = b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'"
    sections = "".join(
        f"<h2>{_words(name)}</h2>{_rendered(value)}" for name, value in described.items() if name != "title"
    )
    title = escape(str(described["title"]))
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}"><style>{STYLE}</style></head>'
        f"<body><h1>{title}</h1>{sections}</body></html>\n"
    ).encode()


def _population(data: Dataset) -> Json:
    """Which rows were left out and why, which dates the slices cover, and the bad rate of each month."""
    rows = pl.concat(frame.select("application_date", "y") for frame in data.frames.values())
    months = rows.group_by(pl.col("application_date").dt.strftime("%Y-%m").alias("month")).agg(
        pl.len().alias("rows"), pl.col("y").cast(pl.Int64).sum().alias("bads"), pl.col("y").mean().alias("bad_rate")
    )
    slices = []
    for name, part in data.frames.items():
        first, last = (day.isoformat() for day in data.spans[name])
        slices.append({"slice": name, "first": first, "last": last, "rows": part.height, "bads": int(part["y"].sum())})
    waterfall = [{"step": step, "rows": rows} for step, rows in data.waterfall]
    return {"waterfall": waterfall, "slices": slices, "vintages": months.sort("month").to_dicts()}


def _feature(column: Column, learned: Json) -> Json:
    contracted = {"name": column.name, "role": column.role, "type": column.dtype, "sign": column.monotone}
    weighed = {key: learned[key] for key in ("information_value", "missing", "shap_share")}
    return {**contracted, "reason": column.group, **weighed}


def _shown(measure: Json) -> Json:
    return {key: measure[key] for key in ("value", "interval", "n", "reason") if measure.get(key) is not None}


def _rendered(value: Any) -> str:  # noqa: ANN401 - JSON
    if isinstance(value, dict):
        rows = (f"<tr><th>{_words(name)}</th><td>{_rendered(each)}</td></tr>" for name, each in value.items())
        return f"<table>{''.join(rows)}</table>"
    if isinstance(value, list | tuple) and value and all(isinstance(each, dict) for each in value):
        names = list(dict.fromkeys(name for row in value for name in row))
        head = "".join(f"<th>{_words(name)}</th>" for name in names)
        cells = ("".join(f"<td>{_rendered(row.get(name))}</td>" for name in names) for row in value)
        return f"<table><tr>{head}</tr>" + "".join(f"<tr>{row}</tr>" for row in cells) + "</table>"
    if isinstance(value, list | tuple):
        return "<br>".join(_rendered(each) for each in value)
    if isinstance(value, float):
        return f"{value:.4g}"
    return "" if value is None else escape(str(value))


def _words(name: object) -> str:
    return escape(str(name).replace("_", " "))
