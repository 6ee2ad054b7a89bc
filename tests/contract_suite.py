"""The official JSON Schema test suite against the compiler: `python -m tests.contract_suite DIR`, for any copy of it.

A case is an instance and a schema. An object of scalars is a row, a scalar is the one cell of a row whose schema stands
under `properties`; each is tried in every dtype that can hold it. What cannot be a column, and schemas the compiler
refuses, count as refused, with the reason. Formats are annotations in the core suite, and asserted in optional/format.
"""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from jobs.protocol import contract, schemas
from jobs.protocol.contract_polars import offences_of

if TYPE_CHECKING:
    from collections.abc import Iterator

CELL = "cell"
INTEGERS = {pl.Int8: 7, pl.Int16: 15, pl.Int32: 31, pl.Int64: 63}
Column = tuple[pl.DataType, object]


class NoColumn(Exception):
    """Why an instance cannot lie in a table."""


@dataclass
class Tally:
    """What became of every case."""

    passed: int = 0
    wrong: list[str] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)

    @property
    def supported(self) -> int:
        return self.passed + len(self.wrong)


def run(folder: Path) -> Tally:
    """Try every case of draft 2020-12 in a copy of the suite."""
    tally = Tally()
    for path in files(folder):
        is_asserting = path.parent.name == "format"
        for group in json.loads(path.read_text("utf-8")):
            for case in group["tests"]:
                if problems := unclear(group["schema"]):
                    tally.refused[named(problems[0])] += 1
                    continue
                try:
                    verdicts = set(readings(group["schema"], case["data"], is_asserting=is_asserting))
                except NoColumn as reason:
                    tally.refused[str(reason)] += 1
                    continue
                if verdicts == {case["valid"]}:
                    tally.passed += 1
                else:
                    tally.wrong.append(f"{path.name}: {group['description']}: {case['description']}")
    return tally


def unclear(schema: object) -> list[schemas.Complaint]:
    """What a contract that had this schema in it would be refused for."""
    words = {"$defs": schemas.document("contract")["$defs"], "$ref": "#/$defs/schema"}
    return schemas.complaints(words, schema, quoting=True) or [*contract.objections(schema)]


def files(folder: Path) -> list[Path]:
    """The test files of the draft, wherever in the copy they lie."""
    homes = [path.parent for path in sorted(folder.rglob("type.json")) if path.parent.name == "draft2020-12"]
    return sorted(path for home in homes[:1] for path in home.rglob("*.json"))


def readings(schema: Any, instance: Any, *, is_asserting: bool) -> Iterator[bool]:
    """Whether the compiler finds the instance valid, for each way in which it may lie in a table."""
    is_row = isinstance(instance, dict)
    if not is_row:
        schema, instance = {"properties": {CELL: schema}}, {CELL: instance}
    if any(name == "*" or (name.startswith("^") and name.endswith("$")) for name in instance):
        raise NoColumn("polars takes this name for a pattern")
    ways = {name: list(columns(value)) for name, value in instance.items()}
    for number in range(max((len(each) for each in ways.values()), default=1)):
        way = {name: each[number % len(each)] for name, each in ways.items()}
        rules = offences_of(schema, {name: dtype for name, (dtype, _) in way.items()})
        frame = pl.DataFrame({name: pl.Series([value], dtype=dtype) for name, (dtype, value) in way.items()})
        counted = [breaks for (_, keyword), breaks in rules.items() if is_asserting or keyword != "format"]
        yield not any(frame.select(breaks).item() for breaks in counted)


def columns(value: object) -> Iterator[Column]:
    """Every dtype that holds a value, and the value as it lies there."""
    if value is None:
        yield from (
            (dtype(), None) for dtype in (pl.Null, pl.Int8, pl.Int64, pl.Float64, pl.Boolean, pl.String, pl.Date)
        )
    elif isinstance(value, bool):
        yield pl.Boolean(), value
    elif isinstance(value, int | float):
        yield from numbers(value)
    elif isinstance(value, str):
        yield pl.String(), value
        if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value) and is_date(value):
            yield pl.Date(), date.fromisoformat(value)
    else:
        raise NoColumn(f"{'a list' if isinstance(value, list) else 'an object'} is no cell")


def numbers(value: float) -> Iterator[Column]:
    """1 and 1.0 are the same number in JSON, so either may lie in a column of the other kind."""
    fitting = [dtype for dtype, bits in INTEGERS.items() if value == int(value) and -(2**bits) <= value < 2**bits]
    yield from ((dtype(), int(value)) for dtype in fitting)
    is_exact = abs(value) <= 2**53 or not isinstance(value, int)
    if is_exact:
        yield pl.Float64(), float(value)
    if not is_exact and not fitting:
        raise NoColumn("an integer past 2^63 is no cell")


def is_date(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def named(problem: schemas.Complaint) -> str:
    """The keyword that was refused, with the reason; without what was found, so that equal ones count together."""
    return f"{problem.pointer.rpartition('/')[2]}: {problem.what.partition(', but ')[2] or 'it is unknown'}"


def main(folder: str) -> int:
    tally = run(Path(folder))
    for reason, count in sorted(tally.refused.items(), key=lambda item: (-item[1], item[0])):
        print(f"{count:5}  {reason}")
    for wrong in tally.wrong:
        print(f"WRONG  {wrong}")
    print(
        f"supported {tally.supported}, passed {tally.passed}, refused {tally.refused.total()}, wrong {len(tally.wrong)}"
    )
    return 1 if tally.wrong or not tally.supported else 0


if __name__ == "__main__":
    if len(sys.argv) != len(("program", "folder")):
        sys.exit(f"usage: {__doc__}")
    sys.exit(main(sys.argv[1]))
