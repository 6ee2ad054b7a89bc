"""What the report page is made of: panels with figures and tables, and how numbers read on it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from markupsafe import Markup

from jobs.monitoring import charts
from jobs.protocol.facts import Entry
from jobs.protocol.policy import Policy

NOT_COMPUTED, INSUFFICIENT = "not computed", "insufficient data"
LEAST_P = 0.001
LEAST_SHOWN = 0.0005  # below it three decimals say nothing
NONE = "\N{EN DASH}"
MARKS = {"none": "○", "low": "◔", "medium": "◑", "high": "◕", "critical": "●"}
RANK: dict[str, float] = {name: place for place, name in enumerate(MARKS)}
MARKS |= {"green": "○", "yellow": "◔", "orange": "◑", "red": "●", "insufficient": NONE, "schema": "▨", "unknown": "?"}
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Cell:
    """A text, what it sorts by, and the mark (a shape and a class of its own) that says how grave it is."""

    text: str
    sort: float | None = None
    mark: str = ""

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
        """The columns that line up as numbers."""
        columns = zip(*self.rows, strict=True) if self.rows else [()] * len(self.heads)
        return [any(one.sort is not None and one.text[-1:] in "0123456789%" for one in column) for column in columns]


@dataclass(frozen=True, slots=True)
class Figure:
    """A chart, the same in words for those who do not see it, and in numbers."""

    title: str
    alternative: str
    chart: charts.Drawing
    table: Table
    height: int = charts.HEIGHT


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """A section of the page. `state` says what a reader must know first where it is not simply there."""

    id: str = ""
    title: str = ""
    lead: str
    state: str = ""  # unknown, insufficient or not computed
    notes: Sequence[str] = ()
    figures: Sequence[Figure] = ()
    tables: Sequence[Table] = ()
    pictures: Sequence[Markup] = ()  # one of each figure

    def drawn(self, mark: str = "") -> Panel:
        """The panel with its pictures; what they name on the page has this mark in it."""
        drawn = [charts.svg(one.chart, f"{self.id}{mark}{at}", one.height) for at, one in enumerate(self.figures)]
        return replace(self, pictures=drawn)


@dataclass(frozen=True, slots=True)
class Week:
    """A week as it was judged; the evidence is empty where it is not there any more."""

    name: str
    verdict: Json
    evidence: Json = field(default_factory=dict)
    sha256: str = ""  # of the verdict's file, by which the page says what it shows


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """All that a report shows: weeks, the last of which it is about, and what is kept beside their evidence."""

    weeks: Sequence[Week]
    policy: Policy
    entries: Sequence[Entry] = ()
    alerts: Sequence[Json] = ()
    bins: Mapping[str, Sequence[Json]]  # of a subject, in order
    vintages: Sequence[Json] = ()

    @property
    def now(self) -> Week:
        return self.weeks[-1]


def part(of: object, path: str) -> Any:  # noqa: ANN401 - JSON
    """What lies at the end of a dotted path, or None where the path ends early."""
    for key in path.split("."):
        of = of.get(key) if isinstance(of, dict) else None
    return of


def value_of(measure: object) -> float | None:
    """The value of a measure, or of a plain number; None where there is none."""
    found = measure.get("value") if isinstance(measure, dict) else measure
    return float(found) if isinstance(found, (int, float)) and not isinstance(found, bool) else None


def number(value: object, kind: str = "") -> str:
    """A value, or that of a measure, for people: counts with thousands, other numbers to three decimals.

    Kinds are %, for shares in percent, p, for p-values, and -, where it is no lack that there is none.
    """
    if isinstance(value, dict):
        value = value_of(value)
    if value is None:
        return NONE if kind in ("p", "-") else NOT_COMPUTED
    if isinstance(value, bool):
        value = "yes" if value else "no"
    if not isinstance(value, (int, float)):
        return str(value)
    if kind == "p":
        return f"< {LEAST_P}" if value < LEAST_P else f"{value:.3f}"
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.1%}" if kind == "%" else f"{value:.2g}" if 0 < abs(value) < LEAST_SHOWN else f"{value:,.3f}"


def amount(n: int, what: str) -> str:
    """So many of something."""
    return f"{number(n)} {what}" if n == 1 else f"{number(n)} {what}s"


def plain(value: object) -> str:
    """A value of a setting or of the ledger."""
    return ", ".join(str(one) for one in value) if isinstance(value, list | tuple) else str(value)


def interval(measure: object, kind: str = "") -> str:
    found = measure.get("interval") if isinstance(measure, dict) else None
    return f"{number(float(found[0]), kind)} to {number(float(found[1]), kind)}" if found else NONE


def rests_on(measure: object, kind: str = "") -> str:
    """The interval and rows of a measure, or why there is none."""
    if not isinstance(measure, dict):
        return "not in the evidence"
    if value_of(measure) is None:
        return str(measure.get("reason") or measure.get("unknown") or "no value")
    ends = f"95 % interval {interval(measure, kind)}, " if measure.get("interval") else ""
    return f"{ends}n {number(measure['n'])}" if measure.get("n") is not None else f"{ends}n not given"


def told(measure: object, kind: str = "") -> str:
    """A measure in running text, with its interval and rows, or why it is missing."""
    return number(measure, kind) + (f" ({rests_on(measure, kind)})" if isinstance(measure, dict) else "")


def cell(value: object, kind: str = "") -> Cell:
    """A cell of a value; of kind `grade` it is one of the marks."""
    if isinstance(value, Cell):
        return value
    if kind == "grade":
        return Cell(str(value), RANK.get(str(value)), str(value))
    return Cell(number(value, kind), value_of(value))


def decided(verdict: Json) -> Cell:
    """What was decided; where there was too little to judge by, that, which is no good news."""
    if verdict["insufficient_data"]:
        return Cell(INSUFFICIENT, None, "insufficient")
    return Cell(str(verdict["decision"]).replace("_", " "), None, str(verdict["severity"]))


def listing(caption: str, items: Iterable[Json], *columns: str | tuple[str, str]) -> Table:
    """A table of items. A column is a head and the path of its values, with their kind; or one name for both."""
    named = [(one, one) if isinstance(one, str) else one for one in columns]
    paths = [path.partition(" ")[::2] for _, path in named]
    rows = [[cell(part(item, path), kind) for path, kind in paths] for item in items]
    return Table(caption, [head for head, _ in named], rows)


def measures(caption: str, of: Mapping[str, Any], n: int | None = None, kind: str = "") -> Table:
    """A table of measures: value, interval, rows, p, and why one is missing; `n` are the rows of plain numbers.

    Of its columns only those of the value, of its interval and of its rows stand even where they are empty.
    """
    rows = []
    for name, found in of.items():
        given: Json = {"n": n, **found} if isinstance(found, dict) else {"value": found, "n": n}
        ends = Cell(interval(given, kind), (given.get("interval") or [None])[0])
        counts = [cell(given.get("n"), "-"), cell(given.get("n_reference"), "-"), cell(given.get("p"), "p")]
        remark = Cell(str(given.get("reason") or given.get("unknown") or ""))
        rows.append([Cell(name), cell(value_of(given), kind), ends, *counts, remark])
    heads = ("measure", "value", "95 % interval", "n", "reference n", "p", "remark")
    kept = [
        at for at in range(len(heads)) if heads[at] in heads[:4] or any(row[at].text not in ("", NONE) for row in rows)
    ]
    return Table(caption, [heads[at] for at in kept], [[row[at] for at in kept] for row in rows])
