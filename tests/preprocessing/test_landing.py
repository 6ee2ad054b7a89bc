from __future__ import annotations

import gzip
import hashlib
import io
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest
from pyarrow import parquet

from jobs.preprocessing import arrivals, csv_survey, landing, landing_csv
from jobs.protocol import files
from jobs.protocol.errors import ContractBroken, InputMissing
from tests.preprocessing.landings import HEADER, KNOWN, as_python_reads, read, rows

SAMPLE = Path(__file__).parents[2] / "../shared/data/lending_club_sample/lending_club_sample.csv"


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param(b"1,MEM_1,9.5, 36 months\n", ("1", "MEM_1", "9.5", " 36 months"), id="leading-blanks-stay"),
        pytest.param(b"1,,,\n", ("1", None, None, None), id="nothing-is-null"),
        pytest.param(b'1,"","",""\n', ("1", None, None, None), id="nothing-in-quotes-is-null"),
        pytest.param(b'"1","",3,4\n', ("1", None, "3", "4"), id="nothing-in-quotes-after-something-in-quotes"),
        pytest.param(b'1,""""," ",\n', ("1", '"', " ", None), id="a-quote-or-a-blank-is-something"),
        pytest.param(b"1,NaN,null,NULL\n", ("1", "NaN", "null", "NULL"), id="words-for-nothing-stay-words"),
        pytest.param(b"1,2,3,4\r\n", ("1", "2", "3", "4"), id="windows-line-ends"),
        pytest.param(b'1,2,"x\r\ny",\r\n', ("1", "2", "x\r\ny", None), id="windows-line-ends-within-quotes-too"),
        pytest.param(b'1,"a,b\n""c""",3,"\r"\n', ("1", 'a,b\n"c"', "3", "\r"), id="all-that-quotes-can-hold"),
        pytest.param("1,Zoë,€,😀\n".encode(), ("1", "Zoë", "€", "😀"), id="utf-8"),
        pytest.param(b"Total amount,,,\n", ("Total amount", None, None, None), id="a-footer-of-full-width"),
        pytest.param(b"#1,'2,\\,4\n", ("#1", "'2", "\\", "4"), id="no-comments-no-other-quotes-no-escapes"),
        pytest.param(b"007,1e5,+1.0,0x1\n", ("007", "1e5", "+1.0", "0x1"), id="numbers-as-they-came"),
    ],
)
def test_a_row_is_kept_as_it_came(tmp_path: Path, data: bytes, expected: tuple[str | None, ...]) -> None:
    assert rows(tmp_path, HEADER + data) == [expected]


@pytest.mark.parametrize("head", [b"\xef\xbb\xbf" + HEADER, b'\xef\xbb\xbf"id",member_id,dti,"term"\r\n'])
def test_a_byte_order_mark_is_no_part_of_the_first_name(tmp_path: Path, head: bytes) -> None:
    assert rows(tmp_path, head + b"1,2,3,4\n") == [("1", "2", "3", "4")]


def test_columns_stand_in_the_order_of_the_contract_then_what_else_came(tmp_path: Path) -> None:
    landed, bronze = read(tmp_path, b"new,term,id,_odd\na,b,1,\n")
    assert bronze.columns == [*KNOWN, "new", "_odd", "_source_file", "_source_row"]
    assert bronze.rows() == [("1", None, None, "b", "a", None, "financial_2024_01_31.csv", 1)]
    assert (landed.shape.absent, landed.shape.extra) == (("member_id", "dti"), ("new", "_odd"))
    assert bronze.dtypes == [pl.String] * 7 + [pl.Int64]


def test_rows_are_numbered_as_they_lie_in_the_file(tmp_path: Path) -> None:
    _, bronze = read(tmp_path, HEADER + b"".join(b"%d,,,\n" % number for number in range(1000)))
    assert bronze["id"].cast(int).to_list() == list(range(1000))
    assert bronze["_source_row"].to_list() == list(range(1, 1001))


@pytest.mark.parametrize("data", [HEADER, HEADER.replace(b"\n", b"\r\n")])
def test_a_header_alone_is_a_day_without_rows(tmp_path: Path, data: bytes) -> None:
    landed, bronze = read(tmp_path, data)
    assert landed.rows == 0
    assert bronze.schema == dict.fromkeys([*KNOWN, "_source_file"], pl.String) | {"_source_row": pl.Int64}


def test_remarks_of_the_source_become_rows_to_be_rejected_later(tmp_path: Path) -> None:
    data = b'1,2,3,4\n\nTotal amount funded in policy code 1: 123\n5,6,7,8\n""\n'
    remark = ("Total amount funded in policy code 1: 123", None, None, None)
    blank = (None, None, None, None)
    assert rows(tmp_path, HEADER + data) == [("1", "2", "3", "4"), blank, remark, ("5", "6", "7", "8"), blank]


def test_a_packed_file_holds_the_same_rows(tmp_path: Path) -> None:
    data = HEADER + b'1,"",3,4\n5,6,7,8\n'
    members = gzip.compress(data[:30]) + gzip.compress(data[30:])
    landed, bronze = read(tmp_path, members, "csv.gz")
    assert bronze.drop("_source_file").equals(read(tmp_path, data)[1].drop("_source_file"))
    assert landed.sha256 == hashlib.sha256(members).hexdigest()
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        ".draft-bronze",
        "financial_2024_01_31.csv",
        "financial_2024_01_31.csv.gz",
    ]


def test_a_file_that_is_read_as_a_stream_gives_the_bytes_of_one_that_is_read_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = "".join(f'{n},MEM_{n},"a, {n % 97}",\n' for n in range(70_000))
    draft, found = tmp_path / ".draft-bronze", []
    for small in (16 << 20, 0):
        monkeypatch.setattr("jobs.preprocessing.landing_csv.SMALL", small)
        read(tmp_path, HEADER + rows.encode())
        found.append(draft.read_bytes())
    assert found[0] == found[1]


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_bronze_of_every_kind_has_row_groups_of_one_size_packed_by_zstd_without_statistics(
    tmp_path: Path, kind: str
) -> None:
    rows, data = pl.DataFrame({"id": range(140_000), "dti": "1.5"}), io.BytesIO()
    getattr(rows, {"csv": "write_csv", "jsonl": "write_ndjson", "parquet": "write_parquet"}[kind])(data)
    read(tmp_path, data.getvalue(), kind)
    footer = parquet.read_metadata(tmp_path / ".draft-bronze")
    groups = [footer.row_group(place) for place in range(footer.num_row_groups)]
    assert [group.num_rows for group in groups] == [65_536, 65_536, 140_000 - 2 * 65_536]
    chunks = [group.column(place) for group in groups for place in range(footer.num_columns)]
    assert {(chunk.compression, chunk.is_stats_set) for chunk in chunks} == {("ZSTD", False)}


def test_a_packed_file_may_not_grow_without_bounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = gzip.compress(HEADER + b"1,2,3,4\n" * 100_000)
    assert read(tmp_path, data, "csv.gz")[0].rows == 100_000
    assert len(data) < 2000
    for of, limit in ((files, "SMALL"), (arrivals, "MOST_BYTES")):
        with monkeypatch.context() as here:
            here.setattr(of, limit, 2000)
            with pytest.raises(ContractBroken, match="unpacks to more than"):
                read(tmp_path, data, "csv.gz")
    monkeypatch.setattr(files, "MOST_TIMES", 1)
    monkeypatch.setattr(files, "SMALL", len(gzip.decompress(data)))
    assert read(tmp_path, data, "csv.gz")[0].rows == 100_000, "as much as it may"
    monkeypatch.setattr(files, "SMALL", len(gzip.decompress(data)) - 1)
    with pytest.raises(ContractBroken, match="unpacks to more than"):
        read(tmp_path, data, "csv.gz")


def test_a_file_that_grows_while_it_is_read_is_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    surveyed = csv_survey.survey
    path = tmp_path / "financial_2024_01_31.csv"

    def grow(handle: int) -> csv_survey.Survey:
        found = surveyed(handle)
        with path.open("ab") as file:
            file.write(b"5,6,7,8\n")
        return found

    monkeypatch.setattr("jobs.preprocessing.landing_csv.survey", grow)
    with pytest.raises(InputMissing, match="still being written"):
        read(tmp_path, HEADER + b"1,2,3,4\n")


def test_a_file_that_is_changed_while_it_is_read_and_dated_back_is_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    surveyed = csv_survey.survey
    path = tmp_path / "financial_2024_01_31.csv"

    def change(handle: int) -> csv_survey.Survey:
        found, before = surveyed(handle), path.stat()
        time.sleep(0.02)  # the clock of a file system may tick only every 10 ms
        with path.open("r+b") as file:
            file.seek(-2, os.SEEK_END)
            file.write(b"9")
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        return found

    monkeypatch.setattr("jobs.preprocessing.landing_csv.survey", change)
    with pytest.raises(InputMissing, match="still being written"):
        read(tmp_path, HEADER + b"1,2,3,4\n")


def test_a_file_that_is_replaced_while_it_is_read_is_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    surveyed = csv_survey.survey
    path = tmp_path / "financial_2024_01_31.csv"

    def replace(handle: int) -> csv_survey.Survey:
        path.rename(tmp_path / "before")
        path.write_bytes(HEADER + b"5,6,7,8\n")
        return surveyed(handle)

    monkeypatch.setattr("jobs.preprocessing.landing_csv.survey", replace)
    with pytest.raises(InputMissing, match="still being written"):
        read(tmp_path, HEADER + b"1,2,3,4\n")


def test_the_same_file_gives_the_same_bytes_whatever_the_number_of_threads(tmp_path: Path) -> None:
    data = HEADER + b"".join(b'%d,MEM_%d,%d.5,"a,%d"\n' % (n, n, n % 97, n % 7) for n in range(200_000))
    path = tmp_path / "financial_2024_01_31.csv"
    path.write_bytes(data)
    code = (
        "import sys; from pathlib import Path; from jobs.preprocessing import landing\n"
        "landing.read(Path(sys.argv[1]), 'csv', ('id', 'dti', 'term', 'more'), (), Path(sys.argv[2]))"
    )
    digests = set()
    for threads in ("1", "2", "4"):
        draft = tmp_path / f"bronze-{threads}"
        environment = {**os.environ, "POLARS_MAX_THREADS": threads}
        subprocess.run([sys.executable, "-c", code, str(path), str(draft)], check=True, env=environment)
        digests.add(hashlib.sha256(draft.read_bytes()).hexdigest())
    assert len(digests) == 1


@pytest.mark.skipif(not SAMPLE.is_file(), reason="the public sample does not lie beside the project")
def test_the_public_sample_is_read_as_python_reads_it(tmp_path: Path) -> None:
    data = SAMPLE.read_bytes()
    landed, bronze = read(tmp_path, data)
    names = data.splitlines()[0].decode().split(",")
    assert landed.rows == 2000
    assert bronze.select(names).rows() == as_python_reads(data)


def test_a_full_disk_is_not_the_files_fault(tmp_path: Path) -> None:
    path = tmp_path / "financial_2024_01_31.csv"
    path.write_bytes(HEADER + b"1,2,3,4\n")
    with pytest.raises(OSError, match="No space left"):
        landing.read(path, "csv", KNOWN, (), Path("/dev/full"))


def test_of_a_packed_file_that_does_not_fit_on_the_disk_nothing_is_used(tmp_path: Path) -> None:
    data = HEADER + b"1,2,3,4\n" * 9000
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(HEADER) + len(b"1,2,3,4\n") * 8000, before[1]))
    try:  # the last write is cut at a line end
        with pytest.raises(OSError, match="too large"):
            read(tmp_path, gzip.compress(data), "csv.gz")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_disk_that_fills_while_rows_stream_is_told_as_the_system_tells_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise pl.exceptions.ComputeError("No space left on device (os error 28)")

    monkeypatch.setattr(landing_csv, "_written", full)
    with pytest.raises(OSError, match="No space left") as found:
        read(tmp_path, HEADER + b"1,2,3,4\n")
    assert (found.value.errno, found.value.filename) == (28, str(tmp_path / ".draft-bronze"))
