"""All measures of a scored file, and of how it differs from a reference file, by name."""

from __future__ import annotations

import polars as pl

from jobs.evaluate.reading import ScoredFile, numbers_or_none
from jobs.measures import calibration, drift, measure, performance, ranking, recalibration
from jobs.measures.bins import count, freeze, freeze_numbers
from jobs.measures.counts import ScoreCounts
from jobs.measures.measure import Measure, missing
from jobs.measures.proportions import jeffreys_interval
from jobs.protocol.errors import ContractBroken
from jobs.protocol.strict_json import Json

LEAST_ROWS_TO_TELL = 100  # below it values may all differ by chance
TEXT = (pl.String, pl.Boolean, pl.Categorical, pl.Enum, pl.Null)
NESTED = (pl.List, pl.Array, pl.Struct, pl.Object, pl.Binary)


def evaluate(current: ScoredFile, reference: ScoredFile | None, *, estimated: bool) -> Json:
    """Measure a scored file, compared with a reference if there is one; `reasons` says why a measure is missing."""
    counts = current.labelled
    if reference and reference.scored.n and current.scored.n and reference.probabilities != current.probabilities:
        what, where = "the scores of one file are probabilities and those of the other are not", current.name
        raise ContractBroken(what, where=f"{where} and {reference.name}", mend="compare scores of one scale")
    # An estimate is judged by a cut-off that was known before the rows it is for.
    at = ranking.ks(reference.labelled if reference and estimated else counts).at
    measures = _ranking(counts, at) | (_calibration(counts) if current.probabilities else {})
    told = _file(current) | _as_json(measures)
    told |= {
        "cutoff": at,
        "gains": ranking.gains(calibration.bands(counts)),
        "notes": _notes(current, measures["auc"].value),
    }
    if reference:
        bins = freeze_numbers(reference.scored, missing=reference.without_score)
        before, now = (bins.count(side.scored, missing=side.without_score) for side in (reference, current))
        moved = drift.psi(before, now)
        of_score, of_columns = _moved("psi", moved, moved.p), _column_drift(reference.others, current.others)
        told |= {"reference": _file(reference), "psi": of_score["psi"], "score_drift": of_score}
        told |= {"csi": {name: found["csi"] for name, found in of_columns.items()}, "column_drift": of_columns}
        if estimated:
            told["estimate"] = _as_json(_estimate(current, reference.labelled, at))
    return told


def _file(file: ScoredFile) -> Json:
    own = ("rows", "without_score", "without_label", "probabilities")
    counts = {"n": file.labelled.n, "goods": file.labelled.n_good, "bads": file.labelled.n_bad}
    return {"file": file.name} | {name: getattr(file, name) for name in own} | counts


def _as_json(measures: dict[str, Measure]) -> Json:
    return {
        **{name: measure.value for name, measure in measures.items()},
        "intervals": {name: list(measure.interval) for name, measure in measures.items() if measure.interval},
        "p": {name: measure.p for name, measure in measures.items() if measure.p is not None},
        "measured_on": {name: measure.n for name, measure in measures.items()},
        "reasons": {name: measure.reason for name, measure in measures.items() if measure.reason},
    }


def _notes(current: ScoredFile, auc: float | None) -> list[str]:
    """What a reader should know before the numbers."""
    notes = []
    if current.scored.n and not current.probabilities:
        notes.append("the scores are not probabilities: measures of ranking only")
    if auc is not None and auc < 1 / 2:
        notes.append("AUC is below 0.5: if a higher score means a safer loan here, say --higher-is-safer")
    return notes


def _ranking(counts: ScoreCounts, at: float | None) -> dict[str, Measure]:
    rate = missing("there are no rows with a score and a label", n=0)
    if counts.n:
        interval = jeffreys_interval(counts.n_bad, counts.n)
        rate = Measure(value=counts.n_bad / counts.n, n=counts.n, interval=interval)
    return {
        "bad_rate": rate,
        "auc": ranking.auc(counts),
        "gini": ranking.gini(counts),
        "ks": ranking.ks(counts),
        "average_precision": ranking.average_precision(counts),
        **performance.at_cutoff(counts.scores, counts.goods, counts.bads, at),
    }


def _calibration(counts: ScoreCounts) -> dict[str, Measure]:
    reliability = calibration.reliability_bands(counts)
    line = recalibration.calibration_line(counts)
    return {
        "brier": calibration.brier(counts),
        "log_loss": calibration.log_loss(counts),
        "log_loss_skill": calibration.log_loss_skill(counts),
        "observed_to_expected": calibration.observed_to_expected(counts),
        "hosmer_lemeshow": calibration.hosmer_lemeshow(calibration.bands(counts)),
        "calibration_intercept": line.intercept,
        "calibration_slope": line.slope,
        "ece": calibration.calibration_error(reliability),
        "mce": calibration.largest_calibration_error(reliability),
    }


def _estimate(current: ScoredFile, reference: ScoreCounts, at: float | None) -> dict[str, Measure]:
    """What to expect of the current rows if the reference's calibration still holds (CBPE)."""
    if reason := reference.one_class():
        return {"auc": missing(f"in the reference {reason}", n=current.scored.n)}
    return performance.expected(current.scored, recalibration.isotonic(reference), at)


def _column_drift(reference: pl.DataFrame, current: pl.DataFrame) -> dict[str, Json]:
    """Stability of every column that both files have, the least stable first, those without a number last."""
    shared = [name for name in current.columns if name in reference.columns]
    found = {name: _stability(reference.get_column(name), current.get_column(name)) for name in shared}
    p_values = {name: stability.p for name, stability in found.items() if stability.p is not None}
    adjusted = dict(zip(p_values, measure.adjusted(list(p_values.values())), strict=True))
    order = sorted(found, key=lambda name: (found[name].value is None, -(found[name].value or 0.0)))
    return {name: _moved("csi", found[name], adjusted.get(name)) for name in order}


def _moved(name: str, found: drift.Stability, adjusted_p: float | None) -> Json:
    """An index, its p adjusted for the number of columns, and the limit that noise alone stays below."""
    # one bin cannot change, and without a value there is none
    limit = drift.noise_limit(found.bins, found.n_reference, found.n) if found.bins > 1 else None
    own = ("missing_part", "unseen_part", "bins", "n", "n_reference", "reason")
    told = {name: found.value, "p": found.p, "adjusted_p": adjusted_p, "noise_limit": limit}
    return told | {key: getattr(found, key) for key in own}


def _stability(reference: pl.Series, current: pl.Series) -> drift.Stability:
    """Compare one column of two files; by value where both hold numbers, by level otherwise."""
    pair = _comparable(reference, current)
    if isinstance(pair, str):
        return drift.Stability(value=None, n=len(current), n_reference=len(reference), reason=pair)
    bins = freeze(pair[0].to_frame(), [reference.name])
    before, after = (count(side.to_frame(), bins)[reference.name] for side in pair)
    return drift.psi(before, after)


def _comparable(before: pl.Series, after: pl.Series) -> tuple[pl.Series, pl.Series] | str:
    """Both columns, converted to a common type, or why they have no distribution to compare."""
    numbers, numbers_after = numbers_or_none(before), numbers_or_none(after)
    if numbers is not None and numbers_after is not None:
        before, after = numbers, numbers_after
    elif before.dtype in TEXT and after.dtype in TEXT:
        before, after = before.cast(pl.String), after.cast(pl.String)
    elif before.dtype != after.dtype:
        return "its types in the two files differ"
    if isinstance(before.dtype, NESTED):
        return "its values are nested"
    all_differ = len(before) >= LEAST_ROWS_TO_TELL and before.n_unique() == len(before)
    if all_differ and (not before.dtype.is_float() or bool((before == before.round()).all())):
        return "it seems to be a row identifier"  # texts or whole numbers, none of them twice
    return before, after
