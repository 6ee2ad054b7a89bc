"""The words that every job's command takes."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
from freezegun import freeze_time

from jobs.protocol import clock, command
from jobs.protocol.command import Job, Run, Step
from jobs.protocol.errors import InputMissing, JobError, StoreDamaged, UsageError
from tests.protocol.toy_jobs import changes, failing, job, nothing, run


@freeze_time("2024-03-01 23:59:59")
def test_a_date_after_today_in_utc_is_a_usage_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(job(nothing), ["--root", str(tmp_path), "--date", "2024-03-02"]) == 2
    assert "2024-03-02 is after today (2024-03-01, UTC)" in capsys.readouterr().err
    assert command.main(job(nothing), ["--root", str(tmp_path), "--date", "2024-03-01"]) == 0


@pytest.mark.parametrize("text", ["2024-13-01", "20240301", "2024-3-1", "0001-01-01", "yesterday", ""])
def test_what_is_no_date_is_refused_with_an_example(
    tmp_path: Path, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        command.main(job(nothing), ["--root", str(tmp_path), "--date", text])
    assert stopped.value.code == 2
    assert "is not a date like 2024-01-31" in capsys.readouterr().err


@pytest.mark.parametrize("root", ["nowhere/at/all", "s3://bucket/prefix", "", "file://"])
def test_a_root_that_is_no_folder_is_refused(root: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(job(nothing), ["--root", root]) == 2
    assert "mend:" in capsys.readouterr().err


@pytest.mark.parametrize("text", [b"", b"2024-01-14", b"2024-01-14T06:00:00", b"\xff"])
def test_a_replay_s_clock_that_cannot_be_read_is_damage(tmp_path: Path, text: bytes) -> None:
    (tmp_path / command.REPLAY_CLOCK).write_bytes(text)
    assert command.main(job(nothing), ["--root", str(tmp_path)]) == 6


def test_a_root_whose_path_no_library_can_read_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / os.fsdecode(b"r\xff")
    path.mkdir()
    assert command.main(job(nothing), ["--root", str(path)]) == 2
    assert "is not UTF-8" in capsys.readouterr().err


def test_a_root_that_may_not_be_entered_is_told_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "access", lambda path, _: path != tmp_path)  # whoever is root may enter any
    assert command.main(job(nothing), ["--root", str(tmp_path)]) == 1
    assert f"the system refused: Permission denied\n  where: {tmp_path}\n" in capsys.readouterr().err


def test_a_root_may_be_given_as_a_file_uri(tmp_path: Path) -> None:
    assert command.open_root(f"file://{tmp_path}").path == tmp_path
    with pytest.raises(UsageError, match="scheme 's3'"):
        command.open_root(f"s3://{tmp_path}")
    (tmp_path / "a b%20").mkdir()
    for written in (str(tmp_path / "a b%20"), f"{tmp_path.as_uri()}/a%20b%2520"):
        assert command.open_root(written).path == tmp_path / "a b%20"


def test_only_what_is_written_to_the_root_of_a_replay_need_not_survive_a_power_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "_standing", None)  # and none again afterwards
    assert command.open_root(str(tmp_path)).durable
    (tmp_path / "replay_clock.txt").write_text("2024-03-01T06:00:00+00:00\n")
    assert not command.open_root(str(tmp_path)).durable


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
def test_a_tool_without_a_stream_ends_with_its_code_all_the_same(tmp_path: Path, closed: str) -> None:
    line = f'"$0" -m jobs.decisions check --root "$1" {closed}'
    (tmp_path / "decisions").mkdir()
    (tmp_path / "decisions").chmod(0o777)  # which it finds, and tells
    words = ["bash", "-c", line, sys.executable, str(tmp_path)]
    done = subprocess.run(words, cwd=Path(__file__).parents[2], capture_output=True, check=False)
    assert done.returncode == StoreDamaged.exit_code, done.stderr


@pytest.mark.parametrize(
    ("words", "full", "code"),
    [
        ("jobs.preprocessing", ">/dev/full", InputMissing.exit_code),
        ("jobs.preprocessing", "2>/dev/full", InputMissing.exit_code),
        ("jobs.preprocessing", ">/dev/full 2>&1", InputMissing.exit_code),
        ("jobs.decisions show", ">/dev/full", JobError.exit_code),
        ("jobs.sql 'select 1'", ">/dev/full", JobError.exit_code),
    ],
)
def test_a_full_disk_under_the_log_keeps_no_job_from_its_work_and_loses_no_answer(
    tmp_path: Path, words: str, full: str, code: int
) -> None:
    line = ["bash", "-c", f'"$0" -m {words} --root "$1" {full}', sys.executable, str(tmp_path)]
    assert subprocess.run(line, cwd=Path(__file__).parents[2], check=False).returncode == code


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_what_the_encoding_of_a_stream_lacks_is_escaped(tmp_path: Path, encoding: str) -> None:
    words = [sys.executable, "-m", "jobs.sql", "--root", str(tmp_path), "select 'S\u0142up' as x"]
    here, surroundings = Path(__file__).parents[2], os.environ | {"PYTHONIOENCODING": encoding}
    done = subprocess.run(words, cwd=here, env=surroundings, capture_output=True, check=False)
    assert (done.returncode, rb"S\u0142up" in done.stdout) == (0, True), done.stderr


@pytest.mark.parametrize(("given", "kept"), [(0, 0o002), (0o022, 0o022), (0o077, 0o077)])
def test_whatever_the_umask_a_command_makes_nothing_that_everybody_may_write(given: int, kept: int) -> None:
    before = os.umask(given)
    try:
        assert command.tool(lambda: 0) == 0
        assert os.umask(before) == kept
    finally:
        os.umask(before)


@pytest.mark.parametrize("kept", [True, False], ids=["of-a-step", "of-the-command"])
def test_commands_in_a_mend_can_be_typed_as_they_stand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *, kept: bool
) -> None:
    mend = (
        "`python -m jobs.decisions gc` or `python -m jobs.toy --step s0`, chmod 660 decisions/policy.json (not chmod)"
    )
    refused = failing(UsageError("no", where="x", mend=mend))
    root = tmp_path / "two words"
    root.mkdir()
    assert (run(job(refused), root) if kept else command.tool(lambda: _opened(root, mend))) == 2
    typed = f"`python -m jobs.decisions gc --root '{root}'` or `python -m jobs.toy --root '{root}' --step s0`"
    assert f"{typed}, chmod 660 '{root}'/decisions/policy.json (not chmod)" in capsys.readouterr().err
    assert all(str(root) not in path.read_text() for path in root.rglob("*.json")), "what lies in a root has no place"
    monkeypatch.chdir(root)
    command.open_root(".")
    assert str(UsageError("no", where="x", mend=mend)).endswith(mend)


def _opened(root: Path, mend: str) -> int:
    command.open_root(str(root))
    raise UsageError("no", where="x", mend=mend)


def test_an_option_that_no_step_of_the_run_heeds_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    steps = (Step("s0", "", nothing), Step("apart", "", nothing, only_when_named=True))
    toy = Job("toy", "for tests", steps, arguments=(("--like", {"dest": "likeness", "help": "of apart"}),))
    assert run(toy, tmp_path, "--like", "x", "--step", "apart") == 0
    for words in (["--step", "s0"], []):
        assert run(toy, tmp_path, "--like", "x", *words) == 2
        assert "no step of this run uses it\n  where: --like\n" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "ran"),
    [
        pytest.param([], ["s0", "s1"], id="all-in-order-but-those-that-must-be-named"),
        pytest.param(["--step", "s1"], ["s1"], id="one"),
        pytest.param(["--step", "apart"], ["apart"], id="one-that-must-be-named"),
    ],
)
def test_a_run_takes_the_steps_that_it_is_asked_for(tmp_path: Path, words: list[str], ran: list[str]) -> None:
    seen: list[str] = []

    def told(name: str, _run: Run) -> None:
        seen.append(name)

    names = ("s0", "apart", "s1")
    steps = tuple(Step(name, "", partial(told, name), only_when_named=name == "apart") for name in names)
    assert run(Job("toy", "for tests", steps), tmp_path, *words) == 0
    assert seen == ran


def test_help_names_every_step_and_every_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        command.main(job(nothing, changes), ["--help"])
    assert stopped.value.code == 0
    said = capsys.readouterr().out
    assert all(word in said for word in ("s0", "s1", "75 this job already runs", "--dry-run", "YYYY-MM-DD"))


def test_an_option_by_a_part_of_its_name_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    parser = command.parser_of("toy", "A toy.", "example:\n  python -m jobs.toy")
    parser.add_argument("--format")
    with pytest.raises(SystemExit) as stopped:
        parser.parse_args(["--form", "csv"])
    assert stopped.value.code == 2
    assert "unrecognized arguments: --form" in capsys.readouterr().err
