"""Show an evaluation to people, as tables in plain text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

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

Json = Mapping[str, Any]


def as_text(told: Json) -> str:
    """A few lines that say what was measured, and the tables."""
    lines = [_line(told)] + (["against " + _line(told["reference"])] if "reference" in told else [])
    lines += [f"Note: {note}." for note in told["notes"]]
    at = f" (cut-off {told['cutoff']:.4g}: riskier scores are taken for bads)" if told["cutoff"] is not None else ""
    blocks = ["\n".join(lines), _measures(f"Ranking{at}", told["ranking"])]
    if "calibration" in told:
        blocks.append(_measures("Calibration", told["calibration"]))
    if told["gains"]:
        blocks.append(_gains(told["gains"], probabilities=told["probabilities"]))
    if "reference" in told:
        blocks.append(_drift([("score", told["score_drift"]), *told["column_drift"].items()]))
    if "estimate" in told:
        title = "Estimate, if the calibration of the reference still holds and nothing but the population changed"
        figures = {name: found for name, found in told["estimate"].items() if isinstance(found, dict)}
        blocks.append(_measures(title + at, figures))
    return "\n\n".join(blocks) + "\n"


def _line(file: Json) -> str:
    labels = "without labels" if file["without_label"] is None else f"{file['without_label']} of them without a label"
    rate = ""
    if file["n"]:
        rate = f"; {file['bads']} bads of {file['n']}: {_percent(file['bad_rate'])} ({_percent(*file['interval'])})"
    return f"{file['file']}: {file['rows']} rows, {file['without_score']} without a score, {labels}{rate}"


def _measures(title: str, measures: Json) -> str:
    rows = []
    for name, found in measures.items():
        cells = [NAMES.get(name, name), _number(found["value"]), _number(*found["interval"] or ())]
        rows.append([*cells, _p(found["p"]), str(found["n"]), found["reason"] or ""])
    return _laid_out(title, ("measure", "value", "95 % interval", "p", "n", "remark"), rows)


def _gains(gains: Sequence[Json], *, probabilities: bool) -> str:
    head = ["scores", "n", "bads", "bad rate", "95 % interval", "all bads", "all goods", "lift", "KS"]
    rows = []
    for row in gains:
        band = row["band"]
        cells = [f"{band['lowest']:.4g} to {band['highest']:.4g}", str(band["n"]), str(band["bads"])]
        cells += [_percent(row["bad_rate"]), _percent(*row["interval"])]
        cells += [_percent(row["cumulative_bads"]), _percent(row["cumulative_goods"])]
        cells += [f"{row['lift']:.2f}", f"{row['ks']:.3f}"]
        if probabilities:
            promised = band["expected"]
            cells += [_percent(promised / band["n"]), f"{band['bads'] / promised:.2f}" if promised else "-"]
        rows.append(cells)
    return _laid_out("Gains, riskiest scores first", head + (["mean PD", "obs/exp"] if probabilities else []), rows)


def _drift(drifts: Iterable[tuple[str, Json]]) -> str:
    rows = []
    for name, found in drifts:
        shown = name if name.isprintable() else repr(name)  # a name must not steer the terminal
        limit = "" if found["noise_limit"] is None else _number(found["noise_limit"])
        parts = [_number(found[part]) if found["reason"] is None else "" for part in ("missing_part", "unseen_part")]
        sizes = (str(found["n_reference"]), str(found["n"]))
        rows.append(
            [shown, _number(found["value"]), limit, _p(found["adjusted_p"]), *parts, *sizes, found["reason"] or ""]
        )
    head = ("column", "PSI", "noise up to", "p", "missing", "unseen", "n reference", "n", "remark")
    return _laid_out("Stability against the reference (p of columns is adjusted for their number)", head, rows)


def _laid_out(title: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; its first column is text, the others are set to the right."""
    lines = [head, *rows]
    first, *others = [max(map(len, column)) for column in zip(*lines, strict=True)]
    laid = (
        [line[0].ljust(first), *(cell.rjust(width) for cell, width in zip(line[1:], others, strict=True))]
        for line in lines
    )
    return "\n".join([title, *("  ".join(cells).rstrip() for cells in laid)])


def _number(*values: float | None) -> str:
    """A number, or from one to another."""
    return " to ".join("-" if value is None else f"{value:.4f}" for value in values)


def _percent(*values: float) -> str:
    return " to ".join(f"{100 * value:.1f} %" for value in values)


def _p(p: float | None) -> str:
    if p is None:
        return ""
    return f"< {LEAST_SHOWN_P}" if p < LEAST_SHOWN_P else f"{p:.4f}"
