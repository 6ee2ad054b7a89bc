"""All measures of a scored file, and of how it differs from a reference file, by name."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

import polars as pl

from jobs.evaluate.reading import ScoredFile, numbers_or_none
from jobs.measures import bands, calibration, columns, cutoff, drift, estimate, measure, ranking, recalibration
from jobs.measures.bins import freeze_numbers
from jobs.measures.counts import ScoreCounts
from jobs.measures.proportions import jeffreys_interval
from jobs.protocol.errors import ContractBroken

Json = dict[str, Any]

RANKING = ("auc", "gini", "ks", "average_precision")
AT_CUTOFF = ("precision", "recall", "f1")
LEAST_ROWS_TO_TELL = 100  # below it values may all differ by chance
TEXT = (pl.String, pl.Boolean, pl.Categorical, pl.Enum, pl.Null)
NESTED = (pl.List, pl.Array, pl.Struct, pl.Object, pl.Binary)


def evaluate(current: ScoredFile, reference: ScoredFile | None, *, estimated: bool) -> Json:
    """Measure a scored file, against a reference if there is one."""
    counts = current.labelled
    if reference and reference.scored.n and current.scored.n and reference.probabilities != current.probabilities:
        raise ContractBroken(
            "the scores of one file are probabilities and those of the other are not",
            where=f"{current.name} and {reference.name}",
            mend="compare scores of one scale",
        )
    # An estimate is judged by a cut-off that was known before the rows it is for.
    at = ranking.ks(reference.labelled if reference and estimated else counts).at
    told = _file(current) | {"cutoff": at, "gains": _gains(counts), "notes": []}
    found = cutoff.performance(counts, math.inf if at is None else at)
    told["ranking"] = {name: found[name] for name in RANKING + (() if at is None else AT_CUTOFF)}
    if current.probabilities:
        told["calibration"] = {name: found[name] for name in ("brier", "log_loss")} | _calibration(counts)
    elif current.scored.n:
        told["notes"].append("the scores are not probabilities: measures of ranking only")
    if found["auc"]["value"] is not None and found["auc"]["value"] < 1 / 2:
        told["notes"].append("AUC is below 0.5: if a higher score means a safer loan here, say --higher-is-safer")
    if reference:
        bins = freeze_numbers(reference.scored, missing=reference.without_score)
        before, now = (bins.count(side.scored, missing=side.without_score) for side in (reference, current))
        moved = drift.psi(before, now)
        told |= {"reference": _file(reference), "score_drift": _moved(moved, moved.p)}
        told["column_drift"] = _column_drift(reference.others, current.others)
        if estimated and at is None:
            told["notes"].append(f"there is no estimate: in the reference {reference.labelled.one_class()}")
        elif estimated and at is not None:
            told["estimate"] = estimate.performance(current.scored, reference.labelled, at)
    return told


def _file(file: ScoredFile) -> Json:
    counts = file.labelled
    told = {name: getattr(file, name) for name in ("rows", "without_score", "without_label", "probabilities")}
    told |= {"n": counts.n, "goods": counts.n_good, "bads": counts.n_bad}
    if counts.n:
        told |= {"bad_rate": counts.n_bad / counts.n, "interval": jeffreys_interval(counts.n_bad, counts.n)}
    return {"file": file.name} | told


def _calibration(counts: ScoreCounts) -> dict[str, Json]:
    reliability = calibration.reliability_bands(counts)
    line = recalibration.calibration_line(counts)
    found = {
        "log_loss_skill": calibration.log_loss_skill(counts),
        "observed_to_expected": calibration.observed_to_expected(counts),
        "hosmer_lemeshow": calibration.hosmer_lemeshow(bands.bands(counts)),
        "calibration_intercept": line.intercept,
        "calibration_slope": line.slope,
        "ece": calibration.calibration_error(reliability),
        "mce": calibration.largest_calibration_error(reliability),
    }
    return {name: asdict(measured) for name, measured in found.items()}


def _gains(counts: ScoreCounts) -> list[Json]:
    return [
        asdict(row) | {"bad_rate": row.band.bad_rate, "interval": row.band.bad_rate_interval()}
        for row in bands.gains(bands.bands(counts))
    ]


def _column_drift(reference: pl.DataFrame, current: pl.DataFrame) -> dict[str, Json]:
    """Stability of every column that both files have, the least stable first, those without a number last."""
    shared = [name for name in current.columns if name in reference.columns]
    found = {name: _stability(reference.get_column(name), current.get_column(name)) for name in shared}
    p_values = {name: stability.p for name, stability in found.items() if stability.p is not None}
    adjusted = dict(zip(p_values, measure.adjusted(list(p_values.values())), strict=True))
    order = sorted(found, key=lambda name: (found[name].value is None, -(found[name].value or 0.0)))
    return {name: _moved(found[name], adjusted.get(name)) for name in order}


def _moved(found: drift.Stability, adjusted_p: float | None) -> Json:
    """An index, with p adjusted for the number of columns, and the index that noise alone stays below."""
    bare = found.value is None or found.bins < 2  # noqa: PLR2004 - one bin cannot change
    limit = None if bare else drift.noise_limit(found.bins, found.n_reference, found.n)
    return asdict(found) | {"adjusted_p": adjusted_p, "noise_limit": limit}


def _stability(reference: pl.Series, current: pl.Series) -> drift.Stability:
    """Compare one column of two files; by value where both hold numbers, by level otherwise."""
    pair = _comparable(reference, current)
    if isinstance(pair, str):
        return drift.Stability(value=None, n=len(current), n_reference=len(reference), reason=pair)
    bins = columns.freeze(pair[0].to_frame(), [reference.name])
    before, after = (columns.count(side.to_frame(), bins)[reference.name] for side in pair)
    return drift.psi(before, after)


def _comparable(before: pl.Series, after: pl.Series) -> tuple[pl.Series, pl.Series] | str:
    """Both columns in the kind that both can be read as, or why they have no distribution to compare."""
    numbers, numbers_after = numbers_or_none(before), numbers_or_none(after)
    if numbers is not None and numbers_after is not None:
        before, after = numbers, numbers_after
    elif before.dtype in TEXT and after.dtype in TEXT:
        before, after = before.cast(pl.String), after.cast(pl.String)
    elif before.dtype != after.dtype:
        return "the two files hold different kinds of values"
    if isinstance(before.dtype, NESTED):
        return "its values are not plain"
    all_differ = len(before) >= LEAST_ROWS_TO_TELL and before.n_unique() == len(before)
    if all_differ and (not before.dtype.is_float() or bool((before == before.round()).all())):
        return "it seems to name rows"  # texts or whole numbers, none of them twice
    return before, after
