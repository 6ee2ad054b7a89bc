"""Hold our measures against scikit-learn, statsmodels and NannyML: `make prove-peers`, in an environment of their own.

Prints every number of both sides; the exit code is 1 if any two differ in their first six digits.
"""

from __future__ import annotations

import sys

import numpy as np

from jobs.measures import calibration, performance, ranking, recalibration
from jobs.measures.counts import FloatArray, IntArray, ScoreCounts, ValueCounts

ROWS, CHUNK = 200_000, 5_000
TOLERANCE = 5e-7
FAR_OFF: list[str] = []


def show(name: str, ours: float | None, theirs: float) -> None:
    assert ours is not None, name
    apart = abs(ours - theirs)
    print(f"{name:36} {ours:.16f} {theirs:.16f} {apart:.1e}")
    if not apart <= TOLERANCE:  # a NaN is far off too
        FAR_OFF.append(name)


def scored(seed: int, digits: int) -> tuple[FloatArray, IntArray]:
    """Scores that are roughly calibrated, rounded so that there are ties."""
    rng = np.random.default_rng(seed)
    p = 1 / (1 + np.exp(-rng.normal(-1.6, 0.8, ROWS)))
    return np.round(p, digits), (rng.random(ROWS) < p).astype(np.int64)


def against_scikit_learn() -> None:
    from sklearn import isotonic, linear_model, metrics

    for digits in (3, 15):
        p, y = scored(7, digits)
        counts = ScoreCounts.of(p, y)
        at = ranking.ks(counts).at
        assert at is not None
        false_share, true_share, _ = metrics.roc_curve(y, p, drop_intermediate=False)
        reached = performance.at_cutoff(counts.scores, counts.goods, counts.bads, at)
        fitted = isotonic.IsotonicRegression(out_of_bounds="clip").fit(p, y)
        grid = np.linspace(-0.1, 1.1, 10_001)
        ours, theirs = recalibration.isotonic(counts)(grid), fitted.predict(grid)
        line = recalibration.calibration_line(counts)
        odds = np.log(p / (1 - p)).reshape(-1, 1)
        logit = linear_model.LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-12).fit(odds, y)
        print(f"scikit-learn, {ROWS} rows, scores of {digits} digits: ours, theirs, difference")
        show("auc", ranking.auc(counts).value, metrics.roc_auc_score(y, p))
        show("ks", ranking.ks(counts).value, float(np.abs(true_share - false_share).max()))
        show("average precision", ranking.average_precision(counts).value, metrics.average_precision_score(y, p))
        show("brier", calibration.brier(counts).value, metrics.brier_score_loss(y, p))
        show("log-loss", calibration.log_loss(counts).value, metrics.log_loss(y, p))
        show("precision", reached["precision"].value, metrics.precision_score(y, p >= at))
        show("recall", reached["recall"].value, metrics.recall_score(y, p >= at))
        show("f1", reached["f1"].value, metrics.f1_score(y, p >= at))
        show("isotonic, largest difference", float(np.abs(ours - theirs).max()), 0.0)
        show("calibration slope", line.slope.value, float(logit.coef_[0, 0]))
        show("calibration intercept", line.intercept.value, float(logit.intercept_[0]))


def against_nannyml() -> None:
    import nannyml

    reference, analysis, _ = nannyml.load_synthetic_car_loan_dataset()
    peer = nannyml.CBPE(
        y_pred_proba="y_pred_proba",
        y_pred="y_pred",
        y_true="repaid",
        problem_type="classification_binary",
        metrics=["roc_auc", "precision", "recall", "f1"],
        chunk_size=CHUNK,
    ).fit(reference)
    theirs = peer.estimate(analysis).filter(period="analysis").to_df()
    learned = ScoreCounts.of(reference["y_pred_proba"], reference["repaid"])
    names = {"roc_auc": "auc", "precision": "precision", "recall": "recall", "f1": "f1"}
    worst = dict.fromkeys(names, 0.0)
    print(f"NannyML {nannyml.__version__}, car loans, chunks of {CHUNK}: ours, theirs, difference")
    for place in range(len(theirs)):
        chunk = analysis.iloc[place * CHUNK : (place + 1) * CHUNK]
        cut = float(chunk.loc[chunk["y_pred"] == 1, "y_pred_proba"].min())
        ours = performance.estimated(ValueCounts.of(chunk["y_pred_proba"]), learned, cut)
        for metric, name in names.items():
            value, expected = ours[name]["value"], float(theirs[(metric, "value")].iloc[place])
            show(f"chunk {place} {metric}", value, expected)
            worst[metric] = max(worst[metric], abs(value - expected))
    print({metric: f"{value:.1e}" for metric, value in worst.items()})
    drawn = [float(theirs[("roc_auc", f"{side}_threshold")].iloc[0]) for side in ("lower", "upper")]
    print(f"limits of the AUC: ours, of any {CHUNK} rows, {ours['limits']}; theirs, of the reference's chunks, {drawn}")


def against_statsmodels() -> None:
    import statsmodels.api as models
    from statsmodels.stats.proportion import confint_proportions_2indep

    p, y = scored(7, 15)
    line = recalibration.calibration_line(ScoreCounts.of(p, y))
    fitted = models.GLM(y, models.add_constant(np.log(p / (1 - p))), family=models.families.Binomial()).fit(tol=1e-14)
    print("statsmodels: ours, theirs, difference")
    for place, measure in enumerate((line.intercept, line.slope)):
        assert measure.variance is not None
        show(f"standard error {place}", measure.variance**0.5, float(fitted.bse[place]))
        show(f"estimate {place}", measure.value, float(fitted.params[place]))
    from jobs.measures.proportions import share_change

    ours = share_change(150, 1000, 40, 200).interval
    theirs = confint_proportions_2indep(40, 200, 150, 1000, method="newcomb")
    assert ours is not None
    show("Newcombe, lower", ours[0], float(theirs[0]))
    show("Newcombe, upper", ours[1], float(theirs[1]))


if __name__ == "__main__":
    for compare in (against_scikit_learn, against_statsmodels, against_nannyml):
        compare()
    print(f"far off: {', '.join(FAR_OFF)}" if FAR_OFF else "every number agrees to six digits")
    sys.exit(1 if FAR_OFF else 0)
