"""The official JSON Schema test suite against the compiler: `python -m tests.contract_suite DIR`, for any copy of it.

A case is an instance and a schema. A scalar is the one cell of a row whose schema is that of a column; it is tried in
every dtype that can hold it. What cannot be a cell, and schemas that contracts refuse, count as refused, with the
reason. Formats are annotations in the core suite, and asserted in optional/format.
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

from jobs.protocol.contract_polars import DTYPES, offences, polars_schema
from jobs.protocol.errors import ConfigInvalid
from tests.protocol.judged_rows import table

if TYPE_CHECKING:
    from collections.abc import Iterator

CELL = "cell"
INTEGERS = {"int8": 7, "int16": 15, "int32": 31, "int64": 63}
Cell = tuple[str, object]  # a dtype, and a value of it


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
                try:
                    verdicts = set(readings(group["schema"], case["data"], is_asserting=is_asserting))
                except (NoColumn, ConfigInvalid) as reason:
                    tally.refused[named(str(reason))] += 1
                    continue
                if verdicts == {case["valid"]}:
                    tally.passed += 1
                else:
                    tally.wrong.append(f"{path.name}: {group['description']}: {case['description']}")
    return tally


def files(folder: Path) -> list[Path]:
    """The test files of the draft, wherever in the copy they lie."""
    homes = [path.parent for path in sorted(folder.rglob("type.json")) if path.parent.name == "draft2020-12"]
    return sorted(path for home in homes[:1] for path in home.rglob("*.json"))


def readings(schema: Any, instance: Any, *, is_asserting: bool) -> Iterator[bool]:
    """Whether the compiler finds the instance valid, for each way in which it may be the cell of a column.

    Raises ConfigInvalid, with the reason, if no column can have this schema.
    """
    if not isinstance(schema, dict):
        raise NoColumn("true and false are no schemas of a column")
    refused: ConfigInvalid | None = None
    is_read = False
    for dtype, value in columns(instance):
        try:
            made = table({CELL: (dtype, schema)})
        except ConfigInvalid as why:
            refused = refused or why
            continue
        is_read = True
        frame = pl.DataFrame({CELL: [value]}, schema=polars_schema(made))
        counted = [breaks for (_, keyword), breaks in offences(made).items() if is_asserting or keyword != "format"]
        yield not any(frame.select(breaks).item() for breaks in counted)
    if refused and not is_read:
        raise refused


def columns(value: object) -> Iterator[Cell]:
    """Every dtype that holds a value, and the value as it lies there."""
    if value is None:
        yield from ((dtype, None) for dtype in DTYPES)
    elif isinstance(value, bool):
        yield "boolean", value
    elif isinstance(value, int | float):
        yield from numbers(value)
    elif isinstance(value, str):
        yield "string", value
        if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value) and is_date(value):
            yield "date", date.fromisoformat(value)
    else:
        raise NoColumn(f"{'a list' if isinstance(value, list) else 'an object'} is no cell")


def numbers(value: float) -> Iterator[Cell]:
    """1 and 1.0 are the same number in JSON, so either may lie in a column of the other kind."""
    fitting = [dtype for dtype, bits in INTEGERS.items() if value == int(value) and -(2**bits) <= value < 2**bits]
    yield from ((dtype, int(value)) for dtype in fitting)
    is_exact = abs(value) <= 2**53 or not isinstance(value, int)
    if is_exact:
        yield "float64", float(value)
    if not is_exact and not fitting:
        raise NoColumn("an integer past 2^63 is no cell")


def is_date(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def named(reason: str) -> str:
    """The first reason, without its place and what was found there, so that equal ones count together."""
    first = reason.partition("\n")[0].removeprefix("the contract is not clear: ").partition("; line")[0]
    keyword = re.search(r"/properties/cell/([^ :]+)", first)
    return f"{keyword[1] if keyword else ''}: {first.partition(', but ')[2] or first.rpartition(': ')[2]}"


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
