"""What cannot be known of a week is told as unknown, with the reason, and never as good."""

from __future__ import annotations

import json
import shutil
from datetime import date, timedelta
from typing import TYPE_CHECKING

import polars as pl
import pytest

from jobs.monitoring import drift, reading
from jobs.protocol import ingest, receipts
from jobs.protocol.errors import StoreDamaged
from jobs.protocol.files import Root
from tests.monitoring import small_weeks
from tests.monitoring.small_weeks import SUNDAY, TRAINED, WEEK, contents, folder, run, verdict

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def lender(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(ingest, "BETWEEN_LOOKS", 0.0)
    return small_weeks.lender(tmp_path)


def test_a_broken_metric_is_unknown_is_told_and_leaves_the_others(
    lender: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("salary 12,345")

    with monkeypatch.context() as patched:
        patched.setattr(drift, "section", broken)
        assert run(lender) == 1
    found, said = small_weeks.evidence(lender), verdict(lender)
    assert found["drift"]["unknown"].startswith("a bug: ZeroDivisionError in of_drift")
    assert found["performance"]["auc"]["value"] is not None
    assert "drift" in said["unknown"]
    told = receipts.standing(Root(lender), "monitoring", SUNDAY)
    assert [problem.code for problem in told] == [1]
    assert "12,345" not in (lender / said["evidence"]["path"]).read_text() + str(told)
    assert run(lender) == 0  # mended: the week is judged again though nothing else has changed
    assert verdict(lender)["unknown"] == []


def test_damaged_scores_of_loans_that_the_model_learned_from_hide_only_what_rests_on_them(
    lender: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a week soon after the training; the loans that matured first in it were scored on this day."""
    sunday = TRAINED + timedelta(days=14)
    week = sunday - timedelta(days=1)
    assert run(lender, sunday, "--step", "evidence") == 0
    before, whole = small_weeks.evidence(lender, week), contents(folder(lender, week))
    labels = pl.concat(small_weeks.rows(lender, "gold/label_store", week - timedelta(days=n)) for n in range(60))
    first = labels.filter(pl.col("mature_date") == week - timedelta(days=27))["application_date"].max()
    assert isinstance(first, date)
    (part,) = (lender / f"datamart/gold/predictions/snapshot_date={first + timedelta(days=1)}").glob("*.parquet")
    data = part.read_bytes()
    part.write_bytes(data[:-1])
    shutil.rmtree(folder(lender, week))
    monkeypatch.setattr(reading, "_read", {})  # another process has read nothing before
    assert run(lender, sunday, "--step", "evidence") == 0, "the last step tells it"
    assert verdict(lender, week)["unknown"] == ["target", "track_record", "vintages"]
    found = small_weeks.evidence(lender, week)
    cohorts = before["performance"].pop("cohorts")
    assert len(cohorts) > 3
    assert all(found[name] == before[name] for name in ("performance", "calibration", "concept", "curves"))
    part.write_bytes(data)
    assert run(lender, sunday, "--step", "evidence") == 0
    assert {name: data for name, data in contents(folder(lender, week)).items() if name in whole} == whole
    assert verdict(lender, week)["unknown"] == []


def test_without_labels_performance_is_unknown_and_nothing_is_green(lender: Path) -> None:
    shutil.rmtree(lender / "datamart/gold/label_store")
    assert run(lender) == 0
    found, said = small_weeks.evidence(lender), verdict(lender)
    assert said["estimated"]
    assert ("concept", "too few rows") in [(one["rule"], one["why"]) for one in said["set_aside"]]
    assert found["performance"]["auc"]["reason"] == "there are no rows"
    assert "green" not in json.dumps(found["calibration"])
    assert "insufficient data" in (lender / f"datamart/gold/reports/week={WEEK}/report.html").read_text()


@pytest.mark.parametrize("label", [0, 1])
def test_with_outcomes_of_one_kind_only_ranking_is_unknown_and_says_why(lender: Path, label: int) -> None:
    table = lender / "datamart/gold/label_store"
    for path in sorted(table.iterdir()):
        day = date.fromisoformat(path.name.removeprefix("snapshot_date="))
        frame = small_weeks.rows(lender, "gold/label_store", day)
        small_weeks.put_rows(lender, "gold/label_store", day, frame.filter(y=label))
    assert run(lender, SUNDAY, "--step", "evidence") == 0
    found = small_weeks.evidence(lender)
    assert verdict(lender)["unknown"] == []
    assert found["performance"]["n"] > 0
    assert found["performance"]["auc"]["reason"] == ("there are no goods" if label else "there are no bads")
    assert found["performance"]["brier"]["value"] is not None


def _leave(root: Path, rows: int) -> None:
    """Of the last four weeks, so many rows of the Saturday."""
    for table in ("gold/predictions", "gold/feature_store"):
        for n in range(28):
            day = WEEK - timedelta(days=n)
            if n == 0 and rows:
                small_weeks.put_rows(root, table, day, small_weeks.rows(root, table, day).sort("id").head(rows))
            else:
                shutil.rmtree(root / f"datamart/{table}/snapshot_date={day}")


def test_a_week_without_a_row_is_judged_and_blocks_training(lender: Path) -> None:
    _leave(lender, 0)
    assert run(lender, SUNDAY, "--step", "evidence") == 0
    found = small_weeks.evidence(lender)
    assert found["window"]["rows"] == 0
    assert found["drift"]["value"] is None
    assert found["drift"]["score"]["reason"] == "the current data has no rows"
    assert not any(one["schema_change"] for one in found["drift"]["features"])
    assert verdict(lender)["blocked_by"] == ["data_quality"]
    assert verdict(lender)["unknown"] == []


def test_a_week_of_one_row_is_measured_and_its_drift_does_not_count(lender: Path) -> None:
    _leave(lender, 1)
    assert run(lender, SUNDAY, "--step", "evidence") == 0
    found, said = small_weeks.evidence(lender), verdict(lender)
    assert (found["window"]["rows"], found["window"]["days"]) == (1, 28)
    assert found["drift"]["score"]["n"] == 1
    assert said["unknown"] == []
    assert ("drift", "too few rows") in [(one["rule"], one["why"]) for one in said["set_aside"]]


def test_a_policy_that_cannot_be_read_is_told_of_and_the_week_is_judged_and_shown(
    lender: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (lender / "decisions/policy.json").write_text("{")
    assert run(lender) == 5
    assert "decisions/policy.json" in capsys.readouterr().err
    assert verdict(lender)["unknown"] == []
    assert (lender / f"datamart/gold/reports/week={WEEK}/report.html").is_file()


def test_without_a_model_nothing_is_judged_and_the_receipt_says_why(lender: Path) -> None:
    shutil.rmtree(lender / "decisions/ledger")
    (lender / "decisions/STATUS.txt").unlink()
    shutil.rmtree(lender / "datamart/gold/predictions")
    (lender / "datamart/landing").mkdir()
    assert run(lender, SUNDAY, "--step", "check") == 99
    assert not folder(lender).exists()
    latest = receipts.latest_by_step(Root(lender), "monitoring", SUNDAY)["check"]
    assert [skip["why"] for skip in latest["skipped"]] == ["no model serves"]


def test_a_ledger_that_is_gone_while_the_status_knows_it_is_damage(lender: Path) -> None:
    shutil.rmtree(lender / "decisions/ledger")
    assert run(lender, SUNDAY) == StoreDamaged.exit_code
    assert not folder(lender).exists()
    assert not (lender / "decisions/ledger").exists()
