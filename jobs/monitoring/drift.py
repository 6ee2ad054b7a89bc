"""Whether scores and features still look like those of the model's reference. Pure: counts in, JSON out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import polars as pl

from jobs.measures import bins, drift, measure, proportions
from jobs.measures.bins import BinCounts
from jobs.measures.counts import ValueCounts, collapsed
from jobs.measures.drift import Stability, ZeroPolicy
from jobs.monitoring.terms import LEAST_SHARE
from jobs.protocol.strict_json import Json
from jobs.scorer import scorecard

BINS = {
    "subject": pl.String,
    "bin": pl.String,
    "reference_rows": pl.Int64,
    "rows": pl.Int64,
    "contribution": pl.Float64,
}
NEARLY_ALL, SOME = 0.99, 0.5  # a schema change: missing in at least the first share on one side, at most the other
DECIMALS = 4  # of the scores that a reference keeps


def section(
    reference: Json, learned: ValueCounts, scores: ValueCounts, features: Mapping[str, BinCounts], zero: ZeroPolicy
) -> tuple[Json, pl.DataFrame]:
    """The drift section, and a table of its bins; `learned` are the scores that the reference keeps.

    A feature that is not in `features` is absent from the store.
    """
    table: list[tuple[Any, ...]] = []

    def against(subject: str, stored: Json, now: BinCounts) -> Stability:
        before = BinCounts(bins.from_json(stored["bins"]), tuple(stored["rows"]))
        found = drift.psi(before, now, zero)
        parts = found.parts or [None] * len(now.rows)
        table.extend((subject, *of_bin) for of_bin in zip(before.bins.names, before.rows, now.rows, parts, strict=True))
        return found

    frozen: Any = bins.from_json(reference["scores"]["bins"])  # of numbers, as scores are
    psi = against("score", reference["scores"], frozen.count(scores))
    found = []
    for name, known in reference["features"].items():
        now, n = features.get(name), sum(known["rows"])
        absent = Stability(value=None, n=0, n_reference=n, reason="the feature store has no such column")
        found.append(_feature(name, known, now, against(name, known, now) if now else absent))
    same = [one for one in found if not one["schema_change"]]
    tested = [one for one in same if one["csi"]["p"] is not None]  # one family of tests: their p are adjusted together
    for one, p in zip(tested, measure.adjusted([one["csi"]["p"] for one in tested]), strict=True):
        one["p_adjusted"] = p
    compared = [one for one in same if one["csi"]["value"] is not None]
    weighted = sum(one["share"] * one["csi"]["value"] for one in compared) if compared else None
    weighty = [(one["csi"]["value"], one["name"]) for one in compared if one["share"] >= LEAST_SHARE]
    value, subject = max(weighty, default=(None, None))
    said = {
        "score": _as_json(psi),
        "weighted": {"value": weighted},
        "largest": {"value": value, "subject": subject},
        "value": max((value for value in (psi.value, weighted) if value is not None), default=None),
        "features": found,
        **_of_scores(reference, frozen, learned, scores),
    }
    return said, pl.DataFrame(table, schema=BINS, orient="row")


def _feature(name: str, known: Json, now: BinCounts | None, csi: Stability) -> Json:
    """The drift of one feature. A column that came or went is a schema change, not a change in the applicants."""
    missing = now.part(bins.MISSING) / now.n if now and now.n else None
    sides = (known["missing"], known["missing"] if missing is None else missing)
    return {
        "name": name,
        "csi": _as_json(csi),
        "p_adjusted": None,
        "share": known["shap_share"],
        "missing": missing,
        "reference_missing": known["missing"],
        "schema_change": now is None or (max(sides) >= NEARLY_ALL and min(sides) <= SOME),
    }


def _as_json(found: Stability) -> Json:
    """A measure without the parts of its bins, which are kept beside the evidence."""
    return {name: value for name, value in asdict(found).items() if name != "parts"} | {"body": found.body}


def _of_scores(reference: Json, frozen: bins.Numbers, learned: ValueCounts, scores: ValueCounts) -> Json:
    """Approval at the reference's cut-off, mean and grades, on scores rounded as the reference's are."""
    now = ValueCounts(*collapsed(scores.values.round(DECIMALS), scores.counts))
    cutoff = round(reference["cutoff"], DECIMALS)
    approved = [int(side.counts[side.values < cutoff].sum()) for side in (learned, now)]
    places = np.searchsorted(scorecard.UPPER_PD, scores.values, side="right")
    grades = [
        {
            "grade": grade,
            "reference_rows": reference["grades"].get(grade, {}).get("n", 0),
            "rows": int(scores.counts[places == place].sum()),
        }
        for place, grade in enumerate(scorecard.GRADES)
    ]
    place = frozen.count(ValueCounts.of([reference["cutoff"]])).rows.index(1)
    return {
        "cutoff": {"value": reference["cutoff"], "bin": frozen.names[place]},
        "approval": asdict(proportions.share_change(approved[0], learned.n, approved[1], now.n)),
        "mean_pd": asdict(drift.mean_change(learned, now)),
        "grades": grades,
    }
