"""What a run says last, and that nothing it repeats steers the terminal."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

import pytest

from jobs.protocol.command import Run
from jobs.protocol.errors import ContractBroken, InputMissing
from jobs.protocol.events import Events
from tests.protocol.toy_jobs import failing, job, run

MISSING = InputMissing("w", where="f", mend="m")


def test_the_last_words_say_what_was_written_where(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def writes(run: Run) -> None:
        for name in ("datamart/silver/a/b", "datamart/silver/a/c", "model_bank/m"):
            run.report.change(name)

    monkeypatch.setattr("jobs.protocol.command.Events", partial(Events, in_sentences=True))
    run(job(writes), tmp_path)
    assert capsys.readouterr().out == "toy: 3 written (2 in silver, 1 in model_bank)\n"


@pytest.mark.parametrize(("count", "last"), [(1, "1 problem"), (2, "2 problems")])
def test_the_last_words_count_what_failed(
    tmp_path: Path, count: int, last: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobs.protocol.command.Events", partial(Events, in_sentences=True))
    run(job(*[failing(MISSING)] * count), tmp_path)
    assert capsys.readouterr().out == f"toy: {last}\n"


def _skips(day: int, run: Run) -> None:
    run.report.skip(f"{day} March", "no file")


@pytest.mark.parametrize(
    ("days", "last"),
    [
        pytest.param([1], "1 skipped (1 March: no file)", id="one"),
        pytest.param([1, 2, 3], "3 skipped (1 March: no file, and 2 more)", id="several"),
    ],
)
def test_the_last_words_name_what_was_skipped(
    tmp_path: Path, days: list[int], last: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobs.protocol.command.Events", partial(Events, in_sentences=True))
    run(job(*(partial(_skips, day) for day in days)), tmp_path)
    assert capsys.readouterr().out == f"toy: {last}\n"


def test_a_name_that_would_steer_the_terminal_is_shown_quoted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobs.protocol.command.Events", partial(Events, in_sentences=True))
    run(job(lambda run: run.report.skip("a\x1b[2Jb", "no name")), tmp_path)
    assert "\x1b" not in capsys.readouterr().out


def test_nothing_that_is_told_of_a_file_steers_the_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    odd = os.fsdecode(b"\x1b[2J\xff\r\xc3\xbc")
    assert run(job(failing(ContractBroken("w", where=odd, mend="m"))), tmp_path) == 4
    assert "where: \\x1b[2J\\udcff\\r\xfc\n" in capsys.readouterr().err
