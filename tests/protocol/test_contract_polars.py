from __future__ import annotations

import os
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.protocol import contract, schemas
from jobs.protocol.contract_polars import offences, polars_schema
from tests import contract_suite
from tests.protocol.judged_rows import as_json, kept, table, verdicts
from tests.protocol.row_schemas import TABLES, frames


@settings(max_examples=200)
@given(data=st.data())
def test_compiler_and_judge_give_the_same_verdict_row_by_row(data: st.DataObject) -> None:
    made = data.draw(TABLES)
    frame = data.draw(frames(made))
    assert verdicts(made, frame) == kept(made, frame)


def test_the_official_suite_has_no_wrong_verdict() -> None:
    folder = os.environ.get("P2P_JSON_SCHEMA_SUITE")
    if not folder:
        pytest.skip("P2P_JSON_SCHEMA_SUITE does not name a copy of the official suite")
    tally = contract_suite.run(Path(folder))
    assert tally.wrong == []
    assert tally.supported > 100


def test_each_rule_names_its_column_and_its_keyword() -> None:
    made = table({"a": ("string", {"type": "string", "maxLength": 3}), "b": ("int8", {"minimum": 0})})
    assert list(offences(made)) == [("a", "type"), ("a", "maxLength"), ("b", "minimum")]


def test_a_rule_that_no_value_can_break_costs_nothing() -> None:
    assert offences(table({"a": ("int8", {"maximum": 1000, "maxLength": 1})})) == {}


def test_a_contract_gives_dtypes_and_rules() -> None:
    made = contract.load("silver/loan_terms")
    dtypes = polars_schema(made)
    assert (dtypes["id"], dtypes["int_rate"], dtypes["issue_d"]) == (pl.Int64(), pl.Float64(), pl.Date())
    frame = pl.DataFrame(schema=dtypes)
    rules = offences(made)
    assert ("int_rate", "maximum") in rules
    assert frame.select(breaks.alias(f"{n}") for n, breaks in enumerate(rules.values())).height == 0


def test_the_rules_of_a_contract_and_the_explainer_agree() -> None:
    made = contract.load("silver/loan_terms")
    dtypes = polars_schema(made)
    row = dict.fromkeys(dtypes) | {"id": 7, "member_id": "MEM_7", "int_rate": 13.56, "term": 37}
    row |= dict.fromkeys(("issue_d", "application_date", "snapshot_date"), date(2015, 12, 1))
    frame = pl.DataFrame([row], schema=dtypes)
    broken = {rule for rule, breaks in offences(made).items() if frame.select(breaks).item()}
    said = {(each.pointer.removeprefix("/"), each.keyword) for each in schemas.complaints(made.schema, as_json(row))}
    assert broken == said == {("int_rate", "maximum"), ("term", "enum")}
