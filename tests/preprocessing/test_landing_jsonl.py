from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from jobs.preprocessing import landing, landing_jsonl
from jobs.protocol import files
from jobs.protocol.errors import ContractBroken
from tests.preprocessing.landings import KNOWN, read, rows


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        pytest.param(
            '{"id": 1, "dti": 9.50, "term": " 36 months"}', ("1", None, "9.50", " 36 months"), id="as-written"
        ),
        pytest.param(
            '{"id": 12345678901234567890, "dti": -0}', ("12345678901234567890", None, "-0", None), id="any-length"
        ),
        pytest.param('{"id": 1, "dti": 1E+5, "term": 25e-3}', ("1", None, "100000.0", "0.025"), id="no-exponents"),
        pytest.param('{"id":1,"dti" :\t-1.5E+1}', ("1", None, "-15.0", None), id="nor-after-a-tab"),
        pytest.param('{"id": 1, "dti": true, "term": false}', ("1", None, "true", "false"), id="booleans"),
        pytest.param('{"id": 1, "dti": null, "term": ""}', ("1", None, None, None), id="nothing"),
        pytest.param('{"id": 1, "term": "\\ud83d\\ude00\\n\\""}', ("1", None, None, '😀\n"'), id="escapes"),
        pytest.param('\ufeff{"id": 1}\r', ("1", None, None, None), id="byte-order-mark-and-windows-line-end"),
    ],
)
def test_json_values_are_kept_as_they_were_written(tmp_path: Path, line: str, expected: tuple[str | None, ...]) -> None:
    assert rows(tmp_path, line.encode(), "jsonl") == [expected]
    assert rows(tmp_path, line.encode() + b"\n", "jsonl") == [expected]


def test_a_name_that_only_a_late_line_brings_is_a_column_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(landing_jsonl, "_FIRST_ROWS", 1)
    landed, bronze = read(tmp_path, b'{"id": 1, "dti": 3}\n{"id": 2, "late": 5}\n', "jsonl")
    assert bronze["late"].to_list() == [None, "5"]
    assert landed.shape.extra == ("late",)


@pytest.mark.parametrize(("of", "limit", "most"), [(landing, "_MOST_CELLS", 3 * 50), (files, "SMALL", 20)])
def test_a_wide_or_long_table_is_held_a_few_rows_at_once(
    tmp_path: Path, of: Any, limit: str, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [{"id": str(n), "dti": "1", f"more {n}": "long"} for n in range(49)]
    monkeypatch.setattr(of, limit, most)
    _, bronze = read(tmp_path, "".join(f"{json.dumps(line)}\n" for line in lines).encode(), "jsonl")
    assert bronze["id"].to_list() == [line["id"] for line in lines]
    assert [bronze[f"more {n}"][n] for n in range(49)] == ["long"] * 49
    file = parquet.ParquetFile(tmp_path / ".draft-bronze")
    assert max(file.metadata.row_group(n).num_rows for n in range(file.num_row_groups)) <= 5


@pytest.mark.parametrize(
    ("line", "said"),
    [
        pytest.param(b'{"id": 1, "id": "CANARY"}', "has a name twice", id="a-name-twice"),
        pytest.param(b'{"id": NaN}', "NaN or Infinity", id="nan"),
        pytest.param(b'{"id": -Infinity}', "NaN or Infinity", id="infinity"),
        pytest.param(b'{"id": 1e400}', "out of range", id="too-great"),
        pytest.param(b'{"id": 1e-999999999}', "out of range", id="too-fine"),
        pytest.param(b'{"id": 0e99999}', "out of range", id="a-long-nothing"),
        pytest.param(b'{"id": [1]}', "has nested values", id="list"),
        pytest.param(b'{"id": {"a": "CANARY"}}', "has nested values", id="object"),
        pytest.param(b'{"id": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "has nested values", id="deep"),
        pytest.param(b'["CANARY"]', "not a JSON object", id="no-object"),
        pytest.param(b'{"id": "CANARY', "not a complete JSON object", id="cut"),
        pytest.param(b'{"id": 1} {"id": 2}', "not a complete JSON object", id="two-on-a-line"),
        pytest.param(b"", "not a complete JSON object", id="blank-line"),
        pytest.param(b'{"id": "CANARY\xff"}', "not UTF-8 at its byte 14", id="not-utf-8"),
        pytest.param(
            b'{"id": "CANARY\t"}',
            "not a complete JSON object: invalid control character at column",
            id="control-character",
        ),
        pytest.param(b'{"id": "\\ud800CANARY"}', "half of a surrogate pair", id="half-a-surrogate"),
        pytest.param(b"{'id': 'CANARY'}", "not a complete JSON object", id="single-quotes"),
    ],
)
def test_a_line_that_is_not_one_flat_object_is_refused_by_its_number(tmp_path: Path, line: bytes, said: str) -> None:
    with pytest.raises(ContractBroken, match=f"line 2 .*{said}") as refusal:
        read(tmp_path, b'{"id": 1}\n' + line + b'\n{"id": 3}\n', "jsonl")
    assert "CANARY" not in str(refusal.value)


def test_json_lines_may_not_be_empty(tmp_path: Path) -> None:
    with pytest.raises(ContractBroken, match="the file is empty"):
        read(tmp_path, b"", "jsonl")


def test_json_lines_may_not_bring_columns_without_end(tmp_path: Path) -> None:
    data = b"".join(b'{"id": 1, "c%d": 1}\n' % number for number in range(1200))
    with pytest.raises(ContractBroken, match="are more than 1000"):
        read(tmp_path, data, "jsonl")


CELLS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text())


@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow])
@given(
    table=st.lists(
        st.fixed_dictionaries({"id": CELLS}, optional=dict.fromkeys(KNOWN[1:], CELLS)), min_size=1, max_size=5
    )
)
@example(table=[{"id": "", "dti": 5e-324}, {"id": 1.7976931348623157e308}])
def test_every_json_table_comes_back(table: list[dict[str, Any]]) -> None:
    data = b"".join(json.dumps(row).encode() + b"\n" for row in table)
    with tempfile.TemporaryDirectory() as folder:
        for given_row, row in zip(table, rows(Path(folder), data, "jsonl"), strict=True):
            for value, text in zip((given_row.get(name) for name in KNOWN), row, strict=True):
                assert same(value, text)


def same(value: Any, text: str | None) -> bool:
    if value is None or value == "":
        return text is None
    assert text is not None
    if isinstance(value, bool | str):
        return text == (value if isinstance(value, str) else str(value).lower())
    return type(value)(text) == value and "e" not in text
