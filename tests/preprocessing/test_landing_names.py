"""Columns that no contract knows may be named almost anything."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import polars as pl
import pytest

from jobs.protocol.errors import ContractBroken
from tests.preprocessing.landings import read

if TYPE_CHECKING:
    from pathlib import Path


def in_kind(kind: str, name: str) -> bytes:
    table = pl.DataFrame({"id": ["1"], "dti": ["2"], name: ["three"]})
    data = io.BytesIO()
    if kind == "csv":
        table.write_csv(data)
    elif kind == "parquet":
        table.write_parquet(data)
    else:
        table.write_ndjson(data)
    return data.getvalue()


@pytest.mark.parametrize("kind", ["csv", "parquet", "jsonl"])
@pytest.mark.parametrize("name", ['a"b', '"', "col('x')", "^", "$", "a*", "a,b", "dti_duplicated_0"])
def test_an_unknown_column_may_have_an_odd_name(tmp_path: Path, kind: str, name: str) -> None:
    _, bronze = read(tmp_path, in_kind(kind, name), kind)
    assert bronze.select("id", "dti").row(0) == ("1", "2")
    assert bronze.get_column(name).to_list() == ["three"]


@pytest.mark.parametrize("kind", ["csv", "parquet", "jsonl"])
@pytest.mark.parametrize("name", ["*", "^id$", "^.*$", "^nothing$", "^($"])
def test_a_name_that_matches_other_columns_is_refused(tmp_path: Path, kind: str, name: str) -> None:
    with pytest.raises(ContractBroken, match="the name of column 3 is a pattern"):
        read(tmp_path, in_kind(kind, name), kind)
