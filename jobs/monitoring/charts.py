"""Charts as static SVG that takes its colours from the page, so that one picture suits light, dark and print."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree as ET

import vl_convert
from markupsafe import Markup

from jobs.protocol.strict_json import Json

WIDTH, HEIGHT = 380, 250
NOW, BEFORE, FAINT, WARN = "var(--now)", "var(--before)", "var(--faint)", "var(--warn)"
Drawing = Json  # or a part of one, in the words of Vega-Lite
SERIES: Drawing = {"field": "series", "type": "nominal"}
INKS = (NOW, BEFORE, WARN)
DASHES = ([1, 0], [5, 3], [2, 2])
SHAPES = ("circle", "square", "triangle-up")
_SVG = "http://www.w3.org/2000/svg"
_TAGS = {f"{{{_SVG}}}{tag}" for tag in ("svg", "g", "path", "line", "rect", "text", "tspan", "defs", "clipPath")}
_PLAIN = re.compile(r"[\w\s#%.,()+\-]*|url\(#\w+\)|var\(--\w+\)")  # of attributes; texts are free
_INK: Json = {"labelColor": "currentColor", "labelFontSize": 11}
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
    """The two axes. `dates` treats x as ordered categories; `level` is a threshold to draw."""

    x: str
    y: str
    x_format: str = "~g"
    y_format: str = "~g"
    dates: bool = False
    from_zero: bool = True
    square: bool = False  # both run from 0 to 1, with the diagonal
    points: bool = True
    level: float | None = None


def bars(rows: Sequence[Json]) -> Drawing:
    """Shares of bins: a filled bar for now, a hollow one for the reference, a dashed line through the `cut` bin.

    Rows have bin, before, now, cut.
    """
    look = {"labelLimit": 130, "minExtent": 95, "grid": False}
    names = {"field": "bin", "type": "nominal", "sort": [row["bin"] for row in rows], "title": None, "axis": look}
    shares: Drawing = {"type": "quantitative", "axis": {"format": "~%", "tickCount": 5}}
    shares["title"] = "share of rows: filled now, outlined reference"
    now = {"type": "bar", "color": NOW, "fillOpacity": 0.75, "height": {"band": 0.5}}
    before = {"type": "bar", "filled": False, "stroke": BEFORE, "strokeWidth": 1.5, "height": {"band": 0.85}}
    layers = [
        {"mark": mark, "encoding": {"x": {"field": field, **shares}, "y": names}}
        for field, mark in (("now", now), ("before", before))
    ]
    cut: Drawing = {"type": "rule", "color": WARN, "strokeDash": [6, 3], "strokeWidth": 1.5}
    if any(row.get("cut") for row in rows):
        layers.append({"mark": cut, "transform": [{"filter": "datum.cut"}], "encoding": {"y": names}})
    return {"data": {"values": rows}, "layer": layers}


def curves(lines: Mapping[str, Sequence[Sequence[Any]]], axes: Axes) -> Drawing:
    """Lines that differ in colour, dash and shape. Points are x, y, and optionally the ends of an interval."""
    names, columns = list(lines), ("x", "y", "low", "high")
    rows = [
        dict(zip(columns, point, strict=False)) | {"series": name, "at": at}
        for name, points in lines.items()
        for at, point in enumerate(points)
    ]
    look: Drawing = {"symbolSize": 60} if axes.points else {"symbolSize": 300, "symbolType": "stroke"}
    key = {"title": None, "orient": "top", "labelLimit": 170, "columnPadding": 14, **look} if len(names) > 1 else None
    ink, dash, shape = (
        {**SERIES, "scale": {"domain": names, "range": looks[: len(names)]}, "sort": names, "legend": legend}
        for looks, legend in ((INKS, key), (DASHES, None), (SHAPES, key))
    )
    directions = _directions(axes, rows)
    base = {**directions, "order": {"field": "at", "type": "quantitative"}}
    layers: list[Drawing] = []
    if axes.square:
        mark: Drawing = {"type": "line", "color": FAINT, "strokeDash": [3, 3]}
        layers.append({"data": {"values": [{"x": 0, "y": 0}, {"x": 1, "y": 1}]}, "mark": mark, "encoding": directions})
    if axes.level is not None:
        mark = {"type": "rule", "color": WARN, "strokeDash": [6, 3]}
        layers.append({"data": {"values": [{"y": axes.level}]}, "mark": mark, "encoding": {"y": directions["y"]}})
    if any("low" in row for row in rows):
        low = {"field": "low", "type": "quantitative", "title": axes.y}
        drawn = {"mark": {"type": "rule", "strokeWidth": 1.5}, "transform": [{"filter": "isValid(datum.low)"}]}
        layers.append({**drawn, "encoding": {**base, "y": low, "y2": {"field": "high"}, "color": ink}})
    line = {**base, "color": ink, "strokeDash": dash, "detail": SERIES}
    layers.append({"mark": {"type": "line", "strokeWidth": 2}, "encoding": line})
    if axes.points:
        mark = {"type": "point", "filled": True, "size": 45, "opacity": 1}
        layers.append({"mark": mark, "encoding": {**base, "color": ink, "shape": shape}})
    return {"data": {"values": rows}, "layer": layers}


def vintages(rows: Sequence[Json], axes: Axes) -> Drawing:
    """One line per vintage, older ones fainter, dashed where not all of its loans are that old, labelled at its end."""
    names = sorted({row["series"] for row in rows})
    rising = [round(0.35 + 0.65 * (step + 1) / len(names), 3) for step in range(len(names))]
    aged = {"opacity": {**SERIES, "scale": {"domain": names, "range": rising}, "legend": None}, "detail": SERIES}
    line: Drawing = {"type": "line", "color": NOW, "strokeWidth": 1.6}
    name = {"type": "text", "align": "left", "baseline": "bottom", "dx": 3, "color": "currentColor", "fontSize": 10}
    young = {**line, "strokeDash": [3, 3]}
    layers = [
        {
            "mark": mark,
            "transform": [{"filter": f"datum.{rows_with}"}],
            "encoding": {**_directions(axes, rows), **looks},
        }
        for rows_with, mark, looks in (("whole", line, aged), ("young", young, aged), ("last", name, {"text": SERIES}))
    ]
    return {"data": {"values": rows}, "layer": layers}


def _directions(axes: Axes, rows: Sequence[Json]) -> Drawing:
    """The encoding of the two axes."""
    kind: Drawing = {"type": "quantitative", "scale": {"domain": [0, 1]} if axes.square else {"zero": axes.from_zero}}
    x, y = (
        {"field": field, "title": title, "axis": {"format": form, "tickCount": 5}, **kind}
        for field, title, form in (("x", axes.x, axes.x_format), ("y", axes.y, axes.y_format))
    )
    if axes.dates:
        days = sorted({row["x"] for row in rows})
        shown = days[:: max(1, -(-len(days) // 6))]
        axis = {"values": shown, "labelAngle": 0, "grid": False, "labelExpr": "slice(datum.label, 2)"}
        x = {"field": "x", "title": axes.x, "type": "ordinal", "axis": axis}
    return {"x": x, "y": y}


def svg(chart: Drawing, of: str, height: int = HEIGHT) -> Markup:
    """The chart as cleaned SVG, with ids that are unique on a page of many charts."""
    fitted = {"width": WIDTH, "height": height, "padding": 4, "autosize": {"type": "fit", "contains": "padding"}}
    drawn = vl_convert.vegalite_to_svg({**chart, **fitted, "config": _LOOK})
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
    """Keep only shapes and texts, with only their position and paint attributes: no links, styles or handlers."""
    for child in list(element):
        if child.tag not in _TAGS or child.get("display") == "none" or child.get("d") in ("", "M0,0h0v0h0Z"):
            element.remove(child)
        else:
            _clean(child)
    element.attrib = {k: v for k, v in element.attrib.items() if k in _KEPT and _PLAIN.fullmatch(v)}
