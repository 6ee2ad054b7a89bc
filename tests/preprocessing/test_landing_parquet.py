from __future__ import annotations

import contextlib
import errno
import io
import os
import tempfile
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import polars as pl
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typing_extensions import override

from jobs.preprocessing import arrivals, landing_parquet
from jobs.preprocessing.landing import Unfit
from jobs.protocol import files
from jobs.protocol.errors import ContractBroken, JobError
from tests.preprocessing.landings import HEADER, KNOWN, parquet_of, read, rows

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        pytest.param(pa.array([1, -2, None]), ["1", "-2", None], id="integers"),
        pytest.param(pa.array([2**64 - 1], pa.uint64()), ["18446744073709551615"], id="great-integers"),
        pytest.param(pa.array([1.0, 0.1, -0.0, 1e15]), ["1.0", "0.1", "-0.0", "1000000000000000.0"], id="floats"),
        pytest.param(
            pa.array([1e-7, 1e22, -1.5e-9]), ["0.0000001", "1" + "0" * 22 + ".0", "-0.0000000015"], id="no-exponents"
        ),
        pytest.param(pa.array([0.1, 1e10], pa.float32()), ["0.1", "10000000000.0"], id="short-floats"),
        pytest.param(pa.array([float("nan"), float("inf")]), ["NaN", "inf"], id="what-is-no-number"),
        pytest.param(pa.array([True, False, None]), ["true", "false", None], id="booleans"),
        pytest.param(pa.array([date(2015, 12, 1), None]), ["2015-12-01", None], id="dates"),
        pytest.param(pa.array([date(2015, 12, 1)], pa.date64()), ["2015-12-01"], id="long-dates"),
        pytest.param(
            pa.array([datetime(2015, 12, 1), datetime(2015, 12, 1, 3, 4, 5, 600)]),  # noqa: DTZ001 - a source's
            ["2015-12-01", "2015-12-01T03:04:05.000600"],
            id="timestamps",
        ),
        pytest.param(
            pa.array([0, 1], pa.timestamp("s")), ["1970-01-01", "1970-01-01T00:00:01"], id="coarse-timestamps"
        ),
        pytest.param(pa.array([1], pa.timestamp("ns")), ["1970-01-01T00:00:00.000000001"], id="fine-timestamps"),
        pytest.param(
            pa.array([datetime(2015, 12, 1, 3, tzinfo=UTC)], pa.timestamp("us", "America/New_York")),
            ["2015-12-01T03:00:00"],
            id="instants-in-utc",
        ),
        pytest.param(pa.array([Decimal("1.50"), Decimal("-0.05")]), ["1.50", "-0.05"], id="decimals"),
        pytest.param(pa.array([" 36 months", "", None]), [" 36 months", None, None], id="texts"),
        pytest.param(pa.array(["a", None, "a"]).dictionary_encode(), ["a", None, "a"], id="categories"),
        pytest.param(pa.array(["a"], pa.large_string()), ["a"], id="long-texts"),
        pytest.param(pa.array(["a"], pa.string_view()), ["a"], id="viewed-texts"),
        pytest.param(pa.nulls(2), [None, None], id="nothing"),
    ],
)
def test_typed_values_become_the_text_a_csv_would_hold(tmp_path: Path, values: Any, expected: list[str | None]) -> None:
    _, bronze = read(tmp_path, parquet_of({"dti": values}), "parquet")
    assert bronze["dti"].to_list() == expected
    assert bronze["_source_row"].to_list() == list(range(1, len(expected) + 1))


@pytest.mark.parametrize(
    "values",
    [
        pytest.param(pa.array([[1]]), id="lists"),
        pytest.param(pa.array([{"CANARY": 1}]), id="structs"),
        pytest.param(pa.array([b"CANARY"]), id="bytes"),
        pytest.param(pa.array([1], pa.duration("s")), id="durations"),
        pytest.param(pa.array([1], pa.time32("s")), id="times"),
    ],
)
def test_values_without_one_text_are_refused_by_place_and_type(tmp_path: Path, values: Any) -> None:
    with pytest.raises(ContractBroken, match=r"some columns cannot .* column 2 is [a-z]") as refusal:
        read(tmp_path, parquet_of({"dti": values}), "parquet")
    assert "CANARY" not in str(refusal.value)


@pytest.mark.parametrize("kind", ["csv", "parquet", "jsonl"])
def test_one_table_gives_one_bronze_whatever_its_format(tmp_path: Path, kind: str) -> None:
    table = pl.DataFrame(
        {"more": ["x", None, "é"], "id": [1, 2, 3], "dti": [1.0, None, 0.1], "member_id": ["MEM_1", "a,b", None]}
    )
    data = io.BytesIO()
    write: dict[str, Callable[[io.BytesIO], None]] = {
        "csv": table.write_csv,
        "parquet": table.write_parquet,
        "jsonl": table.write_ndjson,
    }
    write[kind](data)
    landed, bronze = read(tmp_path, data.getvalue(), kind)
    assert bronze.drop("_source_file").rows() == [
        ("1", "MEM_1", "1.0", None, "x", 1),
        ("2", "a,b", None, None, None, 2),
        ("3", None, "0.1", None, "é", 3),
    ]
    assert (landed.shape.absent, landed.shape.extra) == (("term",), ("more",))


@pytest.mark.parametrize("kind", ["parquet", "jsonl"])
def test_rows_are_numbered_across_batches(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobs.preprocessing.landing.ROW_GROUP", 7)
    data = io.BytesIO()
    table = pl.DataFrame({"id": range(50), "dti": range(50)})
    (table.write_parquet if kind == "parquet" else table.write_ndjson)(data)
    _, bronze = read(tmp_path, data.getvalue(), kind)
    assert bronze["id"].cast(int).to_list() == list(range(50))
    assert bronze["_source_row"].to_list() == list(range(1, 51))


def test_parquet_may_have_no_rows(tmp_path: Path) -> None:
    landed, bronze = read(tmp_path, parquet_of({"dti": pa.array([], pa.float64())}), "parquet")
    assert landed.rows == bronze.height == 0
    assert bronze.columns == [*KNOWN, "_source_file", "_source_row"]


@pytest.mark.parametrize("data", [b"", b"PAR1PAR1", HEADER, b"PAR1" + bytes(100) + b"PAR1"])
def test_what_is_no_parquet_is_refused(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(ContractBroken, match="not Parquet, or is damaged"):
        read(tmp_path, data, "parquet")


@pytest.mark.parametrize("failing", [1, 2])
def test_a_read_that_the_system_refused_is_not_the_files_fault(
    tmp_path: Path, failing: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The refusal of a file stays until it lands anew; a disk or network may answer again at once."""

    class Flaky(io.FileIO):
        reads = 0

        @override
        def read(self, *size: int | None) -> bytes:
            Flaky.reads += 1
            if Flaky.reads == failing:
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            return super().read(*size)

    monkeypatch.setattr(arrivals, "open_plain", Flaky)
    with pytest.raises(OSError, match="Input/output error"):
        read(tmp_path, parquet_of({"dti": pa.array([1.5])}), "parquet")


def test_parquet_may_not_claim_to_unpack_without_bounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = parquet_of(
        {"dti": pa.array([f"{n % 7:0200d}" for n in range(100_000)])}, use_dictionary=False, compression="zstd"
    )
    assert read(tmp_path, data, "parquet")[0].rows == 100_000
    monkeypatch.setattr(files, "SMALL", 1 << 20)
    with pytest.raises(ContractBroken, match="bytes unpacked"):
        read(tmp_path, data, "parquet")


def test_parquet_may_not_claim_any_number_of_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = parquet_of({"dti": pa.nulls(1_000_000)})
    assert len(data) < 100_000
    monkeypatch.setattr(landing_parquet, "MOST_ROWS", 999_999)
    with pytest.raises(ContractBroken, match="claim to hold 1000000 rows"):
        read(tmp_path, data, "parquet")


def test_a_footer_that_contradicts_itself_is_refused(tmp_path: Path) -> None:
    for number, size, claimed in ((5, 9, 6), (-1, 9, -1), (5, -9, 5)):
        group = SimpleNamespace(num_rows=number, total_byte_size=size)
        footer = SimpleNamespace(num_rows=claimed, num_row_groups=1, row_group=lambda _, group=group: group)
        with pytest.raises(Unfit, match="contradict one another"):
            landing_parquet._check_claims(footer, 100)


def test_a_page_that_is_not_what_its_checksum_says_is_refused(tmp_path: Path) -> None:
    values = {"dti": pa.array(["QUITE PLAIN"])}
    data = parquet_of(
        values, write_page_checksum=True, compression="none", use_dictionary=False, write_statistics=False
    )
    assert rows(tmp_path, data, "parquet") == [("1", None, "QUITE PLAIN", None)]
    with pytest.raises(ContractBroken, match="the file is damaged"):
        read(tmp_path, data.replace(b"QUITE", b"QUIET"), "parquet")


def test_texts_that_are_not_utf_8_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ContractBroken, match="the file is damaged"):
        read(tmp_path, parquet_of({"dti": pa.array([b"caf\xe9"]).view(pa.string())}), "parquet")


def test_pages_with_fewer_rows_than_the_footer_says_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(landing_parquet, "_frames", lambda *_: [pl.DataFrame({"id": ["1"], "dti": ["2"]})])
    with pytest.raises(ContractBroken, match="has 1 rows, but claims 2"):
        read(tmp_path, parquet_of({"dti": pa.array([1, 2])}), "parquet")


@pytest.mark.parametrize(
    "values", [pa.array([2**31 - 1], pa.int32()).view(pa.date32()), pa.array([2**62], pa.timestamp("us"))]
)
def test_dates_that_cannot_be_written_are_refused(tmp_path: Path, values: Any) -> None:
    with pytest.raises(ContractBroken, match="outside the years 1 to 9999"):
        read(tmp_path, parquet_of({"dti": values}), "parquet")


SOUND = parquet_of({"dti": pa.array([1.5, None] * 40), "term": pa.array([" 36 months", "x" * 9] * 40)})


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(
    places=st.lists(st.integers(0, len(SOUND) - 1), min_size=1, max_size=3),
    value=st.integers(0, 255),
    cut=st.sampled_from([0, 0, 0, 1, 50]),
)
def test_damaged_parquet_is_refused_or_keeps_its_rows(places: list[int], value: int, cut: int) -> None:
    data = bytearray(SOUND)
    for place in places:
        data[place] = value
    with tempfile.TemporaryDirectory() as folder, contextlib.suppress(JobError):
        assert len(rows(Path(folder), bytes(data[: len(data) - cut]), "parquet")) == 80


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_no_number_is_changed_by_writing_it_out(number: float) -> None:
    written = landing_parquet.without_exponent(pl.Series([number]).cast(pl.String)).item()
    assert float(written) == number
    assert "e" not in written
