"""Show an evaluation to people, as tables."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from jobs.evaluate.measuring import ColumnDrift, Evaluation, bad_rate
from jobs.evaluate.reading import ScoredFile
from jobs.measures.measure import Measure

NAMES = {
    "auc": "AUC",
    "gini": "Gini",
    "ks": "KS",
    "average_precision": "average precision",
    "f1": "F1",
    "brier": "Brier score",
    "log_loss": "log-loss",
    "log_loss_skill": "log-loss saved, share",
    "observed_to_expected": "observed / expected",
    "hosmer_lemeshow": "Hosmer-Lemeshow",
    "calibration_intercept": "calibration intercept",
    "calibration_slope": "calibration slope",
    "ece": "calibration error, mean",
    "mce": "calibration error, largest",
}
LEAST_SHOWN_P = 1e-4
REMARK = "remark"


@dataclass(frozen=True, slots=True)
class Table:
    """A table to be shown; the first column is text, the others are set to the right."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def as_tables(evaluation: Evaluation) -> tuple[str, list[Table]]:
    """A few lines that say what was measured, and the tables."""
    lines = [_line(evaluation.current)]
    if evaluation.reference:
        lines.append("against " + _line(evaluation.reference))
    lines += [f"Note: {note}." for note in evaluation.notes]
    at = "" if evaluation.cutoff is None else f" (cut-off {evaluation.cutoff:.4g}: riskier scores are taken for bads)"
    tables = [_measure_table(f"Ranking{at}", evaluation.ranking)]
    if evaluation.calibration:
        tables.append(_measure_table("Calibration", evaluation.calibration))
    if evaluation.gains:
        tables.append(_gains_table(evaluation))
    if evaluation.score_drift:
        tables.append(_drift_table([evaluation.score_drift, *evaluation.column_drift]))
    if evaluation.estimate:
        title = f"Estimate, if the calibration of the reference still holds and nothing but the population changed{at}"
        tables.append(_measure_table(title, evaluation.estimate))
    return "\n".join(lines), tables


def as_text(intro: str, tables: list[Table]) -> str:
    """Lay tables out in plain text."""
    blocks = [intro]
    for table in tables:
        lines = [table.head, *table.rows]
        widths = [max(len(line[place]) for line in lines) for place in range(len(table.head))]
        laid = ["  ".join(map(_set, line, widths, range(len(line)))).rstrip() for line in lines]
        blocks.append("\n".join([table.title, *laid]))
    return "\n\n".join(blocks) + "\n"


def to_terminal(intro: str, tables: list[Table]) -> None:
    """Lay tables out on a terminal."""
    from rich.console import Console
    from rich.table import Table as Grid

    console = Console(highlight=False, markup=False)
    console.print(intro)
    for table in tables:
        grid = Grid(title=table.title, title_justify="left", title_style="bold")
        for place, name in enumerate(table.head):
            grid.add_column(name, justify="right" if place and name != REMARK else "left")
        for row in table.rows:
            grid.add_row(*row)
        console.print(grid)


def _set(cell: str, width: int, place: int) -> str:
    return cell.rjust(width) if place else cell.ljust(width)


def _line(file: ScoredFile) -> str:
    unlabelled = "without labels" if file.without_label is None else f"{file.without_label} of them without a label"
    rate = bad_rate(file.labelled)
    bads = ""
    if rate.value is not None and rate.interval:
        bads = f"; {file.labelled.n_bad} bads of {rate.n}: {_percent(rate.value)} ({_range(rate.interval, _percent)})"
    return f"{file.name}: {file.rows} rows, {file.without_score} without a score, {unlabelled}{bads}"


def _measure_table(title: str, measures: dict[str, Measure]) -> Table:
    rows = []
    for name, measure in measures.items():
        interval = _range(measure.interval, _number) if measure.interval else ""
        value = "-" if measure.value is None else _number(measure.value)
        rows.append((NAMES.get(name, name), value, interval, _p(measure.p), str(measure.n), measure.reason or ""))
    return Table(title, ("measure", "value", "95 % interval", "p", "n", REMARK), tuple(rows))


def _gains_table(evaluation: Evaluation) -> Table:
    rows = []
    for row in evaluation.gains:
        band = row.band
        cells = [
            f"{band.lowest:.4g} to {band.highest:.4g}",
            str(band.n),
            str(band.bads),
            _percent(band.bad_rate),
            _range(band.bad_rate_interval(), _percent),
            _percent(row.cumulative_bads),
            _percent(row.cumulative_goods),
            f"{row.lift:.2f}",
            f"{row.ks:.3f}",
        ]
        if evaluation.current.probabilities:
            ratio = f"{band.bads / band.expected:.2f}" if band.expected else "-"
            cells += [_percent(band.mean_score), ratio]
        rows.append(tuple(cells))
    head = ("scores", "n", "bads", "bad rate", "95 % interval", "all bads", "all goods", "lift", "KS")
    tail = ("mean PD", "obs/exp") if evaluation.current.probabilities else ()
    return Table("Gains, riskiest scores first", head + tail, tuple(rows))


def _drift_table(drifts: list[ColumnDrift]) -> Table:
    rows = []
    for one in drifts:
        found = one.stability
        value = "-" if found.value is None else f"{found.value:.4f}"
        limit = "" if one.noise_limit is None else f"{one.noise_limit:.4f}"
        parts = ("", "") if found.value is None else (f"{found.missing_part:.4f}", f"{found.unseen_part:.4f}")
        sizes = (str(found.n_reference), str(found.n))
        name = one.name if one.name.isprintable() else repr(one.name)  # a name must not steer the terminal
        rows.append((name, value, limit, _p(one.adjusted_p), *parts, *sizes, found.reason or ""))
    head = ("column", "PSI", "noise up to", "p", "missing", "unseen", "n reference", "n", REMARK)
    return Table("Stability against the reference (p of columns is adjusted for their number)", head, tuple(rows))


def _number(value: float) -> str:
    return f"{value:.4f}"


def _percent(value: float) -> str:
    return f"{100 * value:.1f} %"


def _range(interval: tuple[float, float], of: Callable[[float], str]) -> str:
    return f"{of(interval[0])} to {of(interval[1])}"


def _p(p: float | None) -> str:
    if p is None:
        return ""
    return f"< {LEAST_SHOWN_P}" if p < LEAST_SHOWN_P else f"{p:.4f}"
