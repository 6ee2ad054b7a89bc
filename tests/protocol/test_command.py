from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from polars.exceptions import PanicException

from jobs.protocol import command, receipts
from jobs.protocol.command import Job, Run, Step
from jobs.protocol.errors import AlreadyRunning, ContractBroken, InputMissing, JobError, StoreDamaged
from tests.protocol.toy_jobs import DAY, changes, failing, job, nothing, run

MISSING = InputMissing("w", where="f", mend="m")
BROKEN = ContractBroken("w", where="f", mend="m")
DAMAGED = StoreDamaged("w", where="f", mend="m")


@pytest.mark.parametrize(
    ("errors", "code"),
    [
        pytest.param([], 0, id="nothing-to-do-is-a-success"),
        pytest.param([MISSING], 3, id="missing-input"),
        pytest.param([MISSING, BROKEN], 4, id="gravest"),
        pytest.param([DAMAGED, BROKEN], 6, id="damage"),
        pytest.param([ValueError("secret"), DAMAGED], 1, id="a-bug-is-gravest"),
        pytest.param([BaseException("panic")], 1, id="a-library-s-panic-is-a-bug"),
        pytest.param([OSError(28, "No space left on device", "f")], 1, id="a-full-disk"),
    ],
)
def test_a_run_does_all_it_can_then_exits_with_its_gravest_code(
    tmp_path: Path, errors: list[BaseException], code: int
) -> None:
    done: list[int] = []
    steps = [failing(error) for error in errors]
    assert run(job(*steps, lambda _run: done.append(1)), tmp_path) == code
    assert done == [1]


def test_an_error_says_what_where_and_how_to_mend(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(job(failing(ContractBroken("7 rows lack a key", where="a/b.csv", mend="add them"))), tmp_path)
    assert capsys.readouterr().err == "toy: 7 rows lack a key\n  where: a/b.csv\n  mend:  add them\n"


def test_a_bug_shows_its_place_and_no_value_of_a_row(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(job(failing(ValueError("CANARY-4711"))), tmp_path) == 1
    said = capsys.readouterr()
    assert "a bug: ValueError" in said.err
    everything = said.out + said.err + "".join(p.read_text() for p in tmp_path.rglob("*.json"))
    assert "CANARY-4711" not in everything


def test_a_bug_of_a_tool_shows_its_place_and_no_value_of_a_row(capsys: pytest.CaptureFixture[str]) -> None:
    def answer() -> int:
        raise PanicException("CANARY-4711")  # no Exception

    assert command.tool(answer) == 1
    said = capsys.readouterr().err
    assert "a bug: PanicException" in said
    assert "CANARY-4711" not in said


@pytest.mark.parametrize(
    "said", ["No space left on device", "Disk quota exceeded", "Permission denied", "File too large"]
)
def test_what_a_library_says_of_the_system_is_told_as_the_systems_refusal(
    tmp_path: Path, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for kind in (RuntimeError, OSError):  # without a number of its own
        assert run(job(failing(kind(f"CANARY-4711: {said} (os error 28)"))), tmp_path) == 1
        told = capsys.readouterr().err
        assert f"the system refused: {said}\n" in told
        assert "a bug" not in told
        assert "CANARY-4711" not in told


@pytest.mark.parametrize("error", [MemoryError(), ImportError("x.so: failed to map segment from shared object")])
def test_memory_that_runs_out_is_no_bug(
    tmp_path: Path, error: BaseException, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(job(failing(error)), tmp_path) == 1
    assert "the system refused: Cannot allocate memory\n" in capsys.readouterr().err


def test_a_parquet_file_that_a_full_disk_breaks_off_is_no_bug(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken_off = RuntimeError("parquet: File out of specification: Invalid thrift: transport error")
    assert run(job(failing(broken_off)), tmp_path) == 1
    assert "the system refused: a file broke off while it was written or read\n" in capsys.readouterr().err


def test_what_is_wrong_again_and_again_in_one_folder_is_told_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = [failing(ContractBroken("w", where=f"a/{n}.csv", mend="m")) for n in range(3)]
    assert run(job(*files, failing(BROKEN), failing(BROKEN)), tmp_path) == 4
    told = "toy: w\n  where: a/0.csv, and 2 more like it\n  mend:  m\n"
    assert capsys.readouterr().err == told + "toy: w\n  where: f\n  mend:  m\n"
    assert len(receipts.standing(command.open_root(str(tmp_path)), "toy", DAY)) == 5


def test_what_is_wrong_in_two_folders_is_told_of_each(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(job(*(failing(ContractBroken("w", where=f"{folder}/0.csv", mend="m")) for folder in "ab")), tmp_path)
    assert capsys.readouterr().err == "".join(f"toy: w\n  where: {folder}/0.csv\n  mend:  m\n" for folder in "ab")


def test_a_disk_that_is_full_for_the_receipt_too_is_told_once_and_the_run_still_says_how_it_ended(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(start: str, *_: object, **__: object) -> tuple[str, int]:
        raise OSError(28, "No space left on device", start)

    monkeypatch.setattr("jobs.protocol.folder.locked_draft", full)
    place = str(tmp_path / "datamart/x.parquet")
    assert run(job(failing(OSError(28, "", place))), tmp_path) == 1
    said = capsys.readouterr()
    assert said.err.startswith(
        f"toy: the system refused: No space left on device\n  where: {place}, and 1 more like it"
    )
    assert said.err.count("No space left on device") == 1
    assert json.loads(said.out) == {"event": "end", "exit_code": 1, "changed": 0, "skipped": 0, "problems": 2}
    assert run(job(changes), tmp_path) == 1
    home = tmp_path / f"decisions/receipts/toy/{DAY}"
    assert f"  where: {home}\n" in capsys.readouterr().err, "of a receipt the folder is told, and not its draft"


def test_a_condition_that_does_not_hold_exits_with_99(tmp_path: Path) -> None:
    def no(run: Run) -> None:
        run.goes_on = False

    assert run(job(no, nothing), tmp_path, "--step", "s0") == 99


def test_a_step_that_is_waited_for_fails_by_itself(tmp_path: Path) -> None:
    missing = failing(InputMissing("w", where="f", mend="m"))
    waited = Job("toy", "for tests", (Step("s0", "", missing, is_awaited=True), Step("s1", "", nothing)))
    assert run(waited, tmp_path, "--step", "s0") == 3


def test_what_is_waited_for_changes_no_code_of_the_steps_after_it(tmp_path: Path) -> None:
    missing = failing(InputMissing("w", where="f", mend="m"))
    steps = Step("s0", "", nothing, is_awaited=True), Step("s1", "", missing), Step("s2", "", nothing)
    assert run(Job("toy", "for tests", steps), tmp_path, "--step", "s1") == 0


def test_a_bug_in_a_step_is_its_exit_code_though_it_is_not_the_last(tmp_path: Path) -> None:
    assert run(job(failing(ZeroDivisionError()), nothing), tmp_path, "--step", "s0") == 1


def test_a_dry_run_writes_nothing_at_all(tmp_path: Path) -> None:
    assert run(job(changes, failing(ContractBroken("w", where="f", mend="m"))), tmp_path, "--dry-run") == 4
    assert list(tmp_path.iterdir()) == []


def test_a_second_run_on_the_same_root_stands_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    codes: list[int] = []
    inner = job(nothing)
    assert run(job(lambda _run: codes.append(run(inner, tmp_path))), tmp_path) == 0
    assert codes == [AlreadyRunning.exit_code]
    assert "toy already runs on this root" in capsys.readouterr().err


def test_sigterm_is_a_clean_stop(tmp_path: Path) -> None:
    code = (
        "import sys, time\nfrom pathlib import Path\nfrom jobs.protocol import command, files\n"
        "def work(run):\n"
        "    with files.draft(run.root, run.root.path): print('here', flush=True); time.sleep(60)\n"
        "sys.exit(command.main(command.Job('toy', 'x', (command.Step('s', 'x', work),)), ['--root', sys.argv[1]]))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as job_process:
        assert job_process.stdout is not None
        job_process.stdout.readline()
        time.sleep(0.05)
        job_process.send_signal(signal.SIGTERM)
        _out, said = job_process.communicate(timeout=20)
    assert job_process.returncode == 143
    assert said.startswith(b"toy: stopped")
    assert [name for name in os.listdir(tmp_path) if name != "datamart"] == []


@pytest.mark.parametrize("name", ["preprocessing", "decisions"])
def test_ctrl_c_while_a_command_imports_what_it_needs_is_a_stop(tmp_path: Path, name: str) -> None:
    (tmp_path / "argparse.py").write_text("raise KeyboardInterrupt")
    words, around = [sys.executable, "-m", f"jobs.{name}"], os.environ | {"PYTHONPATH": str(tmp_path)}
    done = subprocess.run(words, cwd=Path(__file__).parents[2], env=around, check=False, capture_output=True)
    assert (done.returncode, done.stdout, done.stderr) == (command.STOPPED, b"", b"stopped\n")


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-", "| true", "2>&1 | true"])
def test_a_stream_that_nobody_reads_stops_no_run(tmp_path: Path, closed: str) -> None:
    code = (
        "import sys, time\nfrom jobs.protocol import command, errors\n"
        "def work(run):\n"
        "    time.sleep(0.1); run.events.say('here'); run.report.change('some/table')\n"
        "    raise errors.InputMissing('w', where='f', mend='m')\n"
        "sys.exit(command.main(command.Job('toy', 'x', (command.Step('s', 'x', work),)), ['--root', sys.argv[1]]))"
    )
    line = f'set -o pipefail; "$0" -c "$1" "$2" {closed}'
    done = subprocess.run(["bash", "-c", line, sys.executable, code, str(tmp_path)], check=False, capture_output=True)
    assert done.returncode == 3, done.stderr
    [receipt] = tmp_path.rglob("receipts/toy/*/1.json")
    assert json.loads(receipt.read_text())["changed"] == [{"name": "some/table"}]


def test_a_job_error_is_shown_whole_when_it_ends_the_run_early(tmp_path: Path) -> None:
    assert str(JobError("w", where="f", mend="m")) == "w\n  where: f\n  mend:  m"
