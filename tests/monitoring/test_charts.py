"""Where the ink of a picture lies: at the numbers that it is drawn of."""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from jobs.monitoring import charts
from jobs.monitoring.charts import Axes

AXES = Axes(x="months", y="share")


def marks(chart: charts.Drawing, **looks: str) -> list[dict[str, str]]:
    """What is drawn with these looks, in order."""
    tree = ET.fromstring(charts.svg(chart, "a"))  # noqa: S314 - drawn a moment ago
    return [one.attrib for one in tree.iter() if looks.items() <= {**one.attrib, "text": one.text}.items()]


def numbers(text: str) -> list[float]:
    return [float(found) for found in re.findall(r"-?\d+(?:\.\d+)?", text)]


def corners(mark: dict[str, str]) -> list[tuple[float, float]]:
    found = numbers(mark["d"])
    return list(zip(found[::2], found[1::2], strict=True))


def line(chart: charts.Drawing, **looks: str) -> list[tuple[float, float]]:
    (mark,) = marks(chart, **({"stroke": charts.NOW, "stroke-width": "2"} | looks))
    return corners(mark)


def test_points_lie_where_their_numbers_say() -> None:
    (left, bottom), middle, (right, top) = line(charts.curves({"now": [(0.0, 0.0), (1.0, 0.5), (4.0, 1.0)]}, AXES))
    assert middle == pytest.approx((left + (right - left) / 4, (bottom + top) / 2))
    assert bottom > top, "higher numbers lie higher"


def test_an_axis_begins_at_zero_unless_it_need_not() -> None:
    of = {"now": [(1.0, 0.6), (2.0, 0.9)]}
    zeros = [len(marks(charts.curves(of, Axes(x="x", y="y", from_zero=begins)), text="0")) for begins in (True, False)]
    assert zeros == [2, 0]


def test_an_interval_reaches_from_end_to_end_and_a_level_crosses_the_picture() -> None:
    chart = charts.curves({"now": [(0.0, 0.0), (2.0, 1.0, 0.5, 0.75)]}, Axes(x="x", y="y", level=0.25))
    (_, bottom), (right, top) = line(chart)
    (interval,) = marks(chart, stroke=charts.NOW, **{"stroke-width": "1.5"})
    x, y = numbers(interval["transform"])
    ends = sorted((y, y + float(interval["y2"])))
    assert x == right
    assert ends == pytest.approx([bottom + (top - bottom) * 0.75, (bottom + top) / 2])
    (level,) = marks(chart, stroke=charts.WARN)
    assert numbers(level["transform"])[1] == pytest.approx(bottom + (top - bottom) / 4)
    assert abs(float(level["x2"])) == right
    assert level["stroke-dasharray"] == "6,3"


def test_a_square_picture_runs_from_0_to_1_with_its_diagonal() -> None:
    chart = charts.curves({"now": [(0.0, 0.0), (0.5, 0.25)]}, Axes(x="x", y="y", square=True, points=False))
    (diagonal,) = marks(chart, stroke=charts.FAINT, **{"stroke-dasharray": "3,3"})
    (left, bottom), (right, top) = corners(diagonal)
    assert [len(marks(chart, text=end)) for end in ("1", "2")] == [2, 0]
    assert line(chart) == [(left, bottom), pytest.approx((right / 2, bottom - (bottom - top) / 4))]


def test_dates_stand_side_by_side_in_their_order_and_not_all_are_named() -> None:
    days = [f"2024-01-{day:02d}" for day in range(6, 19)]  # as many as weeks on a page
    chart = charts.curves({"now": [(day, 0.5) for day in reversed(days)]}, Axes(x="week", y="AUC", dates=True))
    places = [x for x, _ in line(chart)]
    assert places == pytest.approx([places[-1] * (2 * place + 1) for place in reversed(range(13))], abs=0.1)
    assert [day for day in days if marks(chart, text=day[2:])] == days[::3]


def test_lines_are_told_apart_by_ink_dash_and_shape() -> None:
    chart = charts.curves({name: [(0.0, 0.1 * place), (1.0, 0.5)] for place, name in enumerate("abc")}, AXES)
    drawn = [one for ink in charts.INKS for one in marks(chart, stroke=ink, **{"stroke-width": "2"}) if "L" in one["d"]]
    assert len({(one["stroke"], one["stroke-dasharray"]) for one in drawn if "stroke-dasharray" in one}) == 3
    shapes = [{one["d"] for one in marks(chart, fill=ink) if "d" in one} for ink in charts.INKS]
    assert len(shapes) == len(set(map(frozenset, shapes))) == 3


def test_bars_are_as_long_as_their_shares_then_outlined_and_now_filled() -> None:
    chart = charts.bars([{"bin": "b", "before": 0.4, "now": 0.6}, {"bin": "a", "before": 0.6, "now": 0.3}])
    now, before = (
        [numbers(one["d"])[2] for one in marks(chart, **looks)]
        for looks in ({"fill": charts.NOW}, {"stroke": charts.BEFORE})
    )
    assert not any("fill" in one for one in marks(chart, stroke=charts.BEFORE))
    assert now == pytest.approx([before[1], before[1] / 2])
    assert before[0] == pytest.approx(before[1] * 2 / 3)


def test_a_vintage_is_dashed_where_not_all_its_loans_are_that_old_and_the_newest_is_the_darkest() -> None:
    def row(x: int, series: str, **parts: bool) -> dict[str, Any]:
        return {"x": x, "y": 0.1 * x, "series": series, "whole": False, "young": False, "last": False, **parts}

    old = [
        row(1, "2023Q1", whole=True),
        row(2, "2023Q1", whole=True, young=True),
        row(3, "2023Q1", young=True, last=True),
    ]
    chart = charts.vintages([*old, row(1, "2023Q2", whole=True), row(2, "2023Q2", whole=True, last=True)], AXES)
    drawn = marks(chart, **{"stroke": charts.NOW, "stroke-width": "1.6"})
    whole, newest, young = [one for one in drawn if len(corners(one)) == 2]
    assert corners(whole)[-1] == corners(young)[0], "the parts join"
    assert ("stroke-dasharray" in whole, young["stroke-dasharray"]) == (False, "3,3")
    assert float(whole["opacity"]) < float(newest["opacity"]) == 1
    assert [len(marks(chart, text=name)) for name in ("2023Q1", "2023Q2")] == [1, 1]
