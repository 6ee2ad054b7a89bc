"""Landed files that are late, still arriving, missing or bad: told by name, and taken up once they are whole."""

from __future__ import annotations

import json
import os
import sys
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from jobs.preprocessing import job
from jobs.protocol.receipts import Report
from tests.preprocessing.roots import FIRST, LAST, built, current, land, landed, landing, preprocess, tables_of

if TYPE_CHECKING:
    from jobs.protocol.command import Run

MIDDLE = FIRST + timedelta(days=2)


def test_a_late_file_is_taken_up_by_the_next_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole, root = built(tmp_path / "whole"), landed(tmp_path / "late")
    late = landing(root, "demographic", LAST)
    data = late.read_bytes()
    late.unlink()
    assert preprocess(root) == 3
    assert "1 of 4 tables have no file for 2016-01-09" in capsys.readouterr().err
    assert "datamart/gold/feature_store" not in tables_of(root, LAST)
    assert "datamart/silver/financial" in tables_of(root, LAST)
    land(late, data)
    assert preprocess(root) == 0
    assert current(root) == current(whole)


def test_where_nothing_ever_landed_the_root_is_doubted_and_no_single_table(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert preprocess(tmp_path) == 3
    said = capsys.readouterr().err
    assert "nothing has ever landed under this root\n  where: datamart/landing" in said
    assert "have no file for" not in said


def test_after_a_late_file_of_an_earlier_day_a_run_has_nothing_to_do_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = landed(tmp_path)
    late = landing(root, "demographic", MIDDLE)
    data = late.read_bytes()
    late.unlink()
    preprocess(root)
    land(late, data)
    preprocess(root)
    capsys.readouterr()
    preprocess(root)
    assert f'{{"event": "nothing_to_do", "date": "{LAST}"}}' in capsys.readouterr().out


def test_what_landed_for_later_dates_alone_leaves_a_run_of_an_earlier_one_nothing_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = built(tmp_path)
    table = landing(root, "financial", LAST).parent
    names = {
        "financial_2016_01_10.csv": False,
        "financial_2016_01_08.jsonl": True,
        "financiam.csv": True,
        "a.txt": True,
    }
    for name, is_looked_at in names.items():
        preprocess(root)
        land(table / name, landing(root, "financial", LAST).read_bytes())
        capsys.readouterr()
        preprocess(root)
        assert ('"event": "nothing_to_do"' not in capsys.readouterr().out) == is_looked_at, name
        (table / name).unlink()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        pytest.param(b"", "empty", id="empty"),
        pytest.param(b"id;member_id;dti\n1;MEM_1;3\n", "semicolon", id="wrong-delimiter"),
        pytest.param("id,member_id,dti\n1,MEM_é,3\n".encode("latin-1"), "UTF-8", id="wrong-encoding"),
        pytest.param(b'id,member_id,dti\n1,MEM_1,3\n2,"MEM_2', "", id="cut"),
        pytest.param(b"id,member_id,purpose\n1,MEM_1,car\n", "is this another table?", id="another-table"),
        pytest.param(b"sep=,\nid,member_id,dti\n1,MEM_1,3\n", "delete that line", id="a-line-for-excel"),
    ],
)
def test_a_bad_file_is_refused_with_one_clear_error_while_the_others_go_on(
    tmp_path: Path, data: bytes, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    root = landed(tmp_path)
    land(landing(root, "financial", MIDDLE), data)
    assert preprocess(root) == 4
    said = capsys.readouterr().err
    assert said.count("preprocessing: ") == 1
    assert all(word in said for word in (words, "where: datamart/landing/financial/financial_2016_01_06.csv", "mend:"))
    assert "datamart/gold/feature_store" in tables_of(root, LAST)
    assert "datamart/silver/credit_history" in tables_of(root, MIDDLE)
    assert not tables_of(root, MIDDLE, "datamart/bronze/financial")


def test_a_refused_file_is_told_of_on_every_run_and_taken_once_it_is_mended(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole, root = built(tmp_path / "whole"), landed(tmp_path / "bad")
    path = landing(root, "financial", MIDDLE)
    good = path.read_bytes()
    land(path, b"")
    assert [preprocess(root), preprocess(root)] == [4, 4]
    said = capsys.readouterr()
    assert said.err.count("financial_2016_01_06.csv") == 2
    assert said.out.count('"nothing_to_do"') == 1, "the second run reads nothing again"
    other = landing(root, "demographic", MIDDLE)
    land(other, other.read_bytes())  # so that there is something to look at
    assert preprocess(root) == 4
    said = capsys.readouterr()
    assert said.err.count("financial_2016_01_06.csv") == json.loads(said.out.splitlines()[-1])["problems"] == 1
    assert "the file is empty" in said.err
    assert preprocess(root, LAST + timedelta(days=1)) == 4, "on a later date too"
    assert capsys.readouterr().err.count("financial_2016_01_06.csv") == 1
    land(path, good)
    assert preprocess(root) == 0
    assert current(root) == current(whole)


def test_the_step_check_alone_tells_of_files_that_were_refused_for_what_is_in_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = built(tmp_path)
    land(landing(root, "financial", MIDDLE), b"")
    assert preprocess(root) == 4
    land(landing(root, "demographic", MIDDLE), b"")  # not seen by any run yet
    capsys.readouterr()
    assert preprocess(root, LAST, "--step", "check") == 0
    assert capsys.readouterr().err.count("financial_2016_01_06.csv") == 1


@pytest.mark.parametrize("is_built", [True, False], ids=["all-is-built", "something-to-build"])
def test_what_lies_in_landing_and_is_no_table_is_told_of(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], *, is_built: bool
) -> None:
    root = built(tmp_path) if is_built else landed(tmp_path)
    (root / "datamart/landing/loan_term").mkdir()
    land(root / "datamart/landing/financial/Financial_2016_01_09.CSV", b"id")
    capsys.readouterr()
    assert preprocess(root) == 0
    said = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "passed_by" in line]
    assert [one["names"] for one in said] == [
        ["datamart/landing/loan_term"],
        ["datamart/landing/financial/Financial_2016_01_09.CSV"],
    ]


@pytest.mark.parametrize(
    ("names", "shown"), [("abc", "'a', 'b', 'c' (why)"), ("abcd", "'a', 'b', 'c' and 1 more (why)")]
)
def test_three_strays_are_said_by_name_and_others_by_number(names: str, shown: str) -> None:
    said: list[str] = []
    events = SimpleNamespace(say=lambda _, sentence, **__: said.append(sentence))
    job._pass_by(cast("Run", SimpleNamespace(report=Report(), events=events)), list(names), "why")
    assert said == [f"not read: {shown}"]


def test_of_many_strays_three_are_named_in_the_log_and_all_in_the_receipt(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = landed(tmp_path)
    for name in ("a", "b", "c", "d", ".hidden"):
        (root / "datamart/landing" / name).mkdir()
    assert preprocess(root, LAST, "--step", "check") == 0
    [said] = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "passed_by" in line]
    assert (said["names"], said["of"]) == ([f"datamart/landing/{name}" for name in "abc"], 4)
    receipt = json.loads((root / f"decisions/receipts/preprocessing/{LAST}/1.json").read_bytes())
    assert [one["what"] for one in receipt["skipped"]] == [f"datamart/landing/{name}" for name in "abcd"]


@pytest.mark.skipif(sys.platform == "darwin", reason="its file system takes no such name")
def test_a_name_that_is_no_text_is_told_of_as_any_other(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = landed(tmp_path)
    for name in (b"financial_2016_01_05\xff.csv", b"\xdcbersicht.txt"):
        (root / "datamart/landing/financial" / os.fsdecode(name)).write_bytes(b"id")
    (root / "datamart/landing" / os.fsdecode(b"f\xff")).mkdir()
    for _ in range(2):
        assert preprocess(root) == 4, "and 4 again where all is built"
        assert "financial_2016_01_05\\udcff.csv" in capsys.readouterr().err


def test_a_file_that_may_still_be_arriving_waits_for_the_next_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = landed(tmp_path)
    path = landing(root, "financial", LAST)
    path.touch()
    path.with_name(path.name + ".sha256").unlink()
    assert preprocess(root) == 3
    said = capsys.readouterr().err
    assert "may still be arriving" in said
    assert "mend:  run again in a minute, or land its checksum beside it" in said
    assert preprocess(root, LAST - timedelta(days=1)) == 0


def test_where_waiting_for_a_file_does_not_help_or_a_checksum_is_there_the_mend_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = landed(tmp_path)
    path = landing(root, "financial", LAST)
    path.write_bytes(path.read_bytes()[:-9])
    assert preprocess(root) == 3
    assert "mend:  run again in a minute: the checksum beside it does not match yet" in capsys.readouterr().err
    path.with_name(path.name + ".sha256").unlink()
    os.utime(path, (2e9, 2e9))
    assert preprocess(root) == 3
    assert "its time is ahead of the root's clock" in capsys.readouterr().err


def test_by_steps_a_missing_table_is_told_by_the_last_step(tmp_path: Path) -> None:
    root = landed(tmp_path)
    landing(root, "financial", LAST).unlink()
    codes = [preprocess(root, LAST, "--step", step) for step in ("check", "bronze", "silver", "gold")]
    assert codes == [0, 0, 0, 3]


@pytest.mark.parametrize("is_built", [True, False], ids=["all-is-built", "something-to-build"])
def test_a_file_of_a_day_that_has_not_come_is_told_of(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], *, is_built: bool
) -> None:
    root = built(tmp_path) if is_built else landed(tmp_path)
    slip = "datamart/landing/financial/financial_2999_01_09.csv"
    land(root / slip, b"id")
    land(root / "datamart/landing/financial/zzz.txt", b"id")
    capsys.readouterr()
    assert preprocess(root) == 0
    said = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "dated after today" in line]
    assert [one["names"] for one in said] == [[slip]]
