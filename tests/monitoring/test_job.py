"""The whole job on a small lender: what a week's files hold, when nothing is done, and what cannot be known."""

from __future__ import annotations

import hashlib
import shutil
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING

import polars as pl
import pytest

from jobs.monitoring import job, reading, storing
from jobs.protocol import ingest, schemas
from jobs.protocol.files import Root
from tests.monitoring import small_weeks
from tests.monitoring.small_weeks import SUNDAY, TRAINED, WEEK, contents, folder, run, tree, verdict

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date
    from pathlib import Path

    from jobs.monitoring.reading import Reading


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The lender with its week judged, not to be changed."""
    root = small_weeks.lender(tmp_path_factory.mktemp("lender"))
    assert run(root) == 0
    return root


@pytest.fixture
def judged(once: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(ingest, "BETWEEN_LOOKS", 0.0)
    return shutil.copytree(once, tmp_path / "root")


@pytest.fixture
def lender(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(ingest, "BETWEEN_LOOKS", 0.0)
    return small_weeks.lender(tmp_path)


def test_a_week_has_evidence_a_verdict_that_cites_it_and_the_tables_beside_it(once: Path) -> None:
    found = small_weeks.evidence(once)
    cited = verdict(once)["evidence"]
    assert hashlib.sha256((once / cited["path"]).read_bytes()).hexdigest() == cited["sha256"]
    assert schemas.complaints(schemas.document("evidence"), found) == []
    assert schemas.complaints(schemas.document("verdict"), verdict(once)) == []
    assert verdict(once)["unknown"] == []
    assert found["window"]["rows"] == sum(
        small_weeks.rows(once, "gold/predictions", WEEK - timedelta(days=n)).height for n in range(7)
    )
    bins = pl.read_parquet(once / found["files"]["bins"]["path"])
    by_subject = bins.group_by("subject").agg(pl.col("rows").sum())["rows"].unique().to_list()
    assert by_subject == [found["window"]["rows"]]
    assert bins.filter(subject="score")["contribution"].sum() == pytest.approx(found["drift"]["score"]["value"])


def test_performance_is_measured_on_loans_that_matured_after_the_model_had_learned(once: Path) -> None:
    found = small_weeks.evidence(once)
    assert found["model"]["trained_as_of"] == str(TRAINED)
    assert found["performance"]["n"] > 1000
    assert found["performance"]["auc"]["value"] > 0.55
    labels = pl.concat(
        small_weeks.rows(once, "gold/label_store", WEEK - timedelta(days=n)).select(
            "id", "y", "application_date", "mature_date", "label_version", "policy_exception"
        )
        for n in range(200)
    )
    known = labels.sort("label_version").unique("id", keep="last").filter(~pl.col("policy_exception"))
    late = known.filter(pl.col("mature_date").is_between(WEEK - timedelta(days=27), WEEK))["application_date"]
    saturdays = Counter(
        str(day + timedelta(days=(4 - day.weekday()) % 7 + 1)) for day in late
    )  # scored on the next day
    assert {cohort["week"]: cohort["n"] for cohort in found["performance"]["cohorts"]} == saturdays
    matured = known.filter(pl.col("mature_date").is_between(TRAINED + timedelta(days=1), WEEK))
    assert (found["performance"]["n"], found["performance"]["bads"]) == (matured.height, matured["y"].sum())


def test_a_second_run_changes_no_byte(judged: Path) -> None:
    assert run(judged) == 0  # a copy has other inodes, which the index notes
    before = tree(judged)
    assert run(judged) == 0
    assert tree(judged) == before


@pytest.mark.parametrize("days", [1, 3, 6])
def test_every_day_that_names_the_week_gives_the_same_evidence(judged: Path, days: int) -> None:
    before = contents(folder(judged))
    shutil.rmtree(folder(judged))
    assert run(judged, SUNDAY + timedelta(days=days), "--step", "evidence") == 0
    assert contents(folder(judged)) == before


def test_a_dry_run_says_whether_the_week_would_be_judged_and_writes_nothing(
    lender: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (lender / "decisions/STATUS.txt").unlink()  # whatever puts the desk in order writes it again
    before = tree(lender)
    assert run(lender, SUNDAY, "--dry-run") == 0
    assert tree(lender) == before
    assert f'{{"event": "would_judge", "week": "{SUNDAY - timedelta(days=1)}"}}' in capsys.readouterr().out
    assert run(lender, SUNDAY) == 0
    capsys.readouterr()
    assert run(lender, SUNDAY, "--dry-run") == 0
    assert "would_judge" not in capsys.readouterr().out


def test_what_lands_after_the_saturday_changes_nothing(judged: Path) -> None:
    """Every label is contradicted on the Sunday: nobody knew on Saturday."""
    before = contents(folder(judged))
    known = small_weeks.rows(judged, "gold/label_store", WEEK)
    poison = pl.concat(
        small_weeks.rows(judged, "gold/label_store", WEEK - timedelta(days=n)) for n in range(60)
    ).with_columns(
        y=(1 - pl.col("y")).cast(known.schema["y"]),
        label_version=(pl.col("label_version") + 50).cast(known.schema["label_version"]),
        snapshot_date=SUNDAY,
        known_date=SUNDAY,
    )
    small_weeks.put_rows(judged, "gold/label_store", SUNDAY, poison)
    assert run(judged, SUNDAY, "--step", "check") == 99
    shutil.rmtree(folder(judged))
    assert run(judged, SUNDAY, "--step", "evidence") == 0
    assert contents(folder(judged)) == before


def test_a_label_that_was_known_by_the_saturday_does_change_it(judged: Path) -> None:
    frame = small_weeks.rows(judged, "gold/label_store", WEEK)
    small_weeks.put_rows(judged, "gold/label_store", WEEK, frame.head(frame.height - 1))
    old, path = verdict(judged), folder(judged) / "decision.json"
    citation = {"path": str(path.relative_to(judged)), "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
    assert run(judged) == 0
    assert verdict(judged)["evidence"] != old["evidence"]
    assert storing.kept_verdict(Root(judged), citation) == old
    assert storing.cited(Root(judged), old["evidence"])


def test_damage_to_an_earlier_week_is_told_and_the_week_is_judged(judged: Path) -> None:
    earlier = SUNDAY - timedelta(days=7)
    assert run(judged, earlier, "--step", "evidence") == 0
    (judged / verdict(judged, WEEK - timedelta(days=7))["evidence"]["path"]).write_bytes(b"{}")
    before = verdict(judged)
    assert run(judged) == 6
    assert verdict(judged)["previous"] != before["previous"]


def test_counts_of_single_days_give_what_counts_of_all_of_them_give(
    judged: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = (folder(judged) / "decision.json").read_bytes()
    shutil.rmtree(folder(judged))
    monkeypatch.setattr(reading, "MANY_ROWS", 1)
    assert run(judged, SUNDAY, "--step", "evidence") == 0
    assert (folder(judged) / "decision.json").read_bytes() == before


def test_what_a_process_has_read_is_not_read_again_and_changes_no_byte(
    judged: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.rmtree(folder(judged))
    assert run(judged, SUNDAY - timedelta(days=7), "--step", "evidence") == 0
    frame = small_weeks.rows(judged, "gold/label_store", TRAINED)
    small_weeks.put_rows(judged, "gold/label_store", TRAINED, frame.head(frame.height - 1))
    scan, asked = reading.Reading._scan, list[tuple[str, int]]()

    def told(self: Reading, table: str, days: Sequence[date], names: Sequence[str]) -> pl.DataFrame:
        asked.append((table, len(days)))
        return scan(self, table, days, names)

    monkeypatch.setattr(reading.Reading, "_scan", told)
    assert run(judged, SUNDAY, "--step", "evidence") == 0
    assert ("gold/label_store", 8) in asked, "those of the week, and the one that was built again"
    read_on = (folder(judged) / "decision.json").read_bytes()
    shutil.rmtree(folder(judged))
    reading._read.clear()
    assert run(judged, SUNDAY, "--step", "evidence") == 0
    assert (folder(judged) / "decision.json").read_bytes() == read_on


def test_scores_of_another_model_are_computed_again(judged: Path) -> None:
    """The same model gives the same scores, so a week whose rows another model scored has the same drift."""
    before = small_weeks.evidence(judged)
    for n in range(7):
        day = WEEK - timedelta(days=n)
        other = small_weeks.rows(judged, "gold/predictions", day).with_columns(
            pd=pl.lit(0.5), model_id=pl.lit("20150101-0123456789ab")
        )
        small_weeks.put_rows(judged, "gold/predictions", day, other)
    assert run(judged, SUNDAY, "--step", "evidence") == 0
    found = small_weeks.evidence(judged)
    assert found["window"]["backscored"] == found["window"]["rows"]
    assert found["drift"] == before["drift"]


def test_a_loan_that_was_scored_twice_is_one_loan(judged: Path) -> None:
    before = small_weeks.evidence(judged)
    days = [small_weeks.rows(judged, "gold/predictions", WEEK - timedelta(days=n)) for n in (0, 1)]
    twice = pl.concat([days[0], days[1].head(5).with_columns(snapshot_date=WEEK)])
    small_weeks.put_rows(judged, "gold/predictions", WEEK, twice)
    assert run(judged, SUNDAY, "--step", "evidence") == 0
    found = small_weeks.evidence(judged)
    assert found["window"]["rows"] == before["window"]["rows"] + 5
    assert found["vintages"]["months"] == before["vintages"]["months"]


def test_the_steps_one_by_one_give_what_the_whole_job_gives(lender: Path, once: Path) -> None:
    names = [step.name for step in job.JOB.steps if not step.only_when_named]
    assert [run(lender, SUNDAY, "--step", name) for name in names] == [0] * len(names)
    assert verdict(lender) == verdict(once)
    assert run(lender, SUNDAY, "--step", "check") == 99


def test_the_report_is_written_once_for_a_verdict(judged: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from jobs.monitoring import report

    page = judged / f"datamart/gold/reports/week={WEEK}/report.html"
    assert verdict(judged)["evidence"]["sha256"] in page.read_text()
    with monkeypatch.context() as patched:
        patched.setattr(report, "write", lambda *_: pytest.fail("there is nothing new to show"))
        assert run(judged) == 0
    whole = page.read_bytes()
    page.write_bytes(b"\xff")  # no text at all
    assert run(judged, SUNDAY, "--dry-run") == 0
    assert page.read_bytes() == b"\xff"
    assert run(judged) == 0
    assert page.read_bytes() == whole


def test_what_a_dead_run_left_beside_the_index_is_swept(judged: Path) -> None:
    left = judged / "datamart/.index/.draft-1-dead"
    left.touch()
    assert run(judged) == 0
    assert not left.exists()


def test_evidence_of_another_week_is_cited_by_the_next(judged: Path) -> None:
    assert run(judged, SUNDAY - timedelta(days=7), "--step", "evidence") == 0
    assert run(judged, SUNDAY, "--step", "evidence") == 0
    earlier = (folder(judged, WEEK - timedelta(days=7)) / "decision.json").read_bytes()
    expected = {"week": str(WEEK - timedelta(days=7)), "sha256": hashlib.sha256(earlier).hexdigest()}
    assert verdict(judged)["previous"] == expected
