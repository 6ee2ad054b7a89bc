from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
import pytest

from jobs.evaluate.__main__ import main
from jobs.measures import calibration, ranking
from jobs.measures.calibration import bands
from jobs.measures.counts import ScoreCounts
from tests.evaluate.files import scored, told, write

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("name", ["scored.csv", "scored.parquet"])
def test_json_has_every_digit_of_every_measure(tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    frame = scored()
    counts = ScoreCounts.of(frame["pd"].to_numpy(), frame["y"].to_numpy())
    answer = told(capsys, write(frame, tmp_path / name), "--score", "pd", "--label", "y")
    assert answer["auc"] == ranking.auc(counts).value
    assert answer["intervals"]["auc"] == list(ranking.auc(counts).interval or ())
    assert answer["ks"] == ranking.ks(counts).value
    assert answer["gini"] == ranking.gini(counts).value
    assert answer["brier"] == calibration.brier(counts).value
    assert answer["log_loss"] == calibration.log_loss(counts).value
    assert answer["ece"] == calibration.calibration_error(calibration.reliability_bands(counts)).value
    assert answer["observed_to_expected"] == calibration.observed_to_expected(counts).value
    assert answer["hosmer_lemeshow"] == calibration.hosmer_lemeshow(bands(counts)).value
    assert answer["p"]["hosmer_lemeshow"] == calibration.hosmer_lemeshow(bands(counts)).p
    assert [row["n"] for row in answer["gains"]] == [60] * 10
    assert (answer["n"], answer["bads"], answer["without_label"]) == (600, counts.n_bad, 0)
    assert answer["reasons"] == {}


def test_a_csv_and_a_parquet_file_tell_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    answers = []
    for name in ("scored.csv", "scored.parquet"):
        reference = write(scored(seed=6), tmp_path / f"old-{name}")
        path = write(scored(), tmp_path / name)
        answer = told(capsys, path, "--score", "pd", "--label", "y", "--reference", reference, "--estimate")
        answers.append({key: value for key, value in answer.items() if key not in ("file", "reference")})
    assert answers[0] == answers[1]


def test_rows_without_score_or_label_are_left_out_and_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "scored.csv"
    path.write_text("pd,y\n0.1,0\n,1\nNaN,0\n0.3,\n0.4,1\nNA,NA\n0.2,0\n")
    answer = told(capsys, path, "--score", "pd", "--label", "y")
    assert (answer["rows"], answer["without_score"], answer["without_label"], answer["n"]) == (7, 3, 1, 3)
    assert answer["auc"] == 1.0
    assert "auc" not in answer["intervals"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param("pd,y\n", "there are no rows", id="empty"),
        pytest.param("pd,y\n0.1,0\n0.2,0\n", "there are no bads", id="goods-only"),
        pytest.param("pd,y\n0.1,1\n0.2,1\n", "there are no goods", id="bads-only"),
        pytest.param("pd,y\n,1\n,0\n", "there are no rows", id="no-scores"),
        pytest.param("pd,y\n0.1,\n0.2,\n", "there are no rows", id="no-labels"),
    ],
)
def test_what_cannot_be_measured_has_a_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, reason: str
) -> None:
    path = tmp_path / "scored.csv"
    path.write_text(text)
    answer = told(capsys, path, "--score", "pd", "--label", "y")
    assert answer["auc"] is None
    assert answer["reasons"]["auc"] == reason
    assert answer["gains"] == []
    assert main([str(path), "--score", "pd", "--label", "y"]) == 0
    assert reason in capsys.readouterr().out


@pytest.mark.parametrize(
    ("labels", "bad"),
    [
        pytest.param(["0", "1"], None, id="whole"),
        pytest.param(["0.0", "1.0"], None, id="floats"),
        pytest.param(["false", "True"], None, id="truths"),
        pytest.param(["Fully Paid", "Charged Off"], "Charged Off", id="words"),
        pytest.param(["2", "1.0"], "1", id="numbers-of-ones-own"),
        pytest.param(["bad", " good"], "good", id="blanks-around"),
    ],
)
def test_labels_are_read_as_meant(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], labels: list[str], bad: str | None
) -> None:
    path = tmp_path / "scored.csv"
    good_word, bad_word = labels
    path.write_text(f"pd,y\n0.1,{good_word}\n0.2,{good_word}\n0.9,{bad_word}\n")
    answer = told(capsys, path, "--score", "pd", "--label", "y", *(["--bad", bad] if bad else []))
    assert (answer["bads"], answer["goods"], answer["auc"]) == (1, 2, 1.0)


@pytest.mark.parametrize("labels", [[False, True], [0, 1], [-0.0, 1.0], [0.0, float("nan")], ["0", "1"]])
def test_labels_of_every_type_of_a_parquet_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], labels: list[object]
) -> None:
    path = write(pl.DataFrame({"pd": [0.1, 0.9], "y": labels}), tmp_path / "scored.parquet")
    answer = told(capsys, path, "--score", "pd", "--label", "y")
    assert (answer["goods"], answer["bads"] + answer["without_label"]) == (1, 1)


def test_points_are_ranked_only_and_said_to_be(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frame = scored()
    path = write(frame, tmp_path / "scored.csv")
    answer = told(capsys, path, "--score", "points", "--label", "y")
    assert answer["auc"] < 0.5
    assert "brier" not in answer
    assert any("measures of ranking only" in note for note in answer["notes"])
    assert any("--higher-is-safer" in note for note in answer["notes"])
    turned = told(capsys, path, "--score", "points", "--label", "y", "--higher-is-safer")
    assert turned["auc"] == pytest.approx(1 - answer["auc"])
    assert turned["notes"] == answer["notes"][:1]


def test_a_probability_of_being_good_is_turned_around(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frame = scored().with_columns(good=1 - pl.col("pd"))
    path = write(frame, tmp_path / "scored.parquet")
    turned = told(capsys, path, "--score", "good", "--label", "y", "--higher-is-safer")
    plain = told(capsys, path, "--score", "pd", "--label", "y")
    assert turned["auc"] == pytest.approx(plain["auc"])
    assert turned["brier"] == pytest.approx(plain["brier"])


def test_a_reference_gives_the_drift_of_the_score_and_of_shared_columns(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old = write(scored(3000).with_columns(only_old=1), tmp_path / "old.csv")
    moved = scored(2000, shift=0.6, seed=6).with_columns(
        pl.when(pl.col("id") % 10 == 0).then(pl.lit("boat")).otherwise("purpose").alias("purpose"),
        fico=pl.when(pl.col("id") % 4 > 0).then("fico"),
    )
    new = write(moved, tmp_path / "new.csv")
    answer = told(capsys, new, "--score", "pd", "--label", "y", "--reference", old)
    assert answer["psi"] > 0.25
    assert answer["score_drift"]["p"] < 1e-6
    assert set(answer["csi"]) == {"id", "points", "fico", "purpose"}
    assert answer["column_drift"]["fico"]["missing_part"] > 0.5
    assert answer["column_drift"]["purpose"]["unseen_part"] > 0.3
    assert answer["column_drift"]["id"]["reason"] == "it seems to be a row identifier"
    assert list(answer["csi"])[-1] == "id"
    for column in answer["column_drift"].values():
        if column["csi"] is not None:
            assert column["adjusted_p"] >= column["p"]
    assert "estimate" not in answer


def test_a_file_against_itself_has_not_moved(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(scored().with_columns(one=1), tmp_path / "scored.csv")
    answer = told(capsys, path, "--score", "pd", "--label", "y", "--reference", path)
    assert answer["column_drift"]["fico"]["noise_limit"] > 0
    assert answer["column_drift"]["one"]["noise_limit"] is None  # one bin cannot change
    assert answer["psi"] == 0.0
    assert answer["score_drift"]["p"] == 1.0
    assert {value for value in answer["csi"].values() if value is not None} == {0.0}


def test_columns_that_cannot_be_compared_say_why(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ends = {"pd": [0.1, 0.2], "y": [0, 1]}
    old = write(
        pl.DataFrame({**ends, "kind": ["a", "b"], "list": [[1], [2]], "nothing": [None, None]}),
        tmp_path / "old.parquet",
    )
    new = write(
        pl.DataFrame({**ends, "kind": [1, 2], "list": [[1], [2]], "nothing": ["a", "b"]}), tmp_path / "new.parquet"
    )
    answer = told(capsys, new, "--score", "pd", "--label", "y", "--reference", old)
    assert answer["column_drift"]["kind"]["reason"] == "its types in the two files differ"
    assert answer["column_drift"]["list"]["reason"] == "its values are nested"
    assert answer["column_drift"]["nothing"]["unseen_part"] > 0


@pytest.mark.parametrize("labels", ["absent", "empty", "known"])
def test_an_estimate_needs_no_labels(tmp_path: Path, capsys: pytest.CaptureFixture[str], labels: str) -> None:
    old = write(scored(5000), tmp_path / "old.csv")
    now = scored(5000, shift=0.3, seed=6)
    frame = {"absent": now.drop("y"), "empty": now.with_columns(y=None), "known": now}[labels]
    new = write(frame, tmp_path / "new.csv")
    answer = told(capsys, new, "--score", "pd", "--label", "y", "--reference", old, "--estimate")
    realised = ranking.auc(ScoreCounts.of(now["pd"].to_numpy(), now["y"].to_numpy())).known()
    assert answer["estimate"]["auc"] == pytest.approx(realised, abs=0.02)
    assert answer["estimate"]["recall"] > 0
    assert (answer["auc"] is None) == (labels != "known")
    assert answer["without_label"] == {"absent": None, "empty": 5000, "known": 0}[labels]


def test_an_estimate_on_a_reference_of_one_class_says_why(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old = write(scored().with_columns(y=0), tmp_path / "old.csv")
    new = write(scored(), tmp_path / "new.csv")
    answer = told(capsys, new, "--score", "pd", "--label", "y", "--reference", old, "--estimate")
    assert answer["estimate"]["auc"] is None
    assert answer["estimate"]["reasons"]["auc"] == "in the reference there are no bads"


def test_tables_for_people_name_rows_intervals_and_bands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old, new = write(scored(), tmp_path / "old.csv"), write(scored(seed=6), tmp_path / "new.csv")
    assert main([str(new), "--score", "pd", "--label", "y", "--reference", str(old), "--estimate"]) == 0
    out = capsys.readouterr().out
    for title in ("Ranking", "Calibration", "Gains", "Stability", "Estimate"):
        assert f"\n{title}" in out
    assert "600 rows, 0 without a score, 0 of them without a label" in out
    assert "95 % interval" in out
    assert "\x1b" not in out
    assert all(line == line.rstrip() for line in out.splitlines())


def test_a_column_name_cannot_steer_the_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    hostile = "[red]\x1b[2J"
    path = write(scored().with_columns(pl.col("fico").alias(hostile)), tmp_path / "scored.csv")
    assert main([str(path), "--score", "pd", "--label", "y", "--reference", str(path)]) == 0
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "[red]" in out
