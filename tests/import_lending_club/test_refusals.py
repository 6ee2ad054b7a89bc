"""What the command refuses, and that it has written nothing then."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest

from jobs.import_lending_club import landing
from jobs.import_lending_club.__main__ import main
from jobs.protocol import files
from jobs.protocol.command import STOPPED
from jobs.protocol.files import Root
from tests.import_lending_club.public_file import loan, put, run, text_of, tree

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("kind", ["csv", "csv.gz", "parquet"])
def test_landing_files_of_another_source_are_refused_before_anything_is_written(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / f"root/datamart/landing/financial/financial_2016_01_31.{kind}"
    other.parent.mkdir(parents=True)
    other.write_text("of another source")
    before = tree(tmp_path / "root")
    assert run(tmp_path / "root", put(tmp_path, text_of(loan()))) == 2
    message = capsys.readouterr().err
    assert f"1 landing file there already with other content, financial_2016_01_31.{kind} for one" in message
    assert "mend:  nothing was written; import all files of a history in one run" in message
    assert tree(tmp_path / "root") == before | {"imports/.lock": b""}


REFUSALS = {
    "no-payment-tells-the-cut-off": (
        loan(last_pymnt_d=""),
        [],
        2,
        "without last_pymnt_d the last day that the files cover",
    ),
    "a-cut-off-after-today": (loan(last_pymnt_d="Mar-2091"), [], 2, "the cut-off would be 2091-03-31, after today"),
    "a-cut-off-that-ends-all-time": (loan(last_pymnt_d="Dec-9999"), [], 2, "the cut-off would be 9999-12-31"),
    "a-cut-off-given-after-today": (loan(), ["--cut-off", "2091-03-31"], 2, "where: --cut-off"),
    "no-row-is-a-loan": (loan(issue_d=""), [], 4, "no row is a loan; rows skipped, by reason: {'no_issue_month': 1}"),
}


@pytest.mark.parametrize(("row", "options", "code", "message"), REFUSALS.values(), ids=REFUSALS)
def test_what_cannot_be_is_refused_and_nothing_lands(
    row: dict[str, str], options: list[str], code: int, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path / "root", put(tmp_path, text_of(row)), *options) == code
    assert message in capsys.readouterr().err
    assert os.listdir(tmp_path / "root/imports") == [".lock"]
    assert not (tmp_path / "root/datamart").exists()


def test_a_file_of_a_header_alone_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path / "root", put(tmp_path, text_of(loan()).partition("\n")[0] + "\n")) == 4
    assert "no row is a loan; rows skipped, by reason: none" in capsys.readouterr().err


@pytest.mark.parametrize(
    "refusal", [OSError(28, "No space left on device"), OSError("No space left on device (os error 28)")], ids=str
)
def test_a_full_disk_is_told_with_the_folder_and_leaves_nothing_behind(
    refusal: OSError, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise refusal  # neither a write nor a library names the file

    monkeypatch.setattr(landing, "spill", full)
    assert run(tmp_path / "root", put(tmp_path, text_of(loan()))) == 1
    told = f"the system refused: No space left on device\n  where: {tmp_path}/root/imports\n"
    assert told in capsys.readouterr().err
    assert os.listdir(tmp_path / "root/imports") == [".lock"]


def test_a_file_may_have_a_name_that_is_not_utf_8(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    public = put(tmp_path, text_of(loan()), os.fsdecode(b"\xff.csv"))
    assert run(tmp_path / "root", public) == 0
    assert [name for name in os.listdir(tmp_path / "root/imports") if name.startswith("\ufffd-")]
    assert run(tmp_path / "root", public) == 0
    assert "nothing_to_do" in capsys.readouterr().out


def test_a_missing_file_a_missing_root_and_a_wrong_date_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path / "root", tmp_path / "absent.csv") == 3
    assert "there is no such file\n  where: " in capsys.readouterr().err
    assert main([str(put(tmp_path, text_of(loan()))), "--root", str(tmp_path / "nowhere")]) == 2
    with pytest.raises(SystemExit, match="2"):
        main(["loans.csv", "--cut-off", "31.3.2019"])
    assert "'31.3.2019' is not a date like 2024-01-31" in capsys.readouterr().err


def test_ctrl_c_stops_an_import_with_the_code_of_a_stop(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(landing, "spill", stopped)
    assert run(tmp_path / "root", put(tmp_path, text_of(loan()))) == STOPPED
    assert capsys.readouterr().err == "stopped\n"
    assert os.listdir(tmp_path / "root/imports") == [".lock"]


def test_without_a_stdout_it_imports_as_with_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout", None)  # as `>&-` leaves it
    assert run(tmp_path / "root", put(tmp_path, text_of(loan()))) == 0
    sys.stdout.close()  # what it opened instead


def test_one_import_runs_on_a_root_at_a_time(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    with files.locked(Root(tmp_path / "root"), tmp_path / "root/imports/.lock", ""):
        assert run(tmp_path / "root", put(tmp_path, text_of(loan()))) == 75
    assert run(tmp_path / "root", put(tmp_path, text_of(loan()))) == 0
