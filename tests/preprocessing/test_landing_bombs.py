"""A small file does not take much memory or time."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from jobs.preprocessing import arrivals, landing_parquet
from jobs.preprocessing.landing_parquet import as_text
from jobs.protocol import files
from jobs.protocol.errors import ContractBroken
from tests.preprocessing.landings import HEADER, parquet_of, read, read_file, rows

if TYPE_CHECKING:
    from pathlib import Path

    import polars as pl


def test_any_number_of_blank_lines_is_refused_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobs.preprocessing.landing_csv._MOST_SHORT", 3)
    assert len(rows(tmp_path, HEADER + b"\n" * 3)) == 3
    with pytest.raises(ContractBroken, match="more than 3 lines are blank or remarks"):
        read(tmp_path, HEADER + b"\n" * 4)


@pytest.mark.parametrize("kind", ["csv", "csv.gz", "parquet", "jsonl"])
def test_a_sparse_file_of_any_size_is_refused_unread(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"financial_2024_01_31.{kind}"
    path.touch()
    os.truncate(path, 1 << 40)
    with pytest.raises(ContractBroken, match="it has more than 68719476736 bytes"):
        read_file(path, kind)
    with pytest.raises(ContractBroken, match="it has more than 68719476736 bytes"):
        arrivals.sha256(path)


@pytest.mark.parametrize(
    "values",
    [
        pytest.param(pa.array(["x" * 10_000]).take(pa.array([0] * 10_000)), id="one-long-text"),
        pytest.param(pa.array(["x" * 10_000 + str(n) for n in range(10_000)]), id="long-texts-that-differ-little"),
        pytest.param(pa.nulls(5_000_000, pa.string()), id="nothing"),
    ],
)
def test_few_bytes_do_not_become_many_rows_or_texts(
    tmp_path: Path, values: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "SMALL", 1 << 20)
    is_shared = values[0] == values[-1]
    encoded = {} if is_shared else {"use_dictionary": False, "column_encoding": {"dti": "DELTA_BYTE_ARRAY"}}
    columns = {"id": pa.nulls(len(values)), "dti": values}
    data = parquet_of(columns, compression="zstd", **encoded)
    seen = []

    def watched(name: str, cells: pa.Array) -> pl.Series:
        seen.append(cells.nbytes)
        return as_text(name, cells)

    monkeypatch.setattr(landing_parquet, "as_text", watched)
    with pytest.raises(ContractBroken, match="unpacks to more than"):
        read(tmp_path, data, "parquet")
    assert max(seen, default=0) < 3 << 20, "copied before it was weighed"


@pytest.mark.parametrize("encoding", ["PLAIN", "DELTA_BYTE_ARRAY", "DELTA_LENGTH_BYTE_ARRAY"])
def test_texts_may_be_written_in_any_encoding(tmp_path: Path, encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(landing_parquet, "_DECODED_AT_ONCE", 64)
    monkeypatch.setattr(files, "SMALL", 1 << 12)
    texts = [f"text {n}" * (n % 50) or None for n in range(1000)]
    encodings = {"id": "PLAIN", "dti": encoding}
    data = parquet_of({"dti": pa.array(texts)}, use_dictionary=False, column_encoding=encodings)
    _, bronze = read(tmp_path, data, "parquet")
    assert bronze["dti"].to_list() == texts
    assert bronze["_source_row"].to_list() == list(range(1, 1001))
