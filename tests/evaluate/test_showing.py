from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jobs.evaluate.showing import CALIBRATION, RANKING, as_text
from jobs.measures.proportions import jeffreys_interval
from tests.evaluate.files import ENDS, scored, told, write

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

NO_BANDS = "there are no bands"
BAND = {"n": 4, "bad_rate_interval": [0.123, 0.877], "cumulative_bads": 0.25, "cumulative_goods": 0.0645, "ks": 0.158}
FILE = {"rows": 41, "without_score": 1, "without_label": None, "n": 0, "bads": 0}
MOVED = {
    "noise_limit": 0.4512,
    "adjusted_p": 0.00001,
    "missing_part": 0.0,
    "unseen_part": 0.03,
    "n_reference": 9,
    "n": 4,
}
UNKNOWN = {"noise_limit": None, "adjusted_p": None, "missing_part": 0.0, "unseen_part": 0.0, "n_reference": 9, "n": 4}
TOLD: dict[str, Any] = {
    "file": "new.csv",
    "rows": 40,
    "without_score": 2,
    "without_label": 3,
    "n": 8,
    "bads": 2,
    "probabilities": True,
    "cutoff": 0.2129,
    "notes": ["a note"],
    "auc": 0.9,
    "brier": 0.12321,
    "observed_to_expected": 0.93,
    "ece": None,
    "intervals": {"auc": [0.8, 1.0]},
    "p": {"observed_to_expected": 0.8384},
    "reasons": {"ece": NO_BANDS},
    "measured_on": {"auc": 8, "brier": 8, "observed_to_expected": 8, "ece": 0},
    "gains": [
        {**BAND, "lowest": 0.4367, "highest": 0.52971, "bads": 2, "bad_rate": 0.5, "lift": 2.22, "mean_score": 0.4},
        {**BAND, "lowest": 0.0, "highest": 0.0, "bads": 0, "bad_rate": 0.0, "lift": 0.0, "mean_score": 0.0},
    ],
    "reference": {**FILE, "file": "old.csv"},
    "psi": 0.1799,
    "score_drift": {**MOVED, "reason": None},
    "column_drift": {
        "fico": {**MOVED, "csi": 0.2046, "adjusted_p": 0.0001, "reason": None},
        "id": {**UNKNOWN, "csi": None, "reason": "it seems to be a row identifier"},
    },
    "estimate": {"auc": 0.7093, "intervals": {}, "p": {}, "reasons": {}, "measured_on": {"auc": 40}},
}
IF = "if the calibration of the reference still holds and nothing but the population changed"
TEXT = f"""\
new.csv: 40 rows, 2 without a score, 3 of them without a label; 2 bads of 8: 25.0 % (5.6 % to 59.2 %)
against old.csv: 41 rows, 1 without a score, without labels
Note: a note.

Ranking (cut-off 0.2129: riskier scores count as bads)
measure   value     95 % interval  p  n  remark
AUC      0.9000  0.8000 to 1.0000     8

Calibration
measure                      value  95 % interval       p  n              remark
Brier score                 0.1232                         8
observed / expected         0.9300                 0.8384  8
expected calibration error       -                         0  there are no bands

Gains, riskiest scores first
scores            n  bads  bad rate     95 % interval  cum. bads  cum. goods  lift     KS  mean PD  obs/exp
0.4367 to 0.5297  4     2    50.0 %  12.3 % to 87.7 %     25.0 %       6.5 %  2.22  0.158   40.0 %     1.25
0 to 0            4     0     0.0 %  12.3 % to 87.7 %     25.0 %       6.5 %  0.00  0.158    0.0 %        -

Stability against the reference (p of columns is adjusted for their number)
column     PSI  noise limit         p  missing  unseen  n reference  n                           remark
score   0.1799       0.4512  < 0.0001   0.0000  0.0300            9  4
fico    0.2046       0.4512    0.0001   0.0000  0.0300            9  4
id           -                                                    9  4  it seems to be a row identifier

Estimate, {IF} (cut-off 0.2129: riskier scores count as bads)
measure   value  95 % interval  p   n  remark
AUC      0.7093                    40
"""


def test_people_read_all_that_was_measured_and_why_the_rest_was_not() -> None:
    assert as_text(TOLD) == TEXT


def test_every_measure_has_its_line_and_the_bad_rate_its_interval(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = told(capsys, write(scored(), tmp_path / "scored.csv"), *ENDS)
    assert answer["measured_on"].keys() - {"bad_rate"} == {*RANKING, *CALIBRATION}
    assert answer["intervals"]["bad_rate"] == list(jeffreys_interval(answer["bads"], answer["n"]))
