"""The contracts as they lie there, and that what is written keeps them."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator

from jobs.protocol import contract, partitions, receipts, schemas, strict_json
from jobs.protocol.errors import ConfigInvalid
from jobs.protocol.files import Root

if TYPE_CHECKING:
    from collections.abc import Iterator

ANNOTATIONS = ("$schema", "$comment", "title", "description", "default")
DAY = date(2024, 2, 29)
FILES = sorted(path.relative_to(schemas.HOME).with_suffix("").as_posix() for path in schemas.HOME.rglob("*.json"))
TABLES = [name for name in FILES if "/" in name]


@pytest.mark.parametrize("name", TABLES)
def test_every_table_s_contract_is_clear_and_says_its_name(name: str) -> None:
    loaded = contract.load(name)
    contract.refuse_unclear((schemas.HOME / f"{name}.json").read_bytes(), name=name)
    assert loaded.schema["title"] == name
    assert loaded is contract.load(name)
    assert set(loaded.key) <= {column.name for column in loaded.columns}


@pytest.mark.parametrize("name", TABLES)
def test_a_run_does_not_look_again_at_a_contract_that_was_found_clear(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contract, "refuse_unclear", lambda *_, **__: pytest.fail("a tenth of a second a run"))
    assert contract.read((schemas.HOME / f"{name}.json").read_bytes(), name=name) == contract.load(name)


@pytest.mark.parametrize("name", sorted(set(FILES) - set(TABLES)))
def test_every_document_s_contract_is_clear(name: str) -> None:
    schema = schemas.document(name)
    Draft202012Validator.check_schema(schema)
    known = {*Draft202012Validator.VALIDATORS, *ANNOTATIONS, "$defs", "if", "then", "else"}
    for keyword, argument in words(schema):
        assert keyword in known or keyword.startswith("x-"), keyword
        assert keyword != "$ref" or argument.removeprefix("#/$defs/") in schema["$defs"]
        assert keyword != "pattern" or (argument.startswith("\\A") and argument.endswith("\\Z"))
        assert keyword != "format" or argument in schemas.FORMATS


def words(schema: object) -> Iterator[tuple[str, Any]]:
    """Every keyword of a schema and of those in it, with its argument."""
    for keyword, argument in schema.items() if isinstance(schema, dict) else ():
        yield keyword, argument
        named = keyword in ("properties", "patternProperties", "$defs")
        inner = argument.values() if named else argument if isinstance(argument, list) else [argument]
        for each in inner if keyword not in ("default", "enum", "const", "examples") else ():
            yield from words(each)


@pytest.mark.parametrize("name", FILES)
def test_a_contract_file_has_one_order_and_no_surprises(name: str) -> None:
    data = (schemas.HOME / f"{name}.json").read_bytes()
    assert list(strict_json.parse(data, where=name)) == list(json.loads(data))
    assert data.endswith(b"}\n")


def test_what_is_written_as_a_manifest_keeps_its_contract() -> None:
    part = partitions.Part("part-000-of-001-0123456789ab.parquet", 3, 100, "a" * 64)
    manifest = partitions.Manifest(
        table="silver/loans",
        date=DAY,
        contract="silver/loans",
        contract_version=1,
        layer_version=1,
        contract_sha256="b" * 64,
        parts=(part,),
        inputs=(partitions.Input("datamart/landing/loans/loans_2024_02_29.csv", "c" * 64),),
        counts={"rows.in": 3},
        notes={"columns_absent": ["dti"]},
    )
    written = json.loads(manifest.to_bytes())
    assert schemas.complaints(schemas.document("manifest"), written) == []
    assert list(schemas.document("manifest")["properties"]) == list(written)
    changes: tuple[dict[str, Any], ...] = (
        {"rows": -1},
        {"parts": [{"name": "../part"}]},
        {"inputs": [{"path": "/etc"}]},
        {"host": "a"},
    )
    for broken in changes:
        assert schemas.complaints(schemas.document("manifest"), written | broken)


def test_what_is_written_as_a_receipt_keeps_its_contract(tmp_path: Path) -> None:
    report = receipts.Report()
    report.change("datamart/silver/loans/snapshot_date=2024-02-29", rows=3, why="a newer contract")
    report.skip("loans.txt", "its name is not that of a landing file")
    report.fail(ConfigInvalid("no", where="policy.json", mend="mend it"))
    of = receipts.Occasion("preprocessing", DAY, "silver")
    name = receipts.write(Root(tmp_path), of, report, at=datetime(2024, 2, 29, 1, 2, 3, tzinfo=UTC), seconds=1.5)
    written = json.loads((tmp_path / str(name)).read_bytes())
    assert schemas.complaints(schemas.document("receipt"), written) == []
    assert list(schemas.document("receipt")["properties"]) == list(written)
    changes: tuple[dict[str, Any], ...] = (
        {"exit_code": 7},
        {"at": "now"},
        {"problems": [{}]},
        {"changed": [{}]},
        {"date": "2024-02-30"},
    )
    for broken in changes:
        assert schemas.complaints(schemas.document("receipt"), written | broken)


def test_labels_may_be_made_by_every_number_of_days_past_due_that_the_policy_allows() -> None:
    allowed = schemas.document("policy")["properties"]["label"]["properties"]["dpd"]["enum"]
    assert contract.load("gold/label_store").column("dpd_threshold").schema["enum"] == allowed
