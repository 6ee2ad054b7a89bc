from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from contextlib import nullcontext
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from jobs.preprocessing.arrivals import Landed, Listing, discover, is_offered, is_quiet, open_plain, parse_name
from jobs.preprocessing.bronze import read_complete
from jobs.protocol.errors import ContractBroken, InputMissing


def found_in(table: str, names: list[str], until: date = date.max) -> Listing:
    return discover({table: {name: [0] for name in filter(is_offered, names)}}, until)


NOW = datetime(2024, 1, 31, 6, tzinfo=UTC)
DATA = b"id,member_id\n1,MEM_1\n"
DIGEST = hashlib.sha256(DATA).hexdigest()


def landed(
    folder: Path, data: bytes = DATA, *, age: float, checksum: str | None = None, checksum_age: float = 3600
) -> Path:
    path = folder / "financial_2024_01_31.csv"
    path.write_bytes(data)
    touch(path, age)
    if checksum is not None:
        beside = folder / f"{path.name}.sha256"
        beside.write_text(checksum)
        touch(beside, checksum_age)
    return path


def touch(path: Path, age: float) -> None:
    moment = (NOW - timedelta(seconds=age)).timestamp()
    os.utime(path, (moment, moment))


def test_names_give_table_date_and_kind_oldest_first() -> None:
    names = ["financial_2024_02_01.parquet", "financial_2024_01_31.csv.gz", "financial_2024_01_30.jsonl"]
    found = found_in("financial", names)
    assert [(arrival.day.day, arrival.kind) for arrival in found.landed] == [
        (30, "jsonl"),
        (31, "csv.gz"),
        (1, "parquet"),
    ]
    assert not found.refused
    assert not found.unknown


def test_of_days_that_are_known_to_be_well_only_the_days_are_listed() -> None:
    names = {f"financial_2024_01_{day}.csv": [0] for day in (29, 30, 31)} | {"README.md": [0]}
    found = discover({"financial": names, "demographic": {}}, date(2024, 1, 30), date(2024, 1, 29))
    assert [one.day.day for one in found.landed] == [30]
    assert found.days == {"financial": {date(2024, 1, 29), date(2024, 1, 30)}, "demographic": set()}
    assert found.unknown == ["datamart/landing/financial/README.md"]


def test_the_first_day_that_may_land_is_that_of_the_year_2000() -> None:
    assert [one.day for one in found_in("financial", ["financial_2000_01_01.csv"]).landed] == [date(2000, 1, 1)]


@pytest.mark.parametrize("kind", ["csv", "csv.gz", "jsonl", "parquet"])
def test_a_landed_file_knows_its_place(kind: str) -> None:
    name = f"loan_terms_2007_06_05.{kind}"
    assert [one.name for one in found_in("loan_terms", [name]).landed] == [f"datamart/landing/loan_terms/{name}"]


@pytest.mark.parametrize(
    "name",
    [".financial_2024_01_31.csv.swp", ".draft-12-ab", "financial_2024_01_31.csv.sha256", ".hidden"],
)
def test_drafts_checksums_and_hidden_files_are_passed_over(name: str) -> None:
    found = found_in("financial", [name])
    assert (found.landed, found.refused, found.unknown) == ([], [], [])


@pytest.mark.parametrize(
    "name",
    [
        "README.md",
        "financial.csv",
        "loan_terms_2024_01_31.csv",
        "financial_2024_01_31.xlsx",
        "financial_2024_01_31",
        "Financial_2024_01_31.csv",
    ],
)
def test_other_names_are_reported_and_keep_nothing_else_from_being_taken(name: str) -> None:
    found = found_in("financial", [name, "financial_2024_01_31.csv"])
    assert found.unknown == [f"datamart/landing/financial/{name}"]
    assert len(found.landed) == 1
    assert parse_name("financial", name) == (None, None)


@pytest.mark.parametrize(
    "text",
    [
        "2024_02_30",
        "2024_13_01",
        "2024_1_05",
        "20240105",
        "2024-01-05",
        "2024_01_05_final",
        "٢٠٢٤_01_05",
        "0000_01_01",
        "1999_12_31",
    ],
)
def test_a_name_without_a_real_date_is_refused_by_name(text: str) -> None:
    name = f"financial_{text}.csv"
    found = found_in("financial", [name, "financial_2024_01_31.csv"])
    assert [refusal.where for refusal in found.refused] == [f"datamart/landing/financial/{name}"]
    assert len(found.landed) == 1


def test_two_files_for_one_day_are_both_named_and_neither_is_taken() -> None:
    same_day = [f"financial_2024_01_31.{kind}" for kind in ("csv", "csv.gz")]
    found = found_in("financial", [*same_day, "financial_2024_02_01.csv"])
    assert [landed.day for landed in found.landed] == [date(2024, 2, 1)]
    assert "financial_2024_01_31.csv, financial_2024_01_31.csv.gz" in found.refused[0].what
    assert date(2024, 1, 31) in found.days["financial"], "it has landed, and is not told to be missing"


@pytest.mark.parametrize(("age", "quiet"), [(61, True), (60, True), (59, False), (0, False), (-5, False)])
def test_a_file_is_taken_when_nobody_wrote_to_it_for_a_minute(tmp_path: Path, age: float, quiet: bool) -> None:
    path = landed(tmp_path, age=age)
    assert is_quiet(path, NOW) is quiet
    with nullcontext() if quiet else pytest.raises(InputMissing, match="may still be arriving"):
        assert taken(path) == DIGEST


@pytest.mark.parametrize(
    "text", [DIGEST, DIGEST.upper(), f"{DIGEST}  financial_2024_01_31.csv\n", f"{DIGEST} *financial_2024_01_31.csv\r\n"]
)
def test_a_file_whose_checksum_fits_is_taken_at_once(tmp_path: Path, text: str) -> None:
    assert taken(landed(tmp_path, age=0, checksum=text, checksum_age=0)) == DIGEST


@pytest.mark.parametrize("text", ["", "0" * 64, DIGEST[:-1], DIGEST + "0", "é"])
@pytest.mark.parametrize(("age", "checksum_age"), [(3, 3600), (3600, 3)])
@pytest.mark.parametrize("data", [DATA, DATA[:-1]])
def test_a_checksum_that_does_not_fit_yet_may_still(
    tmp_path: Path, data: bytes, text: str, age: float, checksum_age: float
) -> None:
    with pytest.raises(InputMissing, match="may still be arriving"):
        taken(landed(tmp_path, data, age=age, checksum=text, checksum_age=checksum_age))


@pytest.mark.parametrize("text", ["", "0" * 64, DIGEST[:-1], DIGEST + "0", "é"])
@pytest.mark.parametrize("data", [DATA, DATA[:-1]])
def test_a_checksum_that_never_fitted_refuses_the_file(tmp_path: Path, data: bytes, text: str) -> None:
    with pytest.raises(ContractBroken, match="does not match the checksum"):
        taken(landed(tmp_path, data, age=3600, checksum=text))


def test_a_file_whose_checksum_fits_is_refused_for_what_is_wrong_with_it(tmp_path: Path) -> None:
    cut = DATA[:-1]
    with pytest.raises(ContractBroken, match="the last line has no line end"):
        taken(landed(tmp_path, cut, age=3, checksum=hashlib.sha256(cut).hexdigest(), checksum_age=3))


def test_a_file_that_is_gone_is_missing(tmp_path: Path) -> None:
    with pytest.raises(InputMissing, match="the file is gone"):
        taken(tmp_path / "financial_2024_01_31.csv")


@pytest.mark.parametrize("planted", ["link", "pipe", "folder"])
@pytest.mark.parametrize("where", ["file", "checksum"])
def test_only_regular_files_are_looked_at(tmp_path: Path, planted: str, where: str) -> None:
    path = landed(tmp_path, age=3600, checksum=DIGEST)
    target = path if where == "file" else tmp_path / f"{path.name}.sha256"
    target.unlink()
    plant(target, planted)
    with pytest.raises(ContractBroken, match=r"it is not a plain file"):
        taken(path)
    with pytest.raises(ContractBroken, match=r"it is not a plain file"):
        open_plain(target)


@pytest.mark.parametrize("planted", ["link", "pipe", "folder"])
def test_what_takes_the_place_of_a_file_after_the_look_is_refused_and_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, planted: str
) -> None:
    path = landed(tmp_path, age=3600)
    looked_at = path.lstat()
    path.unlink()
    plant(path, planted)
    monkeypatch.setattr(Path, "lstat", lambda _: looked_at)
    handles = Path("/proc/self/fd")
    before = len(os.listdir(handles)) if handles.is_dir() else None
    with pytest.raises(ContractBroken, match=r"it is not a plain file"):
        open_plain(path)
    assert before is None or len(os.listdir(handles)) == before, "no handle is left open"


def taken(path: Path) -> str:
    of = Landed(date(2024, 1, 31), "financial", "csv", path.name, [0, 0])
    return read_complete(path, of, NOW, path.with_name(".draft")).sha256


def plant(path: Path, planted: str) -> None:
    if planted == "link":
        (path.parent / "elsewhere").write_bytes(DATA)
        path.symlink_to(path.parent / "elsewhere")
    elif planted == "pipe":
        os.mkfifo(path)
    else:
        path.mkdir()


def test_looking_for_arrivals_needs_no_library() -> None:
    code = "import sys, jobs.preprocessing.arrivals; print(sorted({'polars', 'pyarrow', 'numpy'} & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert found.stdout.strip() == "[]"
