"""All measures of a scored file, and of how it differs from a reference file."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import polars as pl

from jobs.evaluate.reading import ScoredFile, numbers_or_none
from jobs.measures import bands, calibration, columns, cutoff, drift, estimate, ranking, recalibration, significance
from jobs.measures.bins import freeze_numbers
from jobs.measures.counts import ScoreCounts
from jobs.measures.measure import Measure, missing
from jobs.measures.proportions import jeffreys_interval
from jobs.protocol.errors import ContractBroken

LEAST_ROWS_TO_TELL = 100  # below it values may all differ by chance
NESTED = (pl.List, pl.Array, pl.Struct, pl.Object, pl.Binary)


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnDrift:
    """How one column differs from the reference; p is adjusted for the number of columns."""

    name: str
    stability: drift.Stability
    adjusted_p: float | None
    noise_limit: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """What is to be told about a scored file."""

    current: ScoredFile
    cutoff: float | None
    ranking: dict[str, Measure]
    calibration: dict[str, Measure]
    gains: tuple[bands.GainsRow, ...]
    reference: ScoredFile | None = None
    score_drift: ColumnDrift | None = None
    column_drift: tuple[ColumnDrift, ...] = ()
    estimate: dict[str, Measure] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def evaluate(current: ScoredFile, reference: ScoredFile | None, *, estimated: bool) -> Evaluation:
    """Measure a scored file, against a reference if there is one."""
    counts = current.labelled
    # An estimate is judged by a cut-off that was known before the rows it is for.
    at = ranking.ks(reference.labelled if reference and estimated else counts).at
    alone = Evaluation(
        current=current,
        cutoff=at,
        ranking=_ranking(counts, at),
        calibration=_calibration(counts) if current.probabilities else {},
        gains=bands.gains(bands.bands(counts)),
        notes=_notes(current, counts),
    )
    if reference is None:
        return alone
    if reference.scored.n and current.scored.n and reference.probabilities != current.probabilities:
        raise ContractBroken(
            "the scores of one file are probabilities and those of the other are not",
            where=f"{current.name} and {reference.name}",
            mend="compare scores of one scale",
        )
    return replace(
        alone,
        reference=reference,
        score_drift=_score_drift(reference, current),
        column_drift=_column_drift(reference.others, current.others),
        estimate=_estimate(current, reference.labelled, at) if estimated else {},
    )


def _notes(current: ScoredFile, counts: ScoreCounts) -> tuple[str, ...]:
    """What a reader should know before the numbers."""
    notes = []
    if current.scored.n and not current.probabilities:
        notes.append("the scores are not probabilities: measures of ranking only")
    area = ranking.auc(counts).value
    if area is not None and area < 1 / 2:
        notes.append("AUC is below 0.5: if a higher score means a safer loan here, say --higher-is-safer")
    return tuple(notes)


def _ranking(counts: ScoreCounts, at: float | None) -> dict[str, Measure]:
    measures: dict[str, Measure] = {
        "auc": ranking.auc(counts),
        "gini": ranking.gini(counts),
        "ks": ranking.ks(counts),
        "average_precision": ranking.average_precision(counts),
    }
    return measures | _at_cutoff(None if at is None else cutoff.confusion(counts, at), counts.n)


def _at_cutoff(table: cutoff.Confusion | None, n: int) -> dict[str, Measure]:
    if table is None:
        return {name: missing("there is no cut-off", n=n) for name in ("precision", "recall", "f1")}
    return {"precision": table.precision(), "recall": table.recall(), "f1": table.f1()}


def _calibration(counts: ScoreCounts) -> dict[str, Measure]:
    reliability = calibration.reliability_bands(counts)
    line = recalibration.calibration_line(counts)
    return {
        "brier": calibration.brier(counts),
        "log_loss": calibration.log_loss(counts),
        "log_loss_skill": calibration.log_loss_skill(counts),
        "observed_to_expected": calibration.observed_to_expected(counts),
        "hosmer_lemeshow": calibration.hosmer_lemeshow(bands.bands(counts)),
        "calibration_intercept": line.intercept,
        "calibration_slope": line.slope,
        "ece": calibration.calibration_error(reliability),
        "mce": calibration.largest_calibration_error(reliability),
    }


def bad_rate(counts: ScoreCounts) -> Measure:
    """Share of bads among the rows with a label."""
    if not counts.n:
        return missing("there are no rows with a score and a label", n=0)
    return Measure(value=counts.n_bad / counts.n, n=counts.n, interval=jeffreys_interval(counts.n_bad, counts.n))


def _estimate(current: ScoredFile, reference: ScoreCounts, at: float | None) -> dict[str, Measure]:
    """What to expect of the current rows if the reference's calibration still holds (CBPE)."""
    if reason := reference.one_class():
        return {"auc": missing(f"in the reference {reason}", n=current.scored.n)}
    curve = recalibration.isotonic(reference)
    table = None if at is None else estimate.estimated_confusion(current.scored, curve, at)
    return {"auc": estimate.estimated_auc(current.scored, curve)} | _at_cutoff(table, current.scored.n)


def _score_drift(reference: ScoredFile, current: ScoredFile) -> ColumnDrift:
    frozen = freeze_numbers(reference.scored, missing=reference.without_score)
    before = frozen.count(reference.scored, missing=reference.without_score)
    found = drift.psi(before, frozen.count(current.scored, missing=current.without_score))
    return _told("score", found, found.p)


def _column_drift(reference: pl.DataFrame, current: pl.DataFrame) -> tuple[ColumnDrift, ...]:
    """Stability of every column that both files have, the least stable first, those without a number last."""
    shared = [name for name in current.columns if name in reference.columns]
    found = {name: _stability(reference.get_column(name), current.get_column(name)) for name in shared}
    p_values = {name: stability.p for name, stability in found.items() if stability.p is not None}
    adjusted = dict(zip(p_values, significance.adjusted(list(p_values.values())), strict=True))
    told = [_told(name, stability, adjusted.get(name)) for name, stability in found.items()]
    return tuple(sorted(told, key=lambda column: (column.stability.value is None, -(column.stability.value or 0.0))))


def _stability(reference: pl.Series, current: pl.Series) -> drift.Stability:
    """Compare one column of two files; by value where both hold numbers, by level otherwise."""
    before, after = _comparable(reference, current), _comparable(current, reference)
    if before is None or after is None:
        reason = "the two files hold different kinds of values"
    elif isinstance(before.dtype, NESTED):
        reason = "its values are not plain"
    elif _names_rows(before):
        reason = "it seems to name rows"
    else:
        bins = columns.freeze(before.to_frame(), [before.name])
        of_before, of_after = (columns.count(side.to_frame(), bins)[before.name] for side in (before, after))
        return drift.psi(of_before, of_after)
    return drift.Stability(value=None, n=len(current), n_reference=len(reference), reason=reason)


def _names_rows(column: pl.Series) -> bool:
    """Tell a column whose values are all different, and texts or whole numbers: it has no distribution."""
    if len(column) < LEAST_ROWS_TO_TELL or column.n_unique() < len(column):
        return False
    return not column.dtype.is_float() or bool((column == column.round()).all())


def _comparable(column: pl.Series, other: pl.Series) -> pl.Series | None:
    """This column in the kind that both can be read as, or None."""
    numbers, other_numbers = numbers_or_none(column), numbers_or_none(other)
    if numbers is not None and other_numbers is not None:
        return numbers
    text = (pl.String, pl.Boolean, pl.Categorical, pl.Enum, pl.Null)
    if column.dtype in text and other.dtype in text:
        return column.cast(pl.String)
    return column if column.dtype == other.dtype else None


def _told(name: str, stability: drift.Stability, adjusted_p: float | None) -> ColumnDrift:
    limit = None
    if stability.value is not None and stability.bins > 1:
        limit = drift.noise_limit(stability.bins, stability.n_reference, stability.n)
    return ColumnDrift(name=name, stability=stability, adjusted_p=adjusted_p, noise_limit=limit)
