"""What the importer accepts and refuses, and how it numbers rows."""

from __future__ import annotations

import gzip
import zipfile
from typing import TYPE_CHECKING

import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from jobs.import_lending_club import sources
from jobs.import_lending_club.columns import KNOWN
from jobs.import_lending_club.sources import Source
from jobs.protocol.errors import ContractBroken
from tests.import_lending_club.public_file import loan, text_of

if TYPE_CHECKING:
    from pathlib import Path

TWO = text_of(loan(id="7"), loan(id="8", emp_length="n/a"))
PROSPECTUS = "Notes offered by Prospectus (https://www.lendingclub.com/info/prospectus.action)\n"
REJECTED = (
    "Amount Requested,Application Date,Loan Title,Risk_Score,Debt-To-Income Ratio,Zip Code,State,Employment Length"
)


def read(path: Path, member: str | None = None) -> tuple[Source, pl.DataFrame]:
    source = Source(path, "", member)
    frames = list(sources.frames(source, lambda _: None))
    return source, pl.concat(frames) if frames else pl.DataFrame()


def read_text(folder: Path, text: str | bytes) -> tuple[Source, pl.DataFrame]:
    path = folder / "loans.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return read(path)


def zipped(folder: Path, **members: str) -> Path:
    path = folder / "loans.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return path


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(TWO, id="plain"),
        pytest.param(TWO.replace("\n", "\r\n"), id="lines-of-dos"),
        pytest.param(TWO.replace("\n", "\r"), id="lines-of-old-macs"),
        pytest.param("\ufeff" + TWO, id="byte-order-mark"),
        pytest.param(TWO.rstrip("\n"), id="no-newline-at-the-end"),
        pytest.param(PROSPECTUS + TWO, id="preamble"),
        pytest.param(TWO.replace("\n", "\n\n"), id="blank-lines"),
        pytest.param(TWO.replace("loan_amnt", '" Loan_Amnt "', 1), id="header-quoted-and-in-capitals"),
        pytest.param(gzip.compress(TWO.encode()), id="gzip"),
        pytest.param(gzip.compress(TWO[:40].encode()) + gzip.compress(TWO[40:].encode()), id="gzip-in-two-members"),
    ],
)
def test_variants_of_the_csv_read_alike(text: str | bytes, tmp_path: Path) -> None:
    _, rows = read_text(tmp_path, text)
    assert rows.select("id", "term", "emp_length", "_row").rows() == [
        ("7", " 36 months", "10+ years", 1),
        ("8", " 36 months", "n/a", 2),
    ]


def test_a_zip_may_hold_notes_beside_its_one_csv(tmp_path: Path) -> None:
    path = zipped(tmp_path, **{"LoanStats.csv": TWO, "__MACOSX/._LoanStats.csv": "x", "readme.txt": "x"})
    assert read(path)[1]["id"].to_list() == ["7", "8"]


def test_a_file_of_a_zip_is_read_by_its_name(tmp_path: Path) -> None:
    path = zipped(tmp_path, **{"a.csv": text_of(loan(id="1")), "b.csv": TWO})
    assert read(path, "a.csv")[1]["id"].to_list() == ["1"]


def test_parquet_of_any_types_becomes_text(tmp_path: Path) -> None:
    frame = pl.DataFrame([loan(id="7"), loan(id="8")]).with_columns(
        pl.col("id").cast(pl.Int64),
        pl.col("loan_status").cast(pl.Categorical),
        issue_d=pl.date(2015, 12, 1),
        last_pymnt_d=pl.datetime(2016, 7, 1),
        dti=pl.lit(27.65),
        url=pl.lit(None),
    )
    frame.write_parquet(tmp_path / "loans.parquet")
    _, rows = read(tmp_path / "loans.parquet")
    assert set(rows.drop("_row").dtypes) == {pl.String}
    seen = rows.select("id", "issue_d", pl.col("last_pymnt_d").str.head(10), "dti", "url", "_row").row(1)
    assert seen == ("8", "2015-12-01", "2016-07-01", "27.65", None, 2)


def test_cells_with_commas_quotes_and_line_breaks_are_one_cell(tmp_path: Path) -> None:
    hostile = 'a, "b"\n=c\r\nd'
    _, rows = read_text(tmp_path, text_of(loan(desc=hostile), loan(id="8", desc="")))
    assert rows["desc"].to_list() == [hostile, None]


def test_a_text_of_megabytes_is_one_cell(tmp_path: Path) -> None:
    long = "x" * (3 << 20)
    assert read_text(tmp_path, text_of(loan(), loan(id="8", desc=long)))[1]["desc"].to_list() == [None, long]


@given(kept=st.lists(st.booleans(), min_size=1, max_size=60))
@settings(max_examples=25)
def test_rows_are_numbered_by_their_place_in_the_file(
    kept: list[bool], tmp_path_factory: pytest.TempPathFactory
) -> None:
    header, line, _ = text_of(loan()).split("\n")
    text = "\n".join([header, *(line if whole else "Total amount funded: 3" for whole in kept)])
    source, rows = read_text(tmp_path_factory.mktemp("numbers"), text)
    expected = [number for number, whole in enumerate(kept, start=1) if whole]
    assert (rows["_row"].to_list() if rows.width else []) == expected
    assert source.rows == len(kept)
    assert source.skipped == {number: "footer" for number, whole in enumerate(kept, start=1) if not whole}


def test_rows_are_numbered_across_chunks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "_HELD_BYTES", 1024)
    loans = [loan(id=str(number)) for number in range(1, 201)]
    lines = text_of(*loans).split("\n")
    lines.insert(100, "cut,short")
    source, rows = read_text(tmp_path, "\n".join(lines))
    assert (rows["_row"] - rows["id"].cast(pl.Int64)).to_list() == [0] * 99 + [1] * 101
    assert source.skipped == {100: "wrong_number_of_fields"}


def test_repeated_missing_and_unknown_columns_are_noted(tmp_path: Path) -> None:
    lines = ["Unnamed: 0," + TWO.split("\n")[0] + ",dti", *("9," + line + ",27.65" for line in TWO.split("\n")[1:3])]
    source, rows = read_text(tmp_path, PROSPECTUS + "\n".join(lines))
    assert rows["dti"].to_list() == ["27.65", "27.65"]
    assert source.notes == {
        "preamble_lines": 1,
        "missing_columns": [name for name in KNOWN if name not in loan()],
        "repeated_columns": ["dti"],
        "ignored_columns": ["unnamed: 0"],
    }


def test_a_column_repeated_with_other_content_is_refused(tmp_path: Path) -> None:
    lines = [TWO.split("\n")[0] + ",dti", *(line + ",1" for line in TWO.split("\n")[1:3])]
    with pytest.raises(ContractBroken, match="the column dti stands there more than once, with different content"):
        read_text(tmp_path, "\n".join(lines))


@pytest.mark.parametrize("again", [pytest.param("27.65", id="alike"), pytest.param("1", id="different")])
def test_columns_repeated_in_parquet_are_held_against_each_other(again: str, tmp_path: Path) -> None:
    table = pa.Table.from_pylist([{"__index_level_0__": "0"} | loan()])
    parquet.write_table(table.append_column("dti", pa.array([again])), tmp_path / "loans.parquet")
    if again == "1":
        with pytest.raises(ContractBroken, match="different content"):
            read(tmp_path / "loans.parquet")
    else:
        assert read(tmp_path / "loans.parquet")[1].select("id", "dti").row(0) == ("1077501", "27.65")


UNCLOSED = TWO + '9,"' + "a,b\n"
REFUSED = {
    "empty": (b"", "the file is empty"),
    "pdf": (b"%PDF-1.7\n", "a PDF document"),
    "excel-97": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an Excel or Word file"),
    "bzip2": (b"BZh91AY&SY", "packed with bzip2"),
    "xz": (b"\xfd7zXZ\x00\x00\x04", "packed with xz"),
    "7-zip": (b"7z\xbc\xaf'\x1c", "packed with 7-Zip"),
    "rar": (b"Rar!\x1a\x07", "packed with RAR"),
    "zstandard": (b"\x28\xb5\x2f\xfd\x24", "packed with zstandard"),
    "utf-16-of-the-other-end": (b"\xfe\xff" + TWO.encode("utf-16-be"), "UTF-16 text"),
    "utf-16": (TWO.encode("utf-16"), "UTF-16 text"),
    "binary": (bytes(range(256)), "binary"),
    "latin-1": (text_of(loan(), loan(desc="caf\xe9")).encode("latin-1"), "not UTF-8"),
    "semicolons": (TWO.replace(",", ";").encode(), "separated by semicolons, not by commas"),
    "tabs": (TWO.replace(",", "\t").encode(), "separated by tabs, not by commas"),
    "rejected-loans": (f"{REJECTED},Policy Code\n1,2,3,4,5,6,7,8,9\n".encode(), "the rejected-loans file"),
    "another-table": (b"a,b,c,d\n1,2,3,4\n", "no header in the first lines; the first has 4 comma-separated fields"),
    "a-core-column-missing": (b"id,url,grade,term,loan_amnt\n1,2,3,4,5\n", "issue_d, loan_status not among them"),
    "gzip-cut-short": (gzip.compress(TWO.encode())[:-9], "damaged or cut short"),
    "gzip-bomb": (gzip.compress(TWO.encode() + b"\n" * (65 << 20)), "unpacks to over 200 times its size"),
    "parquet-cut-short": (b"PAR1" + bytes(40), "cannot be read"),
    "a-nul-byte": (TWO.replace("n/a", "n\0a").encode(), "a cell holds a NUL byte, which no landing file may have"),
    "cut-within-a-row": (TWO.encode()[:-99], "the last row breaks off"),
    "a-quote-that-swallows-rows": ((UNCLOSED + "a,b\n" * 200).encode(), "row 3 goes over more than 100 lines"),
    "a-quote-that-swallows-the-file": ((UNCLOSED + "a,b\n" * (3 << 20)).encode(), "never closes"),
}


@pytest.mark.parametrize(("content", "message"), REFUSED.values(), ids=REFUSED)
def test_other_files_are_refused_with_what_was_seen(content: bytes, message: str, tmp_path: Path) -> None:
    with pytest.raises(ContractBroken) as refusal:
        read_text(tmp_path, content)
    assert message in refusal.value.what


def test_a_refusal_says_what_is_accepted(tmp_path: Path) -> None:
    with pytest.raises(
        ContractBroken, match=r"accepted-loans file .*\(\.csv\.gz, or a \.zip with one \.csv\), or Parquet"
    ):
        read_text(tmp_path, b"%PDF-1.7\n")


ZIPS = {
    "an-excel-workbook": ({"[Content_Types].xml": "x", "xl/a.csv": TWO}, None, "an Excel workbook"),
    "two-csv-files": ({"a.csv": TWO, "b.csv": TWO}, None, r"2 \.csv files, not one: \['a.csv', 'b.csv'\]"),
    "no-csv-file": ({"a.txt": TWO}, None, r"0 \.csv files, not one"),
    "not-the-one-named": ({"a.csv": TWO}, "b.csv", r"no 'b.csv': \['a.csv'\]"),
    "a-bomb": ({"a.csv": TWO + "\n" * (65 << 20)}, None, "unpacks to over 200 times its size"),
}


@pytest.mark.parametrize(("members", "member", "message"), ZIPS.values(), ids=ZIPS)
def test_a_zip_that_is_not_clear_is_refused(
    members: dict[str, str], member: str | None, message: str, tmp_path: Path
) -> None:
    with pytest.raises(ContractBroken, match=message):
        read(zipped(tmp_path, **members), member)


def test_a_small_file_may_grow_by_any_number_of_times(tmp_path: Path) -> None:
    assert read_text(tmp_path, gzip.compress(TWO.encode() + b"\n" * (1 << 20)))[1].height == 2


def test_a_parquet_that_claims_to_unpack_without_bounds_is_refused(tmp_path: Path) -> None:
    cells = loan(desc="x" * (65 << 20))
    pl.DataFrame([cells]).write_parquet(tmp_path / "loans.parquet", compression="zstd")
    with pytest.raises(ContractBroken, match="unpacks to over 200 times its size"):
        read(tmp_path / "loans.parquet")


def test_parquet_with_structures_in_a_column_is_refused(tmp_path: Path) -> None:
    pl.DataFrame([loan()]).with_columns(dti=pl.concat_list("dti")).write_parquet(tmp_path / "loans.parquet")
    with pytest.raises(ContractBroken, match=r"the columns \['dti'\] hold structures"):
        read(tmp_path / "loans.parquet")


@pytest.mark.parametrize(("cell", "message"), [(b"a\0b", "a cell holds a NUL byte"), (b"a\xffb", "not UTF-8")])
def test_parquet_with_texts_that_no_landing_file_may_hold_is_refused(cell: bytes, message: str, tmp_path: Path) -> None:
    cells = {name: pa.array([text]) for name, text in loan().items()}
    cells["emp_length"] = pa.array([cell]).view(pa.string())
    parquet.write_table(pa.table(cells), tmp_path / "loans.parquet")
    with pytest.raises(ContractBroken, match=message):
        read(tmp_path / "loans.parquet")
