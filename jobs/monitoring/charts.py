"""Charts as static SVG that takes its colours from the page, so that one picture serves light, dark and paper."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree as ET

import altair as alt
import vl_convert
from altair.utils import schemapi
from markupsafe import Markup

schemapi.disable_debug_mode()  # to check each part of a picture takes as long as to draw it
WIDTH, HEIGHT = 380, 250
NOW, BEFORE, FAINT, WARN = "var(--now)", "var(--before)", "var(--faint)", "var(--warn)"
Drawing = alt.LayerChart | alt.FacetChart
INKS = (NOW, BEFORE, WARN)
DASHES = ([1, 0], [5, 3], [2, 2])
SHAPES = ("circle", "square", "triangle-up")
_SVG = "http://www.w3.org/2000/svg"
_TAGS = {f"{{{_SVG}}}{tag}" for tag in ("svg", "g", "path", "line", "rect", "text", "tspan", "defs", "clipPath")}
_PLAIN = re.compile(r"[\w\s#%.,()+\-]*|url\(#\w+\)|var\(--\w+\)")  # of attributes; texts are free
_INK: dict[str, Any] = {"labelColor": "currentColor", "labelFontSize": 11}
_TITLE = {"titleColor": "currentColor", "titleFontSize": 11, "titleFontWeight": "normal", "titlePadding": 6}
_RULES = {"gridColor": FAINT, "domainColor": FAINT, "tickColor": FAINT, "labelFlush": False}
_LOOK = {"aria": False, "background": "transparent", "font": "sans-serif", "view": {"stroke": None}}
_LOOK |= {"axis": _INK | _RULES | _TITLE, "legend": _INK | {"offset": 4}}
_KEPT = (
    {"width", "height", "viewBox", "transform", "d", "x", "y", "x1", "x2", "y1", "y2", "fill", "stroke", "opacity"}
    | {"fill-opacity", "stroke-opacity", "stroke-width", "stroke-dasharray", "stroke-linecap", "stroke-linejoin"}
    | {"text-anchor", "font-size", "font-weight", "clip-path", "id", "stroke-miterlimit"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Axes:
    """What the two directions mean. `dates` takes x as a category, in order; `level` is a threshold to be drawn."""

    x: str
    y: str
    x_format: str = "~g"
    y_format: str = "~g"
    dates: bool = False
    from_zero: bool = True
    square: bool = False  # both run from 0 to 1, with the diagonal
    points: bool = True
    level: float | None = None


def bars(rows: Sequence[dict[str, Any]]) -> Drawing:
    """Shares of bins then and now: a bar for now, a hollow one for the reference. Rows have bin, before, now."""
    look = alt.Axis(labelLimit=130, minExtent=95, grid=False)
    names = alt.Y("bin:N", sort=[row["bin"] for row in rows], title=None, axis=look)
    shares: dict[str, Any] = {"axis": alt.Axis(format="~%", tickCount=5)}
    shares["title"] = "share of rows: filled now, outlined reference"
    base = alt.Chart(_data(rows)).encode(y=names)
    now = base.mark_bar(color=NOW, fillOpacity=0.75, height=alt.RelativeBandSize(0.5))
    before = base.mark_bar(filled=False, stroke=BEFORE, strokeWidth=1.5, height=alt.RelativeBandSize(0.85))
    return alt.layer(now.encode(x=alt.X("now:Q", **shares)), before.encode(x=alt.X("before:Q", **shares)))


def curves(lines: Mapping[str, Sequence[Sequence[Any]]], axes: Axes) -> Drawing:
    """Lines told apart by ink, dash and shape. Their points are x, y, and the ends of an interval if there is one."""
    names, columns = list(lines), ("x", "y", "low", "high")
    rows = [
        dict(zip(columns, point, strict=False)) | {"series": name, "at": at}
        for name, points in lines.items()
        for at, point in enumerate(points)
    ]
    x, y = _x(axes, rows), _y(axes)
    base = alt.Chart(_data(rows)).encode(x=x, y=y, order=alt.Order("at:Q"))
    look: dict[str, Any] = {"symbolSize": 60} if axes.points else {"symbolSize": 300, "symbolType": "stroke"}
    key = alt.Legend(title=None, orient="top", labelLimit=170, columnPadding=14, **look) if len(names) > 1 else None
    ink, dash, shape = (
        of("series:N", scale=alt.Scale(domain=names, range=list(looks[: len(names)])), sort=names, legend=legend)
        for of, looks, legend in ((alt.Color, INKS, key), (alt.StrokeDash, DASHES, None), (alt.Shape, SHAPES, key))
    )
    layers: list[alt.Chart] = []
    if axes.square:
        ends = alt.Chart(_data([{"x": 0, "y": 0}, {"x": 1, "y": 1}]))
        layers.append(ends.mark_line(color=FAINT, strokeDash=[3, 3]).encode(x=x, y=y))
    if axes.level is not None:
        layers.append(alt.Chart(_data([{"y": axes.level}])).mark_rule(color=WARN, strokeDash=[6, 3]).encode(y=y))
    if any("low" in row for row in rows):
        spread = base.transform_filter("isValid(datum.low)").mark_rule(strokeWidth=1.5)
        layers.append(spread.encode(y=alt.Y("low:Q", title=axes.y), y2="high:Q", color=ink))
    layers.append(base.mark_line(strokeWidth=2).encode(color=ink, strokeDash=dash, detail="series:N"))
    if axes.points:
        layers.append(base.mark_point(filled=True, size=45, opacity=1).encode(color=ink, shape=shape))
    return alt.layer(*layers)


def vintages(rows: Sequence[dict[str, Any]], axes: Axes) -> Drawing:
    """A line a vintage, older ones fainter, dashed where not all of its loans are that old; named where it ends."""
    names = sorted({row["series"] for row in rows})
    rising = [round(0.35 + 0.65 * (step + 1) / len(names), 3) for step in range(len(names))]
    base = alt.Chart(_data(rows)).encode(x=_x(axes, rows), y=_y(axes))
    age = alt.Opacity("series:N", scale=alt.Scale(domain=names, range=rising), legend=None)
    lines = base.mark_line(color=NOW, strokeWidth=1.6).encode(opacity=age, detail="series:N")
    whole = lines.transform_filter("datum.whole")
    young = lines.mark_line(color=NOW, strokeWidth=1.6, strokeDash=[3, 3]).transform_filter("datum.young")
    beside: dict[str, Any] = {"align": "left", "baseline": "bottom", "dx": 3, "color": "currentColor", "fontSize": 10}
    return alt.layer(whole, young, base.transform_filter("datum.last").mark_text(**beside).encode(text="series:N"))


def svg(chart: Drawing, of: str, height: int = HEIGHT) -> Markup:
    """The picture, with names of its own on a page of many, and nothing in it that a picture does not need."""
    fitted = {"width": WIDTH, "height": height, "padding": 4, "autosize": {"type": "fit", "contains": "padding"}}
    drawn = vl_convert.vegalite_to_svg({**chart.to_dict(validate=False), **fitted, "config": _LOOK})
    tree = ET.fromstring(drawn)  # noqa: S314 - drawn in this process a moment ago
    _clean(tree)
    ids = [name for element in tree.iter() if (name := element.get("id"))]
    names = {name: f"{of}c{place}" for place, name in enumerate(ids)}
    for element in tree.iter():
        for key, value in element.attrib.items():
            element.attrib[key] = re.sub(r"clip\d+", lambda found: names.get(found[0], found[0]), value)
    ET.register_namespace("", _SVG)
    return Markup(ET.tostring(tree, encoding="unicode"))  # noqa: S704 - cleaned, element by element


def _clean(element: ET.Element) -> None:
    """Keep only shapes and texts, and of them only what places and paints: no links, styles or handlers."""
    for child in list(element):
        if child.tag not in _TAGS or child.get("display") == "none" or child.get("d") in ("", "M0,0h0v0h0Z"):
            element.remove(child)
        else:
            _clean(child)
    element.attrib = {k: v for k, v in element.attrib.items() if k in _KEPT and _PLAIN.fullmatch(v)}


def _data(rows: Sequence[dict[str, Any]]) -> alt.Data:
    return alt.Data(values=tuple(rows))  # type: ignore[no-untyped-call] # a list would be copied with every layer


def _x(axes: Axes, rows: Sequence[dict[str, Any]]) -> alt.X:
    if axes.dates:
        days = sorted({row["x"] for row in rows})
        shown = days[:: max(1, -(-len(days) // 6))]
        axis = alt.Axis(values=shown, labelAngle=0, grid=False, labelExpr="slice(datum.label, 2)")
        return alt.X("x:O", title=axes.x, sort=days, axis=axis)
    return alt.X("x:Q", title=axes.x, scale=_scale(axes), axis=alt.Axis(format=axes.x_format, tickCount=5))


def _y(axes: Axes) -> alt.Y:
    return alt.Y("y:Q", title=axes.y, scale=_scale(axes), axis=alt.Axis(format=axes.y_format, tickCount=5))


def _scale(axes: Axes) -> alt.Scale:
    return alt.Scale(domain=[0, 1]) if axes.square else alt.Scale(zero=axes.from_zero)
