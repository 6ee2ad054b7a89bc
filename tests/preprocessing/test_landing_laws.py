from __future__ import annotations

import contextlib
import csv
import gzip
import io
import tempfile
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from jobs.preprocessing import csv_survey
from jobs.protocol.errors import ContractBroken, JobError
from tests.preprocessing.landings import HEADER, as_python_reads, read_file, rows

CELLS = st.text(st.sampled_from('ab,;"\r\n \t\0é\ufeff'), max_size=4)
TABLES = st.lists(st.lists(CELLS, min_size=4, max_size=4), max_size=6)


def packed(table: list[list[str]], line_end: str, *, all_quoted: bool) -> bytes:
    text = io.StringIO(newline="")
    quoting: Literal[0, 1] = csv.QUOTE_ALL if all_quoted else csv.QUOTE_MINIMAL
    csv.writer(text, lineterminator="\r\n", quoting=quoting).writerows(table)  # with \n alone it leaves \r unquoted
    return text.getvalue().encode().replace(b"\r\n", line_end.encode())


GOOD_TABLES = st.builds(packed, TABLES, st.sampled_from(["\n", "\r\n"]), all_quoted=st.booleans())
PIECES = st.lists(
    st.sampled_from([b",", b'"', b"\n", b"\r\n", b"\r", b"a", b"1", b" ", b"\xc3\xa9", b"\0", b"\xe9", b""])
)
MESSES = st.one_of(
    PIECES.map(b"".join), st.binary(max_size=40), st.builds(bytes.join, st.just(b"\n"), st.lists(st.just(b"1,2,3,4")))
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(
    table=TABLES,
    line_end=st.sampled_from(["\n", "\r\n"]),
    all_quoted=st.booleans(),
    mark=st.sampled_from([b"", b"\xef\xbb\xbf"]),
)
def test_every_well_formed_table_is_read_as_python_reads_it(
    table: list[list[str]], line_end: str, all_quoted: bool, mark: bytes
) -> None:
    whole = [[cell.replace("\0", "0") for cell in row] for row in table]
    data = mark + HEADER + packed(whole, line_end, all_quoted=all_quoted)
    with tempfile.TemporaryDirectory() as folder:
        assert rows(Path(folder), data) == as_python_reads(data)


@settings(max_examples=600, suppress_health_check=[HealthCheck.too_slow])
@given(
    good=GOOD_TABLES,
    mess=MESSES,
    place=st.floats(0, 1),
    cut=st.integers(0, 6),
    stretch=st.sampled_from([24, 64, 1 << 24]),
)
@example(good=b'1,"a\n', mess=b'b",3,4\n', place=1, cut=0, stretch=24)
@example(good=b"", mess=b" \n", place=0, cut=0, stretch=24)
@example(good=b"1,2,3\n1,2,3,4,5\n", mess=b"", place=0, cut=0, stretch=24)
def test_a_mutated_file_is_read_as_python_reads_it_or_refused(
    good: bytes, mess: bytes, place: float, cut: int, stretch: int
) -> None:
    at = int(place * len(good))
    data = HEADER + good[:at] + mess + good[at + cut :]
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_survey, "_STRETCH_BYTES", stretch)
        with contextlib.suppress(JobError):
            assert rows(Path(folder), data) == as_wide_as_the_header(as_python_reads(data))


def as_wide_as_the_header(records: list[tuple[str | None, ...]]) -> list[tuple[str | None, ...]]:
    """A blank line is a row of nothing; any other row of another width should have been refused, and stays as it is."""
    blank = [len(record) < 2 and not "".join(cell or "" for cell in record).strip() for record in records]
    return [
        (*record, None, None, None, None)[:4] if skip else record for record, skip in zip(records, blank, strict=True)
    ]


def row_numbers_or_place_of_refusal(path: Path, kind: str) -> list[int] | str:
    try:
        return read_file(path, kind)[1]["_source_row"].to_list()
    except ContractBroken as refusal:
        return refusal.where


def begun_well(data: bytes, kind: str) -> bytes:
    table = HEADER + data + b"\n"
    return {"csv": table, "csv.gz": gzip.compress(table), "jsonl": b'{"id": "1"}\n' + data + b"\n"}.get(kind, data)


@settings(max_examples=200)
@given(
    data=st.binary(max_size=60) | MESSES,
    kind=st.sampled_from(["csv", "csv.gz", "jsonl", "parquet"]),
    begins_well=st.booleans(),
)
@example(data=b"1,2,3,4", kind="csv", begins_well=True)
@example(data=b"1,2,3,4", kind="csv.gz", begins_well=True)
@example(data=b'{"id": "2"}', kind="jsonl", begins_well=True)
def test_any_bytes_are_read_or_refused_and_nothing_else(data: bytes, kind: str, begins_well: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"financial_2024_01_31.{kind}"
        path.write_bytes(begun_well(data, kind) if begins_well else data)
        found = row_numbers_or_place_of_refusal(path, kind)
        assert found in (str(path), [*range(1, len(found) + 1)])
