from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from jobs.protocol import clock, contract
from jobs.protocol.command import STOPPED
from jobs.sql.__main__ import main
from tests.sql.built import FIRST, ask, build, refused

HOME = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "jobs.sql"]
SLOW = "select sum(a.range * b.range + c.range) from range(100000) a, range(100000) b, range(100000) c"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    build(tmp_path, "silver/loan_terms", FIRST, {"id": [1, 2], "grade": ["A", "=B"]})
    return tmp_path


@pytest.mark.parametrize(
    ("to", "told"),
    [
        pytest.param("table", "id  grade\n--  -----\n 1  A\n 2  =B\n", id="table"),
        pytest.param("csv", "id,grade\n1,A\n2,'=B\n", id="csv"),
        pytest.param("json", '[\n{"id": 1, "grade": "A"},\n{"id": 2, "grade": "=B"}\n]\n', id="json"),
    ],
)
def test_an_answer_comes_in_three_forms(to: str, told: str, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ask(capsys, root, "select id, grade from silver_loan_terms order by id", to=to) == told


def test_an_answer_is_a_table_as_of_today_unless_told_otherwise(
    root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(root)
    assert main(["from silver_loan_terms select id, snapshot_date"]) == 0
    assert [line.split() for line in capsys.readouterr().out.splitlines()[2:]] == [["1", str(FIRST)], ["2", str(FIRST)]]


def test_without_a_query_every_view_is_listed_with_its_columns(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    told = capsys.readouterr().out
    assert f"gold_label_store: {contract.load('gold/label_store').schema['description']}\n" in told
    for column in contract.load("gold/label_store").columns:
        assert f"  {column.name} " in told
        assert column.description in told
    rejects = told.partition("silver_rejects_financial: ")[2]
    assert "snapshot_date" in rejects.split("silver_", 1)[0]


def test_a_root_where_nothing_is_built_yet_is_told_apart_from_an_empty_answer(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    empty = root / "empty"
    empty.mkdir()
    assert refused(capsys, empty, "from silver_loan_terms")[0] == 3
    code, told = refused(capsys, root, "from silver_loan_terms", "--date", "2023-12-31")
    assert code == 3
    assert f"nothing was built by 2023-12-31\n  where: {root / 'datamart'}\n" in told
    assert ask(capsys, root, "select id from silver_financial") == "id\n"
    assert ask(capsys, empty, "select 1 as a") == "a\n1\n"


def test_a_wrong_command_line_is_told(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ask(capsys, root, "select 1 as a", "--date", str(clock.today())) == "a\n1\n"
    assert "9999-01-01 is after today (" in refused(capsys, root, "select 1", "--date", "9999-01-01")[1]
    assert refused(capsys, root / "none", "select 1")[0] == 2
    for wrong in (["--date", "2024-1-1"], ["--format", "xml"], ["select 1", "select 2"]):
        with pytest.raises(SystemExit, match="2"):
            main(wrong)


def test_the_answer_leaves_the_root_as_it_was(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = {path: path.stat().st_mtime_ns for path in root.rglob("*")}
    ask(capsys, root, "from silver_loan_terms")
    assert {path: path.stat().st_mtime_ns for path in root.rglob("*")} == before


def test_the_command_runs_explains_itself_and_stops_when_its_reader_has_seen_enough(root: Path) -> None:
    shown = subprocess.run([*COMMAND, "--help"], cwd=HOME, capture_output=True, text=True, check=True).stdout
    assert all(part in shown for part in ("--date", "--format", "--root", "examples:", "exit codes:"))
    query = "select repeat('x', 1000) from range(20000)"
    with subprocess.Popen(
        [*COMMAND, query, "--format", "csv", "--root", str(root)],
        cwd=HOME,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        running.stdout.readline()
        running.stdout.close()
        assert (running.wait(60), running.stderr.read()) == (0, b"")
    assert json.loads(
        subprocess.run(
            [*COMMAND, "select 1 as a", "--format", "json", "--root", str(root)],
            cwd=HOME,
            capture_output=True,
            check=True,
        ).stdout
    ) == [{"a": 1}]


def test_help_and_errors_need_no_database() -> None:
    code = (
        "import sys, jobs.sql.__main__; sys.exit(any(name in sys.modules for name in ('duckdb', 'pyarrow', 'polars')))"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=HOME, check=False).returncode == 0


@pytest.mark.parametrize(
    "query", ["select range from range(9000000000)", SLOW], ids=["while it answers", "before it does"]
)
def test_ctrl_c_amid_a_query_is_a_stop_and_no_bug(query: str, root: Path) -> None:
    words = [*COMMAND, query, "--format", "csv", "--root", str(root)]
    with subprocess.Popen(words, cwd=HOME, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        assert running.stdout is not None
        if query == SLOW:
            time.sleep(1.5)
        else:
            running.stdout.readline()
        running.send_signal(signal.SIGINT)
        try:
            _out, said = running.communicate(timeout=20)
        finally:
            running.kill()
    assert (running.returncode, said) == (STOPPED, b"stopped\n")
