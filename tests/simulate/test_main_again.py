"""A simulation where one has been, or where somebody else's files lie."""

from __future__ import annotations

import json
import pathlib
from typing import TYPE_CHECKING

import pytest

from jobs.protocol.files import DRAFT
from tests.simulate.simulated import fingerprints, landed, run, truth

if TYPE_CHECKING:
    from pathlib import Path


def test_a_second_run_does_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(tmp_path, "2016-02-01", "2016-02-10", "--dirt", "0.01")
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    capsys.readouterr()
    assert run(tmp_path, "2016-02-01", "2016-02-10", "--dirt", "0.01") == 0
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["written"] == 0


def test_a_second_run_compares_nothing_while_every_file_is_as_it_was_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(tmp_path, "2016-02-01", "2016-02-04")
    path = tmp_path / "datamart/landing/financial/financial_2016_02_02.csv"
    data = path.read_bytes()
    with monkeypatch.context() as patched:
        patched.setattr("jobs.simulate.landing.months", None)  # nothing can be drawn
        assert run(tmp_path, "2016-02-01", "2016-02-04") == 0
    path.write_bytes(data.replace(b"1", b"2"))  # of the same length
    assert run(tmp_path, "2016-02-01", "2016-02-04") == 2
    path.write_bytes(data)
    assert run(tmp_path, "2016-02-01", "2016-02-04") == 0
    assert run(tmp_path, "2016-02-01", "2016-02-04", seed=2) == 2
    path.unlink()
    assert run(tmp_path, "2016-02-01", "2016-02-04") == 0
    assert path.read_bytes() == data
    path.with_suffix(".parquet").touch()
    assert run(tmp_path, "2016-02-01", "2016-02-04") == 2


@pytest.mark.parametrize("name", ["financial_2016_02_02.csv", "financial_2016_02_02.parquet"])
def test_what_comes_while_a_simulation_moves_its_files_is_seen_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    run(tmp_path, "2016-02-01", "2016-02-04")
    move = pathlib.Path.replace

    def moved(path: Path, target: Path) -> Path:
        if target.suffix == ".csv":
            (tmp_path / "datamart/landing/financial" / name).write_bytes(b"of somebody else")
        return move(path, target)

    with monkeypatch.context() as patched:
        patched.setattr(pathlib.Path, "replace", moved)
        assert run(tmp_path, "2016-02-01", "2016-02-05") == 0
    assert run(tmp_path, "2016-02-01", "2016-02-05") == 2


def test_what_a_killed_simulation_left_half_written_is_taken_away(tmp_path: Path) -> None:
    left = tmp_path / "truth/.work-of-a-dead-process/financial_2016_02_01.csv"
    left.parent.mkdir(parents=True)
    draft = tmp_path / "truth" / f"{DRAFT}1-0123456789ab"
    for path in (left, draft):
        path.touch()
    assert run(tmp_path, "2016-02-01", "2016-02-01") == 0
    assert not left.parent.exists()
    assert not draft.exists()


def test_a_later_end_only_adds_files(tmp_path: Path) -> None:
    for name in ("longer", "at_once"):
        (tmp_path / name).mkdir()
    run(tmp_path / "longer", "2016-01-28", "2016-02-12", "--dirt", "0.01")
    before = fingerprints(tmp_path / "longer")
    assert run(tmp_path / "longer", "2016-01-28", "2016-03-06", "--dirt", "0.01") == 0
    after = fingerprints(tmp_path / "longer")
    assert {name: after[name] for name in before} == before
    run(tmp_path / "at_once", "2016-01-28", "2016-03-06", "--dirt", "0.01")
    assert fingerprints(tmp_path / "at_once") == after
    terms, opened = landed(tmp_path / "at_once", "loan_terms"), landed(tmp_path / "at_once", "financial")
    assert terms["id"].is_duplicated().any()  # servicing news among it, and of no loan that did not land before
    assert set(terms["id"]) - set(truth(tmp_path / "at_once", "dirt")["now"]) <= set(opened["id"])


def test_what_was_lost_is_written_again(tmp_path: Path) -> None:
    run(tmp_path, "2016-02-01", "2016-02-04")
    before = fingerprints(tmp_path)
    lost = [
        tmp_path / "datamart/landing/financial/financial_2016_02_02.csv",
        tmp_path / "truth/loans_2016_02_03.parquet",
    ]
    for path in lost:
        path.unlink()
    kept = {tmp_path / name: (tmp_path / name).stat().st_mtime_ns for name in fingerprints(tmp_path)}
    assert run(tmp_path, "2016-02-01", "2016-02-04") == 0
    assert fingerprints(tmp_path) == before
    assert {path: path.stat().st_mtime_ns for path in kept} == kept


@pytest.mark.parametrize(
    ("file", "data"),
    [
        ("datamart/landing/financial/financial_2016_02_03.csv", b"id,member_id\n"),
        ("datamart/landing/financial/financial_2016_02_03.csv.sha256", b"0  financial_2016_02_03.csv\n"),
        ("datamart/landing/financial/financial_2016_02_03.parquet", b"PAR1"),
        ("datamart/landing/loan_terms/loan_terms_2016_02_01.csv.gz", b""),
        ("truth/loans_2016_02_05.parquet", b"PAR1"),
    ],
    ids=["other bytes", "other checksum", "another form", "another form, compressed", "another truth"],
)
def test_nothing_is_written_where_somebody_elses_file_stands(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], file: str, data: bytes
) -> None:
    path = tmp_path / file
    path.parent.mkdir(parents=True)
    path.write_bytes(data)
    assert run(tmp_path, "2016-02-01", "2016-02-10") == 2
    assert list(fingerprints(tmp_path)) == [file]
    message = capsys.readouterr().err
    assert path.name in message
    assert "mend:" in message


def test_other_settings_are_refused_before_anything_is_written(tmp_path: Path) -> None:
    run(tmp_path, "2016-02-01", "2016-02-03")
    before = fingerprints(tmp_path)
    assert run(tmp_path, "2016-02-01", "2016-02-20", seed=2) == 2
    assert fingerprints(tmp_path) == before


def test_files_of_other_dates_stand_in_nobodys_way(tmp_path: Path) -> None:
    path = tmp_path / "datamart/landing/financial/financial_2016_02_11.parquet"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"PAR1")
    assert run(tmp_path, "2016-02-01", "2016-02-10") == 0
