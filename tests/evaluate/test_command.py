from __future__ import annotations

import errno
import gzip
import os
import subprocess
import sys
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import pytest

from jobs.evaluate import reading
from jobs.evaluate.__main__ import main
from jobs.protocol import files
from tests.evaluate.files import ENDS, refused, scored, told, write

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType

ROOT = Path(__file__).resolve().parents[2]


def test_a_missing_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert str(tmp_path / "none.csv") in refused(capsys, 3, tmp_path / "none.csv", *ENDS)
    path = write(scored(), tmp_path / "scored.csv")
    assert "there is no such file" in refused(capsys, 3, path, *ENDS, "--reference", tmp_path / "none.csv")


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_file_that_the_system_refuses_is_not_called_broken(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(scored(), tmp_path / f"scored.{kind}")

    def refuse(self: Path, *_: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(self))

    monkeypatch.setattr(Path, "open", refuse)
    said = refused(capsys, 1, path, *ENDS)
    assert "the system refused: Permission denied" in said
    assert str(path) in said


def test_usage_that_cannot_be(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(scored(), tmp_path / "scored.csv")
    assert "--reference" in refused(capsys, 2, path, *ENDS, "--estimate")
    assert "one column" in refused(capsys, 2, path, "--score", "pd", "--label", "pd")
    (tmp_path / "scored.xlsx").write_bytes(b"PK")
    assert ".parquet" in refused(capsys, 2, tmp_path / "scored.xlsx", *ENDS)
    with pytest.raises(SystemExit) as left:
        main([str(path), "--score", "pd"])
    assert left.value.code == 2


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_name_that_is_a_pattern_names_one_file(kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(scored(400, seed=6), tmp_path / f"scored1.{kind}")
    for name in ("scored[1]", "scored*"):
        assert told(capsys, write(scored(), tmp_path / f"{name}.{kind}"), *ENDS)["rows"] == 600


CANARY = "canary-7731"


@pytest.mark.parametrize(
    ("content", "options", "expected"),
    [
        pytest.param("pds,y\n0.1,0\n", ENDS, "did you mean 'pds'?", id="a-column-misspelt"),
        pytest.param("pd;y\n0.1;0\n", ENDS, "separated by ';'", id="another-separator"),
        pytest.param("a,b\n0.1,0\n", ENDS, "the file has 'a', 'b'", id="no-such-column"),
        pytest.param(f"pd,y\n{CANARY},0\n", ENDS, "the scores are not all numbers", id="scores-of-text"),
        pytest.param('pd,y\n"0,7731",0\n', ENDS, "with a point", id="scores-with-a-decimal-comma"),
        pytest.param("pd,y\n7731 %,0\n", ENDS, "without signs such as %", id="scores-with-a-sign"),
        pytest.param("pd,y\n0.1,0\n0.2,1\n7731.5,0\n", ENDS, "1 of 3 scores lie outside [0, 1]", id="a-score-outside"),
        pytest.param(f"pd,y\n0.1,0\n0.2,{CANARY}\n", ENDS, "not 0 and 1", id="labels-of-text"),
        pytest.param(f"pd,y\n0.1,0\n0.2,1\n0.2,{CANARY}\n", ENDS, "3 values, not two", id="a-third-label"),
        pytest.param(
            f"pd,y\n0.1,good\n0.2,{CANARY}\n",
            (*ENDS, "--bad", "evil"),
            "neither of the two labels",
            id="an-unknown-bad",
        ),
        pytest.param(f"pd,y\n0.1,0\n0.2,1,{CANARY}\n", ENDS, "cannot be read as CSV", id="a-row-too-long"),
        pytest.param("pd,y\r0.1,0\r7731,1\r", ENDS, "line feed", id="lines-that-end-in-cr-alone"),
        pytest.param("p\0d\0,\0y\0\n\0" + "0\0", ENDS, "as UTF-8", id="utf-16"),
        pytest.param("0.7731,0\n0.2,1\n", ENDS, "name the columns", id="no-names"),
        pytest.param("pd,pd,y\n0.1,0.2,0\n", ENDS, "a name of its own", id="one-name-twice"),
        pytest.param("", ENDS, "cannot be read as CSV", id="no-header"),
        pytest.param(
            'y,"a\nb",pd\n0,1,0.1\n1,7731\n',
            ENDS,
            "line 4 has 2 fields where the header has 3 names",
            id="a-row-too-short",
        ),
        pytest.param(gzip.compress(b"pd,y\n0.7731,0\n")[:-9], ENDS, "cannot be read as CSV", id="a-gzip-cut-short"),
        pytest.param(gzip.compress(gzip.compress(b"pd,y\n")), ENDS, "unpack it first", id="packed-twice"),
        pytest.param(zlib.compress(b"pd,y\n0.7731,0\n"), ENDS, "unpack it first", id="packed-by-zlib"),
        pytest.param(b"pd,y\n0.1,\xff\xfe7731\n", ENDS, "cannot be read as CSV", id="not-utf-8"),
    ],
)
def test_a_broken_file_is_named_without_its_values(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str | bytes, options: Sequence[str], expected: str
) -> None:
    path = tmp_path / "scored.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    message = refused(capsys, 4, path, *options)
    assert expected in message
    assert str(path) in message
    assert "7731" not in message


@pytest.mark.parametrize("content", [b"", b"PAR1", b"PAR1" + bytes(40) + b"PAR1", b"pd,y\n0.1,0\n"])
def test_a_damaged_parquet_file_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes) -> None:
    path = tmp_path / "scored.parquet"
    path.write_bytes(content)
    assert "cannot be read as parquet" in refused(capsys, 4, path, *ENDS)


def test_a_packed_file_may_not_grow_without_bounds(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(scored(), tmp_path / "scored.csv")
    packed, size = tmp_path / "packed.csv.gz", path.stat().st_size
    packed.write_bytes(gzip.compress(path.read_bytes()))
    monkeypatch.setattr(files, "MOST_TIMES", 1)
    monkeypatch.setattr(files, "SMALL", size)
    assert told(capsys, packed, *ENDS)["auc"] == told(capsys, path, *ENDS)["auc"]
    monkeypatch.setattr(files, "SMALL", size - 1)
    assert "unpacks to more than a file of its size should hold" in refused(capsys, 4, packed, *ENDS)


@pytest.mark.parametrize(("of", "limit", "most"), [(reading, "MOST_ROWS", 599), (files, "SMALL", 1)])
def test_a_parquet_file_that_claims_too_much_is_refused(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    of: ModuleType,
    limit: str,
    most: int,
) -> None:
    path = write(scored(), tmp_path / "scored.parquet")
    assert told(capsys, path, *ENDS)["rows"] == 600
    monkeypatch.setattr(files, "MOST_TIMES", 0)
    monkeypatch.setattr(of, limit, most)
    assert "its footer claims more than a file of this size should hold" in refused(capsys, 4, path, *ENDS)


@pytest.mark.parametrize("labels", [[[0], [1]], [{"bad": 0}, {"bad": 1}]], ids=["lists", "structs"])
def test_labels_that_hold_other_values_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], labels: list[object]
) -> None:
    path = write(pl.DataFrame({"pd": [0.1, 0.9], "y": labels}), tmp_path / "scored.parquet")
    assert "the labels are nested values" in refused(capsys, 4, path, *ENDS)


def test_scores_of_two_scales_are_not_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old = write(scored().with_columns(pd=pl.col("points")), tmp_path / "old.csv")
    new = write(scored(), tmp_path / "new.csv")
    assert "probabilities" in refused(capsys, 4, new, *ENDS, "--reference", old)


def test_a_reference_without_labels_gives_no_estimate(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old, new = write(scored().drop("y"), tmp_path / "old.csv"), write(scored(), tmp_path / "new.csv")
    assert "there is no column 'y'" in refused(capsys, 4, new, *ENDS, "--reference", old, "--estimate")
    assert told(capsys, new, *ENDS, "--reference", old)["psi"] == 0.0


def test_a_reader_who_has_seen_enough_is_no_failure(tmp_path: Path) -> None:
    path = write(scored(), tmp_path / "scored.csv")
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "jobs.evaluate", str(path), *ENDS]
    done = subprocess.run(command, cwd=ROOT, stdout=writer, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_module_runs_as_a_command_and_says_how_to_use_it() -> None:
    command = [sys.executable, "-m", "jobs.evaluate"]
    shown = subprocess.run([*command, "--help"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert shown.returncode == 0
    for option in ("--score", "--label", "--bad", "--reference", "--estimate", "--json", "exit codes"):
        assert option in shown.stdout
    missing = subprocess.run([*command, "none.csv", *ENDS], cwd=ROOT, capture_output=True, text=True, check=False)
    assert missing.returncode == 3
    assert missing.stderr.count("\n") == 3
