from __future__ import annotations

import csv
import io
import json
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.protocol.errors import UsageError
from jobs.sql import asking

if TYPE_CHECKING:
    from collections.abc import Sequence

ROWS: list[Sequence[object]] = [
    (1, -2.5, "=cmd()", None, date(2024, 1, 31), True, Decimal(12), [float("nan"), 1]),
    (-3, float("inf"), "plain, with a comma", "", None, False, Decimal("1.50"), {"a": "x"}),
]
NAMES = ["n", "x", "t", "=e", "d", "b", "h", "v"]


class Terminal(io.StringIO):
    def isatty(self) -> bool:  # type: ignore[explicit-override]
        return True


def as_csv(*values: object) -> list[str]:
    out = io.StringIO()
    asking.as_csv(["a"] * len(values), iter([values]), out)
    return list(csv.reader(io.StringIO(out.getvalue(), newline="")))[1]


def test_csv_keeps_numbers_and_disarms_formulas() -> None:
    out = io.StringIO()
    asking.as_csv(NAMES, iter(ROWS), out)
    assert out.getvalue().splitlines() == [
        "n,x,t,'=e,d,b,h,v",
        '1,-2.5,\'=cmd(),,2024-01-31,true,12,"[null, 1]"',
        '-3,,"plain, with a comma",,,false,1.5,"{""a"": ""x""}"',
    ]


@given(st.text(alphabet=st.sampled_from("=+-@\t\ra1 ',\"\n\uff1d\uff20\uff11"), min_size=1))
def test_no_text_in_csv_begins_as_a_formula_and_none_is_lost(text: str) -> None:
    (cell,) = as_csv(text)
    hostile = text[0] in "=+-@\t\r\n\uff1d\uff20"
    assert cell == (f"'{text}" if hostile else text)


def test_json_is_one_object_a_line_and_has_no_nan() -> None:
    out = io.StringIO()
    asking.as_json(NAMES, iter(ROWS), out)
    first, second = json.loads(out.getvalue(), parse_constant=pytest.fail)
    assert first == {
        "n": 1,
        "x": -2.5,
        "t": "=cmd()",
        "=e": None,
        "d": "2024-01-31",
        "b": True,
        "h": 12,
        "v": [None, 1],
    }
    assert (second["x"], second["h"], second["v"]) == (None, 1.5, {"a": "x"})
    assert out.getvalue().count("\n") == 4


def test_json_of_no_rows_is_an_empty_list_and_columns_of_one_name_are_refused() -> None:
    out = io.StringIO()
    asking.as_json(["a"], iter([]), out)
    assert json.loads(out.getvalue()) == []
    with pytest.raises(UsageError, match="one name"):
        asking.as_json(["a", "a"], iter([(1, 2)]), out)


def test_a_table_is_aligned_and_cannot_steer_a_terminal() -> None:
    out = io.StringIO()
    rows: list[Sequence[object]] = [("a", 1, 0.5), ("\x1b[2Jé", None, 1234567.0), ("x" * 99, 20, 1e-9)]
    asking.as_table(["text", "n", "share"], iter(rows), out)
    head, line, first, second, third = out.getvalue().splitlines()
    assert line == f"{'-' * 60}  {'-' * 4}  {'-' * 7}"
    assert head == f"{'text':<60}  {'n':>4}  {'share':>7}"
    assert first == f"{'a':<60}     1      0.5"
    assert second.startswith("\\x1b[2J\\xe9 ")
    assert second.endswith("  null  1234567")
    assert third == f"{'x' * 59}…    20    1e-09"


@pytest.mark.parametrize(("length", "shown"), [(60, "x" * 60), (61, "x" * 59 + "…")])
def test_a_cell_is_cut_only_where_it_does_not_fit(length: int, shown: str) -> None:
    out = io.StringIO()
    asking.as_table(["a"], iter([("x" * length,)]), out)
    assert out.getvalue().splitlines() == [f"{'a':<60}".rstrip(), "-" * 60, shown]


def test_texts_within_a_list_are_shown_as_they_are() -> None:
    out = io.StringIO()
    asking.as_table(["a"], iter([(["é", None],)]), out)
    assert out.getvalue().splitlines()[2] == '["é", null]'


def test_a_terminal_is_not_flooded_and_a_pipe_gets_all() -> None:
    for out, lines in ((Terminal(), asking.MOST_ROWS + 3), (io.StringIO(), 252)):
        asking.as_table(["a"], ((n,) for n in range(250)), out)
        assert len(out.getvalue().splitlines()) == lines
    terminal = Terminal()
    asking.as_table(["a"], ((n,) for n in range(250)), terminal)
    assert terminal.getvalue().splitlines()[-1].startswith("... and 50 more rows")
    exactly = Terminal()
    asking.as_table(["a"], ((n,) for n in range(asking.MOST_ROWS)), exactly)
    assert "more rows" not in exactly.getvalue()
