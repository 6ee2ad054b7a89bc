from __future__ import annotations

import gzip
import os
from typing import TYPE_CHECKING

import polars as pl
import pytest

from jobs.preprocessing import csv_survey, landing_csv
from jobs.protocol.errors import ContractBroken, InputMissing
from tests.preprocessing.landings import HEADER, as_python_reads, read, read_file, rows

if TYPE_CHECKING:
    from pathlib import Path

GOOD = HEADER + b"1,2,3,4\n"
CANARY = b"CANARY"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        pytest.param(b"", "the file is empty", id="empty"),
        pytest.param(b"\n\n", "no commas", id="blank-lines-only"),
        pytest.param(b"\n" + GOOD, "no commas", id="blank-line-first"),
        pytest.param(HEADER + b"1,2,3\n", "line 2 has 3 fields where the header has 4", id="too-few"),
        pytest.param(HEADER + b"1,2,3,4,5\n", "line 2 has 5 fields where the header has 4", id="too-many"),
        pytest.param(HEADER + b"1,2,3,\n1,2,3,4,\n", "line 3 has 5 fields", id="a-comma-too-many"),
        pytest.param(HEADER + b"1,2,3\n1,2,3,4,5\n", "line 2 has 3 fields", id="too-few-and-too-many-even-out"),
        pytest.param(GOOD + b'1,"\n\n",3,4\n1,2\n', "line 6 has 2 fields", id="lines-are-those-of-an-editor"),
        pytest.param(
            b"id,member_id,dti\n1,2,3,4\n", "line 2 has 4 fields where the header has 3", id="header-one-short"
        ),
        pytest.param(GOOD + b"5,6,7,8", "the last line has no line end", id="cut-within-the-last-cell"),
        pytest.param(GOOD + b"5,6", "the last line has no line end", id="cut-within-a-row"),
        pytest.param(b"id,member_id,dt", "the last line has no line end", id="cut-within-the-header"),
        pytest.param(GOOD + b"12345\n", "line 3 has 1 fields", id="an-id-alone-is-no-remark"),
        pytest.param(GOOD + b"some words\n", "line 3 has 1 fields", id="nor-are-unknown-words"),
        pytest.param(GOOD.replace(b",", b";"), "no commas; it has semicolons", id="semicolons"),
        pytest.param(GOOD.replace(b",", b"\t"), "no commas; it has tabs", id="tabs"),
        pytest.param(GOOD.replace(b",", b"|"), "no commas; it has bars", id="bars"),
        pytest.param(HEADER + b"1;2;3;4\n", "line 2 has 1 fields", id="semicolons-after-the-header"),
        pytest.param(b"'id','member_id'\n'1','2'\n", "needed columns are missing: id or member_id", id="single-quotes"),
        pytest.param(HEADER + b"'a,b',2,3,4\n", "line 2 has 5 fields", id="single-quotes-around-a-comma"),
        pytest.param(GOOD.replace(b"\n", b"\r"), "carriage return only", id="carriage-returns-only"),
        pytest.param(HEADER + b"1,2,3,4\r5,6,7,8\n", "carriage return without a line feed in line 2", id="lone-return"),
        pytest.param(HEADER + b"1,2,3,4\r\r\n", "carriage return without a line feed in line 2", id="doubled-return"),
        pytest.param(GOOD + b"1,a\0b,3,4\n", "NUL byte in line 3", id="nul"),
        pytest.param(GOOD + b"\0" * 100 + b"\n", "NUL byte in line 3", id="a-hole-of-nul"),
        pytest.param(HEADER.decode().encode("utf-16"), "UTF-16", id="utf-16"),
        pytest.param(HEADER.decode().encode("utf-16-le"), "UTF-16", id="utf-16-without-mark"),
        pytest.param(HEADER.decode().encode("utf-16-be"), "UTF-16", id="utf-16-the-other-way"),
        pytest.param(GOOD + "1,é,3,4\n".encode("latin-1"), r"byte 32 \(line 3\) is not UTF-8", id="latin-1"),
        pytest.param("id,mémber_id\n".encode("cp1252"), r"byte 4 \(line 1\) is not UTF-8", id="latin-1-in-the-header"),
        pytest.param(HEADER + b"1,\xed\xa0\x80,3,4\n", r"byte 24 \(line 2\) is not UTF-8", id="half-a-surrogate"),
        pytest.param(
            b"\xef\xbb\xbf" + HEADER + b'1,"a\n\xe9",3,4\n', r"byte 30 \(line 3\) is not UTF-8", id="latin-1-in-quotes"
        ),
        pytest.param(
            GOOD + b'1,"2,3,4\n5,6,7,8\n', "a quote opens in line 3 and never closes", id="quote-never-closes"
        ),
        pytest.param(HEADER + b'1,5" pipe,3,4\n', "there is a stray quote in line 2", id="bare-quote"),
        pytest.param(HEADER + b'1,a"b,3,4\n1,c"d,3,4\n', "there is a stray quote in line 2", id="two-bare-quotes"),
        pytest.param(HEADER + b'1,a"b",3,4\n', "there is a stray quote in line 2", id="text-before-a-quote"),
        pytest.param(GOOD + b'1,"a"b,3,4\n', "there is a stray quote in line 3", id="text-after-a-quote"),
        pytest.param(HEADER + b'1,\xff"b",3,4\n', "is not UTF-8", id="the-last-byte-of-all-before-a-quote"),
        pytest.param(HEADER + b'1,"b"\xff,3,4\n', "is not UTF-8", id="the-last-byte-of-all-after-a-quote"),
        pytest.param(HEADER + b'1, "2,2",3,4\n', "there is a stray quote in line 2", id="blank-before-a-quote"),
        pytest.param(b'id,"member_id\n1,2\n', "the quotes in the first line do not match", id="quote-in-the-header"),
        pytest.param(b"id,id,term\n", r"column 1 \(id\) has the same name as another", id="one-name-twice"),
        pytest.param(b"id,ID,term\n", "has the same name as another", id="one-name-twice-but-for-case"),
        pytest.param(b",id,term\n", "column 1 has no name", id="a-column-without-a-name"),
        pytest.param(b"id,_source_row\n", "reserved name", id="a-name-of-ours"),
        pytest.param(b"id,a\x1bb\n", "cannot be printed", id="a-name-that-moves-the-cursor"),
        pytest.param(b"id," + b"x" * 300 + b"\n", "too long", id="a-name-without-end"),
        pytest.param(
            b"id," + b",".join(b"c%d" % n for n in range(2000)) + b"\n", "2001 columns", id="too-many-columns"
        ),
        pytest.param(b"1,MEM_1,3,4\n2,MEM_2,3,4\n", "is the header missing", id="no-header"),
        pytest.param(gzip.compress(GOOD), "packed with gzip", id="gzip-under-a-plain-name"),
        pytest.param(b"PAR1" + GOOD, "a Parquet file", id="parquet-under-a-plain-name"),
        pytest.param(b"sep=,\n" + GOOD, r"separator \(sep=\), and is not the header", id="a-line-for-excel"),
        pytest.param(b'\xef\xbb\xbf"SEP=;"\r\n' + GOOD, r"separator \(sep=\)", id="a-line-for-excel-in-quotes"),
    ],
)
def test_what_cannot_be_read_in_one_way_only_is_refused(tmp_path: Path, data: bytes, said: str) -> None:
    with pytest.raises(ContractBroken, match=said) as refusal:
        read(tmp_path, data)
    assert refusal.value.where.endswith("financial_2024_01_31.csv")
    assert refusal.value.mend


def test_a_core_column_in_capitals_or_with_spaces_is_told_by_its_place(tmp_path: Path) -> None:
    data = b"id, Term ,LOAN_AMNT\n1,2,3\n"
    said = (
        r"missing: term \(column 2 differs from it in capitals or spaces only\), loan_amnt \(column 3 .* only\), d \(of"
    )
    with pytest.raises(ContractBroken, match=said):
        read(tmp_path, data, core=("id", "term", "loan_amnt", "d"))


@pytest.mark.parametrize("keys", [b"id", b"member_id", b"id,member_id"])
def test_a_table_of_which_the_keys_alone_are_known_is_another(tmp_path: Path, keys: bytes) -> None:
    many = keys.count(b",") + 1
    said = rf"any of this table besides id and member_id \(of {many + 1} columns {many} are known; .* another table"
    with pytest.raises(ContractBroken, match=said):
        read(tmp_path, keys + b",grade\n" + b"1," * many + b"A\n")
    assert rows(tmp_path, keys + b",grade,dti\n" + b"1," * many + b"A,4\n")[0][2] == "4"


def test_rows_may_have_keys_and_nothing_else(tmp_path: Path) -> None:
    assert rows(tmp_path, b"id,member_id\n1,2\n") == [("1", "2", None, None)]


def test_a_key_that_is_needed_anyway_is_named_once(tmp_path: Path) -> None:
    with pytest.raises(ContractBroken, match=r"needed columns are missing: id \(of"):
        read(tmp_path, b"dti,annual_inc\n1,2\n", core=("id",))


@pytest.mark.parametrize("core", ["issue_d", "loan_amnt"])
def test_a_file_without_a_core_column_is_refused(tmp_path: Path, core: str) -> None:
    with pytest.raises(ContractBroken, match=f"needed columns are missing: {core} .of 4 columns 4 are known"):
        read(tmp_path, GOOD, core=("id", core))


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(gzip.compress(GOOD)[:-1], id="cut-in-the-trailer"),
        pytest.param(gzip.compress(GOOD)[:20], id="cut"),
        pytest.param(gzip.compress(GOOD) + b"more", id="something-after-it"),
        pytest.param(gzip.compress(GOOD)[:-8] + bytes(8), id="wrong-checksum"),
        pytest.param(gzip.compress(GOOD)[:10] + b"\xff" * 20, id="no-deflate"),
        pytest.param(GOOD, id="not-packed"),
        pytest.param(b"\x1f\x8b", id="two-bytes"),
    ],
)
def test_a_damaged_gzip_is_refused(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(ContractBroken, match="the gzip is damaged"):
        read(tmp_path, data, "csv.gz")


@pytest.mark.parametrize("data", [b"", gzip.compress(b"", mtime=0)])
def test_a_gzip_of_nothing_is_empty(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(ContractBroken, match="the file is empty"):
        read(tmp_path, data, "csv.gz")


def test_a_file_that_is_gone_is_input_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(InputMissing):
        read_file(tmp_path / "financial_2024_01_31.csv", "csv")


def test_links_and_pipes_are_never_read(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_bytes(GOOD)
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    os.mkfifo(tmp_path / "pipe")
    for name in ("link", "pipe", "."):
        with pytest.raises(ContractBroken, match=r"it is not a plain file"):
            read_file(tmp_path / name, "csv")


def test_a_parser_that_panics_refuses_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def panic(*_: object) -> None:
        raise pl.exceptions.PanicException("CANARY")

    monkeypatch.setattr(landing_csv, "_written", panic)
    with pytest.raises(ContractBroken, match="can be read as CSV in more than one way"):
        read(tmp_path, GOOD)


def test_a_name_full_of_patterns_is_only_a_name(tmp_path: Path) -> None:
    (tmp_path / "[ab]*?{c}%2e").mkdir()
    assert rows(tmp_path / "[ab]*?{c}%2e", GOOD) == [("1", "2", "3", "4")]


@pytest.mark.parametrize(
    "data",
    [
        HEADER + b"CANARY,CANARY,CANARY\n",
        HEADER + b"CANARY,CANARY,CANARY,CANARY,CANARY\n",
        HEADER + b'1,"CANARY"CANARY,3,4\n',
        HEADER + b'1,CANARY"CANARY,3,4\n',
        HEADER + b'1,"CANARY,3,4\n',
        HEADER + b"1,CANARY\xff,3,4\n",
        HEADER + b"1,CANARY\0,3,4\n",
        b"CANARY,CANARY,CANARY-1\n" * 2,
        b"1,CANARY,CANARY-1,2\n" * 2,
        b"CANARY;CANARY\n",
        GOOD + b"CANARY\n",
    ],
)
def test_no_refusal_shows_what_a_row_holds(tmp_path: Path, data: bytes, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ContractBroken) as refusal:
        read(tmp_path, data)
    shown = f"{refusal.value} {refusal.value.__dict__} {capfd.readouterr()}"
    assert CANARY.decode() not in shown


@pytest.mark.parametrize("stretch", [1, 30, 1000])
def test_a_file_surveyed_in_stretches_counts_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stretch: int
) -> None:
    data = HEADER + b'1,"a,\n\n""",3,4\n5,6,7,8\r\n' * 50 + b'9,"",,\n'
    monkeypatch.setattr(csv_survey, "_STRETCH_BYTES", stretch)
    assert rows(tmp_path, data) == as_python_reads(data)
    with pytest.raises(ContractBroken, match="line 203 has 2 fields"):
        read(tmp_path, data + b"1,2\n" + data)
    with pytest.raises(ContractBroken, match="a quote opens in line 203 and never closes"):
        read(tmp_path, data + b'1,"2,3,4\n' + b"5,6,7,8\n" * 50)


def test_a_text_in_quotes_may_go_over_many_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = HEADER + b'1,"' + b"a,b\n" * 200 + b'",3,4\n5,6,7,8\n'
    monkeypatch.setattr(csv_survey, "LONGEST_LINE", 64)
    assert rows(tmp_path, data) == as_python_reads(data)


@pytest.mark.parametrize("row", [b'1,a"b",3,4', b'1,"a"b,3,4', b"1,2,3,4\r5", b"1,\0,3,4", b'1,2,3,"4'])
def test_the_survey_alone_sees_what_has_no_one_meaning(tmp_path: Path, row: bytes) -> None:
    for line in (row, b'1,"""2""",3,""\r'):
        (tmp_path / "data").write_bytes(HEADER + line + b"\n")
        with (tmp_path / "data").open("rb") as file:
            assert csv_survey.survey(file.fileno()).is_sound == (line != row)


def test_what_the_survey_and_the_parser_count_differently_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    miscounted = csv_survey.Survey(records=3, separators=9)
    monkeypatch.setattr("jobs.preprocessing.landing_csv.survey", lambda *_: miscounted)
    with pytest.raises(ContractBroken, match="in more than one way"):
        read(tmp_path, GOOD)


@pytest.mark.parametrize("block", [1006, 1007, 1100])
def test_where_blocks_are_cut_makes_no_difference(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    data = HEADER + b'1,"a,\n\r\n\r""",3,4\n"",6,7,8\r\n' * 150 + b"1,2,3," + b"x" * 999 + b"\n"
    monkeypatch.setattr(csv_survey, "LONGEST_LINE", block)
    assert rows(tmp_path, data) == as_python_reads(data)
    with pytest.raises(ContractBroken, match="there is a stray quote in line 603"):
        read(tmp_path, data + b'1,2,3",4\n')
    with pytest.raises(ContractBroken, match="a line is longer than"):
        read(tmp_path, HEADER + b"1,2,3," + b"x" * block + b"\n" + GOOD)
