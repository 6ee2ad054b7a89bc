"""Show an evaluation to people, as tables in plain text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from jobs.measures.proportions import jeffreys_interval
from jobs.protocol.strict_json import Json

AT_CUTOFF = {"precision": "precision", "recall": "recall", "f1": "F1"}
RANKING = {"auc": "AUC", "gini": "Gini", "ks": "KS", "average_precision": "average precision", **AT_CUTOFF}
CALIBRATION = {
    "brier": "Brier score",
    "log_loss": "log-loss",
    "log_loss_skill": "log-loss reduction, share",
    "observed_to_expected": "observed / expected",
    "hosmer_lemeshow": "Hosmer-Lemeshow",
    "calibration_intercept": "calibration intercept",
    "calibration_slope": "calibration slope",
    "ece": "expected calibration error",
    "mce": "largest calibration error",
}
LEAST_SHOWN_P = 1e-4


def as_text(told: Json) -> str:
    """A few lines that say what was measured, and the tables."""
    lines = [_line(told)] + (["against " + _line(told["reference"])] if "reference" in told else [])
    lines += [f"Note: {note}." for note in told["notes"]]
    at = f" (cut-off {told['cutoff']:.4g}: riskier scores count as bads)" if told["cutoff"] is not None else ""
    blocks = ["\n".join(lines), _measures(f"Ranking{at}", told, RANKING)]
    if told["probabilities"]:
        blocks.append(_measures("Calibration", told, CALIBRATION))
    if told["gains"]:
        blocks.append(_gains(told["gains"], probabilities=told["probabilities"]))
    if "reference" in told:
        columns = [(name, found["csi"], found) for name, found in told["column_drift"].items()]
        blocks.append(_drift([("score", told["psi"], told["score_drift"]), *columns]))
    if "estimate" in told:
        title = "Estimate, if the calibration of the reference still holds and nothing but the population changed"
        blocks.append(_measures(title + at, told["estimate"], {"auc": "AUC", **AT_CUTOFF}))
    return "\n\n".join(blocks) + "\n"


def _laid_out(title: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; its first column is text, the others are set to the right."""
    lines = [head, *rows]
    first, *others = (max(map(len, column)) for column in zip(*lines, strict=True))
    laid = [
        "  ".join([line[0].ljust(first), *(cell.rjust(width) for cell, width in zip(line[1:], others, strict=True))])
        for line in lines
    ]
    return "\n".join([title, *(line.rstrip() for line in laid)])


def _line(file: Json) -> str:
    labelled = f"{file['without_label']} of them without a label"
    unlabelled = "without labels" if file["without_label"] is None else labelled
    rate, (n, bads) = "", (file["n"], file["bads"])
    if n:
        rate = f"; {bads} bads of {n}: {_percent(bads / n)} ({_percent(*jeffreys_interval(bads, n))})"
    return f"{file['file']}: {file['rows']} rows, {file['without_score']} without a score, {unlabelled}{rate}"


def _measures(title: str, told: Json, names: Mapping[str, str]) -> str:
    rows = [
        (
            *(label, _number(told[name]), _number(*told["intervals"].get(name, ()))),
            *(_p(told["p"].get(name)), str(told["measured_on"][name]), told["reasons"].get(name, "")),
        )
        for name, label in names.items()
        if name in told
    ]
    return _laid_out(title, ("measure", "value", "95 % interval", "p", "n", "remark"), rows)


def _gains(gains: Sequence[Json], *, probabilities: bool) -> str:
    rows = []
    for row in gains:
        cells = [f"{row['lowest']:.4g} to {row['highest']:.4g}", str(row["n"]), str(row["bads"])]
        cells += [_percent(row["bad_rate"]), _percent(*row["bad_rate_interval"])]
        cells += [_percent(row["cumulative_bads"]), _percent(row["cumulative_goods"])]
        cells += [f"{row['lift']:.2f}", f"{row['ks']:.3f}"]
        if probabilities:
            promised = row["mean_score"]
            cells += [_percent(promised), f"{row['bad_rate'] / promised:.2f}" if promised else "-"]
        rows.append(cells)
    head = ("scores", "n", "bads", "bad rate", "95 % interval", "cum. bads", "cum. goods", "lift", "KS")
    return _laid_out("Gains, riskiest scores first", head + (("mean PD", "obs/exp") if probabilities else ()), rows)


def _drift(drifts: Iterable[tuple[str, float | None, Json]]) -> str:
    rows = []
    for name, value, found in drifts:
        limit = "" if found["noise_limit"] is None else _number(found["noise_limit"])
        parts = ("", "") if value is None else (_number(found["missing_part"]), _number(found["unseen_part"]))
        sizes = (str(found["n_reference"]), str(found["n"]))
        shown = name if name.isprintable() else repr(name)  # a name must not steer the terminal
        rows.append((shown, _number(value), limit, _p(found["adjusted_p"]), *parts, *sizes, found["reason"] or ""))
    head = ("column", "PSI", "noise limit", "p", "missing", "unseen", "n reference", "n", "remark")
    return _laid_out("Stability against the reference (p of columns is adjusted for their number)", head, rows)


def _number(*values: float | None) -> str:
    """A number, or from one to another."""
    return " to ".join("-" if value is None else f"{value:.4f}" for value in values)


def _percent(*values: float) -> str:
    return " to ".join(f"{100 * value:.1f} %" for value in values)


def _p(p: float | None) -> str:
    if p is None:
        return ""
    return f"< {LEAST_SHOWN_P}" if p < LEAST_SHOWN_P else f"{p:.4f}"
