"""Tell an evaluation as JSON, with every digit."""

from __future__ import annotations

from typing import Any

from jobs.evaluate.measuring import ColumnDrift, Evaluation, bad_rate
from jobs.evaluate.reading import ScoredFile
from jobs.measures.bands import GainsRow
from jobs.measures.measure import Measure


def as_json(evaluation: Evaluation) -> dict[str, Any]:
    """All figures by name; `intervals`, `p`, `measured_on` and `reasons` say more of those that have such."""
    measures = {"bad_rate": bad_rate(evaluation.current.labelled)} | evaluation.ranking | evaluation.calibration
    told: dict[str, Any] = {
        **_file(evaluation.current),
        **_measures(measures),
        "cutoff": evaluation.cutoff,
        "gains": [_gains_row(row) for row in evaluation.gains],
        "notes": list(evaluation.notes),
    }
    if evaluation.reference and evaluation.score_drift:
        told["reference"] = _file(evaluation.reference)
        told["psi"] = evaluation.score_drift.stability.value
        told["score_drift"] = _drift(evaluation.score_drift, "psi")
        told["csi"] = {column.name: column.stability.value for column in evaluation.column_drift}
        told["column_drift"] = {column.name: _drift(column, "csi") for column in evaluation.column_drift}
    if evaluation.estimate:
        told["estimate"] = _measures(evaluation.estimate)
    return told


def _file(file: ScoredFile) -> dict[str, Any]:
    return {
        "file": file.name,
        "rows": file.rows,
        "without_score": file.without_score,
        "without_label": file.without_label,
        "probabilities": file.probabilities,
        "n": file.labelled.n,
        "goods": file.labelled.n_good,
        "bads": file.labelled.n_bad,
    }


def _measures(measures: dict[str, Measure]) -> dict[str, Any]:
    return {
        **{name: measure.value for name, measure in measures.items()},
        "intervals": {name: list(measure.interval) for name, measure in measures.items() if measure.interval},
        "p": {name: measure.p for name, measure in measures.items() if measure.p is not None},
        "measured_on": {name: measure.n for name, measure in measures.items()},
        "reasons": {name: measure.reason for name, measure in measures.items() if measure.reason},
    }


def _gains_row(row: GainsRow) -> dict[str, Any]:
    band = row.band
    return {
        "lowest": band.lowest,
        "highest": band.highest,
        "n": band.n,
        "bads": band.bads,
        "bad_rate": band.bad_rate,
        "bad_rate_interval": list(band.bad_rate_interval()),
        "mean_score": band.mean_score,
        "cumulative_bads": row.cumulative_bads,
        "cumulative_goods": row.cumulative_goods,
        "lift": row.lift,
        "cumulative_lift": row.cumulative_lift,
        "ks": row.ks,
    }


def _drift(column: ColumnDrift, name: str) -> dict[str, Any]:
    found = column.stability
    return {
        name: found.value,
        "p": found.p,
        "adjusted_p": column.adjusted_p,
        "noise_limit": column.noise_limit,
        "missing_part": found.missing_part,
        "unseen_part": found.unseen_part,
        "bins": found.bins,
        "n": found.n,
        "n_reference": found.n_reference,
        "reason": found.reason,
    }
