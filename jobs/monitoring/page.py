"""The building blocks of a page: cells, tables, figures and templates, and how numbers are formatted."""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any
from zlib import crc32

import jinja2
from markupsafe import Markup

from jobs.monitoring import charts
from jobs.monitoring.lookup import at
from jobs.protocol.events import amount
from jobs.protocol.strict_json import Json

NOT_COMPUTED, INSUFFICIENT = "not computed", "insufficient data"
LEAST_P = 0.001
LEAST_SHOWN = 0.0005  # smaller numbers would be 0.000 with three decimals
SPARSE = 20  # a curve's table shows one point in so many
NONE = "\N{EN DASH}"
MARKS = {"none": "○", "low": "◔", "medium": "◑", "high": "◕", "critical": "●"}
RANK: dict[str, float] = {name: place for place, name in enumerate(MARKS)}
MARKS |= {"green": "○", "yellow": "◔", "orange": "◑", "red": "●", "insufficient": NONE, "schema": "▨", "unknown": "?"}
RANK |= {name: place for place, name in enumerate(("green", "yellow", "orange", "red"))}
_NUMERAL = re.compile(r"-?\d+\.\d+(?:e[-+]?\d+)?")
Points = Sequence[Sequence[Any]]
Column = str | tuple[str, str]  # a head, and the path to its values with their kind; or one name for both


@dataclass(frozen=True, slots=True)
class Cell:
    """A text, its sort key, a mark for its severity (a shape and a CSS class), and a link."""

    text: str
    sort: float | None = None
    mark: str = ""
    link: str = ""

    @property
    def shape(self) -> str:
        return MARKS.get(self.mark, "")


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under heads; the first cell of a row names it."""

    caption: str
    heads: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    kind: str = ""

    @property
    def numeric(self) -> list[bool]:
        """Which columns are aligned as numbers."""
        columns = zip(*self.rows, strict=True) if self.rows else [()] * len(self.heads)
        return [any(one.sort is not None and one.text[-1:] in "0123456789%" for one in column) for column in columns]


@dataclass(frozen=True, slots=True)
class Figure:
    """A chart, with a text alternative and a table of its numbers."""

    title: str
    says: str
    chart: charts.Drawing
    table: Table
    height: int = charts.HEIGHT

    @property
    def picture(self) -> Markup:
        return charts.svg(self.chart, f"p{crc32(self.title.encode()):x}", self.height)


def value_of(measure: object) -> float | None:
    """The value of a measure or plain number; None if there is none."""
    found = measure.get("value") if isinstance(measure, dict) else measure
    return float(found) if isinstance(found, (int, float)) and not isinstance(found, bool) else None


def number(value: object, kind: str = "") -> str:
    """Format a value or measure for people: counts with thousands separators, other numbers to three decimals.

    Kinds are % for percentages and p for p-values; a leading - means that a missing value is nothing unusual.
    """
    if isinstance(value, dict):
        value = value_of(value)
    if value is None:
        return NONE if kind == "p" or kind[:1] == "-" else NOT_COMPUTED
    if isinstance(value, bool):
        value = "yes" if value else "no"
    if not isinstance(value, (int, float)):
        return str(value)
    if kind == "p":
        return f"< {LEAST_P}" if value < LEAST_P else f"{value:.3f}"
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.1%}" if kind[-1:] == "%" else f"{value:.2g}" if 0 < abs(value) < LEAST_SHOWN else f"{value:,.3f}"


def plain(value: object) -> str:
    """Format a setting, or a value from the ledger."""
    return ", ".join(str(one) for one in value) if isinstance(value, list | tuple) else str(value)


def rests_on(measure: object) -> str:
    """The interval and rows of a measure, or why it has no value."""
    if not isinstance(measure, dict):
        return "not in the evidence"
    if value_of(measure) is None:
        return str(measure.get("reason") or measure.get("unknown") or "no value")
    ends = f"95 % interval {cell(measure['interval']).text}, " if measure.get("interval") else ""
    return f"{ends}n {number(measure['n'])}" if measure.get("n") is not None else f"{ends}n not given"


def in_words(measure: object) -> str:
    """Format a measure for running text, with its interval and rows, or why it is missing."""
    return number(measure) + (f" ({rests_on(measure)})" if isinstance(measure, dict) else "")


def cell(value: object, kind: str = "") -> Cell:
    """A cell for a value or an interval; of kind `grade` it shows one of the marks."""
    if isinstance(value, Cell):
        return value
    if kind == "grade":
        return Cell(str(value), RANK.get(str(value)), str(value) if value in MARKS else "unknown")
    if isinstance(value, list | tuple):
        return Cell(" to ".join(number(float(end), kind) for end in value), value[0])
    return Cell(number(value, kind), value_of(value))


def decided(verdict: Json) -> Cell:
    """The decision of a verdict; if there was too little data, that is shown instead, since it is not good news."""
    if verdict["insufficient_data"]:
        return Cell(INSUFFICIENT, None, "insufficient")
    return Cell(str(verdict["decision"]).replace("_", " "), None, str(verdict["severity"]))


def listing(caption: str, items: Iterable[Json] | None, *columns: Column) -> Table:
    """A table with one row per item; each column names the path of its values."""
    named = [(one, one) if isinstance(one, str) else one for one in columns]
    paths = [path.partition(" ")[::2] for _, path in named]
    rows = [[cell(at(item, path), kind) for path, kind in paths] for item in items or ()]
    return Table(caption, [head for head, _ in named], rows)


def points(items: Sequence[Any] | None, x: str, y: str, ends: str = "") -> list[tuple[Any, ...]]:
    """The points of a line: x, y and, if there is one, the ends of the interval of each item."""
    placed = [(at(one, x), value_of(at(one, y)), at(one, ends)) for one in items or ()]
    return [(place, value, *(interval or ())) for place, value, interval in placed if value is not None]


def lines(title: str, says: str, of: Mapping[str, Points], table: Table | None = None, **axes: Any) -> Figure | None:  # noqa: ANN401
    """A figure with lines of points (as made by `points`). Without a table, one is made from the points."""
    drawn, looks = {name: points or () for name, points in of.items()}, charts.Axes(**axes)  # the key names all
    if not any(drawn.values()):
        return None
    step = 1 if looks.points else SPARSE
    rows = [[Cell(name), cell(x), cell(y)] for name, points in drawn.items() for x, y, *_ in points[::step]]
    return Figure(title, says, charts.curves(drawn, looks), table or Table(title, ("line", looks.x, looks.y), rows))


def distribution(
    title: str, of: Sequence[Json] | None, index: object = None, name: str = "bin", cutoff: Json | None = None
) -> Figure | None:
    """A figure with the shares of bins then and now, what each adds to the index, and where the cut-off is."""
    if not of:
        return None
    bins = [{**row, "bin": row[name]} for row in of]
    before, now = (sum(row[key] for row in bins) for key in ("reference_rows", "rows"))
    shares = [{**row, "before": row["reference_rows"] / (before or 1), "now": row["rows"] / (now or 1)} for row in bins]
    drawn = [{**row, "bin": _short(row["bin"]), "cut": cutoff and row["bin"] == cutoff["bin"]} for row in shares]
    most = max(drawn, key=lambda row: abs(row["now"] - row["before"]))
    says = f"Shares of {len(bins)} bins, {number(now)} rows now against {number(before)} of the reference."
    says += f" Largest shift in {most['bin']}: {most['before']:.1%} in the reference, {most['now']:.1%} now."
    says += f" Index {in_words(index)}." if index is not None else ""
    says += f" Dashed line: the cut-off {number(cutoff['value'])}, in {_short(cutoff['bin'])}." if cutoff else ""
    then = ("bin", ("reference rows", "reference_rows"), ("reference share", "before %"))
    table = listing(title, shares, *then, "rows", ("share", "now %"), ("contribution", "contribution -"))
    return Figure(title, says, charts.bars(drawn), table, 60 + 20 * max(len(bins), 5))


def _short(name: str) -> str:
    return _NUMERAL.sub(lambda found: f"{float(found[0]):.3g}", name)


@cache
def template(name: str, package: str = "jobs.monitoring") -> jinja2.Template:
    """A template of this package, or of another one that uses the same parts."""
    loader = jinja2.ChoiceLoader([jinja2.PackageLoader(each) for each in (package, "jobs.monitoring")])
    made = jinja2.Environment(loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    said = (lines, distribution, listing, points, amount, number, in_words, cell, decided, rests_on)
    made.globals |= {"page": _assets(), **{each.__name__: each for each in said}}
    return made.get_template(name)


def _assets() -> dict[str, Markup]:
    """Style sheet and script, with the hashes that the content security policy needs to allow them."""
    found: dict[str, Markup] = {}
    for name, file in (("style", "style.css"), ("script", "sort.js")):
        text = (resources.files("jobs.monitoring") / "templates" / file).read_text()
        digest = b64encode(hashlib.sha256(text.encode()).digest()).decode()
        found |= {name: Markup(text), f"{name}_hash": Markup(f"sha256-{digest}")}  # noqa: S704 - our own files
    return found
