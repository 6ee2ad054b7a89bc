from __future__ import annotations

import copy
import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from jobs.protocol import contract, strict_json
from jobs.protocol.errors import ConfigInvalid

ROOT = Path(__file__).parents[2]
LOANS: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "silver/loans",
    "description": "One row per loan.",
    "type": "object",
    "x-version": 3,
    "x-key": ["id"],
    "properties": {
        "id": {"description": "The loan.", "type": "integer", "minimum": 0, "x-dtype": "int64", "x-role": "key"},
        "int_rate": {
            "description": "Yearly rate.",
            "type": ["number", "null"],
            "maximum": 1,
            "x-dtype": "float64",
            "x-parse": "percent",
            "x-role": "pricing",
            "x-unit": "fraction",
            "x-era": 2007,
            "x-null-tokens": ["", "n/a"],
            "x-sentinels": [-1],
            "x-soft-minimum": 0.05,
            "x-soft-maximum": 0.36,
            "x-monotone": 1,
            "x-severity": "fail",
            "x-group": "pricing",
        },
        "issue_d": {
            "description": "Month.",
            "type": "string",
            "format": "date",
            "x-dtype": "date",
            "x-role": "time",
        },
    },
    "required": ["id"],
    "additionalProperties": False,
}


def read(schema: object) -> contract.Contract:
    return contract.read(strict_json.pretty(schema), name="silver/loans")


def changed(path: str, value: object) -> dict[str, Any]:
    """The contract of loans with one place set to something else, or removed."""
    schema: dict[str, Any] = copy.deepcopy(LOANS)
    *steps, last = path.split("/")
    part = schema
    for step in steps:
        part = part[step]
    if value is None:
        del part[last]
    else:
        part[last] = value
    return schema


def test_a_contract_says_everything_about_its_columns() -> None:
    loans = read(LOANS)
    assert (loans.name, loans.version, loans.key) == ("silver/loans", 3, ("id",))
    assert [column.name for column in loans.columns] == ["id", "int_rate", "issue_d"]
    assert loans.column("int_rate") == contract.Column(
        name="int_rate",
        dtype="float64",
        nullable=True,
        description="Yearly rate.",
        parse="percent",
        role="pricing",
        unit="fraction",
        era=2007,
        null_tokens=("", "n/a"),
        sentinels=(-1,),
        soft_minimum=0.05,
        soft_maximum=0.36,
        monotone=1,
        severity="fail",
        group="pricing",
        schema={},
    )
    assert not loans.column("id").nullable
    assert loans.column("int_rate").schema["maximum"] == 1
    assert loans.with_role("key", "time") == (loans.columns[0], loans.columns[2])


def test_the_hash_of_a_contract_is_that_of_its_file() -> None:
    data = strict_json.pretty(LOANS)
    assert contract.read(data, name="a").sha256 == hashlib.sha256(data).hexdigest()
    assert contract.read(data + b" ", name="a").sha256 != contract.read(data, name="a").sha256


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("x-version", None, "line 1, column 1: x-version must be there"),
        ("x-version", 1.0, "line 6, column 16: x-version is 1.0, but may be a whole number from 1"),
        ("x-key", ["idd"], "x-key has 'idd', which is no column; did you mean 'id'?"),
        ("x-keys", ["id"], "column 13: x-keys is unknown; did you mean 'x-key'?"),
        ("x-unit", "usd", 'x-unit is "usd", but may be nothing: it is said of a column'),
        ("properties/int_rate/x-key", ["id"], '/x-key is ["id"], but may be nothing: it is said of a table'),
        ("required", ["int_rat"], "required has 'int_rat', which is no column; did you mean 'int_rate'?"),
        ("additionalProperties", None, "additionalProperties must be there"),
        ("type", "array", 'type is "array", but may be "object"'),
        ("properties", {}, "properties is {}, but may be columns, at least one"),
        ("properties/int_rate/minimun", 0, "/minimun is unknown; did you mean 'minimum'?"),
        ("properties/int_rate/x-soft-minimun", 0, "/x-soft-minimun is unknown; did you mean 'x-soft-minimum'?"),
        (
            "properties/int_rate/minProperties",
            0,
            "minProperties is 0, but may be nothing: the columns of a table are fixed",
        ),
        ("properties/int_rate/description", None, "line 18, column 17: description must be there"),
        ("properties/int_rate/anyOf", [{}], "what holds between columns is a rule in jobs/preprocessing/rules.py"),
        ("properties/int_rate/required", ["id"], '/required is ["id"], but may be nothing: it is said of a table'),
        ("enum", [{}], "enum is [{}], but may be nothing: it is said of a column"),
        ("allOf", [{}], "allOf is [{}], but may be nothing: a contract says what one cell may hold"),
        ("additionalProperties", True, "additionalProperties is true, but may be false"),
        ("properties/int_rate", True, "/properties/int_rate is true, but may be a schema of the column's values"),
        ("properties/int_rate/x-dtype", None, "line 18, column 17: x-dtype must be there"),
        ("properties/int_rate/x-dtype", "float32", 'x-dtype is "float32", but may be one of "int8"'),
        ("properties/int_rate/x-dtype", "int8", "/properties/int_rate/type: x-dtype int8 is integer in JSON"),
        ("properties/int_rate/type", None, "line 18, column 17: type must be there"),
        ("properties/issue_d/format", None, "/properties/issue_d/format: x-dtype date goes with format date"),
        ("properties/issue_d/pattern", "-01\\Z", "/properties/issue_d/pattern may be read differently: "),
        ("properties/issue_d/pattern", "\\A2015$", "\\A first, \\Z last, neither ^ nor $"),
        ("properties/int_rate/x-role", "leak", '/x-role is "leak", but may be one of "key", "time"'),
        ("properties/int_rate/x-parse", "percents", '/x-parse is "percents", but may be one of "integer"'),
        ("properties/int_rate/x-era", 2008, "/x-era is 2008, but may be one of 2007, 2012"),
        ("properties/int_rate/x-monotone", True, "/x-monotone is true, but may be one of -1, 0, 1"),
        ("properties/int_rate/x-severity", "error", '/x-severity is "error", but may be one of "warn", "fail"'),
        ("properties/int_rate/x-null-tokens", "n/a", '/x-null-tokens is "n/a", but may be a list of texts'),
        ("properties/int_rate/x-sentinels", [None], "/x-sentinels/0 is null, but may be a text or a number"),
        ("properties/int_rate/x-soft-maximum", "much", '/x-soft-maximum is "much", but may be a number, or a date'),
        ("properties/int_rate/x-unit", "", '/x-unit is "", but may be a word'),
        ("properties/a column", {"description": "x", "type": "integer", "x-dtype": "int8"}, "letters, digits and _"),
    ],
)
def test_what_is_not_clear_is_refused_by_name(path: str, value: object, said: str) -> None:
    with pytest.raises(ConfigInvalid) as caught:
        read(changed(path, value))
    assert said in caught.value.what
    assert caught.value.where == "jobs/contracts/silver/loans.json"


@pytest.mark.parametrize("number", ["9007199254740993", "NaN", "1e400"])
def test_a_number_that_readers_take_for_different_ones_is_refused(number: str) -> None:
    text = json.dumps(LOANS).replace('"maximum": 1', f'"maximum": {number}')
    with pytest.raises(ConfigInvalid, match=r"line 1, column \d+, in /properties/int_rate/maximum"):
        contract.read(text.encode(), name="silver/loans")


def test_everything_that_is_wrong_is_told_at_once() -> None:
    schema = changed("properties/int_rate/minimun", 0)
    schema["properties"]["issue_d"]["uniqueItems"] = True
    with pytest.raises(ConfigInvalid, match=r"minimun.*uniqueItems"):
        read(schema)


def test_the_pages_made_from_contracts_are_up_to_date() -> None:
    code = [sys.executable, "docs/generate.py", "--check"]
    found = subprocess.run(code, cwd=ROOT, check=False, capture_output=True, text=True)
    assert (found.returncode, found.stdout + found.stderr) == (0, ""), "run python docs/generate.py"


def test_loading_a_contract_does_not_need_polars() -> None:
    code = (
        "import sys; from jobs.protocol import contract; contract.load('silver/loan_terms');"
        "sys.exit(' '.join({'polars', 'numpy'} & sys.modules.keys()) or 0)"
    )
    found = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False, capture_output=True, text=True)
    assert (found.returncode, found.stderr) == (0, "")
