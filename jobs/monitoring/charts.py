"""Charts as static SVG that takes its colours from the page, so that one picture serves light, dark and paper."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from markupsafe import Markup

WIDTH, HEIGHT = 380, 250
NOW, BEFORE, FAINT, WARN = "var(--now)", "var(--before)", "var(--faint)", "var(--warn)"
INKS, DASHES = (NOW, BEFORE, WARN), ("", "5 3", "2 2")
SHAPES = (  # of points: circle, square, triangle
    "m-3.2 0a3.2 3.2 0 1 0 6.4 0a3.2 3.2 0 1 0-6.4 0",
    "m-2.9-2.9h5.8v5.8h-5.8z",
    "m0-3.8l3.7 6.6h-7.4z",
)
_TICKS, _DATES = 5, 6  # about so many on an axis
_LETTER = 5.8  # the width of one, in the mean
_BAR, _LONGEST = 20, 21  # the height of a bar's place, and the letters of its name


@dataclass(frozen=True, slots=True, kw_only=True)
class Axes:
    """What the two directions mean. `dates` takes x as a category, in order; `level` is a threshold to be drawn."""

    x: str
    y: str
    x_format: str = "g"
    y_format: str = "g"
    dates: bool = False
    from_zero: bool = True
    square: bool = False  # both run from 0 to 1, with the diagonal
    points: bool = True
    level: float | None = None


class Scale(NamedTuple):
    """Where the values between two lie on the picture; ticks have a value and a label."""

    low: float
    high: float
    start: float
    end: float
    ticks: Sequence[tuple[float, str]]

    def __call__(self, value: float) -> float:
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)


def scale(values: Iterable[float], form: str, start: float, end: float) -> Scale:
    """From a round number below all values to one above them."""
    low, high = min(values, default=0.0), max(values, default=0.0)
    rough = (high - low or abs(high) or 1.0) / _TICKS
    step = next(one for m in (1, 2, 5, 10) if (one := m * 10 ** math.floor(math.log10(rough))) >= rough * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    at = [round(n * step, 12) for n in range(first, max(last, first + 1) + 1)]
    ticks = [(one, f"{100 * one:.10g}%" if form == "%" else f"{one:{form}}") for one in at]
    return Scale(at[0], at[-1], start, end, ticks)


def bars(rows: Sequence[dict[str, Any]]) -> Markup:
    """Shares of bins then and now: a bar for now, a hollow one for the reference. Rows have bin, before, now."""
    left, bottom = 110, 8 + _BAR * max(len(rows), 5)
    x = scale([0, *(row[side] for row in rows for side in ("before", "now"))], "%", left, WIDTH - 16)
    drawn = [
        *_grid(x, 8, bottom),
        _text((left + WIDTH) / 2, bottom + 32, "share of rows: filled now, outlined reference"),
    ]
    for place, row in enumerate(rows):
        top, name = 8 + _BAR * place, row["bin"]
        now, before = (round(x(row[side]) - left, 1) for side in ("now", "before"))
        filled = {"y": top + 5, "width": now, "height": 10, "fill": NOW, "opacity": 0.75}
        hollow = {"y": top + 1.5, "width": before, "height": 17, "fill": "none", "stroke": BEFORE, "stroke-width": 1.5}
        drawn.append(_text(left - 6, top + 14, name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…", "end"))
        drawn += [_element("rect", {"x": left, **looks}) for looks in (filled, hollow)]
    return _svg(drawn, bottom + 40)


def curves(lines: Mapping[str, Sequence[Sequence[Any]]], axes: Axes) -> Markup:
    """Lines told apart by ink, dash and shape. Their points are x, y, and the ends of an interval if there is one."""
    top, every = 30 if len(lines) > 1 else 10, [point for points in lines.values() for point in points]
    drawn, x, y = _frame(axes, [point[0] for point in every], [end for point in every for end in point[1:]], top)
    if axes.square:
        drawn.append(_line([(x(0), y(0)), (x(1), y(1))], FAINT, 1, "3 3"))
    if axes.level is not None:
        drawn.append(_line([(x.start, y(axes.level)), (x.end, y(axes.level))], WARN, 1, "6 3"))
    days = {day: place for place, day in enumerate(sorted({point[0] for point in every}))} if axes.dates else {}
    at = x.start  # of the key
    for (name, points), ink, dash, shape in zip(lines.items(), INKS, DASHES, SHAPES, strict=False):
        dots = [(x(days.get(point[0], point[0])), *(y(value) for value in point[1:])) for point in points]
        drawn += [_line([(dot[0], end) for end in dot[2:]], ink, 1.5) for dot in dots if dot[2:]]
        drawn.append(_line(dots, ink, 2, dash))
        if len(lines) > 1:
            drawn += [_line([(at, 12), (at + 22, 12)], ink, 2, dash), _text(at + 27, 16, name, "start")]
            dots.append((at + 11, 12))
            at += 45 + _LETTER * len(name)
        if axes.points:
            marks = "".join(f"M{dot[0]:.1f} {dot[1]:.1f}{shape}" for dot in dots)
            drawn.append(_element("path", {"d": marks, "fill": ink}))
    return _svg(drawn, HEIGHT)


def vintages(rows: Sequence[dict[str, Any]], axes: Axes) -> Markup:
    """A line a vintage, older ones fainter, dashed where not all of its loans are that old; named where it ends."""
    drawn, x, y = _frame(axes, [row["x"] for row in rows], [row["y"] for row in rows], 10, right=56)
    names = sorted({row["series"] for row in rows})
    for place, name in enumerate(names, start=1):
        own = [(row, (x(row["x"]), y(row["y"]))) for row in rows if row["series"] == name]
        faint = round(0.35 + 0.65 * place / len(names), 3)
        drawn += [
            _line([at for row, at in own if row[part]], NOW, 1.6, dash, faint)
            for part, dash in (("whole", ""), ("young", "3 3"))
        ]
        (_, (right, above)) = own[-1]
        drawn.append(_text(right + 3, above - 2, name, "start"))
    return _svg(drawn, HEIGHT)


def _frame(
    axes: Axes, at: Sequence[Any], values: Sequence[float], top: int, right: int = 14
) -> tuple[list[Markup], Scale, Scale]:
    """Grid, ticks and titles of both directions, and where a value lies in each."""
    left, end, bottom, zero = 54, WIDTH - right, HEIGHT - 40, [0.0] if axes.from_zero else []
    levels = [] if axes.level is None else [axes.level]
    y = scale([0, 1] if axes.square else [*values, *levels, *zero], axes.y_format, bottom, top)
    if axes.dates:
        days = [(place, day[2:]) for place, day in enumerate(sorted(set(at)))]
        x = Scale(-0.5, len(days) - 0.5, left, end, days[:: max(1, -(-len(days) // _DATES))])
    else:
        x = scale([0, 1] if axes.square else [*at, *zero], axes.x_format, left, end)
    drawn = _grid(x, top, bottom, faint=not axes.dates)
    for value, label in y.ticks:
        drawn += [_line([(left, y(value)), (end, y(value))], FAINT), _text(left - 6, y(value) + 4, label, "end")]
    middle = (top + bottom) / 2
    title = _text(12, middle, axes.y, turned=f"rotate(-90 12 {middle:g})")
    return [*drawn, title, _text((left + end) / 2, bottom + 32, axes.x)], x, y


def _grid(x: Scale, top: float, bottom: float, *, faint: bool = True) -> list[Markup]:
    """The ticks of the direction to the right, with faint lines through the picture."""
    through = [_line([(x(at), top), (x(at), bottom)], FAINT) for at, _ in x.ticks if faint]
    return [*through, *(_text(x(at), bottom + 15, label) for at, label in x.ticks)]


def _line(
    points: Sequence[Sequence[float]], ink: str, width: float = 1, dash: str = "", opacity: object = ""
) -> Markup:
    path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y, *_ in points) if points else ""
    looks = {"stroke": ink, "stroke-width": width, "stroke-dasharray": dash, "opacity": opacity}
    return _element("path", {"d": path, "fill": "none", **looks})


def _text(x: float, y: float, text: str, anchor: str = "middle", turned: str = "") -> Markup:
    return _element("text", {"x": round(x, 1), "y": round(y, 1), "text-anchor": anchor, "transform": turned}, text)


def _element(tag: str, looks: Mapping[str, object], inside: str = "") -> Markup:
    given = Markup("").join(Markup(' {}="{}"').format(*look) for look in looks.items() if look[1] != "")
    return Markup("<{0}{1}>{2}</{0}>").format(tag, given, inside)


def _svg(drawn: Iterable[Markup], height: int) -> Markup:
    """The whole picture; what a text does not say of itself it has from here."""
    looks = {"viewBox": f"0 0 {WIDTH} {height}", "width": WIDTH, "height": height, "fill": "currentColor"}
    return _element("svg", {**looks, "font-size": 11, "font-family": "sans-serif"}, Markup("").join(drawn))
